"""The errors of this package: bytes that are not what they claim to be."""

from __future__ import annotations


class FormatError(ValueError):
    """Bytes are not what they claim to be; the message is one line without any of their content."""


class UnknownAlgorithm(FormatError):
    """The message is well formed, but made with an algorithm that is not read here."""


class WrongKey(FormatError):
    """No recipient entry for the certificate, or the key does not open it."""


class Tampered(FormatError):
    """The authentication tag does not fit: ciphertext, nonce or attributes were altered."""
