"""Certificates as people read them: holder, issuer, validity, Telematik-ID, profile, key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from simulators.formats import asn1, certificates
from simulators.formats.certificates import CertificateId
from simulators.formats.errors import FormatError

from .node import Node, node, problem

PROFILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1.2.276.0.76.4.72": "C.HP.QES (HBA, qualifizierte Signatur)",
        "1.2.276.0.76.4.74": "C.HP.ENC (HBA, Verschlüsselung)",
        "1.2.276.0.76.4.75": "C.HP.AUT (HBA, Authentisierung)",
        "1.2.276.0.76.4.76": "C.HCI.ENC (SMC-B, Verschlüsselung)",
        "1.2.276.0.76.4.77": "C.HCI.AUT (SMC-B, Authentisierung)",
        "1.2.276.0.76.4.78": "C.HCI.OSIG (SMC-B, Organisationssignatur)",
    }
)
_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "2.5.4.3": "CN",
        "2.5.4.6": "C",
        "2.5.4.7": "L",
        "2.5.4.8": "ST",
        "2.5.4.10": "O",
        "2.5.4.11": "OU",
    }
)
_MAX_PARTS = 16


def certificate(title: str, found: x509.Certificate) -> Node:
    """Return what the TI's rules read from *found*."""
    try:
        return node("certificate", title, certificates.common_name(found), children=_facts(found))
    except (FormatError, ValueError) as error:
        return node("certificate", title, children=[problem(error)])


def identity(found: CertificateId) -> str:
    """Return issuer and serial number in one line: CN=…, O=…, Nr. …"""
    return f"{issuer(found)}, Nr. {found.serial}"


def issuer(found: CertificateId) -> str:
    """Return the issuer's name, its last part first."""
    try:
        parts = asn1.parse(found.issuer).expect(asn1.SEQUENCE).children[-_MAX_PARTS:]
        return ", ".join(reversed([_part(one) for part in parts for one in part.children]))
    except FormatError:
        return "unlesbarer Aussteller"


def _part(attribute: asn1.Element) -> str:
    fields = attribute.fields()
    oid = fields.take(asn1.OBJECT_IDENTIFIER).oid()
    return f"{_NAMES.get(oid, oid)}={fields.take().text()}"


def _facts(found: x509.Certificate) -> Iterator[Node]:
    name = certificates.certificate_id(found)
    yield node("issuer", "Aussteller", issuer(name))
    yield node("serial", "Seriennummer", name.serial)
    begin, end = found.not_valid_before_utc, found.not_valid_after_utc
    yield node("validity", "gültig", f"{begin:%d.%m.%Y} bis {end:%d.%m.%Y}")
    for policy in certificates.policies(found):
        if policy in PROFILES:
            yield node("profile", "Profil", PROFILES[policy], note=policy)
    if telematik_id := certificates.telematik_id(found):
        yield node("telematik-id", "Telematik-ID", telematik_id)
    yield node("key", "Schlüssel", _key(found))


def _key(found: x509.Certificate) -> str:
    key = certificates.public_key(found)
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA, {key.key_size} Bit"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECC, {key.curve.name}"
    return "anderer Art"
