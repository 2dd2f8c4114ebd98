"""CMS attributes: an object identifier and a set of values, signed or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from . import asn1

DATA: Final = "1.2.840.113549.1.7.1"
"""id-data, the value of contentType in KIM (KOM-LE-A_2121)."""
CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
ALGORITHM_PROTECTION: Final = "1.2.840.113549.1.9.52"
"""cmsAlgorithmProtection (RFC 6211)."""
CONTENT_HINTS: Final = "1.2.840.113549.1.9.16.2.4"
SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
"""signingCertificateV2 (RFC 5035)."""


def attribute(oid: str, *values: bytes) -> bytes:
    """Return the DER Attribute *oid* with the encoded *values*."""
    return asn1.sequence(asn1.oid(oid), asn1.set_of(values))


def check(encoded: Iterable[bytes]) -> None:
    """Raise FormatError unless each of *encoded* is one Attribute."""
    for item in encoded:
        fields = asn1.parse(item).fields()
        fields.take(asn1.OBJECT_IDENTIFIER)
        fields.take(asn1.SET)
        fields.end()


def read(der: bytes) -> dict[str, tuple[bytes, ...]]:
    """Return the values (DER each) of a DER ``SET OF Attribute`` by OID.

    The values of an attribute that stands twice follow one another. Raises FormatError.
    """
    found: dict[str, tuple[bytes, ...]] = {}
    for element in asn1.parse(der).expect(asn1.SET).children:
        fields = element.fields()
        oid = fields.take(asn1.OBJECT_IDENTIFIER).oid()
        values = tuple(bytes(value.encoded) for value in fields.take(asn1.SET).children)
        fields.end()
        found[oid] = found.get(oid, ()) + values
    return found
