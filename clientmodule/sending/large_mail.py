"""Large mails: their data go to the KAS, a small mail goes to the MTA (3.2.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from simulators.formats import kas_part, komle
from simulators.formats.kas_part import KasPart

from .. import faults
from ..faults import Reply
from ..kas.cipher import OVERHEAD, Sealer
from ..kas.client import NO_ROOM, TOO_LARGE, KasFailed, KasUser, MailData
from ..kas.spool import BLOCK
from .client_mail import ClientMail, Submitted
from .reception import SpooledMail

if TYPE_CHECKING:
    from ..operation import Operation
    from .report_delivery import Account

NOT_UPLOADED: Final = "4002"
DELETE_SECONDS: Final = 5.0
"""How long the deletion of data that nobody will ask for may keep the client system waiting."""
STOP_SECONDS: Final = 0.5
"""How long it may keep the process from its end."""


@dataclass(frozen=True)
class _Body:
    """The body of a large mail: ``size`` bytes that ``pieces`` yields, as often as it is called."""

    size: int
    pieces: Callable[[], Iterator[bytes]]

    @classmethod
    def of(cls, mail: Submitted | SpooledMail) -> _Body:
        """Return the body of *mail*, wherever that is kept."""
        if isinstance(mail, SpooledMail):
            return cls(mail.body_size, mail.body)
        body = memoryview(mail.body)
        return cls(
            len(body), lambda: (bytes(body[i : i + BLOCK]) for i in range(0, len(body), BLOCK))
        )


class OnKas:
    """What goes to the MTA in place of a large mail, and its data on the KAS.

    The KAS is that of the sender's provider; the data may be fetched by *mail*'s recipients for
    as long as the provider keeps mails.
    """

    version: Final[str] = komle.VERSION_KAS
    large: Final[bool] = True

    def __init__(
        self,
        account: Account,
        operation: Operation,
        mail: ClientMail,
        original: Submitted | SpooledMail,
        *,
        expires: datetime,
    ) -> None:
        self._installation = account.installation
        self._operation = operation
        self._who = KasUser(account.konnektor, account.user, account.password)
        self._mail = mail
        self._body = _Body.of(original)
        self._expires = expires
        self._link: str | None = None
        self._size = 0

    @property
    def extra(self) -> dict[str, str]:
        """What the outer header says of the mail data (A_23467)."""
        return {kas_part.SIZE_HEADER: str(self._size)}

    async def content(self, recipients: Sequence[str]) -> bytes:
        """Upload the prepared mail for *recipients*; return the small one (A_19357-02, A_19359-07).

        The headers are complete by now (A_19363-03). Data of an earlier round are deleted first.
        Raises KasFailed.
        """
        await self.withdraw(DELETE_SECONDS)
        sealer = Sealer()
        head = self._head()
        self._size = len(head) + self._body.size
        data = MailData(
            self._mail.message_id,
            recipients,
            self._expires,
            self._size + OVERHEAD,
            self._sealed(sealer, head),
        )
        self._link = await self._installation.kas.upload(self._operation, self._who, data)
        part = KasPart(self._link, sealer.key, sealer.hash, sealer.size)
        return kas_part.small_mail(self._mail.headers, part)

    def keep(self) -> None:
        """Leave the data where they are: their mail is sent, or may be."""
        self._link = None

    async def withdraw(self, seconds: float) -> None:
        """Delete the data of a mail that is not sent (FAQ); if that fails, they expire."""
        link, self._link = self._link, None
        if link is None:
            return
        with suppress(KasFailed, TimeoutError):  # the journal has it
            async with asyncio.timeout(seconds):
                await self._installation.kas.delete(self._operation, self._who, link)

    def _head(self) -> bytes:
        return self._mail.headers.to_bytes() + b"\r\n"

    async def _sealed(self, sealer: Sealer, head: bytes) -> AsyncIterator[bytes]:
        """Yield IV, ciphertext and tag of the whole mail; the disk and the cipher in a thread."""
        at_length = self._installation.process.at_length
        yield sealer.begin() + sealer.update(head)
        pieces = self._body.pieces()

        def next_piece() -> bytes | None:
            plain = next(pieces, None)
            return None if plain is None else sealer.update(plain)

        while (piece := await at_length(next_piece)) is not None:
            yield piece
        yield sealer.finish()


def refusal(error: KasFailed) -> Reply:
    """Return the reply to a mail whose data could not be uploaded (A_19363-03, A_22419-01)."""
    if error.status == NO_ROOM:
        return faults.KAS_FULL
    if error.status == TOO_LARGE:
        return faults.KAS_TOO_LARGE
    return faults.NOT_UPLOADED
