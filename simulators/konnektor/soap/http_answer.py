"""Sending an answer: small ones at once, large ones piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

SEND_SECONDS = 600.0
_PIECE = 1 << 20
"""asyncio copies twice what a socket does not take at once: of a stack, 333 MB each time."""


async def send(
    request: web.BaseRequest, status: int, body: bytes, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Return the answer *body* to *request*; a large one is with the caller then.

    A caller who goes away, or takes longer than ``SEND_SECONDS``, does not get the rest.
    """
    if len(body) <= _PIECE:
        return web.Response(body=body, status=status, headers=headers)
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(body)
    view = memoryview(body)
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await response.prepare(request)
            for start in range(0, len(body), _PIECE):
                await response.write(view[start : start + _PIECE])
            await response.write_eof()
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
    return response
