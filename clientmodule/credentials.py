"""SASL PLAIN and LOGIN, the server's part (KOM-LE-A_2009, 2031)."""

from __future__ import annotations

import base64
import binascii

MAX_PASSWORD = 255


class BadCredentials(ValueError):
    """What the client sent is no base64, or not what the mechanism asks for."""


def decode_response(response: bytes) -> bytes:
    """Return the bytes of a SASL response. Raises BadCredentials if it is no base64."""
    if response == b"=":  # an empty initial response (RFC 4954, 4.)
        return b""
    try:
        return base64.b64decode(response, validate=True)
    except (binascii.Error, ValueError):
        raise BadCredentials("no base64") from None


def read_plain(message: bytes) -> tuple[str, str]:
    """Return user name and password of a PLAIN message (RFC 4616). Raises BadCredentials."""
    fields = message.split(b"\0")
    if len(fields) != 3:
        raise BadCredentials("not three fields")
    return read_text(fields[1]), read_password(fields[2])


def read_text(value: bytes) -> str:
    """Return *value* as text. Raises BadCredentials if it is no UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise BadCredentials("no UTF-8") from None


def read_password(value: bytes) -> str:
    """Return *value* as password; control characters could smuggle commands to the provider."""
    password = read_text(value)
    if len(password) > MAX_PASSWORD or any(ord(c) < 32 or ord(c) == 127 for c in password):
        raise BadCredentials("no password")
    return password
