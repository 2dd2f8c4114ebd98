"""A mailbox as one POP3 session sees it: fixed at login, deletions carried out at QUIT."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from .faults import POP3_NO_MESSAGE, POP3_SYNTAX, Pop3Error
from .store import Store
from .stored import StoredMail


class Maildrop:
    """The mails that were there at login, numbered from 1 (RFC 1939 5)."""

    def __init__(self, store: Store, mailbox: str, mails: list[StoredMail]) -> None:
        self._store = store
        self.mailbox = mailbox
        self._mails = mails
        self._deleted: set[int] = set()

    def __iter__(self) -> Iterator[tuple[int, StoredMail]]:
        """Yield number and mail of those that are not marked as deleted."""
        for number, mail in enumerate(self._mails, 1):
            if number not in self._deleted:
                yield number, mail

    @property
    def count(self) -> int:
        """How many mails are not marked as deleted."""
        return len(self._mails) - len(self._deleted)

    @property
    def octets(self) -> int:
        """How many octets those have."""
        return sum(mail.size for _, mail in self)

    def mail(self, number: str) -> tuple[int, StoredMail]:
        """Return the mail with this number; raises Pop3Error."""
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise Pop3Error(POP3_SYNTAX)
        index = int(number)
        if not 1 <= index <= len(self._mails) or index in self._deleted:
            raise Pop3Error(POP3_NO_MESSAGE)
        return index, self._mails[index - 1]

    def mark(self, number: int) -> None:
        """Mark a mail as deleted; it goes at QUIT."""
        self._deleted.add(number)

    def unmark_all(self) -> None:
        """Take back all marks (RSET)."""
        self._deleted.clear()

    def parts(self, mail: StoredMail) -> AsyncIterator[bytes]:
        """Yield the bytes of a mail; none when it was deleted through the control port."""
        return self._store.mail_parts(mail)

    async def update(self) -> list[StoredMail]:
        """Delete what is marked, durably; return it (the UPDATE state)."""
        marked = [self._mails[number - 1] for number in sorted(self._deleted)]
        if marked:
            await self._store.delete(self.mailbox, [mail.id for mail in marked])
        return marked


async def top(parts: AsyncIterator[bytes], lines: int) -> AsyncIterator[bytes]:
    """Yield the headers, the empty line and the first *lines* lines of the body (TOP)."""
    before = b""
    in_body = False
    async for piece in parts:
        data = before + piece
        if not in_body:
            end = 0 if data.startswith(b"\r\n") else data.find(b"\r\n\r\n") + 2
            if end == 1:  # the headers go on in the next part
                before = data
                continue
            yield data[: end + 2]
            in_body, data = True, data[end + 2 :]
        taken = 0
        while lines > 0:
            end = data.find(b"\n", taken)
            if end < 0:
                break
            taken, lines = end + 1, lines - 1
        if lines == 0:
            yield data[:taken]
            return
        yield data[:taken]
        before = data[taken:]
    yield before
