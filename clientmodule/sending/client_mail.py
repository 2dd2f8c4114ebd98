"""The mail of the client system: who sends it, what is added, what must not be in it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from simulators.formats import enveloped_data, kas_part, komle
from simulators.formats.addresses import mailboxes
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, addresses, canonical, same_address, split_message

from .. import faults, mime
from ..faults import MailRefused
from ..mime import Part
from .reception import SpooledMail

_HALF_LINE_END = re.compile(rb"(?<!\r)\n|\r(?!\n)")
SERVICE_HEADER = "X-KIM-Dienstkennung"
DEFAULT_SERVICE = "KIM-Mail;Default;V1.0"
RECIPIENT_HEADERS = ("To", "Cc", "Bcc")
EFFORT = 16
MAX_FORWARDS = 5
"""How deep a forwarded message is looked for: an error mail may be forwarded as attachment."""
OWN_HEADERS = (
    "X-KIM-CMVersion",
    "X-KIM-PTVersion",
    "X-KIM-KONVersion",
    "X-KIM-DecryptionResult",
    "X-KIM-IntegrityCheckResult",
    kas_part.SIZE_HEADER,
)
"""What only a client module writes: from a client system it would be copied outside."""


@dataclass(frozen=True)
class Submitted:
    """A mail as the client system sent it, taken apart once: header block, body, MIME parts."""

    content: bytes
    headers: Headers
    body: bytes
    parts: tuple[Part, ...]

    @classmethod
    def read(cls, content: bytes) -> Submitted:
        """Take *content* apart. Raises FormatError if a header block in it never ends."""
        headers, body = split_message(content)
        return cls(content, headers, body, tuple(mime.parts(content)))

    @property
    def dispositions(self) -> frozenset[str | None]:
        """The words of Content-Disposition of the parts, in lower case."""
        return frozenset(part.disposition for part in self.parts)

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.content)

    def decoded_size(self) -> int:
        """Return the bytes of the mail with its base64 parts decoded (KOM-LE-A_2004-01)."""
        return mime.decoded_size(self.content, self.parts)


@dataclass
class ClientMail:
    """A client mail that may be protected: header block, body, and the address of its sender."""

    headers: Headers
    body: bytes
    sender: str

    @property
    def message_id(self) -> str:
        """The Message-ID with angle brackets."""
        return self.headers.get("Message-ID") or ""

    def to_bytes(self) -> bytes:
        """Return the mail."""
        return self.headers.to_bytes() + b"\r\n" + self.body


def effort(headers: Headers) -> int:
    """Return how many bytes of other content take as long as the addresses in *headers* may."""
    return EFFORT * len(headers.to_bytes())


def prepare(
    mail: Submitted | SpooledMail,
    *,
    mail_from: str,
    recipients: Collection[str],
    now: datetime,
    replace_from: bool,
) -> ClientMail:
    """Judge and complete *mail* before it is protected.

    A part x-kas is refused (A_22341); Dienstkennung (A_19488-02), Message-ID and Date are added
    where they are missing. With *replace_from* a From that differs from *mail_from* gives way to
    it and a differing Sender is dropped, unless the only recipient is the sender. Of one that is
    spooled the body stays where it is. Raises MailRefused.
    """
    if kas_part.DISPOSITION in mail.dispositions:
        raise MailRefused(faults.HOLDS_KAS_PART)
    headers = mail.headers
    if b"\0" in headers.to_bytes():  # which no MTA needs to take, and no report could name
        raise MailRefused(faults.BAD_MESSAGE)
    to_oneself = [canonical(address) for address in recipients] == [canonical(mail_from)]
    if replace_from and mail_from and not to_oneself:
        _apply_sender(headers, mail_from)
    sender = sender_of(headers)
    if sender is None:
        raise MailRefused(faults.NO_SENDER)
    for name in OWN_HEADERS:
        headers.remove(name)
    if headers.get(SERVICE_HEADER) is None:
        headers.append(SERVICE_HEADER, DEFAULT_SERVICE)
    if headers.get("Message-ID") is None:
        headers.append("Message-ID", f"<{uuid.uuid4()}@{sender.rpartition('@')[2]}>")
    if headers.get("Date") is None:
        headers.append("Date", format_datetime(now))
    return ClientMail(headers, mail.body if isinstance(mail, Submitted) else b"", sender)


def sender_of(headers: Headers) -> str | None:
    """Return the address in Sender, else the first in From (KOM-LE-A_2022); None without one."""
    for name in ("Sender", "From"):
        found = addresses(headers.get(name) or "")
        if found:
            return found[0]
    return None


def keep_recipients(headers: Headers, allowed: Collection[str]) -> None:
    """Take all but the *allowed* addresses out of To, Cc and Bcc (A_23174, KOM-LE-A_2028).

    A header whose addresses are all allowed keeps its bytes. An address of KIM is ASCII; without
    case, ``straße`` would be the same as ``strasse``.
    """
    wanted = {canonical(address) for address in allowed}
    for name in RECIPIENT_HEADERS:
        found = [mailbox for value in headers.get_all(name) for mailbox in mailboxes(value)]
        kept = [one for one in found if one[1].isascii() and canonical(one[1]) in wanted]
        if len(kept) == len(found):
            continue
        if kept:
            headers.replace(name, ",\r\n ".join(f"{n} <{a}>" if n else a for n, a in kept))
        else:
            headers.remove(name)


def contained_message(mail: Submitted, *, depth: int = MAX_FORWARDS) -> bytes | None:
    """Return the KOM-LE message that *mail* was forwarded with, for a second decryption.

    KOM-LE-A_2029: a part message/rfc822, or one inside of it, that holds a KOM-LE S/MIME message.
    It leaves the house as it is, so the header X-KOM-LE-Version alone is not believed.
    """
    if depth == 0:
        return None
    for part in mail.parts:
        if part.content_type != "message/rfc822":
            continue
        try:
            inner = Submitted.read(mime.decoded(mail.content, part))
        except FormatError:
            continue
        if _is_protected(inner):
            return _with_whole_line_ends(inner.content)
        found = contained_message(inner, depth=depth - 1)
        if found is not None:
            return found
    return None


def _with_whole_line_ends(message: bytes) -> bytes:
    """Return *message* with CRLF for every line end: an MTA might take another for the last one."""
    message = _HALF_LINE_END.sub(b"\r\n", message)
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def _is_protected(mail: Submitted) -> bool:
    if not komle.is_komle(mail.headers):
        return False
    try:
        enveloped_data.read(komle.encrypted_cms(mail.content))
    except FormatError:
        return False
    return True


def _apply_sender(headers: Headers, mail_from: str) -> None:
    written = _addresses_in(headers, "From")
    if not written:
        return  # a mail without From is refused, not completed
    if len(written) > 1 or not same_address(written[0], mail_from):
        headers.replace("From", mail_from)
        headers.remove("Sender")
    elif not all(same_address(sender, mail_from) for sender in _addresses_in(headers, "Sender")):
        headers.remove("Sender")


def _addresses_in(headers: Headers, name: str) -> list[str]:
    """Return the addresses in all fields called *name*: two fields From are as good as one."""
    return [address for value in headers.get_all(name) for address in addresses(value)]
