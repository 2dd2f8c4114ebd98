"""Delivery status notifications of this server (KOM-LE-A_2130 to 2132, 2147; RFC 3461)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.formats.dsn import RecipientReport, delivery_report

from .envelope import Envelope, Recipient, dump
from .provider import Provider
from .stored import NewDelivery, NewMail, NewRelay

DELIVERED = "2.0.0"


@dataclass(frozen=True)
class Subject:
    """The mail that a report is about; ``arrived`` in virtual epoch seconds (t2)."""

    envelope: Envelope
    head: bytes
    message_id: str | None
    arrived: float


def header_block(head: bytes) -> bytes:
    """Return the header fields at the beginning of a mail, the last line end included."""
    if head.startswith(b"\r\n"):
        return b""
    end = head.find(b"\r\n\r\n")
    return head if end < 0 else head[: end + 2]


def delivered(recipient: Recipient) -> RecipientReport:
    """Report that *recipient* has the mail in its mailbox."""
    return RecipientReport(
        recipient.address, "delivered", DELIVERED, original_recipient=recipient.original
    )


def relayed(recipient: Recipient) -> RecipientReport:
    """Report that the next server took the mail, which promises no report of its own."""
    return RecipientReport(
        recipient.address, "relayed", DELIVERED, original_recipient=recipient.original
    )


def failed(recipient: Recipient, status: str, diagnostic: str) -> RecipientReport:
    """Report that *recipient* does not get the mail and why."""
    return RecipientReport(
        recipient.address, "failed", status, f"smtp; {diagnostic}", recipient.original
    )


class Reports:
    """Writes DSN and addresses them to the sender's mailbox or provider, with MAIL FROM <>."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def write(self, subject: Subject, reports: Sequence[RecipientReport]) -> NewMail | None:
        """Return the DSN about *subject*, or None when there is nobody to tell.

        A mail without sender is never answered (RFC 3461 5.2); neither is one whose sender has
        no mailbox here or whose domain has no route.
        """
        sender = subject.envelope.sender
        if not sender or not reports:
            return None
        provider, settings = self._provider, self._provider.settings
        now = provider.process.clock.now()
        own = provider.process.randomness.uuid("message-id")
        message_id = f"<{own.hex}.{int(now.timestamp() * 1000):x}@{settings.host_name}>"
        mail = NewMail(b"", message_id, now.timestamp())
        domain = sender.rpartition("@")[2].lower()
        account = provider.accounts.find(sender)
        elsewhere = domain != settings.domain and provider.routing.may_know(domain)
        if account is not None:
            mail.deliveries.append(NewDelivery(account.address, b"Return-Path: <>\r\n"))
        elif not elsewhere:
            provider.process.journal.record(
                "dsn.undeliverable", message_id=subject.message_id, recipient=sender
            )
            return None
        mail.head = delivery_report(
            reporting_mta=settings.host_name,
            reports=reports,
            original_headers=header_block(subject.head),
            to=sender,
            sender_text=f"Mail Delivery Subsystem <mailer-daemon@{settings.domain}>",
            arrival=datetime.fromtimestamp(subject.arrived, UTC),
            now=now,
            message_id=message_id,
            in_reply_to=_in_reply_to(subject.message_id),
            envelope_id=subject.envelope.envelope_id,
        )
        if account is None:
            envelope = Envelope("", eight_bit=not mail.head.isascii())  # headers of the subject
            never = Recipient(sender, frozenset({"NEVER"}))
            mail.relays.append(NewRelay(domain, dump(envelope, [never])))
        return mail

    def sent(self, subject: Subject, report: NewMail, reports: Sequence[RecipientReport]) -> None:
        """Note in the journal that a report is on its way."""
        self._provider.process.journal.record(
            "dsn.sent",
            message_id=subject.message_id,
            report=report.message_id,
            recipient=subject.envelope.sender,
            outcomes={r.address: r.action for r in reports},
        )


def _in_reply_to(message_id: str | None) -> str | None:
    """Return *message_id* unless it cannot stand in a header: odd ones help to find the mail."""
    return message_id if message_id is not None and message_id.isascii() else None
