"""Reading a delivered mail as a PVS does: header fields, text, attachments."""

from __future__ import annotations

import email.policy
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser

from simulators.process.errors import one_line

MAX_PARTS = 200


@dataclass(frozen=True)
class Part:
    """A leaf of a mail: decoded content and the names it goes by."""

    media_type: str
    file_name: str | None
    description: str | None
    disposition: str | None
    encoding: str | None
    content: bytes


@dataclass(frozen=True)
class ReadMail:
    """A mail taken apart. Header values are unfolded and decoded."""

    message: Message
    parts: tuple[Part, ...]

    def field(self, name: str) -> str | None:
        """Return the first value of the header field *name*."""
        value = self.message.get(name)
        return None if value is None else one_line(str(value), 2000)

    def fields(self, name: str) -> list[str]:
        """Return every value of the header field *name*."""
        return [one_line(str(value), 2000) for value in self.message.get_all(name, [])]

    @property
    def subject(self) -> str:
        """The Subject with encoded words decoded, in one line."""
        raw = self.field("Subject") or ""
        try:
            return one_line(str(make_header(decode_header(raw))), 2000)
        except (LookupError, ValueError):
            return raw

    @property
    def text(self) -> str:
        """The text parts, joined; line ends as LF."""
        return "\n".join(
            part.content.decode("utf-8", "replace").replace("\r\n", "\n")
            for part in self.parts
            if part.media_type.startswith("text/") and part.disposition != "attachment"
        )

    def described(self, description: str) -> list[Part]:
        """Return the parts whose Content-Description is *description*."""
        return [part for part in self.parts if part.description == description]

    @property
    def embedded(self) -> list[bytes]:
        """The messages inside (message/rfc822), as bytes."""
        return [
            inner.as_bytes()
            for part in _leaves(self.message)
            if part.get_content_type() == "message/rfc822"
            for inner in [part.get_payload(0)]
            if isinstance(inner, Message)
        ]


def read_mail(content: bytes) -> ReadMail:
    """Take *content* apart; broken structure shows as missing parts, never as an error."""
    message = BytesParser(policy=email.policy.compat32.clone(linesep="\r\n")).parsebytes(content)
    parts = [
        Part(
            leaf.get_content_type(),
            leaf.get_filename(),
            leaf.get("Content-Description"),
            leaf.get_content_disposition(),
            (leaf.get("Content-Transfer-Encoding") or "").lower() or None,
            payload if isinstance(payload := leaf.get_payload(decode=True), bytes) else b"",
        )
        for leaf in _leaves(message)
        if leaf.get_content_type() != "message/rfc822"
    ]
    return ReadMail(message, tuple(parts))


def _leaves(message: Message) -> Iterator[Message]:
    """Yield the leaves in order; an embedded message is one leaf and is not entered."""
    waiting: list[Message] = [message]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        current = waiting.pop(0)
        payload = current.get_payload()
        if current.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting[:0] = [part for part in payload if isinstance(part, Message)]
        else:
            yield current
