"""Connections of clients that are slow or speak no HTTP: closed in time, logged in one line."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

HEAD_SECONDS, UNREAD_SECONDS = 30.0, 60.0

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class PatientServer(web.Server):
    """A web server that closes connections whose first request does not arrive in time.

    aiohttp bounds the time between two requests; a client that sends its first head byte by byte
    would hold its connection forever. So would one that does not read its answer, large as this
    may be: the system closes it (TCP_USER_TIMEOUT, where there is that).
    """

    def __init__(
        self,
        handler: Handler,
        *,
        head_seconds: float = HEAD_SECONDS,
        unread_seconds: float = UNREAD_SECONDS,
    ) -> None:
        log = logging.getLogger(__name__)
        log.addFilter(_in_one_line)
        super().__init__(
            self._arrived, access_log=None, auto_decompress=False, keepalive_timeout=75, logger=log
        )
        self._answer = handler
        self._head_seconds = head_seconds
        self._unread_milliseconds = round(unread_seconds * 1000)
        self._waiting: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(handler, transport)
        connection = transport.get_extra_info("socket")
        option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
        if option is not None and connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, self._unread_milliseconds)
        loop = asyncio.get_running_loop()
        self._waiting[handler] = loop.call_later(self._head_seconds, transport.abort)

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Wait no more."""
        self._stop_waiting(handler)
        super().connection_lost(handler, exc)

    async def _arrived(self, request: web.BaseRequest) -> web.StreamResponse:
        self._stop_waiting(request.protocol)
        return await self._answer(request)

    def _stop_waiting(self, protocol: asyncio.BaseProtocol) -> None:
        timer = self._waiting.pop(protocol, None)
        if timer is not None:
            timer.cancel()


def _in_one_line(record: logging.LogRecord) -> bool:
    """Have what aiohttp could not read as HTTP logged in a line, not as our own failure.

    What the client sent is left out: it may be its password. Our own failures keep their traceback.
    """
    error = record.exc_info[1] if record.exc_info is not None else None
    if isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError):
        record.msg, record.args = f"{record.getMessage()}: {type(error).__name__}", ()
        record.exc_info = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True
