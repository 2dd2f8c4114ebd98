"""Identities as they stand on cards, made for these tests alone, and messages in BER."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from simulators.formats import asn1

NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
ISSUER = (
    (x509.NameOID.COUNTRY_NAME, "DE"),
    (x509.NameOID.ORGANIZATION_NAME, "kimulator NOT-VALID"),
    (x509.NameOID.COMMON_NAME, "SMCB-CA TEST-ONLY"),
)


@dataclass(frozen=True)
class Identity:
    certificate: x509.Certificate
    private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def make_identity(
    private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, name: str, serial: int
) -> Identity:
    admission = x509.Admission(
        None,
        None,
        [
            x509.ProfessionInfo(
                None,
                ["Betriebsstätte Arzt"],
                [x509.ObjectIdentifier("1.2.276.0.76.4.50")],
                "1-2-FORMATS-01",
                None,
            )
        ],
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in ISSUER]))
        .public_key(private_key.public_key())
        .serial_number(serial)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_BEFORE + timedelta(days=365))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private_key.public_key()), False)
        .add_extension(x509.Admissions(None, [admission]), False)
        .sign(private_key, hashes.SHA256())
    )
    return Identity(certificate, private_key)


@pytest.fixture(scope="session")
def rsa_identity() -> Identity:
    return make_identity(rsa.generate_private_key(65537, 2048), "Praxis RSA TEST-ONLY", 4711)


@pytest.fixture(scope="session")
def ecc_identity() -> Identity:
    return make_identity(
        ec.generate_private_key(ec.BrainpoolP256R1()), "Praxis ECC TEST-ONLY", 4712
    )


@pytest.fixture(scope="session", params=["rsa", "ecc"])
def identity(
    request: pytest.FixtureRequest, rsa_identity: Identity, ecc_identity: Identity
) -> Identity:
    return rsa_identity if request.param == "rsa" else ecc_identity


def is_certificate(element: asn1.Element) -> bool:
    """Tell a certificate by its version: certificates are DER wherever they stand."""
    inside = element.children
    return (
        len(inside) == 3
        and inside[0].tag == asn1.SEQUENCE
        and [child.tag for child in inside[0].children[:1]] == [asn1.context(0)]
    )


def in_ber(element: asn1.Element, piece: int = 1000) -> bytes:
    """Return *element* as streaming software writes it: no lengths, strings in pieces."""
    if element.tag == asn1.OCTET_STRING or element.tag == asn1.primitive(0):
        octets = bytes(element.content)
        if element.tag == asn1.OCTET_STRING and len(octets) < 64:  # keys, tags, nonces: whole
            return bytes(element.encoded)
        parts = [asn1.octet_string(octets[i : i + piece]) for i in range(0, len(octets), piece)]
        return bytes((element.tag | 0x20, 0x80)) + b"".join(parts) + b"\0\0"
    if not element.tag & 0x20 or is_certificate(element):
        return bytes(element.encoded)
    inside = b"".join(in_ber(child, piece) for child in element.children)
    return bytes((element.tag, 0x80)) + inside + b"\0\0"


@pytest.fixture(scope="session")
def to_ber() -> Callable[..., bytes]:
    """Return a function that turns DER into BER, strings in pieces of so many bytes."""

    def convert(der: bytes, piece: int = 1000) -> bytes:
        return in_ber(asn1.parse(der), piece)

    return convert
