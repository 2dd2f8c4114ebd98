"""The notice that mails were deleted because their time was over (KOM-LE-A_2154)."""

from __future__ import annotations

import quopri
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from simulators.formats.headers import Headers, encoded

from .provider import Provider
from .stored import NewDelivery, NewMail, StoredMail

SUBJECT = "Löschbenachrichtigung"
MARK = "<geloescht."
"""How the Message-IDs of notices begin: their own deletion is worth no notice."""
TEXT = (
    "Folgende Nachrichten wurden gelöscht, weil ihre Aufbewahrungsfrist von {days} Tagen abgelaufen"
    " ist:"
)


def deletion_notice(
    provider: Provider, mailbox: str, days: int, deleted: Sequence[StoredMail]
) -> NewMail | None:
    """Return the notice to *mailbox* about the mails *deleted* from it; None if there are none.

    It is neither signed nor encrypted, as the provider has no means to do it.
    """
    told = [mail for mail in deleted if not (mail.message_id or "").startswith(MARK)]
    if not told:
        return None
    settings, process = provider.settings, provider.process
    now = process.clock.now()
    number = process.randomness.uuid("message-id").hex
    message_id = f"{MARK}{number}@{settings.host_name}>"
    headers = Headers()
    headers.append("Date", format_datetime(now))
    headers.append("From", f"Mail Delivery Subsystem <mailer-daemon@{settings.domain}>")
    headers.append("To", mailbox)
    headers.append("Subject", encoded(SUBJECT))
    headers.append("Message-ID", message_id)
    headers.append("Auto-Submitted", "auto-generated")
    headers.append("MIME-Version", "1.0")
    headers.append("Content-Type", "text/plain; charset=utf-8")
    headers.append("Content-Transfer-Encoding", "quoted-printable")
    lines = [TEXT.format(days=days), "", *(_line(mail) for mail in told), ""]
    body = quopri.encodestring("\n".join(lines).encode()).replace(b"\n", b"\r\n")
    head = headers.to_bytes() + b"\r\n" + body
    delivery = NewDelivery(mailbox, b"Return-Path: <>\r\n")
    return NewMail(head, message_id, now.timestamp(), deliveries=[delivery])


def _line(mail: StoredMail) -> str:
    arrived = datetime.fromtimestamp(mail.received, UTC).strftime("%d.%m.%Y %H:%M UTC")
    return f"{mail.message_id or '(ohne Message-ID)'}, eingegangen am {arrived}"
