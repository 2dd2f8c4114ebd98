"""MIME entities as far as KIM's own forms need them: media type, parameters, transfer encoding."""

from __future__ import annotations

import binascii
import re

from .errors import FormatError
from .headers import Headers

_PIECE = 1 << 20
_NO_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
_PARAMETER = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+("(?:[^"\\]|\\.)*+"|[^\s;"]*+)')


def content_type(headers: Headers) -> tuple[str, dict[str, str]]:
    """Return the media type in lower case (text/plain if there is none) and its parameters."""
    value = headers.get("Content-Type")
    if value is None:
        return "text/plain", {}
    media_type, _, _ = value.partition(";")
    parameters = {name.lower(): _unquoted(text) for name, text in _PARAMETER.findall(value)}
    return media_type.strip().lower(), parameters


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def transfer_decoded(headers: Headers, body: bytes) -> bytes:
    """Undo the Content-Transfer-Encoding of *body*. Raises FormatError for an unknown one."""
    encoding = (headers.get("Content-Transfer-Encoding") or "7bit").strip().lower()
    if encoding == "base64":
        try:
            return from_base64(body)
        except binascii.Error:
            raise FormatError("the body is not base64") from None
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding in {"7bit", "8bit", "binary"}:
        return body
    raise FormatError("the body has an unknown transfer encoding")


def from_base64(text: bytes) -> bytes:
    """Return what *text* stands for; characters of no meaning are passed over (RFC 2045, 6.8).

    Piece by piece, for Python lets no other thread run meanwhile. Raises binascii.Error.
    """
    pieces: list[bytes] = []
    held = b""
    for begin in range(0, len(text), _PIECE):
        clean = held + text[begin : begin + _PIECE].translate(None, _NO_BASE64)
        if b"=" in clean:  # the end, mostly
            return b"".join((*pieces, binascii.a2b_base64(clean + text[begin + _PIECE :])))
        whole = len(clean) // 4 * 4
        pieces.append(binascii.a2b_base64(clean[:whole]))
        held = clean[whole:]
    return b"".join((*pieces, binascii.a2b_base64(held)))
