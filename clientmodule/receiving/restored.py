"""A large mail on its way to the client system, with the notes of its processing (A_19374-03)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from simulators.formats.headers import Headers

from ..kas.spool import Spool
from ..lines import Stuffing
from ..mime import Part
from . import notes
from .delivered import NOTES, mark

WHOLE: Final = 1 << 20
"""A text of up to so many bytes is read at once; of a longer one only the end."""
TAIL: Final = 64 << 10
MAX_LINES: Final = 16
"""Base64 is cut before a line from which on whole groups of four follow: at once, usually."""
_WITHOUT_ENCODING: Final = frozenset({"7bit", "8bit", "binary"})
_PADDING: Final = b" \t\r\n"


@dataclass(frozen=True)
class Edit:
    """The bytes from ``start`` to ``end`` give way to ``content``."""

    start: int
    end: int
    content: bytes


class RestoredMail:
    """What is delivered of the mail in *spool*, changed by *edits*; closes the spool.

    Of two edits at one place the first comes first.

    Iterating over ``text`` waits for the disk: it belongs in a thread. It raises OSError.
    """

    def __init__(self, spool: Spool, edits: Sequence[Edit]) -> None:
        self._spool = spool
        self._edits = sorted(edits, key=lambda edit: edit.start)

    def text(self) -> Iterator[bytes]:
        """Yield the mail as dot-terminated text, in pieces that are never empty."""
        stuffing = Stuffing()
        for piece in self.pieces():
            if stuffed := stuffing.update(piece):
                yield stuffed
        yield stuffing.finish()

    def pieces(self) -> Iterator[bytes]:
        """Yield the mail."""
        position = 0
        for edit in self._edits:
            yield from between(self._spool, position, edit.start)
            yield edit.content
            position = edit.end
        yield from between(self._spool, position, self._spool.size)

    def close(self) -> None:
        """Give the spool up."""
        self._spool.close()


def restored(
    spool: Spool, head: Part, parts: Sequence[Part], outer: Headers, integrity: str
) -> RestoredMail:
    """Return the mail in *spool* with notes in its text, results and trace in its header.

    *head* is its header block, *parts* are its leaves. Raises OSError.
    """
    headers, edits = head.headers, []
    for part in notes.texts(parts):
        noted = _noted(spool, part)
        if noted is None:
            continue
        written, edit = noted
        if part.start == head.start:
            headers = Headers.parse(written.removesuffix(b"\r\n"))
        else:
            edits.append(Edit(part.start, part.body, written))
        edits.append(edit)
    mark(headers, outer, integrity)
    return RestoredMail(spool, [Edit(0, head.body, headers.to_bytes() + b"\r\n"), *edits])


def between(spool: Spool, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes of *spool* from *start* to *end* in pieces."""
    left = end - start
    if left <= 0:
        return
    for piece in spool.pieces(start):
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _noted(spool: Spool, part: Part) -> tuple[bytes, Edit] | None:
    """Return the headers of *part* with an edit that puts the notes at the end of its body.

    None where that would need all of a text that is not held in memory: one whose charset has no
    umlauts and whose content is not plainly ASCII, or base64 in lines of odd lengths.
    """
    begin = part.body if part.end - part.start <= WHOLE else _tail(spool, part)
    if begin is None:
        return None
    front = b"".join(between(spool, part.start, part.body))
    content = front + b"".join(between(spool, begin, part.end))
    known = Part(part.headers, 0, len(front), len(content), part.inside)
    headers, body = notes.noted(content, known, NOTES)
    return headers, Edit(begin, part.end, body)


def _tail(spool: Spool, part: Part) -> int | None:
    """Return where a last piece of the body of *part* begins that can be written anew alone."""
    if not notes.keeps_charset(part, NOTES):
        plain = part.transfer_encoding in _WITHOUT_ENCODING
        if not plain or not all(p.isascii() for p in between(spool, part.body, part.end)):
            return None
    begin = max(part.body, part.end - TAIL)
    content = b"".join(between(spool, begin, part.end))
    line = content.find(b"\n") + 1
    if part.transfer_encoding != "base64":
        return begin + line
    for _ in range(MAX_LINES):
        if line == 0:
            break
        if len(content[line:].translate(None, _PADDING)) % 4 == 0:
            return begin + line
        line = content.find(b"\n", line) + 1
    return None
