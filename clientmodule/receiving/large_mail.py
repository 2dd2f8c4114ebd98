"""Large mails whose data lie on a KAS: fetched, opened, checked, restored (3.2.2)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from simulators.formats import kas_part, komle
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, split_message
from simulators.formats.kas_part import KasPart
from simulators.process.resolver import NamesUnavailable

from .. import mime
from ..kas import client
from ..kas.cipher import OVERHEAD, CannotOpen, Opener
from ..kas.client import KasFailed, KasUser
from ..kas.links import kas_address
from ..kas.spool import Spool
from ..lines import ConnectionLost
from ..mime_stream import PartScanner
from . import results
from .restored import RestoredMail, restored
from .results import NotRestored

if TYPE_CHECKING:
    from ..operation import Operation
    from .integrity import Checked
    from .pipeline import Fetching

ORIGINATORS: Final = frozenset({"From", "Sender", "Reply-To"})
"""What of a restored mail must say the same as the signed message: who it is from."""
_MAX_DIGITS: Final = 18


def announced_size(outer: Headers) -> int:
    """Return X-KIM-KAS-Size, 0 without a usable one (A_23467)."""
    value = (outer.get(kas_part.SIZE_HEADER) or "").strip()
    usable = value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS
    return int(value) if usable else 0


async def require_enabled(fetching: Fetching, operation: Operation, size: int) -> None:
    """Raise NotRestored if mail data of *size* bytes are large and the user takes none (A_23512).

    The directory is asked again when what is known of the user has no ``+`` (FAQ). Raises
    LdapError.
    """
    if size <= fetching.installation.settings.max_client_mail:
        return
    directory, address = fetching.konnektor.directory, fetching.user.address
    for fresh in (False, True):
        entry = await directory.find(operation, address, fresh=fresh)
        if entry.receives_large_mails:
            return
    raise NotRestored(results.NOT_ENABLED)


async def restore(
    fetching: Fetching, operation: Operation, outer: Headers, checked: Checked
) -> RestoredMail | None:
    """Return the large mail that *checked* stands for, None if it is a mail by itself.

    Raises NotRestored with what the error mail tells; LdapError, OSError.
    """
    installation = fetching.installation
    part = await installation.compute(len(checked.mail), structure, checked.mail)
    if part is None:
        return None
    await require_enabled(fetching, operation, part.size)
    spool = Spool(installation.settings.data_dir)
    try:
        data = _MailData(part, spool)
        await _download(fetching, operation, part, data)
        return await installation.process.at_length(data.restored, outer, checked)
    except BaseException:
        spool.close()
        raise


def structure(mail: bytes) -> KasPart | None:
    """Return the KIM-Attachment-Datenstruktur of a decrypted mail, None without one (A_19369-02).

    It is the mail's only body (A_19359-07). Two of them, one beside other parts and one that
    cannot be read name no mail data unambiguously: NotRestored is raised.
    """
    found: mime.Part | None = None
    with suppress(FormatError):  # of thousands of parts, the first are enough
        for number, leaf in enumerate(mime.parts(mail)):
            if leaf.disposition == kas_part.DISPOSITION:
                found = found or leaf
            if found is not None and number > 0:
                raise NotRestored(results.AMBIGUOUS)
    if found is None:
        return None
    try:
        return KasPart.read(mime.decoded(mail, found))
    except FormatError:
        raise NotRestored(results.AMBIGUOUS) from None


async def _download(
    fetching: Fetching, operation: Operation, part: KasPart, data: _MailData
) -> None:
    """Download the mail data (A_19368, A_19370-04, A_22412-01); the password stays here.

    What a sender wrote as ``size`` bounds nothing; the limits of the client module do.
    """
    installation = fetching.installation
    settings = installation.settings
    try:
        address = await kas_address(part.link, settings, installation.discovery)
        if address is None:
            raise KasFailed("the link leads to no KAS")
        large = part.size > settings.max_client_mail
        most = settings.max_large_mail if large else settings.max_client_mail
        who = KasUser(konnektor=fetching.konnektor, user=fetching.user, password="")
        download = installation.kas.download(
            operation, who, part.link, address=address, most=most + OVERHEAD
        )
        async with aclosing(download) as pieces:
            async for piece in pieces:
                if fetching.gone.done():  # KOM-LE-A_2039: nobody waits for the rest
                    raise ConnectionLost
                await installation.process.at_length(data.take, piece)
    except (KasFailed, NamesUnavailable) as error:
        operation.error(f"readMailData: {error}")
        status = error.status if isinstance(error, KasFailed) else None
        too_many = status == client.TOO_MANY_DOWNLOADS
        failure = results.TOO_MANY_DOWNLOADS if too_many else results.NOT_DOWNLOADED
        raise NotRestored(failure) from error


class _MailData:
    """Mail data on their way from the KAS into a spool, opened and looked through as they come.

    Nothing of them is shown to anybody before ``restored`` has found them to be what was sent.
    """

    def __init__(self, part: KasPart, spool: Spool) -> None:
        self._part = part
        self._spool = spool
        self._opener = Opener(part.k)
        self._scanner: PartScanner | None = PartScanner()

    def take(self, sealed: bytes) -> None:
        """Take the next piece. Raises OSError."""
        plain = self._opener.update(sealed)
        self._spool.write(plain)
        if self._scanner is not None:
            self._look(partial(self._scanner.feed, plain))

    def restored(self, outer: Headers, checked: Checked) -> RestoredMail:
        """Return the mail if its tag and its hash are right and it is from the signer's address.

        Raises NotRestored: 4007 (A_19371-04), 4012 (A_19372-03), 4014; OSError.
        """
        try:
            self._opener.finish()
        except CannotOpen:
            raise NotRestored(results.DATA_NOT_DECRYPTED) from None
        if self._opener.hash != self._part.hash:
            raise NotRestored(results.DATA_DIFFER)
        if self._scanner is not None:
            self._look(self._scanner.finish)
        if self._scanner is None or self._scanner.head is None:
            raise NotRestored(results.DATA_NOT_DECRYPTED)
        head = self._scanner.head
        signed, _ = split_message(checked.mail)
        if ORIGINATORS.intersection(komle.differing_headers(head.headers, signed)):
            raise NotRestored(results.OTHER_ORIGINATOR)
        return restored(self._spool, head, self._scanner.parts, outer, checked.results[0])

    def _look(self, step: Callable[[], None]) -> None:
        """Do a *step* of the scanner; what turns out to be no mail is not looked at further."""
        try:
            step()
        except FormatError:
            self._scanner = None
