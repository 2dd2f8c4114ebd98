"""The REST interfaces of a provider on one listener: routes, refusals, faults on purpose."""

from __future__ import annotations

import asyncio
import binascii
import json
import logging
import ssl
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import hdrs, web

from simulators.process.faults import DROP

from . import faults
from .faults import RestError, RestRefused
from .listening import TlsListener
from .provider import Provider

MAX_HEADER_LENGTH = 16_384
"""Room for a JWT with a certificate chain in the header Authorization."""
MAX_JSON = 65_536
BODY_SECONDS = 20.0
"""How long a client may take to send a JSON body, real time."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Facts = Callable[[web.Request], Mapping[str, str]]

EFFECT = "effect"
"""Where a request holds the effect of a fault that its operation has to bring about itself."""


class Rest:
    """The listener ``rest``: one application for all REST interfaces of the provider.

    Each interface adds its operations before ``start``. An operation answers or raises
    ``RestRefused``; everything else ends as 500 with a trace id that leads to the journal.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._app = web.Application(middlewares=[self._outside], client_max_size=MAX_JSON)
        self._runner: web.AppRunner | None = None
        self._listener: TlsListener | None = None
        self._silent: set[asyncio.BaseTransport] = set()

    def add(
        self,
        method: str,
        path: str,
        operation: str,
        handler: Handler,
        *,
        certificate: bool = True,
        facts: Facts | None = None,
        continues_later: bool = False,
    ) -> None:
        """Serve the OpenAPI's *operation* at *path* by *handler*.

        The journal and faults on purpose know it as ``rest.OPERATION`` and ``REST.OPERATION``.
        Without *certificate* it may be called by who has no client certificate yet
        (A_19457-02: the very first registration). Faults may be bound to *facts* beside the user.
        An operation that *continues_later* sends ``100 Continue`` itself, once it wants the body.
        """

        async def call(request: web.Request) -> web.StreamResponse:
            known = {} if facts is None else facts(request)
            return await self._call(request, operation, handler, known, certificate=certificate)

        expect = _nothing if continues_later else None
        self._app.router.add_route(method, path, call, expect_handler=expect)

    async def start(self) -> None:
        """Serve what was added.

        The very first registration comes without client certificate (A_19457-02): the operations
        ask for it.
        """
        quiet = self._provider.process.log.getChild("http")
        quiet.setLevel(logging.CRITICAL)  # a broken request is no mistake of ours
        self._runner = web.AppRunner(
            self._app,
            access_log=None,
            logger=quiet,
            shutdown_timeout=0.2,
            max_field_size=MAX_HEADER_LENGTH,
            auto_decompress=False,
        )
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        self._listener = TlsListener(
            self._provider, "rest", server, require_client=False, opened=self._expect_request
        )
        self._listener.start()

    async def stop(self) -> None:
        """Close the listener and its connections."""
        if self._listener is not None:
            self._listener.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    def _expect_request(self, connection: asyncio.BaseTransport) -> None:
        """Close a connection without a whole request in time; aiohttp only times later ones."""
        self._silent.add(connection)
        seconds = self._provider.settings.rest_timeout_seconds
        asyncio.get_running_loop().call_later(seconds, self._close_silent, connection)

    def _close_silent(self, connection: asyncio.BaseTransport) -> None:
        if connection in self._silent:
            self._silent.discard(connection)
            connection.close()

    def refusal(self, operation: str, error: RestError) -> web.Response:
        """Answer as CommonSchemas say; the trace id leads to the journal."""
        process = self._provider.process
        trace = f"{process.randomness.stream('trace-id').getrandbits(64):016x}"
        process.journal.record(
            "rest.refused",
            peer="clientmodule",
            operation=operation,
            status=error.status,
            reason=error.message,
            trace_id=trace,
        )
        content = {"message": error.message, "traceId": trace}
        return json_answer(error.status, content, error.headers)

    async def _call(
        self,
        request: web.Request,
        operation: str,
        handler: Handler,
        facts: Mapping[str, str],
        *,
        certificate: bool,
    ) -> web.StreamResponse:
        user, _ = credentials(request)
        effect = await self._provider.fault(
            f"REST.{operation}", user=request.match_info.get("username", user), **facts
        )
        request[EFFECT] = effect
        if effect is not None and effect.kind == DROP and request.transport is not None:
            request.transport.abort()
        if effect is not None and effect.kind == faults.REPLY:
            return self.refusal(operation, faults.rest_error_of(effect))
        try:
            if certificate and not self._shows_certificate(request):
                raise RestRefused(faults.REST_NO_CERTIFICATE)
            return await handler(request)
        except RestRefused as refused:
            answer = self.refusal(operation, refused.error)
        except Exception:
            self._provider.process.log.exception("%s failed", operation)
            answer = self.refusal(operation, faults.REST_INTERNAL)
        if not request.content.is_eof():  # nobody wants the rest of the body
            answer.force_close()
        return answer

    def _shows_certificate(self, request: web.Request) -> bool:
        """Tell whether the client showed a certificate (A_22348), where the provider wants one."""
        if not self._provider.settings.require_client_certificate:
            return True
        return shows_certificate(request)

    @web.middleware
    async def _outside(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer in the same form where no operation is."""
        if request.transport is not None:
            self._silent.discard(request.transport)
        try:
            return await handler(request)
        except web.HTTPException as error:
            allow = error.headers.get(hdrs.ALLOW)
            headers: dict[str, str] = {} if allow is None else {"Allow": allow}
            return self.refusal("", RestError(error.status, error.reason, headers))


async def _nothing(_: web.Request) -> None:
    """Leave ``Expect: 100-continue`` to the operation."""


def shows_certificate(request: web.Request) -> bool:
    """Tell whether the client showed a certificate that TLS checked."""
    connection = None if request.transport is None else request.transport.get_extra_info
    tls = None if connection is None else connection("ssl_object")
    return isinstance(tls, ssl.SSLObject) and tls.getpeercert(binary_form=True) is not None


def json_answer(
    status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an answer of the media type that the OpenAPI names."""
    return web.Response(
        status=status,
        body=json.dumps(content).encode(),
        headers=headers,
        content_type="application/json",
        charset="utf-8",
    )


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of the body; raises RestRefused (400) when it is none.

    Bounded in size, time and depth; what is not UTF-8 or no JSON after RFC 8259 is refused.
    """
    refuse_encoded(request)
    if request.content_type != "application/json":
        raise RestRefused(faults.REST_INPUT.saying("the body must be application/json"))
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise RestRefused(faults.REST_INPUT.saying("the body must be UTF-8"))
    try:
        if (request.content_length or 0) > MAX_JSON:
            raise web.HTTPRequestEntityTooLarge(MAX_JSON, request.content_length or 0)
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise RestRefused(faults.REST_INPUT.saying("the body is too large")) from None
    except TimeoutError:
        raise RestRefused(faults.REST_INPUT.saying("the body did not come in time")) from None
    try:
        text = body.decode("utf-8")
        content = json.loads(text, parse_constant=_no_number)
        json.dumps(content, ensure_ascii=False).encode()  # refuses lone surrogates
    except (ValueError, RecursionError):
        raise RestRefused(faults.REST_INPUT.saying("the body is no JSON")) from None
    if not isinstance(content, dict):
        raise RestRefused(faults.REST_INPUT.saying("the body must be a JSON object"))
    return content


def refuse_encoded(request: web.Request) -> None:
    """Raise RestRefused (400) for a body that is compressed: its length would say nothing."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise RestRefused(faults.REST_INPUT.saying("Content-Encoding: none is understood"))


def credentials(request: web.Request) -> tuple[str | None, str]:
    """Return user name and password of HTTP Basic; no user name when there is none."""
    scheme, _, encoded = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "basic":
        return None, ""
    try:
        decoded = b64decode(encoded.strip().encode("ascii"), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None, ""
    user, colon, password = decoded.partition(":")
    return (user, password) if colon and user else (None, "")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
