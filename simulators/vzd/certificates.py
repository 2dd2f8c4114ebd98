"""Encryption certificates as entries hold them, and what the directory reads from them."""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.process.bounded_file import read_bounded
from simulators.process.errors import InputError, one_line

MAX_BYTES = 1 << 20
_FOREVER = float("inf")
_IDS = uuid.UUID("6b1f2a52-7f0c-5d0e-9d0f-1c6f6f5a7e21")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in an entry; ``expires`` in seconds since the epoch, never if unreadable."""

    der: bytes
    expires: float = _FOREVER

    @property
    def id(self) -> str:
        """The name of its own entry (dn.cn) at the maintenance interfaces: follows from it."""
        return str(uuid.uuid5(_IDS, self.der.hex()))


def read_certificate(path: Path) -> Certificate:
    """Return the first certificate in the PEM file *path*. Raises InputError."""
    try:
        return certificate_of(x509.load_pem_x509_certificate(read_bounded(path, MAX_BYTES)))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no certificate in PEM: {one_line(str(error))}") from None


def certificate_of(certificate: x509.Certificate) -> Certificate:
    """Return *certificate* as an entry holds it."""
    return Certificate(
        certificate.public_bytes(Encoding.DER), certificate.not_valid_after_utc.timestamp()
    )


def parse_certificate(text: str) -> Certificate:
    """Return the certificate in *text*: PEM, or base64 of bytes that need not be a certificate.

    A tester may want a directory that answers garbage. Raises InputError if *text* is neither.
    """
    try:
        if "-----BEGIN" in text:
            return certificate_of(x509.load_pem_x509_certificate(text.encode()))
        der = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise InputError(f"neither PEM nor base64: {one_line(str(error), 100)}") from None
    try:
        return certificate_of(x509.load_der_x509_certificate(der))
    except ValueError:
        return Certificate(der)
