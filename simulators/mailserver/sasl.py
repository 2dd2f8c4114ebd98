"""What a login by SASL says (RFC 4616 PLAIN), for SMTP and POP3."""

from __future__ import annotations

import binascii
from base64 import b64decode


class NotDecodable(Exception):
    """What came is no base64, or no PLAIN."""


def decoded(encoded: str) -> bytes:
    """Return the bytes of a base64 response; ``=`` is an empty one (RFC 4954 4)."""
    if encoded == "=":
        return b""
    try:
        return b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise NotDecodable from None


def plain(response: bytes) -> tuple[str, str] | None:
    """Return user and password; None when somebody else's identity is asked for."""
    parts = response.split(b"\0")
    if len(parts) != 3:
        raise NotDecodable
    identity, user, password = parts
    if identity and identity != user:
        return None
    return text(user), text(password)


def text(data: bytes) -> str:
    """Return what came as text that compares with passwords of the settings."""
    return data.decode("utf-8", "surrogateescape")
