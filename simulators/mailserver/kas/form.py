"""The form of an upload, read from the stream: small fields are held, the mail data passed on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from ..envelope import is_address
from ..faults import REST_INPUT, RestRefused
from .expires import read_date_time

ATTACHMENT = "attachment"
MAX_FIELD = 4096
MAX_HEADER_LINE = 2048
ROOM_FOR_FIELDS = 2 << 20
"""How much longer than its mail data a request may be."""


@dataclass
class Fields:
    """What was said of the mail data; addresses in lower case, ``expires`` UTC."""

    message_id: str | None = None
    expires: datetime | None = None
    recipients: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """The mail data begins; ``size`` as its Content-Length says, None when it has none."""

    size: int | None


class Form:
    """A multipart/form-data body as ``addMailData`` describes it.

    ``feed`` takes pieces of any length; every rule that is broken raises RestRefused (400) as
    soon as it is seen. Fields that nobody described are passed over.
    """

    def __init__(self, content_type: str, *, max_recipients: int) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get("boundary", "")
        if kind != "multipart/form-data" or not boundary or not boundary.isascii():
            raise _refused("the body must be multipart/form-data with a boundary")
        self.fields = Fields()
        self._max_recipients = max_recipients
        self._seen: set[str] = set()
        self._name = ""
        self._value = bytearray()
        try:
            self._parser = PushMultipartParser(
                boundary,
                max_header_size=MAX_HEADER_LINE,
                max_segment_count=max_recipients + 16,
            )
        except MultipartError as error:
            raise _refused(str(error.args[0])) from None

    def feed(self, data: bytes) -> Iterator[Start | bytes]:
        """Yield the start of the mail data once, and its bytes as they come."""
        try:
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    yield from self._begin(event)
                elif event is None:
                    self._end()
                elif self._name == ATTACHMENT:
                    yield bytes(event)
                else:
                    self._collect(event)
        except MultipartError as error:
            raise _refused(str(error.args[0])) from None

    def close(self) -> tuple[str, datetime, tuple[str, ...]]:
        """Return Message-ID, expiry and recipients of the body that is complete now."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise _refused(str(error.args[0])) from None
        fields = self.fields
        if ATTACHMENT not in self._seen:
            raise _missing(ATTACHMENT)
        if fields.message_id is None:
            raise _missing("messageID")
        if fields.expires is None:
            raise _missing("expires")
        if not fields.recipients:
            raise _missing("recipients")
        return fields.message_id, fields.expires, tuple(fields.recipients)

    def _begin(self, part: MultipartSegment) -> Iterator[Start]:
        self._name = part.name or ""
        self._value.clear()
        if self._name in self._seen and self._name in (ATTACHMENT, "messageID", "expires"):
            raise _refused(f"{self._name}: more than one part")
        self._seen.add(self._name)
        if part.header("Content-Transfer-Encoding", "binary").lower() not in _PLAIN:
            raise _refused(f"{self._name}: no transfer encoding is used in forms (RFC 7578 4.7)")
        if self._name == ATTACHMENT:
            length = part.header("Content-Length")
            yield Start(None if length is None else int(length))  # digits, says the parser

    def _collect(self, data: bytes) -> None:
        if len(self._value) + len(data) > MAX_FIELD:
            raise _refused(f"a field is longer than {MAX_FIELD} bytes")
        self._value += data

    def _end(self) -> None:
        if self._name not in ("messageID", "expires", "recipients"):
            return
        try:
            text = self._value.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise _refused(f"{self._name}: not UTF-8") from None
        if self._name == "messageID":
            self.fields.message_id = _message_id(text)
        elif self._name == "expires":
            try:
                self.fields.expires = read_date_time(text)
            except ValueError as error:
                raise _refused(f"expires: {error}") from None
        else:
            self._add_recipient(text)

    def _add_recipient(self, address: str) -> None:
        if not is_address(address):
            raise _refused("recipients: exactly one address in each part")
        self.fields.recipients[address.lower()] = None
        if len(self.fields.recipients) > self._max_recipients:
            raise _refused(f"recipients: more than {self._max_recipients}")


_PLAIN = ("binary", "8bit", "7bit")


def _message_id(text: str) -> str:
    """Return the Message-ID in angle brackets; gematik's example leaves them away."""
    if not text or not text.isprintable():
        raise _refused("messageID: empty or not printable")
    return text if text.startswith("<") else f"<{text}>"


def _missing(name: str) -> RestRefused:
    return _refused(f"{name}: the part is missing")


def _refused(message: str) -> RestRefused:
    return RestRefused(REST_INPUT.saying(message))
