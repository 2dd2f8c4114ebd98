"""What the TI's rules read from a certificate: identity, Telematik-ID, roles, policies."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509


@dataclass(frozen=True, eq=False)
class CertificateId:
    """Issuer and serial number: how CMS names a certificate (issuerAndSerialNumber).

    ``issuer`` is the DER Name as it stood in the source, root first. Equal are ids whose names
    mean the same: some client modules re-encode a Name with other string types.
    """

    issuer: bytes
    serial: int


def certificate_id(certificate: x509.Certificate) -> CertificateId:
    """Return issuer (the encoded bytes, untouched) and serial number of *certificate*."""
    raise NotImplementedError


def telematik_id(certificate: x509.Certificate) -> str | None:
    """Return the registrationNumber of the Admission extension; None without one."""
    raise NotImplementedError


def profession_oids(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the professionOIDs of the Admission extension (1.3.36.8.3.3), in their order."""
    raise NotImplementedError


def policies(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the policy OIDs of CertificatePolicies: profile and type of the card."""
    raise NotImplementedError


def common_name(certificate: x509.Certificate) -> str:
    """Return the subject's commonName; an empty string without one."""
    raise NotImplementedError


def is_ecc(certificate: x509.Certificate) -> bool:
    """Tell whether the certificate's key is one on an elliptic curve."""
    raise NotImplementedError
