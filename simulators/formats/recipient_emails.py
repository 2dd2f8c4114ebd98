"""The attribute recipient-emails of the KOM-LE S/MIME profile (KOM-LE-A_2114-01)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from .certificates import CertificateId

OID: Final = "1.2.276.0.76.4.173"


@dataclass(frozen=True)
class RecipientEmail:
    """One address and the certificate that was encrypted for."""

    address: str
    certificate: CertificateId


def attribute(entries: Iterable[tuple[str, x509.Certificate]]) -> bytes:
    """Return the DER Attribute that names *entries* (address, encryption certificate).

    KOM-LE-A_2115-02 to 2117: one RecipientEmail per RecipientInfo, issuer and serial number of
    the same certificate.
    """
    raise NotImplementedError


def read(values: Sequence[bytes]) -> frozenset[RecipientEmail]:
    """Read the attribute's values, as a set: order and encoding carry no meaning.

    Accepts RecipientEmail elements directly in attrValues (gematik's sample) and one SET of
    them (the ASN.1 of the profile). Raises FormatError.
    """
    raise NotImplementedError
