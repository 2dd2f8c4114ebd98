"""Delivery status notifications: multipart/report as RFC 3461 to 3464 (KOM-LE-A_2147)."""

from __future__ import annotations

import hashlib
import quopri
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from types import MappingProxyType
from typing import Final

from .entities import content_type, transfer_decoded
from .errors import FormatError
from .headers import Headers, encoded, split_message
from .kim_codes import FEHLERMELDUNG

MAX_REPORT_BYTES: Final = 64 << 20
MAX_PARTS: Final = 20
MAX_RECIPIENTS: Final = 10_000
KIM_DIAGNOSTIC: Final = "x-kim"
"""Type of a Diagnostic-Code that holds a code of X-KIM-Fehlermeldung."""

_SUBJECTS: Final = MappingProxyType(
    {
        "delivered": "Zustellbestätigung (Delivery Status Notification)",
        "failed": "Nachricht nicht zugestellt (Delivery Status Notification)",
    }
)
_OTHER_SUBJECT: Final = "Zustellbericht (Delivery Status Notification)"
_SENTENCES: Final = MappingProxyType(
    {
        "delivered": "Ihre Nachricht wurde an folgende Empfänger zugestellt:",
        "failed": "Ihre Nachricht konnte an folgende Empfänger nicht zugestellt werden:",
        "delayed": "Die Zustellung Ihrer Nachricht an folgende Empfänger verzögert sich:",
        "relayed": (
            "Ihre Nachricht wurde für folgende Empfänger an einen Server weitergegeben, der "
            "keine Zustellbestätigungen sendet:"
        ),
        "expanded": "Ihre Nachricht wurde an die Mitglieder folgender Verteiler gegeben:",
    }
)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_EMPTY_LINES = re.compile(rb"(?:\r?\n[ \t]*){2,}")


@dataclass(frozen=True)
class RecipientReport:
    """What became of one recipient.

    ``action``: delivered, failed, delayed, relayed or expanded; ``status``: RFC 3463 code such
    as ``5.1.1``; ``diagnostic``: reply of the remote server, ``smtp; 550 …``, or a code of
    X-KIM-Fehlermeldung, ``x-kim; 4004 …``; ``original_recipient``: the sender's ORCPT value,
    ``rfc822;address``.
    """

    address: str
    action: str
    status: str
    diagnostic: str | None = None
    original_recipient: str | None = None


@dataclass(frozen=True)
class DeliveryReport:
    """A DSN as read: what is missing is None or empty."""

    headers: Headers
    reporting_mta: str | None
    arrival: datetime | None
    reports: tuple[RecipientReport, ...]
    original_headers: Headers | None
    in_reply_to: str | None
    text: str


def delivery_report(
    *,
    reporting_mta: str,
    reports: Sequence[RecipientReport],
    original_headers: bytes,
    to: str,
    sender_text: str,
    arrival: datetime,
    now: datetime,
    message_id: str,
    in_reply_to: str | None,
    extra_headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    envelope_id: str | None = None,
    words: tuple[str, str] | None = None,
) -> bytes:
    """Return the DSN, neither signed nor encrypted (KOM-LE-A_2147).

    *original_headers*: header block of the message it is about (only HDRS is ever returned);
    *to*: the address of that message's sender; *sender_text*: the From of the DSN, for example
    ``Mail Delivery Subsystem <mailer-daemon@…>``; *arrival*: t2, when the message came in;
    *now*: t3; *message_id* and *in_reply_to* with angle brackets; *extra_headers*: further
    fields, X-KIM-Fehlermeldung as often as there are errors; *envelope_id*: the sender's ENVID;
    *words*: subject and text for the reader, where the usual ones do not fit.

    Raises FormatError if a value holds line breaks.
    """
    boundary = "=_" + hashlib.sha256(message_id.encode()).hexdigest()[:32]
    headers = Headers()
    headers.append("Date", format_datetime(now))
    headers.append("From", sender_text)
    headers.append("To", to)
    headers.append("Subject", encoded(words[0] if words else _subject(reports)))
    headers.append("Message-ID", message_id)
    if in_reply_to is not None:
        headers.append("In-Reply-To", in_reply_to)
    headers.append("Auto-Submitted", "auto-replied")
    pairs = extra_headers.items() if isinstance(extra_headers, Mapping) else extra_headers
    for name, value in pairs:
        headers.append(name, value)
    headers.append("MIME-Version", "1.0")
    headers.append(
        "Content-Type", f'multipart/report; report-type=delivery-status; boundary="{boundary}"'
    )
    status = _status_fields(reporting_mta, reports, arrival, envelope_id)
    original = Headers.parse(original_headers).to_bytes()
    encoding = "7bit" if original.isascii() else "8bit"
    parts = (
        _part(
            "text/plain; charset=utf-8",
            "quoted-printable",
            _quoted(words[1] if words else _explanation(reports)),
        ),
        _part("message/delivery-status", "7bit" if status.isascii() else "8bit", status),
        _part("text/rfc822-headers", encoding, original),
    )
    opening = f"--{boundary}\r\n".encode()
    body = b"".join(opening + part for part in parts) + f"--{boundary}--\r\n".encode()
    return headers.to_bytes() + b"\r\n" + body


def _part(media_type: str, encoding: str, content: bytes) -> bytes:
    headers = Headers()
    headers.append("Content-Type", media_type)
    headers.append("Content-Transfer-Encoding", encoding)
    return headers.to_bytes() + b"\r\n" + content + b"\r\n"


def _subject(reports: Sequence[RecipientReport]) -> str:
    actions = {report.action for report in reports}
    return _SUBJECTS.get(actions.pop(), _OTHER_SUBJECT) if len(actions) == 1 else _OTHER_SUBJECT


def _explanation(reports: Sequence[RecipientReport]) -> str:
    """Return the part for humans."""
    lines = ["Dies ist eine automatisch erzeugte Nachricht.", ""]
    for action in dict.fromkeys(report.action for report in reports):
        lines.append(_SENTENCES.get(action, f"Status {action} für folgende Empfänger:"))
        lines += [_line(report) for report in reports if report.action == action]
        lines.append("")
    return "\n".join(lines)


def _quoted(text: str) -> bytes:
    """Return *text* as quoted-printable."""
    encoded_text = quopri.encodestring(text.encode(), quotetabs=False)
    return encoded_text.replace(b"\n", b"\r\n")


def _line(report: RecipientReport) -> str:
    if report.action == "delivered":
        return f"  {report.address}"
    return f"  {report.address}: {_reason(report)}"


def _reason(report: RecipientReport) -> str:
    kind, _, reason = (report.diagnostic or "").partition(";")
    if kind.strip() == KIM_DIAGNOSTIC and (code := reason.split()[:1]):
        known = FEHLERMELDUNG.get(code[0])
        if known is not None:
            return f"{known.text} (Fehler {known.code})"
    return f"{reason.strip()} (Status {report.status})" if reason else f"Status {report.status}"


def _status_fields(
    reporting_mta: str,
    reports: Sequence[RecipientReport],
    arrival: datetime,
    envelope_id: str | None,
) -> bytes:
    """Return the content of message/delivery-status (RFC 3464, 2)."""
    message = Headers()
    if envelope_id is not None:
        message.append("Original-Envelope-Id", _from_xtext(envelope_id))
    message.append("Reporting-MTA", f"dns; {reporting_mta}")
    message.append("Arrival-Date", format_datetime(arrival))
    groups = [message]
    for report in reports:
        group = Headers()
        if report.original_recipient is not None:
            kind, _, address = report.original_recipient.partition(";")
            group.append("Original-Recipient", f"{kind}; {_from_xtext(address.strip())}")
        group.append("Final-Recipient", f"rfc822; {report.address}")
        group.append("Action", report.action)
        group.append("Status", report.status)
        if report.diagnostic is not None:
            group.append("Diagnostic-Code", report.diagnostic)
        groups.append(group)
    return b"\r\n".join(group.to_bytes() for group in groups)


def _from_xtext(value: str) -> str:
    """Undo RFC 3461's xtext, but for what must not stand in a header."""

    def character(match: re.Match[str]) -> str:
        found = chr(int(match.group(1), 16))
        return found if found.isprintable() and found.isascii() else match.group()

    return _XTEXT.sub(character, value)


def read_report(message: bytes) -> DeliveryReport | None:
    """Read a DSN, ours or a foreign one.

    None if *message* is no multipart/report of type delivery-status or larger than
    MAX_REPORT_BYTES. Whatever else is wrong with it is left out.
    """
    if len(message) > MAX_REPORT_BYTES:
        return None
    try:
        headers, body = split_message(message)
        media_type, parameters = content_type(headers)
        kind = parameters.get("report-type", "delivery-status").lower()
        if media_type != "multipart/report" or kind != "delivery-status":
            return None
        parts = [split_message(part) for part in _parts(body, parameters.get("boundary", ""))]
    except FormatError:
        return None
    by_type: dict[str, tuple[Headers, bytes]] = {}
    for part in parts:
        by_type.setdefault(content_type(part[0])[0].replace("message/global-", "message/"), part)
    if "message/delivery-status" not in by_type:
        return None
    groups = [
        Headers.parse(group)
        for group in _EMPTY_LINES.split(_decoded(by_type["message/delivery-status"]).strip())
    ][: MAX_RECIPIENTS + 1]
    return DeliveryReport(
        headers=headers,
        reporting_mta=_after_type(groups[0].get("Reporting-MTA")),
        arrival=_date(groups[0].get("Arrival-Date")),
        reports=tuple(_report(group) for group in groups if group.raw("Final-Recipient")),
        original_headers=_original(by_type),
        in_reply_to=headers.get("In-Reply-To"),
        text=_text(by_type.get("text/plain")),
    )


def _parts(body: bytes, boundary: str) -> list[bytes]:
    """Return the parts of a multipart body, without preamble and epilogue."""
    if not boundary or not boundary.isascii():
        return []
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*\r?\n")
    found: list[bytes] = []
    begin = -1
    for match in delimiter.finditer(body + b"\r\n"):
        if begin >= 0:
            found.append(body[begin : match.start()])
        begin = match.end()
        if match.group(1) or len(found) >= MAX_PARTS:
            break
    return found


def _decoded(part: tuple[Headers, bytes]) -> bytes:
    try:
        return transfer_decoded(*part)
    except FormatError:
        return part[1]


def _text(part: tuple[Headers, bytes] | None) -> str:
    if part is None:
        return ""
    character_set = content_type(part[0])[1].get("charset", "utf-8")
    try:
        return _decoded(part).decode(character_set)
    except (LookupError, UnicodeError, ValueError):
        return _decoded(part).decode("latin-1")


def _original(by_type: Mapping[str, tuple[Headers, bytes]]) -> Headers | None:
    """Return the header of the message reported on, also where all of it came back."""
    for media_type in ("text/rfc822-headers", "message/rfc822", "message/headers"):
        part = by_type.get(media_type)
        if part is not None:
            try:
                return split_message(_decoded(part))[0]
            except FormatError:
                return None
    return None


def _report(group: Headers) -> RecipientReport:
    original = group.get("Original-Recipient")
    return RecipientReport(
        address=_after_type(group.get("Final-Recipient")) or "",
        action=(group.get("Action") or "").lower(),
        status=group.get("Status") or "",
        diagnostic=group.get("Diagnostic-Code"),
        original_recipient=None if original is None else re.sub(r"\s*;\s*", ";", original, count=1),
    )


def _after_type(value: str | None) -> str | None:
    """Return what stands after ``rfc822;`` or ``dns;``."""
    return None if value is None else value.partition(";")[2].strip() or value.strip()


def _date(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
