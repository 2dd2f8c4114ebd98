"""Faults on stored mails: a header replaced, or the ciphertext altered so that GCM fails."""

from __future__ import annotations

import base64
import binascii

from simulators.formats.headers import split_message
from simulators.process.faults import Effect

from .faults import CORRUPT_CIPHERTEXT

MAX_DEPTH = 12
_LINE = 76
_SEQUENCE, _OBJECT_IDENTIFIER = 0x30, 0x06


def alter(message: bytes, effect: Effect) -> bytes:
    """Return *message* as *effect* changes it; unchanged where there is nothing to change."""
    if effect.kind == CORRUPT_CIPHERTEXT:
        return _corrupt(message)
    headers, body = split_message(message)
    headers.replace(effect.header or "Subject", effect.value or "")
    return headers.to_bytes() + b"\r\n" + body


def _corrupt(message: bytes) -> bytes:
    headers, body = split_message(message)
    try:
        cms = bytearray(base64.b64decode(body, validate=False))
    except binascii.Error:
        return message
    place = ciphertext_place(bytes(cms))
    if place is None:
        return message
    cms[place] ^= 0xFF
    encoded = base64.b64encode(bytes(cms))
    lines = (encoded[n : n + _LINE] + b"\r\n" for n in range(0, len(encoded), _LINE))
    return headers.to_bytes() + b"\r\n" + b"".join(lines)


def ciphertext_place(cms: bytes) -> int | None:
    """Return the place of one byte of the encrypted content of an (Auth)EnvelopedData, or None.

    The ciphertext is ``[0]`` in the last member of EncryptedContentInfo: primitive in DER, in
    BER also a chain of OCTET STRINGs. Changing that byte leaves the ASN.1 readable.
    """
    try:
        outer = list(_members(cms, 0, len(cms), 1))
        content = _inside(cms, outer[0])  # ContentInfo: contentType, [0] content
        enveloped = _inside(cms, _inside(cms, content[1])[0])
        for member in enveloped:  # EncryptedContentInfo begins with an OBJECT IDENTIFIER
            inner = _inside(cms, member) if cms[member[0]] == _SEQUENCE else []
            if len(inner) == 3 and cms[inner[0][0]] == _OBJECT_IDENTIFIER:
                return _content_byte(cms, inner[2])
    except (IndexError, ValueError):
        return None
    return None


_Member = tuple[int, int, int]  # start of the tag, of the value, end of the value


def _content_byte(cms: bytes, member: _Member) -> int | None:
    start, value, end = member
    if not cms[start] & 0x20:
        return value if end > value else None
    for piece in _inside(cms, member):
        found = _content_byte(cms, piece)
        if found is not None:
            return found
    return None


def _inside(cms: bytes, member: _Member) -> list[_Member]:
    return list(_members(cms, member[1], member[2], None))


def _members(cms: bytes, start: int, end: int, limit: int | None) -> list[_Member]:
    """Return the elements between *start* and *end*; raises ValueError or IndexError."""
    found: list[_Member] = []
    while start < end and (limit is None or len(found) < limit):
        if cms[start : start + 2] == b"\0\0":
            break
        value, after, following = _element(cms, start, 0)
        found.append((start, value, after))
        start = following
    return found


def _element(cms: bytes, start: int, depth: int) -> _Member:
    """Return start of the value, its end, and where the next element begins."""
    if depth > MAX_DEPTH or cms[start] & 0x1F == 0x1F:
        raise ValueError("no CMS")
    length, value = cms[start + 1], start + 2
    if length == 0x80:
        position = value
        while cms[position : position + 2] != b"\0\0":
            position = _element(cms, position, depth + 1)[2]
        return value, position, position + 2
    if length > 0x80:
        size = length & 0x7F
        length, value = int.from_bytes(cms[value : value + size]), value + size
    if value + length > len(cms):
        raise ValueError("no CMS")
    return value, value + length, value + length
