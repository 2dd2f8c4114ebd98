"""What the TI's rules read from a certificate: identity, Telematik-ID, roles, policies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from . import asn1
from .errors import FormatError

MIN_RSA_BITS = 2048
MIN_EC_BITS = 256
QC_COMPLIANCE = "0.4.0.1862.1.1"
"""QcCompliance (ETSI EN 319 412-5): the certificate is a qualified one."""

_QC_STATEMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")
_MAX_RDNS = 64
_MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises for certificates that are not what they should be."""


@dataclass(frozen=True, eq=False)
class CertificateId:
    """Issuer and serial number: how CMS names a certificate (issuerAndSerialNumber).

    ``issuer`` is the encoded Name as it stood in the source, root first. Ids are equal when
    their names mean the same: some software encodes a Name anew, with other string types.
    """

    issuer: bytes
    serial: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CertificateId) or self.serial != other.serial:
            return False
        if self.issuer == other.issuer:
            return True
        return self._meaning is not None and self._meaning == other._meaning

    def __hash__(self) -> int:
        return hash(self.serial)

    @cached_property
    def _meaning(self) -> list[frozenset[tuple[str, str | bytes]]] | None:
        """The issuer as RFC 5280, 7.1, compares it: string type, case, spaces mean nothing."""
        try:
            return _canonical_name(self.issuer)
        except FormatError:
            return None

    def encoded(self) -> bytes:
        """Return the DER IssuerAndSerialNumber."""
        return asn1.sequence(self.issuer, asn1.integer(self.serial))


def certificate_id(certificate: x509.Certificate) -> CertificateId:
    """Return issuer (the encoded bytes, untouched) and serial number of *certificate*."""
    fields = asn1.parse(certificate.tbs_certificate_bytes).fields()
    fields.optional(asn1.context(0))
    serial = fields.take(asn1.INTEGER).integer()
    fields.take(asn1.SEQUENCE)
    return CertificateId(bytes(fields.take(asn1.SEQUENCE).encoded), serial)


def issuer_and_serial(element: asn1.Element) -> CertificateId:
    """Read an IssuerAndSerialNumber. Raises FormatError."""
    fields = element.fields()
    issuer = bytes(fields.take(asn1.SEQUENCE).encoded)
    serial = fields.take(asn1.INTEGER).integer()
    fields.end()
    return CertificateId(issuer, serial)


def load(der: bytes) -> x509.Certificate:
    """Read a DER certificate; its key and extensions are looked at later. Raises FormatError."""
    try:
        return x509.load_der_x509_certificate(der)
    except _MALFORMED:
        raise FormatError("not an X.509 certificate") from None


def public_key(certificate: x509.Certificate) -> CertificatePublicKeyTypes:
    """Return the certificate's key. Raises FormatError if it is malformed or of an unknown kind."""
    try:
        return certificate.public_key()
    except _MALFORMED:
        raise FormatError("the certificate's public key cannot be used") from None


def subject_key_identifier(certificate: x509.Certificate) -> bytes | None:
    """Return the value of the extension SubjectKeyIdentifier; None without it."""
    try:
        return (
            _extensions(certificate).get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        )
    except x509.ExtensionNotFound:
        return None


def telematik_id(certificate: x509.Certificate) -> str | None:
    """Return the registrationNumber of the Admission extension; None without one.

    Raises FormatError if the certificate's extensions are malformed.
    """
    for profession in _professions(certificate):
        if profession.registration_number is not None:
            return profession.registration_number
    return None


def profession_oids(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the professionOIDs of the Admission extension (1.3.36.8.3.3), in their order.

    Raises FormatError if the certificate's extensions are malformed.
    """
    return tuple(
        profession_oid.dotted_string
        for profession in _professions(certificate)
        for profession_oid in profession.profession_oids or ()
    )


def policies(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the policy OIDs of CertificatePolicies: profile and type of the card.

    Raises FormatError if the certificate's extensions are malformed.
    """
    try:
        extension = _extensions(certificate).get_extension_for_class(x509.CertificatePolicies)
    except x509.ExtensionNotFound:
        return ()
    return tuple(policy.policy_identifier.dotted_string for policy in extension.value)


def common_name(certificate: x509.Certificate) -> str:
    """Return the subject's commonName; an empty string without one."""
    try:
        names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except _MALFORMED:
        raise FormatError("the certificate's subject is malformed") from None
    return str(names[0].value) if names else ""


def is_ecc(certificate: x509.Certificate) -> bool:
    """Tell whether the certificate's key is one on an elliptic curve."""
    return isinstance(public_key(certificate), ec.EllipticCurvePublicKey)


def is_weak(certificate: x509.Certificate) -> bool:
    """Tell whether the key is too short to be relied on: RSA below 2048, ECC below 256 bits.

    Raises FormatError for a key that cannot be read.
    """
    key = public_key(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size < MIN_RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.key_size < MIN_EC_BITS
    return True


def is_qualified(certificate: x509.Certificate) -> bool:
    """Tell whether the certificate is for a QES: its QCStatements hold QcCompliance.

    Raises FormatError if the certificate's extensions are malformed.
    """
    try:
        extension = _extensions(certificate).get_extension_for_oid(_QC_STATEMENTS)
    except x509.ExtensionNotFound:
        return False
    if not isinstance(extension.value, x509.UnrecognizedExtension):
        return False
    statements = asn1.parse(extension.value.value).expect(asn1.SEQUENCE).children
    return any(
        statement.fields().take(asn1.OBJECT_IDENTIFIER).oid() == QC_COMPLIANCE
        for statement in statements
    )


def _extensions(certificate: x509.Certificate) -> x509.Extensions:
    try:
        return certificate.extensions
    except _MALFORMED:
        raise FormatError("the certificate's extensions are malformed") from None


def _professions(certificate: x509.Certificate) -> list[x509.ProfessionInfo]:
    try:
        extension = _extensions(certificate).get_extension_for_class(x509.Admissions)
    except x509.ExtensionNotFound:
        return []
    return [info for admission in extension.value for info in admission.profession_infos]


def _canonical_name(name: bytes) -> list[frozenset[tuple[str, str | bytes]]]:
    rdns = asn1.parse(name).expect(asn1.SEQUENCE).children
    if len(rdns) > _MAX_RDNS:
        raise FormatError("a Name has too many parts")
    return [
        frozenset(_canonical_attribute(attribute) for attribute in rdn.expect(asn1.SET).children)
        for rdn in rdns
    ]


def _canonical_attribute(attribute: asn1.Element) -> tuple[str, str | bytes]:
    fields = attribute.fields()
    kind, value = fields.take(asn1.OBJECT_IDENTIFIER).oid(), fields.take()
    try:
        return kind, " ".join(value.text().split()).casefold()
    except FormatError:
        return kind, value.der()
