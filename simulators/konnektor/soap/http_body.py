"""The body of a request: a POST with XML, or MTOM where the service has it, within bounds."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ..faults import Code, fault
from .room import FREE_BYTES, Full, Share

BODY_SECONDS = 60.0
RETRY_SECONDS = "10"
LAST = {"Connection": "close"}
_CHARSETS = frozenset(("utf-8", "utf8", "us-ascii"))
_XML_TYPES = frozenset(("text/xml", "application/xml", "application/soap+xml"))
MULTIPART = "multipart/related"


class Refused(Exception):
    """The request is answered with an HTTP status, no SOAP fault."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.response = plain(status, text, headers)


def plain(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return an answer of HTTP alone."""
    return web.Response(status=status, text=f"{text}\n", headers=headers)


async def read_body(request: web.BaseRequest, most: int, share: Share, *, multipart: bool) -> bytes:
    """Return the body of a POST with XML in UTF-8, of at most *most* bytes.

    *multipart* says whether the service takes MTOM. A larger body is read to its end up to twice
    that size, so that the caller sees the fault 4283, and refused beyond. What is kept of it is
    taken from *share*. Raises Refused, also when there is no room, or the fault 4000 for another
    charset (A_15606).
    """
    if request.method != "POST":
        raise Refused(405, "nur POST", {"Allow": "POST"})
    if request.content_type not in _XML_TYPES and not (
        multipart and request.content_type == MULTIPART
    ):
        raise Refused(415, "erwartet wird text/xml", LAST)
    if (request.content_length or 0) > 2 * most:
        raise Refused(413, f"mehr als {most} Bytes", LAST)
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read_at_most(request, most, share)
    except TimeoutError:
        raise Refused(408, "Zeit abgelaufen", LAST) from None
    except Full:
        headers = {**LAST, "Retry-After": RETRY_SECONDS}
        raise Refused(503, "zu viele große Nachrichten zugleich", headers) from None
    except (web.RequestPayloadError, ConnectionError):  # chunks are broken, or the client left
        raise Refused(400, "der Inhalt ist nicht lesbar", LAST) from None
    if body is None:
        raise fault(Code.DOCUMENT_TOO_LARGE)
    if (request.charset or "utf-8").lower() not in _CHARSETS:
        raise fault(Code.SYNTAX, "nur UTF-8 ist erlaubt")
    return body


async def _read_at_most(request: web.BaseRequest, most: int, share: Share) -> bytes | None:
    """Return the body, None when it is larger than *most*; nothing is kept of such a one."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > 2 * most:
            raise Refused(413, f"mehr als {most} Bytes", LAST)
        if size > most:
            chunks.clear()
            share.give_back()
        else:
            if size > FREE_BYTES:
                share.take(len(chunk))
            chunks.append(chunk)
    return b"".join(chunks) if size <= most else None
