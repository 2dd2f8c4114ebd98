"""A signature by a certificate that nobody vouches for (codes 201 and 203)."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from simulators.formats import signed_data

_VALID = timedelta(days=30)


def signed_by_a_stranger(document: bytes, now: datetime) -> bytes:
    """Return a CAdES-enveloping signature that holds, by a self-signed certificate."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fremd TEST-ONLY")])
    certificate = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - _VALID, now + _VALID
    ).sign(key, hashes.SHA256())
    return signed_data.sign(document, signed_data.key_signer(certificate, key), signing_time=now)
