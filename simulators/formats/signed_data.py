"""CMS SignedData with the signed attributes of a Konnektor (CAdES: RFC 5652, 5035, 6211)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from . import (
    asn1,
    certificates,
    cms_algorithms,
    cms_attributes,
    content_info,
    signature_check,
    signer_info,
)
from .certificates import CertificateId
from .errors import FormatError

OID: Final = "1.2.840.113549.1.7.2"
OCSP_RESPONSE_OID: Final = "1.3.6.1.5.5.7.16.2"
"""id-ri-ocsp-response (RFC 5940)."""

MAX_SIGNERS: Final = 100
MAX_CERTIFICATES: Final = 200

_SIGNED_DATA = asn1.oid(OID)
_DATA = asn1.oid(cms_attributes.DATA)
_OCSP_RESPONSE = asn1.oid(OCSP_RESPONSE_OID)
_VERSION_1, _VERSION_5 = asn1.integer(1), asn1.integer(5)
_DIGEST_ALGORITHMS = asn1.set_of([cms_algorithms.SHA256])
_CONTENT_TYPE = cms_attributes.attribute(cms_attributes.CONTENT_TYPE, _DATA)


@dataclass(frozen=True)
class Signer:
    """A certificate and the key that belongs to it, wherever that key is.

    ``sign`` returns the signature over the bytes it is given: ECDSA with SHA-256 in DER for an
    ECC certificate, RSASSA-PSS with SHA-256 and salt 32 for RSA. What depends on the
    certificate alone is encoded once per Signer: keep it.
    """

    certificate: x509.Certificate
    sign: Callable[[bytes], bytes]

    @cached_property
    def encoded_certificate(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @cached_property
    def encoded_id(self) -> bytes:
        """The IssuerAndSerialNumber that names the certificate (KOM-LE-A_2124)."""
        return certificates.certificate_id(self.certificate).encoded()

    @cached_property
    def algorithm(self) -> bytes:
        """The AlgorithmIdentifier of the signature."""
        ecc = certificates.is_ecc(self.certificate)
        return cms_algorithms.ECDSA_SHA256 if ecc else cms_algorithms.RSA_PSS

    @cached_property
    def constant_attributes(self) -> tuple[bytes, ...]:
        """The signed attributes that are the same for every content."""
        protection = asn1.sequence(
            cms_algorithms.SHA256, asn1.retag(asn1.context(1), self.algorithm)
        )
        return (
            _CONTENT_TYPE,
            cms_attributes.attribute(cms_attributes.ALGORITHM_PROTECTION, protection),
            cms_attributes.attribute(
                cms_attributes.SIGNING_CERTIFICATE_V2, self._signing_certificate()
            ),
        )

    def _signing_certificate(self) -> bytes:
        issuer_id = certificates.certificate_id(self.certificate)
        directory_name = asn1.encode(asn1.context(4), issuer_id.issuer)
        ess_certificate_id = asn1.sequence(
            asn1.octet_string(hashlib.sha256(self.encoded_certificate).digest()),
            asn1.sequence(asn1.sequence(directory_name), asn1.integer(issuer_id.serial)),
        )
        return asn1.sequence(asn1.sequence(ess_certificate_id))


@dataclass(frozen=True)
class SignedData:
    """A CMS SignedData: content (None when detached and not given), signatures, certificates.

    ``ignored_certificates``: how many of CertificateChoices are no X.509 certificates.
    """

    content: bytes | None
    signers: tuple[signer_info.SignerInfo, ...]
    certificates: tuple[x509.Certificate, ...]
    ocsp_responses: tuple[bytes, ...]
    ignored_certificates: int = 0


def key_signer(
    certificate: x509.Certificate, private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
) -> Signer:
    """Return a Signer for a key in memory."""
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        ecdsa = ec.ECDSA(hashes.SHA256())
        return Signer(certificate, lambda data: private_key.sign(data, ecdsa))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), cms_algorithms.PSS_SALT_BYTES)
    return Signer(certificate, lambda data: private_key.sign(data, pss, hashes.SHA256()))


def sign(
    content: bytes,
    signer: Signer,
    *,
    signing_time: datetime,
    detached: bool = False,
    content_hint: str | None = None,
    attributes: Sequence[bytes] = (),
    ocsp_responses: Sequence[bytes] = (),
) -> bytes:
    """Sign *content*; return the DER ContentInfo (KOM-LE-A_2103, 2118 to 2126).

    Signed attributes: contentType, signingTime, contentHints (if *content_hint*),
    messageDigest, cmsAlgorithmProtection, signingCertificateV2 with issuerSerial, and
    *attributes* (each a DER Attribute) verbatim, all in DER SET order. Version 1, or 5 with
    *ocsp_responses* (DER OCSPResponse each, kept in crls as RFC 5940 says). Raises FormatError
    if one of *attributes* is none.
    """
    variable = _variable_attributes(content, signing_time, content_hint)
    cms_attributes.check(attributes)
    signed = asn1.set_of([*signer.constant_attributes, *variable, *attributes])
    signed_by = asn1.sequence(
        _VERSION_1,
        signer.encoded_id,
        cms_algorithms.SHA256,
        asn1.retag(asn1.context(0), signed),
        signer.algorithm,
        asn1.octet_string(signer.sign(signed)),
    )
    encapsulated: list[asn1.Buffer] = [_DATA]
    if not detached:
        octets = asn1.enclose(asn1.OCTET_STRING, [content])
        encapsulated += asn1.enclose(asn1.context(0), octets)
    return content_info.write(
        _SIGNED_DATA,
        [
            _VERSION_5 if ocsp_responses else _VERSION_1,
            _DIGEST_ALGORITHMS,
            *asn1.enclose(asn1.SEQUENCE, encapsulated),
            asn1.encode(asn1.context(0), signer.encoded_certificate),
            _revocation(ocsp_responses),
            asn1.set_of([signed_by]),
        ],
    )


def _variable_attributes(
    content: bytes, signing_time: datetime, content_hint: str | None
) -> list[bytes]:
    digest = asn1.octet_string(hashlib.sha256(content).digest())
    found = [
        cms_attributes.attribute(cms_attributes.SIGNING_TIME, asn1.time(signing_time)),
        cms_attributes.attribute(cms_attributes.MESSAGE_DIGEST, digest),
    ]
    if content_hint is not None:
        hint = asn1.sequence(asn1.encode(asn1.UTF8_STRING, content_hint.encode()), _DATA)
        found.append(cms_attributes.attribute(cms_attributes.CONTENT_HINTS, hint))
    return found


def _revocation(ocsp_responses: Sequence[bytes]) -> bytes:
    """Return the field crls with OCSP responses as other revocation information."""
    if not ocsp_responses:
        return b""
    return asn1.set_of(
        (asn1.encode(asn1.context(1), _OCSP_RESPONSE, response) for response in ocsp_responses),
        asn1.context(1),
    )


def read(
    cms: bytes,
    detached: bytes | None = None,
    *,
    verify: bool = True,
    more_certificates: Sequence[x509.Certificate] = (),
) -> SignedData:
    """Read and check a SignedData in DER or BER; *detached* is the content when it is not inside.

    Without *verify* the costly part, the signature itself, is left to somebody else. A signer's
    certificate that is not embedded is looked for in *more_certificates*. Raises
    FormatError if the bytes are no SignedData. A signature that does not hold is no
    error: it is said in the SignerInfo.
    """
    fields = content_info.read(cms, _SIGNED_DATA, "SignedData")
    fields.take(asn1.INTEGER)
    fields.take(asn1.SET)
    content_type, inside = _encapsulated(fields.take(asn1.SEQUENCE))
    chosen = fields.optional(asn1.context(0))
    embedded = _certificates(chosen) if chosen is not None else {}
    crls = fields.optional(asn1.context(1))
    signer_infos = fields.take(asn1.SET).children
    fields.end()
    if len(signer_infos) > MAX_SIGNERS:
        raise FormatError(f"more than {MAX_SIGNERS} signatures")
    content = inside if inside is not None else detached
    digests = None if content is None else signature_check.Digests(content)
    more = {certificates.certificate_id(extra): extra for extra in more_certificates}
    known = {**more, **embedded}
    return SignedData(
        content=None if content is None else bytes(content),
        signers=tuple(
            signer_info.read(element, known, content_type, digests, verify=verify)
            for element in signer_infos
        ),
        certificates=tuple(embedded.values()),
        ocsp_responses=_ocsp_responses(crls) if crls is not None else (),
        ignored_certificates=_count_others(chosen) if chosen is not None else 0,
    )


def _encapsulated(element: asn1.Element) -> tuple[bytes, asn1.Buffer | None]:
    """Return content type (encoded OID) and content of an EncapsulatedContentInfo."""
    fields = element.fields()
    content_type = bytes(fields.take(asn1.OBJECT_IDENTIFIER).encoded)
    explicit = fields.optional(asn1.context(0))
    fields.end()
    if explicit is None:
        return content_type, None
    return content_type, explicit.only().expect(*asn1.OCTET_STRINGS).octets()


def _certificates(chosen: asn1.Element) -> dict[CertificateId, x509.Certificate]:
    """Return the X.509 certificates among CertificateChoices; other kinds are left out."""
    choices = chosen.children
    if len(choices) > MAX_CERTIFICATES:
        raise FormatError(f"more than {MAX_CERTIFICATES} certificates")
    found = {}
    for choice in choices:
        if choice.tag == asn1.SEQUENCE:
            certificate = certificates.load(bytes(choice.encoded))
            found[certificates.certificate_id(certificate)] = certificate
    return found


def _count_others(chosen: asn1.Element) -> int:
    return sum(choice.tag != asn1.SEQUENCE for choice in chosen.children)


def with_ocsp_responses(cms: bytes, ocsp_responses: Sequence[bytes]) -> bytes:
    """Return the SignedData *cms* with OCSP responses (DER each) added to its crls (RFC 5940).

    They are not signed; everything else keeps its octets, the version becomes 5. Raises
    FormatError.
    """
    fields = content_info.read(cms, _SIGNED_DATA, "SignedData")
    fields.take(asn1.INTEGER)
    algorithms, content = fields.take(asn1.SET), fields.take(asn1.SEQUENCE)
    chosen, crls = fields.optional(asn1.context(0)), fields.optional(asn1.context(1))
    signer_infos = fields.take(asn1.SET)
    held = [] if crls is None else [bytes(choice.encoded) for choice in crls.children]
    added = [asn1.encode(asn1.context(1), _OCSP_RESPONSE, item) for item in ocsp_responses]
    return content_info.write(
        _SIGNED_DATA,
        [
            _VERSION_5,
            algorithms.encoded,
            content.encoded,
            b"" if chosen is None else chosen.encoded,
            asn1.set_of([*held, *added], asn1.context(1)),
            signer_infos.encoded,
        ],
    )


def _ocsp_responses(crls: asn1.Element) -> tuple[bytes, ...]:
    found = []
    for choice in crls.children:
        if choice.tag == asn1.context(1):
            fields = asn1.Fields(choice.children)
            if fields.take(asn1.OBJECT_IDENTIFIER).encoded == _OCSP_RESPONSE:
                found.append(fields.take(asn1.SEQUENCE).der())
    return tuple(found)
