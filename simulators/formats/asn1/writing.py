"""DER by joining bytes; a large value is joined once, by the one who asks for the whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from . import tags

Buffer = bytes | memoryview


def header(tag: int, length: int) -> bytes:
    """Return identifier and length octets of an element with *length* bytes of content."""
    if length < 0x80:
        return bytes((tag, length))
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big")


def encode(tag: int, *parts: Buffer) -> bytes:
    """Return the element *tag* with *parts*, one after the other, as content."""
    content = b"".join(parts)
    return header(tag, len(content)) + content


def enclose(tag: int, parts: Iterable[Buffer]) -> list[Buffer]:
    """Return header and *parts* of an element without joining them: for contents of megabytes."""
    pieces = list(parts)
    return [header(tag, sum(map(len, pieces))), *pieces]


def retag(tag: int, encoded: Buffer) -> bytes:
    """Return *encoded* under another identifier octet (IMPLICIT tagging)."""
    return b"".join((bytes((tag,)), encoded[1:]))


def sequence(*parts: Buffer) -> bytes:
    """Return a SEQUENCE of the encoded *parts*."""
    return encode(tags.SEQUENCE, *parts)


def set_of(parts: Iterable[bytes], tag: int = tags.SET) -> bytes:
    """Return a SET OF the encoded *parts* in DER order; *tag* replaces SET's own (IMPLICIT)."""
    return encode(tag, *sorted(parts))


def integer(value: int) -> bytes:
    """Return an INTEGER."""
    return encode(tags.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octet_string(value: Buffer) -> bytes:
    """Return an OCTET STRING."""
    return encode(tags.OCTET_STRING, value)


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER from its dotted form."""
    first, second, *arcs = map(int, dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *arcs):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        content.extend(reversed(groups))
    return encode(tags.OBJECT_IDENTIFIER, bytes(content))


def null() -> bytes:
    """Return NULL."""
    return b"\x05\x00"


def time(moment: datetime) -> bytes:
    """Return *moment* (with time zone) in seconds: UTCTime up to 2049, GeneralizedTime after."""
    utc = moment.astimezone(UTC)
    if 1950 <= utc.year < 2050:
        return encode(tags.UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode())
    return encode(tags.GENERALIZED_TIME, f"{utc.year:04}{utc:%m%d%H%M%S}Z".encode())
