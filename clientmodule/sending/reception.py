"""Reading what follows DATA: in memory as far as the Konnektor may get it, else into a spool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers

from .. import faults
from ..faults import MailRefused
from ..kas.spool import BLOCK, Spool
from ..lines import DotText, TextTooLong, Unstuffing
from ..mime_stream import PartScanner

if TYPE_CHECKING:
    from ..installation import Installation

SMALL_MAIL: Final = 15 << 20
ROOM_FOR_SMALL: Final = 35_882_577
"""A mail of SMALL_MAIL decoded bytes fits into so many (KOM-LE-A_2004-01)."""


class SpooledMail:
    """A client mail that is too large for memory: sealed on the disk, its structure known.

    ``take`` and ``finish`` raise OSError when the disk is full; ``close`` forgets the mail.
    """

    def __init__(self, directory: Path) -> None:
        self._spool = Spool(directory)
        self._unstuffing = Unstuffing()
        self._scanner = PartScanner()
        self._readable = True

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._spool.size

    @property
    def headers(self) -> Headers:
        """Its header block. Raises MailRefused if that or the parts cannot be read."""
        if not self._readable or not self._scanner.complete or self._scanner.head is None:
            raise MailRefused(faults.BAD_MESSAGE)
        return self._scanner.head.headers

    @property
    def dispositions(self) -> frozenset[str | None]:
        """The words of Content-Disposition of its parts, in lower case."""
        return frozenset(part.disposition for part in self._scanner.parts)

    @property
    def body_size(self) -> int:
        """The bytes that ``body`` yields."""
        return self.size - self._body_begins

    def body(self) -> Iterator[bytes]:
        """Yield what follows the header block."""
        return self._spool.pieces(self._body_begins)

    def take(self, pieces: list[bytearray]) -> None:
        """Append the next *pieces* of the dot-terminated text, and empty the list."""
        while pieces:
            self._append(self._unstuffing.update(bytes(pieces.pop(0))))

    def finish(self) -> None:
        """Say that the text is complete."""
        self._append(self._unstuffing.finish())
        self._scan(self._scanner.finish)

    def close(self) -> None:
        """Forget the mail."""
        self._spool.close()

    @property
    def _body_begins(self) -> int:
        head = self._scanner.head
        return self.size if head is None else head.body

    def _append(self, content: bytes) -> None:
        self._spool.write(content)
        self._scan(lambda: self._scanner.feed(content))

    def _scan(self, step: Callable[[], None]) -> None:
        """Look at the structure; one that cannot be read is refused when all has come."""
        if self._readable:
            try:
                step()
            except FormatError:
                self._readable = False


async def receive(installation: Installation, text: DotText) -> bytes | SpooledMail:
    """Read a client mail: the dot-terminated text itself, or what is in it if that is large.

    Whatever ends it, the text is read to its end, as far as the client sends it. Raises
    MailRefused for one that is longer than EHLO announced, or when the disk is full;
    ConnectionLost, TimeoutError.
    """
    settings = installation.settings
    most_held = settings.max_client_mail * ROOM_FOR_SMALL // SMALL_MAIL
    held, size = await _read(text, most_held)
    if size <= most_held:
        return b"".join(held)
    at_length = installation.process.at_length
    mail: SpooledMail | None = None
    try:
        mail = SpooledMail(settings.data_dir)
        total = size
        while total <= settings.max_submission:
            await at_length(mail.take, held)
            if text.done:
                await at_length(mail.finish)
                return mail
            held, size = await _read(text, BLOCK)
            total += size
        raise TextTooLong
    except (TextTooLong, OSError) as error:
        if mail is not None:
            mail.close()
        if isinstance(error, ConnectionError | TimeoutError):
            raise
        await _pass_over(text)
        large = isinstance(error, TextTooLong)
        raise MailRefused(faults.TOO_LARGE if large else faults.NO_SPACE) from None
    except BaseException:
        if mail is not None:
            mail.close()
        raise


async def _read(text: DotText, most: int) -> tuple[list[bytearray], int]:
    """Return what comes next, and its size: up to the end, or a little more than *most* bytes.

    It comes in pieces of BLOCK at least, for a client may send bytes one by one.
    """
    pieces = [bytearray()]
    size = 0
    while not text.done and size <= most:
        if len(pieces[-1]) >= BLOCK:
            pieces.append(bytearray())
        chunk = await text.chunk()
        pieces[-1] += chunk
        size += len(chunk)
    return pieces, size


async def _pass_over(text: DotText) -> None:
    """Read the rest of a text that is not wanted: the client hears of it only then."""
    while not text.done:
        await text.chunk()
