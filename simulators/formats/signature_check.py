"""What has to be true of one CMS signature, apart from the trust in its certificate."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from . import asn1, certificates, cms_algorithms, cms_attributes
from .errors import UnknownAlgorithm


class Digests:
    """The hash values of one content, each computed when first asked for."""

    def __init__(self, content: asn1.Buffer) -> None:
        self.content = content
        self._found: dict[str, bytes] = {}

    def get(self, oid: str) -> bytes:
        """Return the hash value under the algorithm *oid*. Raises UnknownAlgorithm."""
        if oid not in self._found:
            name = cms_algorithms.digest_by_oid(oid).name
            self._found[oid] = hashlib.new(name, self.content).digest()
        return self._found[oid]


@dataclass(frozen=True)
class Signature:
    """The parts of a SignerInfo that its check needs.

    ``signed``: the signed attributes in the form that is signed (RFC 5652, 5.4): DER of a
    SET OF, however they were sent; None when the content itself is signed.
    """

    value: bytes
    digest_algorithm: asn1.Element
    signature_algorithm: asn1.Element
    signed: bytes | None
    attributes: dict[str, tuple[bytes, ...]]

    def fits(self, content_type: bytes, digests: Digests) -> bool:
        """Tell whether contentType and messageDigest are there once each and say the truth."""
        if self.signed is None:  # without attributes the content must be id-data
            return content_type == asn1.oid(cms_attributes.DATA)
        try:
            digest = digests.get(cms_algorithms.algorithm(self.digest_algorithm)[0])
        except UnknownAlgorithm:
            return False
        return self.attributes.get(cms_attributes.CONTENT_TYPE) == (
            content_type,
        ) and self.attributes.get(cms_attributes.MESSAGE_DIGEST) == (asn1.octet_string(digest),)

    def holds(self, certificate: x509.Certificate, content: asn1.Buffer) -> bool:
        """Tell whether *certificate*'s key made this signature with the algorithms it names."""
        if not self._protects_algorithms() or not self._names(certificate):
            return False
        signed = bytes(content) if self.signed is None else self.signed
        try:
            key = certificates.public_key(certificate)
            if certificates.is_weak(certificate):
                return False
            name, parameters = cms_algorithms.algorithm(self.signature_algorithm)
            if isinstance(key, rsa.RSAPublicKey):
                scheme, function = _rsa_scheme(name, parameters, self.digest_algorithm)
                key.verify(self.value, signed, scheme, function)
                return True
            if isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(self.value, signed, ec.ECDSA(_ecdsa_hash(name)))
                return True
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            pass  # FormatError is a ValueError: a key or algorithm that is not accepted
        return False

    def _protects_algorithms(self) -> bool:
        """Tell whether cmsAlgorithmProtection, if there is one, names the algorithms used."""
        values = self.attributes.get(cms_attributes.ALGORITHM_PROTECTION)
        if values is None:
            return True
        if len(values) != 1:
            return False
        fields = asn1.parse(values[0]).fields()
        digest, signature = fields.take(asn1.SEQUENCE), fields.optional(asn1.context(1))
        return (
            signature is not None
            and _same_algorithm(digest, self.digest_algorithm)
            and _same_algorithm(signature, self.signature_algorithm)
        )

    def _names(self, certificate: x509.Certificate) -> bool:
        """Tell whether signingCertificateV2, if there is one, means *certificate* (RFC 5035)."""
        values = self.attributes.get(cms_attributes.SIGNING_CERTIFICATE_V2)
        if values is None:
            return True
        named = asn1.parse(values[0]).fields().take(asn1.SEQUENCE).children
        if len(values) != 1 or not named:
            return False
        fields = named[0].fields()
        algorithm = fields.optional(asn1.SEQUENCE)
        expected = fields.take(asn1.OCTET_STRING).content
        oid = cms_algorithms.SHA256_OID
        if algorithm is not None:
            oid = cms_algorithms.algorithm(algorithm)[0]
        try:
            return Digests(certificate.public_bytes(Encoding.DER)).get(oid) == expected
        except UnknownAlgorithm:
            return False


def _ecdsa_hash(name: str) -> hashes.HashAlgorithm:
    if name not in cms_algorithms.ECDSA_SIGNATURES:
        raise UnknownAlgorithm(f"signature algorithm {name} is not supported")
    return cms_algorithms.ECDSA_SIGNATURES[name]()


def _rsa_scheme(
    name: str, parameters: asn1.Element | None, digest_algorithm: asn1.Element
) -> tuple[padding.PSS | padding.PKCS1v15, hashes.HashAlgorithm]:
    if name == cms_algorithms.RSA_PSS_OID:
        return cms_algorithms.pss_parameters(parameters)
    if name == cms_algorithms.RSA_OID:
        return padding.PKCS1v15(), cms_algorithms.digest(digest_algorithm)
    if name in cms_algorithms.PKCS1_SIGNATURES:
        return padding.PKCS1v15(), cms_algorithms.PKCS1_SIGNATURES[name]()
    raise UnknownAlgorithm(f"signature algorithm {name} is not supported")


def _same_algorithm(first: asn1.Element, second: asn1.Element) -> bool:
    if first.content == second.content:
        return True
    (name, parameters), (other, others) = map(cms_algorithms.algorithm, (first, second))
    if parameters is None or others is None:
        return name == other and parameters is others
    return name == other and parameters.der() == others.der()
