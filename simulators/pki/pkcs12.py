"""PKCS#12 files: what createCert hands to a client module, and a Clientsystem's certificate."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    serialize_key_and_certificates,
)

from .certificate import PrivateKey

PASSWORD_BYTES = 18
# The password is random with 144 bits: more rounds would only slow down every start.
ROUNDS = 2048


def new_password() -> str:
    """Return a random password of letters, digits, - and _ (144 bits)."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def pkcs12_file(
    name: str,
    private_key: PrivateKey,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    password: str,
) -> bytes:
    """Return a PKCS#12 with PBES2 (AES-256-CBC) and an HMAC-SHA-256, as OpenSSL 3 and Java 8u301
    and later read it; *name* is its friendly name.
    """
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(ROUNDS)
        .key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password.encode())
    )
    return serialize_key_and_certificates(
        name.encode(), private_key, certificate, list(chain), encryption
    )
