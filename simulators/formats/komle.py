"""The KOM-LE S/MIME profile: the stages between a client mail and the message on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .headers import Headers

SUBJECT: Final = "KOM-LE-Nachricht"
VERSION_HEADER: Final = "X-KOM-LE-Version"
VERSION_PLAIN: Final = "1.0"
VERSION_KAS: Final = "1.5"


def wrap_client_mail(mail: bytes) -> bytes:
    """Return the message/rfc822 entity that is signed (KOM-LE-A_2097)."""
    raise NotImplementedError


def signed_entity(cms: bytes) -> bytes:
    """Return the application/pkcs7-mime signed-data entity that is encrypted (binary)."""
    raise NotImplementedError


def outer_message(
    client_mail: bytes, cms: bytes, *, version: str, extra: Mapping[str, str]
) -> bytes:
    """Return the message for the wire around the encrypted *cms*.

    KOM-LE-A_2098-03, 2099, 2100-02, 2101-01, 2102; *extra* are fields of the client module.
    """
    raise NotImplementedError


def is_komle(headers: Headers) -> bool:
    """Tell whether a message with *headers* is a KOM-LE message (A_21390)."""
    raise NotImplementedError


def version(headers: Headers) -> str | None:
    """Return the value of X-KOM-LE-Version; None without it."""
    raise NotImplementedError


def encrypted_cms(message: bytes) -> bytes:
    """Return the CMS of a KOM-LE message. Raises FormatError."""
    raise NotImplementedError


def signed_cms(entity: bytes) -> bytes:
    """Return the CMS of a decrypted signed-data entity. Raises FormatError."""
    raise NotImplementedError


def client_mail(entity: bytes) -> bytes:
    """Return the client mail inside the signed message/rfc822 entity. Raises FormatError."""
    raise NotImplementedError


def differing_headers(outer: Headers, inner: Headers) -> tuple[str, ...]:
    """Return which of From, Sender, Reply-To, To, Cc differ as sets of addresses.

    KOM-LE-A_2048-01: any name here is integrity result 08.
    """
    raise NotImplementedError
