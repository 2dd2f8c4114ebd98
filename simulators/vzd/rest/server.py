"""The listener ``rest``: operations by their operationId, authentication, faults, error answers."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from simulators.process.faults import DROP, Effect, delay
from simulators.process.ldap.tls import BACKLOG, TlsConnections
from simulators.process.role import Process

from ..faults import REST_EFFECTS, TRUNCATE
from ..settings import VzdSettings
from . import errors
from .access import Caller
from .bodies import MAX_BODY, is_compressed
from .errors import RestError, bad_request

MAX_FIELD = 16_384
_JOURNAL_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operation: who calls, the parameters, the body, the moment (virtual)."""

    request: web.Request
    caller: Caller
    content: bytes
    at: datetime
    truncate: bool = False

    def path(self, name: str) -> str:
        """Return the path parameter *name*."""
        return self.request.match_info[name]

    def end(self, *, at_once: bool = False) -> None:
        """Close the connection, *at_once* without what is still to be sent."""
        transport = self.request.transport
        if transport is not None:
            transport.abort() if at_once else transport.close()

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters; one that is given twice counts once."""
        return self.request.query


Answer = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of an OpenAPI: ``authenticate`` returns who calls or raises RestError."""

    method: str
    path: str
    id: str
    answer: Answer
    authenticate: Callable[[web.Request], Caller]


class RestServer:
    """Serves operations; every error is answered with the schema Error."""

    def __init__(self, process: Process[VzdSettings]) -> None:
        self._process = process
        self._app = web.Application(middlewares=[self._errors], client_max_size=MAX_BODY)
        self._runner: web.AppRunner | None = None
        self._tls: TlsConnections | None = None
        self._listening: asyncio.Server | None = None
        self._silent: set[asyncio.Protocol] = set()

    def add(self, operations: Sequence[Operation]) -> None:
        """Add *operations*; to be called before ``start``."""
        for operation in operations:
            self._app.router.add_route(operation.method, operation.path, self._handler(operation))

    def add_plain(
        self, path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> None:
        """Add the POST route of the token endpoint, which is no operation of an OpenAPI."""
        self._app.router.add_post(path, handler)

    async def start(self, context: ssl.SSLContext) -> None:
        """Serve on the listener ``rest``."""
        quiet = self._process.log.getChild("http")
        quiet.setLevel(logging.CRITICAL)  # a broken request is no mistake of ours
        self._runner = web.AppRunner(
            self._app,
            access_log=None,
            auto_decompress=False,  # a small body would become one of any size
            logger=quiet,
            shutdown_timeout=0.2,
            max_field_size=MAX_FIELD,
            max_line_size=MAX_FIELD,
        )
        await self._runner.setup()
        self._tls = TlsConnections(context, self._connection)
        self._listening = await asyncio.get_running_loop().create_server(
            self._tls, sock=self._process.socket("rest"), backlog=BACKLOG
        )

    def _connection(self) -> asyncio.Protocol:
        """Return a connection of aiohttp, which times none before its first request."""
        assert self._runner is not None  # started
        assert self._runner.server is not None
        opened = self._runner.server()
        self._silent.add(opened)
        seconds = self._process.settings.rest_timeout_seconds
        asyncio.get_running_loop().call_later(seconds, self._close_silent, opened)
        return opened

    def _close_silent(self, opened: web.RequestHandler) -> None:
        if opened in self._silent:
            self._silent.discard(opened)
            opened.force_close()

    async def stop(self) -> None:
        """Close the listener and its connections."""
        if self._listening is not None:
            self._listening.close()
        if self._tls is not None:
            self._tls.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    def _handler(
        self, operation: Operation
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            began, caller, response = time.perf_counter(), Caller(""), None
            try:
                content = await self._read(request)
                effect = await self._effect(operation, request, content)
                if effect is not None and effect.kind == DROP:
                    _abort(request)
                    return web.Response(status=500)
                caller = operation.authenticate(request)
                truncate = effect is not None and effect.kind == TRUNCATE
                if effect is not None and not truncate:
                    raise RestError(effect.code or 500, effect.text or "Fehler auf Wunsch")
                now = self._process.clock.now()
                response = await operation.answer(Call(request, caller, content, now, truncate))
                return await _break_off(request, response) if truncate else response
            except RestError as error:
                response = error_response(error)
                return response
            finally:
                self._process.journal.record(
                    f"REST.{operation.id}",
                    milliseconds=(time.perf_counter() - began) * 1000,
                    client=caller.name,
                    path=request.path[:_JOURNAL_TEXT],
                    query=request.query_string[:_JOURNAL_TEXT],
                    status=None if response is None else response.status,
                )

        return handle

    async def _read(self, request: web.Request) -> bytes:
        """Return the body. Raises RestError 400 for one too large, compressed or too slow."""
        if is_compressed(request):
            raise bad_request("body", "Content-Encoding wird nicht verstanden")
        try:
            async with asyncio.timeout(self._process.settings.rest_timeout_seconds):
                return await request.read()
        except TimeoutError:
            raise bad_request("body", "kommt zu langsam") from None
        except web.HTTPRequestEntityTooLarge:
            raise bad_request("body", f"größer als {MAX_BODY} Bytes") from None
        except web.RequestPayloadError:
            raise bad_request("body", "kam nicht ganz") from None

    async def _effect(
        self, operation: Operation, request: web.Request, content: bytes
    ) -> Effect | None:
        """Return the fault for this call; its rules may name path, query and addresses."""
        faults = self._process.faults
        if not faults.active:
            return None
        return await delay(
            faults.pick(
                f"REST.{operation.id}",
                REST_EFFECTS,
                query=request.query_string,
                mail=_addresses(content),
                **{
                    name.replace("telematikID", "telematik_id"): value
                    for name, value in request.match_info.items()
                },
            )
        )

    @web.middleware
    async def _errors(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Answer what aiohttp refuses by itself, and our own mistakes, with the schema Error."""
        self._silent.discard(request.protocol)
        try:
            return await handler(request)
        except web.HTTPException as refused:
            headers = {"Allow": refused.headers["Allow"]} if "Allow" in refused.headers else {}
            return error_response(RestError(refused.status, refused.reason, headers=headers))
        except Exception:
            self._process.log.exception("a maintenance operation failed by a mistake of ours")
            return error_response(errors.INTERNAL)


def _addresses(content: bytes) -> str:
    """Return the mail addresses in a body for the rules of faults, with commas between."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    listed = value.get("mail") if isinstance(value, dict) else None
    return ",".join(str(one) for one in listed) if isinstance(listed, list) else ""


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return *content* as an answer."""
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def error_response(error: RestError) -> web.Response:
    """Return the answer to *error* (schema Error)."""
    return json_response(error.body(), error.status, error.headers)


async def _break_off(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send half of *response* under its whole length, then close the connection."""
    if not isinstance(response, web.Response) or response.prepared:
        return response  # a stream has broken off by itself
    body = response.body if isinstance(response.body, bytes) else b""
    half = web.StreamResponse(status=response.status, headers=response.headers)
    half.content_length = len(body) or 2
    await half.prepare(request)
    await half.write(body[: len(body) // 2] or b"{")
    if request.transport is not None:
        request.transport.close()
    return half


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
