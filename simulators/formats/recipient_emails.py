"""The attribute recipient-emails of the KOM-LE S/MIME profile (KOM-LE-A_2114-01)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from . import asn1, certificates, cms_attributes
from .addresses import canonical
from .certificates import CertificateId
from .errors import FormatError

OID: Final = "1.2.276.0.76.4.173"
MAX_ENTRIES: Final = 2000


@dataclass(frozen=True)
class RecipientEmail:
    """One address and the certificate that was encrypted for it."""

    address: str
    certificate: CertificateId


def attribute(entries: Iterable[tuple[str, x509.Certificate]]) -> bytes:
    """Return the DER Attribute that names *entries* (address, encryption certificate).

    KOM-LE-A_2115-02 to 2117: one RecipientEmail per RecipientInfo, with issuer and serial
    number of the same certificate. As in gematik's sample attrValues itself is the set of
    RecipientEmail. Raises FormatError if an address is not ASCII (IA5String).
    """
    return cms_attributes.attribute(OID, *(_encoded(*entry) for entry in entries))


def _encoded(address: str, certificate: x509.Certificate) -> bytes:
    if not address.isascii():
        raise FormatError("recipient-emails holds ASCII addresses only")
    return asn1.sequence(
        asn1.encode(asn1.IA5_STRING, address.encode()),
        certificates.certificate_id(certificate).encoded(),
    )


def read(values: Sequence[bytes]) -> frozenset[RecipientEmail]:
    """Read the attribute's values, as a set: order and encoding carry no meaning.

    Accepts RecipientEmail elements directly in attrValues (gematik's sample) and one SET of
    them (the ASN.1 of the profile). Raises FormatError.
    """
    elements: list[asn1.Element] = []
    for value in values:
        element = asn1.parse(value)
        elements += element.children if element.tag == asn1.SET else [element]
    if len(elements) > MAX_ENTRIES:
        raise FormatError(f"recipient-emails has more than {MAX_ENTRIES} entries")
    return frozenset(map(_decoded, elements))


def same_recipients(first: Iterable[RecipientEmail], second: Iterable[RecipientEmail]) -> bool:
    """Tell whether both name the same (KOM-LE-A_2048-01): case, order, number mean nothing."""
    return _meaning(first) == _meaning(second)


def _meaning(entries: Iterable[RecipientEmail]) -> frozenset[RecipientEmail]:
    return frozenset(RecipientEmail(canonical(e.address), e.certificate) for e in entries)


def _decoded(element: asn1.Element) -> RecipientEmail:
    fields = element.fields()
    address = fields.take(asn1.IA5_STRING).text()
    certificate = certificates.issuer_and_serial(fields.take(asn1.SEQUENCE))
    fields.end()
    return RecipientEmail(address, certificate)
