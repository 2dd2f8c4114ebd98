"""Which recipients a mail can be encrypted for, and with which certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from ..directory import Directory, DirectoryEntry
from ..mta import Recipient
from ..operation import Operation

NO_LARGE_MAILS = "4001"
NO_TELEMATIK_ID = "4003"
NOT_ENCRYPTABLE = "4004"
DIFFERENT_TELEMATIK_IDS = "4005"


@dataclass(frozen=True)
class Accepted:
    """A recipient, the certificates to encrypt for, and whether large mails can be received."""

    recipient: Recipient
    certificates: tuple[x509.Certificate, ...]
    large_mails: bool = False


@dataclass(frozen=True)
class Refused:
    """A recipient who does not get the mail; ``code`` is the X-KIM-Fehlermeldung of the DSN."""

    recipient: Recipient
    code: str


@dataclass(frozen=True)
class Choice:
    """How encryption certificates are chosen: all (``every``), with ECC, valid ``at`` a time."""

    every: bool
    ecc: bool
    at: datetime

    def usable(self, entry: DirectoryEntry) -> tuple[x509.Certificate, ...]:
        """Return the certificates of *entry* to encrypt for."""
        return entry.usable(self.at, every=self.every, ecc=self.ecc)


async def judge(
    operation: Operation,
    directory: Directory,
    recipients: Sequence[Recipient],
    choice: Choice,
    *,
    fresh: bool = False,
) -> tuple[list[Accepted], list[Refused]]:
    """Look up all *recipients* at once and sort them out. Raises LdapError."""
    entries = await asyncio.gather(
        *(directory.find(operation, r.address, fresh=fresh) for r in recipients)
    )
    return sort_out(recipients, entries, choice)


def sort_out(
    recipients: Sequence[Recipient], entries: Sequence[DirectoryEntry], choice: Choice
) -> tuple[list[Accepted], list[Refused]]:
    """Accept or refuse each recipient by what the directory says, in their order (KOM-LE-A_2176).

    No usable certificate: 4004 (KOM-LE-A_2024-01); one that names no holder by a Telematik-ID: 4003
    (A_20650-05; unconfirmed: its table alone has the code); several Telematik-IDs: 4005
    (KOM-LE-A_2178, 2192-01).
    """
    accepted: list[Accepted] = []
    refused: list[Refused] = []
    for recipient, entry in zip(recipients, entries, strict=True):
        certificates = choice.usable(entry)
        if not certificates:
            refused.append(Refused(recipient, NOT_ENCRYPTABLE))
        elif None in entry.telematik_ids:
            refused.append(Refused(recipient, NO_TELEMATIK_ID))
        elif len(entry.telematik_ids) > 1:
            refused.append(Refused(recipient, DIFFERENT_TELEMATIK_IDS))
        else:
            accepted.append(Accepted(recipient, certificates, entry.receives_large_mails))
    return accepted, refused


async def only_large(
    operation: Operation, directory: Directory, accepted: Sequence[Accepted]
) -> tuple[list[Accepted], list[Refused]]:
    """Refuse who does not receive large mails (4001, A_19356-06).

    What is kept of them may be old (A_22340), so that the directory is asked again before a
    recipient is refused (FAQ). Raises LdapError.
    """
    refusable = [one.recipient for one in accepted if not one.large_mails]
    entries = await asyncio.gather(
        *(directory.find(operation, recipient.address, fresh=True) for recipient in refusable)
    )
    pairs = zip(refusable, entries, strict=True)
    refused = [Refused(r, NO_LARGE_MAILS) for r, entry in pairs if not entry.receives_large_mails]
    gone = [one.recipient for one in refused]
    return [one for one in accepted if one.recipient not in gone], refused
