"""The KOM-LE S/MIME profile: the stages between a client mail and the message on the wire.

client mail → wrap_client_mail → (signed) → signed_entity → (encrypted) → outer_message
client_mail ← (verified) ← signed_cms ← (decrypted) ← encrypted_cms ← message
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Mapping
from typing import Final

from .entities import content_type, transfer_decoded
from .errors import FormatError
from .headers import Headers, addresses, canonical, split_message

SUBJECT: Final = "KOM-LE-Nachricht"
"""Subject of every outer message (KOM-LE-A_2102)."""
VERSION_HEADER: Final = "X-KOM-LE-Version"
VERSION_PLAIN: Final = "1.0"
"""Nothing of the mail lies on a KAS (KOM-LE-A_2100-02)."""
VERSION_KAS: Final = "1.5"
"""The mail data lie on a KAS (KOM-LE-A_2100-02)."""
KIM_PREFIX: Final = "x-kim-"
COPIED_HEADERS: Final = ("Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID")
"""What the outer message repeats of the inner one (KOM-LE-A_2098-03, 2101-01)."""
COMPARED_HEADERS: Final = ("From", "Sender", "Reply-To", "To", "Cc")
"""What must say the same outside and inside (KOM-LE-A_2048-01)."""

_RFC822_ENTITY = b"Content-Type: message/rfc822\r\n\r\n"
_SIGNED_ENTITY = (
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
    b"Content-Transfer-Encoding: binary\r\n"
    b"Content-Disposition: attachment; filename=smime.p7m\r\n"
    b"\r\n"
)
_ENVELOPED_HEADER = (
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: application/pkcs7-mime;\r\n"
    b" smime-type=authenticated-enveloped-data; name=smime.p7m\r\n"
    b"Content-Transfer-Encoding: base64\r\n"
    b"Content-Disposition: attachment; filename=smime.p7m\r\n"
)
_BASE64_LINE = 76
_BASE64_BLOCK = 57 * 4096
"""Bytes encoded at once: whole lines, and few enough to stay in the processor's cache."""


def wrap_client_mail(mail: bytes) -> bytes:
    """Return the message/rfc822 entity that is signed, ended by CRLF (KOM-LE-A_2097)."""
    return _RFC822_ENTITY + mail + (b"" if mail.endswith(b"\r\n") else b"\r\n")


def signed_entity(cms: bytes) -> bytes:
    """Return the application/pkcs7-mime entity that is encrypted: raw DER (KOM-LE-A_2299-01)."""
    return _SIGNED_ENTITY + cms


def outer_message(
    client_mail: bytes, cms: bytes, *, version: str, extra: Mapping[str, str]
) -> bytes:
    """Return the message for the wire around the encrypted *cms* (KOM-LE-A_2193, 2096).

    Date, From, Sender, Reply-To, To, Cc, Bcc, Message-ID and every X-KIM- header of
    *client_mail* are repeated byte for byte (KOM-LE-A_2098-03, 2101-01), the subject is the
    fixed one (KOM-LE-A_2102), *version* is VERSION_PLAIN or VERSION_KAS (KOM-LE-A_2099,
    2100-02). *extra* are the client module's own fields (X-KIM-CMVersion, Expires, …); they
    take the place of fields of that name in *client_mail*.
    """
    outer = outer_headers(split_message(client_mail)[0], version=version, extra=extra)
    return b"".join((outer.to_bytes(), _ENVELOPED_HEADER, b"\r\n", base64_lines(cms)))


def outer_headers(
    inner: Headers, *, version: str = VERSION_PLAIN, extra: Mapping[str, str] | None = None
) -> Headers:
    """Return the header block of the message around a mail with the headers *inner*.

    It lacks what describes the body.
    """
    extra = extra or {}
    outer = Headers()
    own = {name.lower() for name in extra}
    outer.extend(inner.named(*(name for name in COPIED_HEADERS if name.lower() not in own)))
    outer.extend(inner.select(lambda name: name.startswith(KIM_PREFIX) and name not in own))
    outer.append("Subject", SUBJECT)
    outer.append(VERSION_HEADER, version)
    for name, value in extra.items():
        outer.append(name, value)
    return outer


def base64_lines(data: bytes) -> bytes:
    """Return *data* in base64, lines of 76 characters ended by CRLF."""
    pieces = []
    view = memoryview(data)
    for begin in range(0, len(data), _BASE64_BLOCK):
        text = memoryview(binascii.b2a_base64(view[begin : begin + _BASE64_BLOCK], newline=False))
        whole, rest = divmod(len(text), _BASE64_LINE)
        end = whole * _BASE64_LINE
        lines = list(struct.unpack(f"{_BASE64_LINE}s" * whole, text[:end]))  # cut in one call
        if rest:
            lines.append(bytes(text[end:]))
        pieces.append(b"\r\n".join([*lines, b""]))
    return b"".join(pieces)


def is_komle(headers: Headers) -> bool:
    """Tell whether a message with *headers* is a KOM-LE message (A_21390)."""
    return version(headers) is not None


def version(headers: Headers) -> str | None:
    """Return the value of X-KOM-LE-Version; None without it."""
    return headers.get(VERSION_HEADER)


def encrypted_cms(message: bytes) -> bytes:
    """Return the CMS of a KOM-LE message.

    Raises FormatError if its body is no application/pkcs7-mime authenticated-enveloped-data.
    """
    return _pkcs7_body(message, "authenticated-enveloped-data")


def signed_cms(entity: bytes) -> bytes:
    """Return the CMS of a decrypted entity.

    Raises FormatError if that is no application/pkcs7-mime signed-data.
    """
    return _pkcs7_body(entity, "signed-data")


def client_mail(entity: bytes) -> bytes:
    """Return the client mail inside the signed entity.

    Raises FormatError if that is no message/rfc822.
    """
    headers, body = split_message(entity)
    if content_type(headers)[0] != "message/rfc822":
        raise FormatError("the signed content is no message/rfc822")
    return transfer_decoded(headers, body)


def differing_headers(outer: Headers, inner: Headers) -> tuple[str, ...]:
    """Return which of From, Sender, Reply-To, To, Cc differ as sets of addresses.

    KOM-LE-A_2048-01: any name here is integrity result 08. Display names, folding, case and
    order carry no meaning.
    """
    return tuple(
        name
        for name in COMPARED_HEADERS
        if outer.raw(name) != inner.raw(name)  # if not to the letter, then by what they mean
        and _address_set(outer, name) != _address_set(inner, name)
    )


def _address_set(headers: Headers, name: str) -> frozenset[str]:
    return frozenset(
        canonical(address) for value in headers.get_all(name) for address in addresses(value)
    )


def _pkcs7_body(entity: bytes, smime_type: str) -> bytes:
    """Return the decoded body of an S/MIME entity. Raises FormatError if it is another kind."""
    headers, body = split_message(entity)
    media_type, parameters = content_type(headers)
    if media_type not in {"application/pkcs7-mime", "application/x-pkcs7-mime"}:
        raise FormatError("the entity is no application/pkcs7-mime")
    if parameters.get("smime-type", smime_type).lower() != smime_type:
        raise FormatError(f"the entity is no S/MIME {smime_type}")
    return transfer_decoded(headers, body)
