"""The way of one mail from the client system's DATA to the MTA's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from simulators.formats import komle
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, canonical, split_message

from .. import faults
from ..faults import MailRefused
from ..gateway import where
from ..kas.client import KasFailed
from ..limits import AccountLimits
from ..lines import unstuff
from ..mta import MailEnvelope, Recipient, Transmission
from . import client_mail, large_mail
from .client_mail import ClientMail, Submitted
from .large_mail import OnKas
from .reception import SpooledMail
from .reports import Failure, failure_report, outdated_report
from .rounds import Protected, protect
from .session import Sending, Session
from .version_check import is_outdated
from .whole_mail import WholeMail

if TYPE_CHECKING:
    from ..operation import Operation


async def send(
    session: Session, operation: Operation, envelope: MailEnvelope, received: bytes | SpooledMail
) -> Transmission:
    """Protect the mail in a dot-terminated text, or in a spool, and hand it to the MTA.

    KOM-LE-A_2019; a large one by way of the KAS (A_19357-02). Recipients who cannot get it are
    reported to the sender by a DSN of its own. Raises MailRefused when nothing was sent,
    ConnectionError or TimeoutError when the MTA is lost.
    """
    compute = session.installation.compute
    arrival = session.installation.clock.now()
    envelope = _without_duplicates(envelope)
    mail: Submitted | SpooledMail
    if isinstance(received, SpooledMail):
        mail = received
    else:
        mail = await compute(len(received), _submitted, received)
        forwarded = await compute(len(received), client_mail.contained_message, mail)
        if forwarded is not None:
            operation.event("UnwrapForwarded")
            return await _forward(session, operation, envelope, forwarded, arrival)
    prepared = await _prepare(session, envelope, mail, arrival)
    operation.message_id = prepared.message_id
    operation.event("ClientMail", peer="pvs", recipients=len(envelope.recipients))
    if await _is_large(session, mail):
        return await _send_large(
            session, operation, envelope, mail, prepared=prepared, arrival=arrival
        )
    way = WholeMail(prepared)
    return await _send(Sending(session, operation, envelope, prepared, arrival, way), mail.size)


async def _forward(
    session: Session,
    operation: Operation,
    envelope: MailEnvelope,
    message: bytes,
    arrival: datetime,
) -> Transmission:
    """Hand a message that is protected already to the MTA as it is (KOM-LE-A_2029)."""
    transmission = await _transmit(session, operation, envelope, message)
    failures = [Failure(recipient, reply=reply) for recipient, reply in transmission.refused]
    if transmission.reply.positive and failures:
        headers = komle.outer_headers(split_message(message)[0])
        mail = ClientMail(headers, b"", session.user.address)
        sending = Sending(session, operation, envelope, mail, arrival, WholeMail(mail))
        await _told(sending, _report_failures(sending, failures, outer=headers))
    return transmission


async def _send_large(
    session: Session,
    operation: Operation,
    envelope: MailEnvelope,
    mail: Submitted | SpooledMail,
    *,
    prepared: ClientMail,
    arrival: datetime,
) -> Transmission:
    """Send a small mail in place of one whose data lie on the KAS (A_19365-02).

    Data of a mail that the MTA did not take are deleted again (FAQ); they stay when nobody knows
    whether it did. A failed upload is told by the reply and by a report (4002).
    """
    limit = await _limits(session, operation)
    _require_allowed(mail.size, limit)
    way = OnKas(session.account, operation, prepared, mail, expires=arrival + limit.time_to_live)
    sending = Sending(session, operation, envelope, prepared, arrival, way)
    try:
        transmission = await _send(sending, mail.size)
    except KasFailed as error:
        if session.installation.settings.report_failed_upload:
            failures = [Failure(r, code=large_mail.NOT_UPLOADED) for r in envelope.recipients]
            await _report_failures(sending, failures, outer=komle.outer_headers(prepared.headers))
        raise MailRefused(large_mail.refusal(error)) from error
    except BaseException as error:
        stopping = isinstance(error, asyncio.CancelledError)
        if not session.mta.in_doubt:
            await way.withdraw(large_mail.STOP_SECONDS if stopping else large_mail.DELETE_SECONDS)
        raise
    await way.withdraw(large_mail.DELETE_SECONDS)
    return transmission


async def _send(sending: Sending, size: int) -> Transmission:
    """Protect the prepared mail, of *size* bytes when it came, and hand it to the MTA."""
    session, operation, arrival = sending.session, sending.operation, sending.arrival
    protected, limit = await asyncio.gather(_protected(sending), _limits(session, operation))
    _require_allowed(size, limit)
    outdated = await is_outdated(session.account, operation)
    directory = await session.konnektor.soap.directory()
    settings = session.installation.settings
    extra = {
        "X-KIM-CMVersion": settings.cm_version,
        "X-KIM-PTVersion": settings.pt_version,
        "X-KIM-KONVersion": directory.version_header,
        "Expires": format_datetime(arrival + limit.time_to_live),
        **sending.way.extra,
    }
    compute = session.installation.compute
    outer = await compute(len(protected.cms), _outer, protected, sending.way.version, extra)
    session.konnektor.job_numbers.prepare(operation, session.user.context)  # for the next mail
    kept = tuple(accepted.recipient for accepted in protected.judged.accepted)
    addressed = MailEnvelope(sending.envelope.sender, sending.envelope.parameters, kept)
    transmission = await _transmit(session, operation, addressed, outer)
    if transmission.reply.positive:
        sending.way.keep()
        failures = [Failure(r.recipient, code=r.code) for r in protected.judged.refused]
        failures += [Failure(recipient, reply=reply) for recipient, reply in transmission.refused]
        headers = split_message(outer)[0]
        if failures:
            await _told(sending, _report_failures(sending, failures, outer=headers))
        if outdated:
            await _told(sending, _report_outdated(sending, kept, outer=headers))
        await session.installation.reports.deliver(session.account, operation, session.mta)
    return transmission


async def _told(sending: Sending, report: Awaitable[None]) -> None:
    """Await a *report* about a mail that the MTA has: its failure must not have it sent again."""
    try:
        await report
    except Exception as error:
        sending.operation.error(where(error))


async def _protected(sending: Sending) -> Protected:
    if not sending.way.large:
        return await protect(sending)
    async with sending.session.mta.kept_alive():
        return await protect(sending)


async def _is_large(session: Session, mail: Submitted | SpooledMail) -> bool:
    """Tell whether *mail* is too large for the Konnektor (KOM-LE-A_2004-01, A_19357-02)."""
    if isinstance(mail, SpooledMail):
        return True
    decoded = await session.installation.compute(mail.size, mail.decoded_size)
    return decoded > session.installation.settings.max_client_mail


def _limits(session: Session, operation: Operation) -> Awaitable[AccountLimits]:
    limits = session.installation.limits
    return limits.of(operation, session.konnektor, session.user, session.password)


def _require_allowed(size: int, limit: AccountLimits) -> None:
    """Refuse a mail larger than maxMailSize (A_19355-01)."""
    if size > limit.max_mail_size:
        raise MailRefused(faults.TOO_LARGE)


def _submitted(text: bytes) -> Submitted:
    try:
        return Submitted.read(unstuff(text))
    except FormatError:
        raise MailRefused(faults.BAD_MESSAGE) from None


async def _prepare(
    session: Session, envelope: MailEnvelope, mail: Submitted | SpooledMail, now: datetime
) -> ClientMail:
    settings = session.installation.settings
    return await session.installation.compute(
        client_mail.effort(mail.headers),
        client_mail.prepare,
        mail,
        mail_from=envelope.sender,
        recipients=[recipient.address for recipient in envelope.recipients],
        now=now,
        replace_from=settings.replace_from,
    )


async def _transmit(
    session: Session, operation: Operation, envelope: MailEnvelope, message: bytes
) -> Transmission:
    with operation.step("Transmit", peer="provider", recipients=len(envelope.recipients)) as data:
        transmission = await session.mta.transmit(envelope, message)
        data["code"] = transmission.reply.code
    return transmission


async def _report_failures(
    sending: Sending, failures: Sequence[Failure], *, outer: Headers
) -> None:
    """Tell the sender who does not get the mail, but of whom NOTIFY says not to."""
    reported = [failure for failure in failures if failure.recipient.failure_is_reported]
    if not reported:
        return
    dsn = failure_report(
        reported,
        sender=sending.mail.sender,
        outer=outer,
        arrival=sending.arrival,
        now=sending.session.installation.clock.now(),
        envelope_id=sending.envelope.envelope_id,
    )
    await _report(sending, sending.mail.sender, dsn)


async def _report_outdated(sending: Sending, kept: Sequence[Recipient], *, outer: Headers) -> None:
    """Tell the sender that this client module is outdated (A_21387-01)."""
    notice = outdated_report(
        kept,
        sender=sending.mail.sender,
        outer=outer,
        arrival=sending.arrival,
        now=sending.session.installation.clock.now(),
        envelope_id=sending.envelope.envelope_id,
    )
    await _report(sending, sending.session.user.address, notice)


async def _report(sending: Sending, to: str, dsn: bytes) -> None:
    """Send the DSN through the provider; that it fails changes nothing for the mail."""
    session = sending.session
    reports = session.installation.reports
    await reports.send(session.account, sending.operation, session.mta, to=to, report=dsn)


def _outer(protected: Protected, version: str, extra: dict[str, str]) -> bytes:
    return komle.outer_message(protected.content, protected.cms, version=version, extra=extra)


def _without_duplicates(envelope: MailEnvelope) -> MailEnvelope:
    unique = {canonical(r.address): r for r in reversed(envelope.recipients)}
    return MailEnvelope(envelope.sender, envelope.parameters, tuple(reversed(unique.values())))
