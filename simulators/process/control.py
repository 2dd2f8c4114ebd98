"""The control port: what tests, scenarios and trainers ask of every process over HTTP."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import BaseModel, ValidationError

from .clock import Clock
from .errors import InputError, one_line
from .faults import Faults
from .journal import Journal
from .next_event import next_event, number
from .randomness import Randomness
from .waiting import Waiting

MAX_BODY = 1 << 20
LAST_EVENT = "Journal-Last"
"""Header field of ``GET /journal``: the number of the last event, whatever was asked for."""
SSE_KEEPALIVE_SECONDS = 15.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Reset = Callable[[], Awaitable[None]]
Model = TypeVar("Model", bound=BaseModel)


class Control:
    """The control API of one process.

    Common routes: ``GET /ready``, ``GET /journal`` (JSON lines; with ``Accept:
    text/event-stream`` it follows as SSE; ``?since=SEQ``), ``GET /journal/next`` (waits for a
    step), ``GET/PUT/DELETE /faults``, ``GET/PUT /clock``, ``POST /reset``. A role adds its own
    with ``add``. What was begun is done to its end, also when the client has gone meanwhile.
    """

    def __init__(
        self, name: str, *, clock: Clock, journal: Journal, faults: Faults, randomness: Randomness
    ) -> None:
        self._name = name
        self._clock = clock
        self._journal = journal
        self._faults = faults
        self._randomness = randomness
        self._resets: list[Reset] = []
        self.ready = False
        self.waiting = Waiting()
        self._under_way: set[asyncio.Task[web.StreamResponse]] = set()
        self._app = web.Application(middlewares=[_guard, _errors], client_max_size=MAX_BODY)
        self.add("GET", "/ready", self._get_ready)
        self.add("GET", "/journal", self._get_journal, waits=True)
        self.add("GET", "/journal/next", self._get_next_event, waits=True)
        self.add("GET", "/faults", self._get_faults)
        self.add("PUT", "/faults", self._put_faults)
        self.add("DELETE", "/faults", self._delete_faults)
        self.add("GET", "/clock", self._get_clock)
        self.add("PUT", "/clock", self._put_clock)
        self.add("POST", "/reset", self._post_reset)
        self._runner: web.AppRunner | None = None

    def add(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        waits: bool = False,
    ) -> None:
        """Add a route of the role; to be called before ``start``.

        What only *waits* ends with the client; everything else goes on to its end.
        """
        self._app.router.add_route(method, path, handler if waits else self._to_its_end(handler))

    def _to_its_end(self, handler: Handler) -> Handler:
        async def begin(request: web.Request) -> web.StreamResponse:
            work = asyncio.ensure_future(handler(request))
            self._under_way.add(work)
            work.add_done_callback(self._under_way.discard)
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:
                work.add_done_callback(_unheard)
                raise
            return work.result()

        return begin

    def on_reset(self, reset: Reset) -> None:
        """Have *reset* awaited at ``POST /reset``, after faults, clock and journal."""
        self._resets.append(reset)

    async def start(self, listening: socket.socket) -> None:
        """Serve on the socket *listening*."""
        self._runner = web.AppRunner(
            self._app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    async def stop(self) -> None:
        """Close the port and every connection to it."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _get_ready(self, _: web.Request) -> web.Response:
        body = {"ready": self.ready, "process": self._name}
        return web.json_response(body, status=200 if self.ready else 503)

    async def _get_journal(self, request: web.Request) -> web.StreamResponse:
        since = number(request.query.get("since", "0"), "since")
        journal = self._journal
        if "text/event-stream" not in request.headers.get("Accept", ""):
            lines = "".join(event.as_json() + "\n" for event in journal.since(since))
            return web.Response(
                text=lines,
                content_type="application/x-ndjson",
                headers={LAST_EVENT: str(journal.last)},
            )
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        events = journal.follow(since)
        upcoming = asyncio.ensure_future(anext(events))
        try:
            while True:
                done, _pending = await asyncio.wait({upcoming}, timeout=SSE_KEEPALIVE_SECONDS)
                if not done:
                    await response.write(b": still here\n\n")
                    continue
                event = upcoming.result()
                await response.write(f"id: {event.seq}\ndata: {event.as_json()}\n\n".encode())
                upcoming = asyncio.ensure_future(anext(events))
        except ConnectionError:
            return response
        finally:
            upcoming.cancel()

    async def _get_next_event(self, request: web.Request) -> web.Response:
        with self.waiting.place():
            return await next_event(request, self._journal)

    async def _get_faults(self, _: web.Request) -> web.Response:
        known, rules = sorted(self._faults.effects), self._faults.rules()
        return web.json_response({"effects": known, "rules": rules})

    async def _put_faults(self, request: web.Request) -> web.Response:
        self._faults.replace(await read_json(request))
        return await self._get_faults(request)

    async def _delete_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.Response(status=204)

    async def _get_clock(self, _: web.Request) -> web.Response:
        clock = self._clock
        return web.json_response(
            {"now": clock.now().isoformat(), "offset_seconds": clock.offset.total_seconds()}
        )

    async def _put_clock(self, request: web.Request) -> web.Response:
        content = await read_json(request)
        clock = self._clock
        try:
            match content:
                case {"now": str(moment)}:
                    clock.set(datetime.fromisoformat(moment))
                case {"advance_seconds": int() | float() as seconds} if not isinstance(
                    seconds, bool
                ):
                    clock.set(clock.now() + timedelta(seconds=seconds))
                case _:
                    raise InputError('clock: expected {"now": ISO time} or {"advance_seconds": n}')
        except (ValueError, OverflowError) as error:
            raise InputError(f"clock: {one_line(str(error))}") from None
        return await self._get_clock(request)

    async def _post_reset(self, _: web.Request) -> web.Response:
        self._faults.clear()
        self._clock.reset()
        self._randomness.reset()
        self._journal.clear()
        for reset in self._resets:
            await reset()
        return web.Response(status=204)


async def read_json(request: web.Request) -> Any:
    """Return the body of *request* as JSON; InputError (answered with 400) if it is none."""
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise InputError(f"the body is no JSON: {one_line(str(error))}") from None


async def read_model(request: web.Request, model: type[Model]) -> Model:
    """Return the body of *request* as *model*; InputError says what is wrong, not with what."""
    try:
        return model.model_validate(await read_json(request))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise InputError(f"{where}: {one_line(first['msg'])}") from None


def _unheard(work: asyncio.Future[web.StreamResponse]) -> None:
    """Log what went wrong after the client had gone, unless it is that it has gone."""
    error = None if work.cancelled() else work.exception()
    if error is not None and not isinstance(error, ConnectionError | web.HTTPException):
        logging.getLogger(__name__).error("a request failed unheard", exc_info=error)


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a web page in the user's browser could send (DNS rebinding, CSRF)."""
    origin = request.headers.get("Origin")
    if origin is not None and _netloc(origin) != request.host:
        raise web.HTTPForbidden(text="requests of other web pages are refused\n")
    if not _is_address(request.host):
        raise web.HTTPForbidden(text="the Host header must be an IP address or localhost\n")
    return await handler(request)


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or ("." not in name and ":" not in name):
            return True  # a container's service name has no dot; a public name always has
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except InputError as error:
        return web.json_response({"error": str(error)}, status=400)
