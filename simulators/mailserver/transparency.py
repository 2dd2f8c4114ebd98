"""Dots at the start of lines: the transparency of SMTP (RFC 5321 4.5.2) and POP3 (RFC 1939 3)."""

from __future__ import annotations


class DotStuffer:
    """Doubles the dots at line starts of a message that comes in pieces, and ends it."""

    def __init__(self) -> None:
        self._tail = b"\r\n"

    def feed(self, piece: bytes) -> bytes:
        """Return *piece* as it goes on the wire; the very bytes when no dot stands first."""
        if not piece:
            return piece
        stuffed = piece
        if b"\n." in piece:
            stuffed = piece.replace(b"\r\n.", b"\r\n..")
        head = piece[:2]
        if self._tail == b"\r\n" and head[:1] == b".":
            stuffed = b"." + stuffed
        elif self._tail[-1:] == b"\r" and head == b"\n.":
            stuffed = b"\n.." + stuffed[2:]
        self._tail = (self._tail + piece[-2:])[-2:]
        return stuffed

    def end(self) -> bytes:
        """Return the line that ends the message, after a missing last line end."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"
