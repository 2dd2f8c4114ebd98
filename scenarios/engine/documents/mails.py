"""KIM mails as a PVS or an insurer writes them: Dienstkennung, subject, parts, descriptions.

TA-eAU chapter 5 for the eAU, AF-eAB for the eArztbrief, gematik's guide for primary systems for
everything else. Written by hand, line by line, because their form is what is judged.
"""

from __future__ import annotations

import base64
import quopri
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from importlib.metadata import version

from ..services.one_document import one_document
from ..services.registry import shipped

EAU = "eAU;Lieferung;V1.2"
STORNO = "eAU;Storno-Arzt;V1.2"
FEHLER = "eAU;Fehler-Kasse;V1.2"
ARZTBRIEF = "Arztbrief;VHitG-Versand;V1.2"
KIM_MAIL = "KIM-Mail;Default;V1.0"

DEFAULT_SUBJECT = "Elektronischer Arztbrief"
SUPPORT = "support@kimulator.invalid"
BASE64_LINE = 76


@dataclass(frozen=True)
class Envelope:
    """Who writes to whom, and when. ``in_reply_to`` is a Message-ID with angle brackets.

    Answers go to ``reply_to``, without it to the sender.
    """

    sender: str
    recipients: tuple[str, ...]
    written: datetime
    in_reply_to: str | None = None
    reply_to: str | None = None


@dataclass(frozen=True)
class Attachment:
    """A part of a mail: ``description`` is its Content-Description, if it has one."""

    content: bytes
    media_type: str
    file_name: str
    description: str | None


@dataclass(frozen=True)
class Mail:
    """A mail as it goes over SMTP, with what refers to it later."""

    message_id: str
    service: str
    subject: str
    content: bytes


def kim_mail(envelope: Envelope, subject: str, text: str) -> Mail:
    """Return a plain KIM mail: text/plain alone, no multipart and no HTML body."""
    return _mail(envelope, KIM_MAIL, subject, text, ())


@dataclass(frozen=True)
class Extras:
    """What an eAU mail has beyond what TA-eAU asks for, or instead of it."""

    text: str = ""
    service: str | None = None
    attachments: tuple[Attachment, ...] = ()


def eau_delivery(
    envelope: Envelope,
    identifier: str,
    signed: bytes,
    extras: Extras = Extras(),
) -> Mail:
    """Return ``eAU;Lieferung``: exactly one signed eAU (P5-02)."""
    return _signed(envelope, EAU, identifier, signed, extras)


def eau_storno(
    envelope: Envelope,
    identifier: str,
    signed: bytes,
    extras: Extras = Extras(),
) -> Mail:
    """Return ``eAU;Storno-Arzt`` (P5-03)."""
    return _signed(envelope, STORNO, identifier, signed, extras)


def eau_error(
    envelope: Envelope, identity: str, outcome: bytes, text: str, *, service: str = FEHLER
) -> Mail:
    """Return ``eAU;Fehler-Kasse``: the OperationOutcome unsigned, details in the body (KP5-05).

    *service* is the Dienstkennung, whose version depends on what the practice sent (P5-08).
    """
    form = one_document(FEHLER, identity)
    part = Attachment(outcome, form.media_type, form.file_name, form.description)
    return _mail(envelope, service, form.subject, text, (part,))


def arztbrief(envelope: Envelope, subject: str | None, pdf: bytes, cda: bytes) -> Mail:
    """Return an eArztbrief: the signed PDF/A and the CDA, a body without medical content.

    The default subject of the specification is not in the public text: ours is unconfirmed.
    """
    said = (shipped().entry(ARZTBRIEF).parts or ())[:2]
    parts = [
        Attachment(content, part.media_type or "", name, part.description)
        for part, content, name in zip(
            said, (pdf, cda), ("Arztbrief.pdf", "Arztbrief.xml"), strict=True
        )
    ]
    text = "Diese Nachricht enthält einen elektronischen Arztbrief."
    return _mail(envelope, ARZTBRIEF, subject or DEFAULT_SUBJECT, text, parts)


def registered_mail(
    envelope: Envelope, service: str, subject: str, text: str, parts: Sequence[Attachment]
) -> Mail:
    """Return a mail with any Dienstkennung: its form is the caller's."""
    return _mail(envelope, service, subject, text, parts)


def _signed(
    envelope: Envelope, service: str, identifier: str, signed: bytes, extras: Extras
) -> Mail:
    """Return a mail with one signed document, in the form of *service*."""
    form = one_document(service, identifier)
    attached = Attachment(signed, form.media_type, form.file_name, form.description)
    parts = (attached, *extras.attachments)
    return _mail(envelope, extras.service or service, form.subject, extras.text, parts)


def _mail(
    envelope: Envelope, service: str, subject: str, text: str, parts: Sequence[Attachment]
) -> Mail:
    message_id = f"<{uuid.uuid4()}@kimulator.invalid>"
    fields = [
        ("Date", format_datetime(envelope.written)),
        ("From", envelope.sender),
        ("Reply-To", envelope.reply_to or envelope.sender),
        ("To", ",\r\n ".join(envelope.recipients)),
        ("Subject", subject if subject.isascii() else Header(subject, "utf-8").encode()),
        ("Message-ID", message_id),
        ("X-KIM-Dienstkennung", service),
        ("X-KIM-Sendersystem", f"kimulator;{version('kimulator')}"),
        ("X-KIM-Support", SUPPORT),
        ("MIME-Version", "1.0"),
    ]
    if envelope.in_reply_to is not None:
        fields.insert(6, ("In-Reply-To", envelope.in_reply_to))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    if not parts:
        return Mail(message_id, service, subject, head + _text_part(text))
    boundary = f"kimulator-{uuid.uuid4().hex}"
    content = [
        head,
        f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'.encode(),
        *(
            f"--{boundary}\r\n".encode() + part + b"\r\n"
            for part in (_text_part(text), *map(_attachment, parts))
        ),
        f"--{boundary}--\r\n".encode(),
    ]
    return Mail(message_id, service, subject, b"".join(content))


def _text_part(text: str) -> bytes:
    body = quopri.encodestring(text.replace("\r\n", "\n").encode()).replace(b"\n", b"\r\n")
    return (
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + body + b"\r\n"
    )


def _attachment(part: Attachment) -> bytes:
    encoded = base64.b64encode(part.content)
    lines = [encoded[i : i + BASE64_LINE] for i in range(0, len(encoded), BASE64_LINE)]
    head = (
        f"Content-Type: {part.media_type}; name={part.file_name}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment; filename={part.file_name}\r\n"
    )
    if part.description is not None:
        head += f"Content-Description: {part.description}\r\n"
    return head.encode() + b"\r\n" + b"\r\n".join(lines)
