"""HTTPS to a KAS: mutual TLS, the server's certificate checked before it is told anything."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import ClientRequest, ClientResponse

from ..discovery import Discovery, HttpResolver

if TYPE_CHECKING:
    from aiohttp.connector import Connection

Check = Callable[[bytes], Awaitable[None]]
"""Takes the server's certificate (DER); raises OSError if it is not to be talked to."""


@asynccontextmanager
async def checked_session(
    discovery: Discovery,
    context: ssl.SSLContext,
    check: Check,
    *,
    idle_seconds: float,
    address: str | None = None,
) -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a session that has every server certificate judged by *check* (A_19362, A_22348).

    Connecting and every wait for the server end after *idle_seconds*. Large mails are rare, so
    that each gets a connection of its own. With *address* no name is resolved any more.
    """

    class CheckedRequest(ClientRequest):
        async def send(self, conn: Connection) -> ClientResponse:
            transport = conn.transport
            tls = None if transport is None else transport.get_extra_info("ssl_object")
            try:
                await check(b"" if tls is None else tls.getpeercert(binary_form=True) or b"")
            except BaseException:
                conn.close()
                raise
            return await super().send(conn)

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=HttpResolver(discovery, address),
            use_dns_cache=False,
            ssl=context,
            force_close=True,
        ),
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=idle_seconds, sock_read=idle_seconds
        ),
        request_class=CheckedRequest,
        auto_decompress=False,
    ) as session:
        yield session
