"""Judging recipients, signing and encrypting, again without what the Konnektor refuses."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats import recipient_emails
from simulators.process.ldap import LdapError

from .. import faults
from ..faults import MailRefused
from ..konnektor.faults import (
    ENCRYPTION_FAILED,
    KonnektorError,
    KonnektorFault,
    KonnektorUnreachable,
)
from ..konnektor.operations import verify_certificate
from ..mta import Recipient
from . import client_mail
from .client_mail import ClientMail
from .protect import Entries, Protection, entries_of
from .recipients import NOT_ENCRYPTABLE, Accepted, Choice, Refused, judge, only_large
from .session import Sending, Session

if TYPE_CHECKING:
    from ..operation import Operation

LAST_RELEASE_FOR_ALL = (1, 5, 2, 8)
"""Up to here a mail is encrypted for all certificates of a recipient, RSA and ECC."""
MAX_ROUNDS = 2


@dataclass(frozen=True)
class Judged:
    """Who gets the mail and who does not, and the certificates of its sender."""

    accepted: list[Accepted]
    refused: list[Refused]
    sender: tuple[x509.Certificate, ...]


@dataclass(frozen=True)
class Protected:
    """What was signed and encrypted, the CMS that came of it, and for whom."""

    content: bytes
    cms: bytes
    judged: Judged


async def protect(sending: Sending) -> Protected:
    """Judge, sign, encrypt; a certificate that the Konnektor refuses is left out the next round.

    What is signed is what the mail's way makes of it for the recipients that are left, and what
    was signed is encrypted (KOM-LE-A_2095, 2096). Raises MailRefused (KOM-LE-A_2021, 2025, 2057,
    2058), and KasFailed if its data cannot be uploaded.
    """
    session, operation, mail = sending.session, sending.operation, sending.mail
    try:
        choice = await _choice(session, sending.arrival)
        rejected: set[bytes] = set()
        for round_number in range(MAX_ROUNDS):
            judged = await _judge(sending, choice, rejected=rejected, fresh=round_number > 0)
            kept = [accepted.recipient.address for accepted in judged.accepted]
            await session.installation.compute(
                client_mail.effort(mail.headers), client_mail.keep_recipients, mail.headers, kept
            )
            content = await sending.way.content(kept)
            entries = _entries(mail, judged)
            attribute = recipient_emails.attribute(entries)
            protection = _protection(session, judged, choice)
            signed = await _sign(operation, protection, content, attribute)
            try:
                cms = await protection.encrypt(operation, signed, entries, attribute)
            except KonnektorFault as fault:
                if fault.code != ENCRYPTION_FAILED or round_number + 1 == MAX_ROUNDS:
                    raise MailRefused(faults.ENCRYPTION_FAILED) from fault
                rejected |= await _invalid(session, operation, entries)
                continue
            return Protected(content, cms, judged)
    except KonnektorUnreachable as error:
        raise MailRefused(faults.KONNEKTOR_UNREACHABLE) from error
    except LdapError as error:
        raise MailRefused(faults.DIRECTORY_UNREACHABLE) from error
    raise MailRefused(faults.ENCRYPTION_FAILED)


async def _choice(session: Session, now: datetime) -> Choice:
    directory = await session.konnektor.soap.directory()
    return Choice(
        every=encrypts_for_all(session.installation.settings.release),
        ecc=directory.supports_ecc,
        at=now,
    )


async def _judge(sending: Sending, choice: Choice, *, rejected: set[bytes], fresh: bool) -> Judged:
    """Look up sender and recipients; certificates in *rejected* count as missing."""
    operation, directory = sending.operation, sending.session.konnektor.directory
    recipients = [Recipient(sending.mail.sender), *sending.envelope.recipients]
    accepted, refused = await judge(operation, directory, recipients, choice, fresh=fresh)
    usable = accepted if not rejected else _without(accepted, refused, rejected)
    if not usable or usable[0].recipient is not recipients[0]:
        raise MailRefused(faults.SENDER_NOT_FOUND)
    sender, *others = usable
    if not others:
        raise MailRefused(faults.CANNOT_ENCRYPT)
    if sending.way.large:
        others, too_small = await only_large(operation, directory, others)
        refused += too_small
        if not others:
            raise MailRefused(faults.NO_LARGE_MAILS)
    for one_refused in refused:
        operation.event("RecipientRefused", code=one_refused.code)
    return Judged(others, refused, sender.certificates)


def _without(
    accepted: list[Accepted], refused: list[Refused], rejected: set[bytes]
) -> list[Accepted]:
    """Return the accepted without the certificates *rejected*; who has no other is refused."""
    usable = []
    for one in accepted:
        left = tuple(c for c in one.certificates if c.public_bytes(Encoding.DER) not in rejected)
        if left:
            usable.append(Accepted(one.recipient, left))
        else:
            refused.append(Refused(one.recipient, NOT_ENCRYPTABLE))
    return usable


def _protection(session: Session, judged: Judged, choice: Choice) -> Protection:
    settings = session.installation.settings
    return Protection(
        session.installation,
        session.konnektor,
        session.user.context,
        signature_crypt(settings.release, settings.sign_crypt, ecc=choice.ecc),
        judged.sender,
    )


async def _sign(
    operation: Operation, protection: Protection, content: bytes, attribute: bytes
) -> bytes:
    """Sign; whatever prevents it refuses the mail (KOM-LE-A_2021)."""
    try:
        return await protection.sign(operation, content, attribute)
    except KonnektorUnreachable:
        raise
    except KonnektorError as error:
        operation.error(f"SignDocument: {type(error).__name__}")
        raise MailRefused(faults.CANNOT_SIGN) from error


async def _invalid(session: Session, operation: Operation, entries: Entries) -> set[bytes]:
    """Return the certificates that the Konnektor finds invalid (3.3.4.1.1)."""
    ders = list(dict.fromkeys(c.public_bytes(Encoding.DER) for _, c in entries))
    verdicts = await asyncio.gather(
        *(
            verify_certificate(session.konnektor.soap, operation, session.user.context, der)
            for der in ders
        )
    )
    return {der for der, verdict in zip(ders, verdicts, strict=True) if verdict == "INVALID"}


def _entries(mail: ClientMail, judged: Judged) -> Entries:
    holders = [(a.recipient.address, a.certificates) for a in judged.accepted]
    return entries_of([*holders, (mail.sender, judged.sender)])


def encrypts_for_all(release: str) -> bool:
    """Tell whether a client module of *release* encrypts for all certificates of a recipient."""
    return _numbers(release) <= LAST_RELEASE_FOR_ALL


def signature_crypt(release: str, setting: str, *, ecc: bool) -> str:
    """Return SignDocument's Crypt: the *setting*, or with ``auto`` what *release* does.

    Up to 1.5.2-8, or at a Konnektor without *ecc*, RSA (KOM-LE-A_2020); then ECC where the SMC-B
    has it (RSA_ECC, TAB_KON_900).
    """
    if setting != "auto":
        return setting
    return "RSA" if encrypts_for_all(release) or not ecc else "RSA_ECC"


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release))
