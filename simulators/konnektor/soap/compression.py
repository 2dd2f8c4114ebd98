"""Compressed requests (Content-Encoding): no part of the specification, so within narrow bounds."""

from __future__ import annotations

import zlib

from .http_body import LAST, Refused

MOST_EXPANDED = 40 << 20
"""Bytes; documents of stacks are compressed already or come as they are."""
MAX_RATIO = 100
"""XML with Base64 in it becomes a tenth at best, an empty table a fiftieth."""
_PIECE = 4 << 20  # at once, all of it would be held twice: a bomb leaves 80 MB behind
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def expand(body: bytes, coding: str) -> bytes:
    """Return *body* without its *coding*; to be run in a thread.

    Raises Refused: 415 for an unknown coding, 400 for a broken body, 413 for one that grows
    beyond the bounds, for which no more than these is computed.
    """
    window = _WINDOW_BITS.get(coding)
    if window is None:
        raise Refused(
            415, f"Content-Encoding {coding[:40]!r}", {"Accept-Encoding": "gzip, deflate"}
        )
    most = min(MOST_EXPANDED, MAX_RATIO * len(body))
    expander = zlib.decompressobj(window)
    pieces: list[bytes] = []
    size, rest = 0, body
    try:
        while not expander.eof and size <= most:
            piece = expander.decompress(rest, _PIECE)
            rest = expander.unconsumed_tail
            if not piece and not rest:
                break  # cut off
            pieces.append(piece)
            size += len(piece)
    except zlib.error:
        raise Refused(400, "der Inhalt ist nicht lesbar", LAST) from None
    if size > most:
        raise Refused(413, f"entpackt mehr als {most} Bytes", LAST)
    if not expander.eof or expander.unused_data:
        raise Refused(400, "der Inhalt ist nicht lesbar", LAST)
    return b"".join(pieces)
