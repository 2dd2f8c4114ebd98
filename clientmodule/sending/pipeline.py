"""The way of one mail from the client system's DATA to the MTA's answer."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats import komle, recipient_emails
from simulators.formats.errors import FormatError
from simulators.formats.headers import canonical, split_message
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
from ..lines import unstuff
from ..mta import MailEnvelope, Mta, Recipient, Transmission
from . import client_mail
from .client_mail import ClientMail, Submitted
from .protect import Entries, Protection, entries_of
from .recipients import NOT_ENCRYPTABLE, Accepted, Choice, Refused, judge
from .report_delivery import Account
from .reports import Failure, failure_report, outdated_report
from .version_check import is_outdated

if TYPE_CHECKING:
    from ..installation import Installation
    from ..konnektor.konnektor import Konnektor
    from ..operation import Operation
    from ..user_name import UserName

LAST_RELEASE_FOR_ALL = (1, 5, 2, 8)
"""Up to here a mail is encrypted for all certificates of a recipient, RSA and ECC."""
MAX_ROUNDS = 2


@dataclass(frozen=True)
class Session:
    """A logged-in client system: what every mail of its connection needs."""

    installation: Installation
    konnektor: Konnektor
    user: UserName
    password: str
    mta: Mta

    @property
    def account(self) -> Account:
        """Whose session it is."""
        return Account(self.installation, self.konnektor, self.user, self.password)


@dataclass(frozen=True)
class _Judged:
    accepted: list[Accepted]
    refused: list[Refused]
    sender: tuple[x509.Certificate, ...]


@dataclass(frozen=True)
class _Protected:
    mail: ClientMail
    cms: bytes
    judged: _Judged


async def send(
    session: Session, operation: Operation, envelope: MailEnvelope, text: bytes
) -> Transmission:
    """Protect the mail in the dot-terminated *text* and hand it to the MTA (KOM-LE-A_2019).

    Recipients who cannot get it are reported to the sender by a DSN of its own. Raises
    MailRefused when nothing was sent, ConnectionError or TimeoutError when the MTA is lost.
    """
    compute = session.installation.compute
    arrival = session.installation.clock.now()
    envelope = _without_duplicates(envelope)
    mail = await compute(len(text), _submitted, text)
    forwarded = await compute(len(text), client_mail.contained_message, mail)
    if forwarded is not None:
        operation.event("UnwrapForwarded")
        return await _transmit(session, operation, envelope, forwarded)
    prepared = await _prepare(session, envelope, mail, arrival)
    operation.message_id = prepared.message_id
    operation.event("ClientMail", peer="pvs", recipients=len(envelope.recipients))
    limits = session.installation.limits.of(
        operation, session.konnektor, session.user, session.password
    )
    protected, limit = await asyncio.gather(
        _protect(session, operation, envelope, prepared, arrival), limits
    )
    if len(mail.content) > limit.max_mail_size:
        raise MailRefused(faults.TOO_LARGE)
    outdated = await is_outdated(session.account, operation)
    directory = await session.konnektor.soap.directory()
    settings = session.installation.settings
    extra = {
        "X-KIM-CMVersion": settings.cm_version,
        "X-KIM-PTVersion": settings.pt_version,
        "X-KIM-KONVersion": directory.version_header,
        "Expires": format_datetime(arrival + limit.time_to_live),
    }
    outer = await compute(len(text), _outer, protected, extra)
    session.konnektor.job_numbers.prepare(operation, session.user.context)  # for the next mail
    kept = tuple(accepted.recipient for accepted in protected.judged.accepted)
    addressed = MailEnvelope(envelope.sender, envelope.parameters, kept)
    transmission = await _transmit(session, operation, addressed, outer)
    if transmission.reply.positive:
        failures = [Failure(r.recipient, code=r.code) for r in protected.judged.refused]
        failures += [Failure(recipient, reply=reply) for recipient, reply in transmission.refused]
        if failures:
            dsn = failure_report(
                failures,
                sender=prepared.sender,
                outer=split_message(outer)[0],
                arrival=arrival,
                now=session.installation.clock.now(),
                envelope_id=envelope.envelope_id,
            )
            await _report(session, operation, prepared.sender, dsn)
        if outdated:
            notice = outdated_report(
                kept,
                sender=prepared.sender,
                outer=split_message(outer)[0],
                arrival=arrival,
                now=session.installation.clock.now(),
                envelope_id=envelope.envelope_id,
            )
            await _report(session, operation, session.user.address, notice)
        await session.installation.reports.deliver(session.account, operation, session.mta)
    return transmission


def _submitted(text: bytes) -> Submitted:
    try:
        return Submitted.read(unstuff(text))
    except FormatError:
        raise MailRefused(faults.BAD_MESSAGE) from None


async def _prepare(
    session: Session, envelope: MailEnvelope, mail: Submitted, now: datetime
) -> ClientMail:
    settings = session.installation.settings
    return await session.installation.compute(
        len(mail.content),
        client_mail.prepare,
        mail,
        mail_from=envelope.sender,
        recipients=[recipient.address for recipient in envelope.recipients],
        now=now,
        replace_from=settings.replace_from,
        max_size=settings.max_client_mail,
    )


async def _protect(
    session: Session, operation: Operation, envelope: MailEnvelope, mail: ClientMail, now: datetime
) -> _Protected:
    """Judge, sign, encrypt; a certificate that the Konnektor refuses is left out the next round.

    What was signed is encrypted (KOM-LE-A_2095, 2096). Raises MailRefused (KOM-LE-A_2021, 2025,
    2057, 2058).
    """
    try:
        choice = await _choice(session, now)
        rejected: set[bytes] = set()
        for round_number in range(MAX_ROUNDS):
            judged = await _judge(
                session,
                operation,
                envelope,
                mail,
                choice,
                rejected=rejected,
                fresh=round_number > 0,
            )
            kept = [accepted.recipient.address for accepted in judged.accepted]
            client_mail.keep_recipients(mail.headers, kept)
            entries = _entries(mail, judged)
            attribute = recipient_emails.attribute(entries)
            protection = _protection(session, judged, choice)
            signed = await _sign(operation, protection, mail, attribute)
            try:
                cms = await protection.encrypt(operation, signed, entries, attribute)
            except KonnektorFault as fault:
                if fault.code != ENCRYPTION_FAILED or round_number + 1 == MAX_ROUNDS:
                    raise MailRefused(faults.ENCRYPTION_FAILED) from fault
                rejected |= await _invalid(session, operation, entries)
                continue
            return _Protected(mail, cms, judged)
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


async def _judge(
    session: Session,
    operation: Operation,
    envelope: MailEnvelope,
    mail: ClientMail,
    choice: Choice,
    *,
    rejected: set[bytes],
    fresh: bool,
) -> _Judged:
    """Look up sender and recipients; certificates in *rejected* count as missing."""
    recipients = [Recipient(mail.sender), *envelope.recipients]
    accepted, refused = await judge(
        operation, session.konnektor.directory, recipients, choice, fresh=fresh
    )
    usable = accepted if not rejected else _without(accepted, refused, rejected)
    if not usable or usable[0].recipient is not recipients[0]:
        raise MailRefused(faults.SENDER_NOT_FOUND)
    sender, *others = usable
    if not others:
        raise MailRefused(faults.CANNOT_ENCRYPT)
    for one_refused in refused:
        operation.event("RecipientRefused", code=one_refused.code)
    return _Judged(others, refused, sender.certificates)


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


def _protection(session: Session, judged: _Judged, choice: Choice) -> Protection:
    settings = session.installation.settings
    return Protection(
        session.installation,
        session.konnektor,
        session.user.context,
        signature_crypt(settings.release, settings.sign_crypt, ecc=choice.ecc),
        judged.sender,
    )


async def _sign(
    operation: Operation, protection: Protection, mail: ClientMail, attribute: bytes
) -> bytes:
    """Sign; whatever prevents it refuses the mail (KOM-LE-A_2021)."""
    try:
        return await protection.sign(operation, mail.to_bytes(), attribute)
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


async def _transmit(
    session: Session, operation: Operation, envelope: MailEnvelope, message: bytes
) -> Transmission:
    with operation.step("Transmit", peer="provider", recipients=len(envelope.recipients)) as data:
        transmission = await session.mta.transmit(envelope, message)
        data["code"] = transmission.reply.code
    return transmission


async def _report(session: Session, operation: Operation, sender: str, dsn: bytes) -> None:
    """Send the DSN through the provider; that it fails changes nothing for the mail."""
    reports = session.installation.reports
    await reports.send(session.account, operation, session.mta, to=sender, report=dsn)


def _outer(protected: _Protected, extra: dict[str, str]) -> bytes:
    return komle.outer_message(
        protected.mail.to_bytes(), protected.cms, version=komle.VERSION_PLAIN, extra=extra
    )


def _entries(mail: ClientMail, judged: _Judged) -> Entries:
    holders = [(a.recipient.address, a.certificates) for a in judged.accepted]
    return entries_of([*holders, (mail.sender, judged.sender)])


def _without_duplicates(envelope: MailEnvelope) -> MailEnvelope:
    unique = {canonical(r.address): r for r in reversed(envelope.recipients)}
    return MailEnvelope(envelope.sender, envelope.parameters, tuple(reversed(unique.values())))


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
