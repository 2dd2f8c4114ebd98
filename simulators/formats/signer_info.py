"""SignerInfo of a CMS: one signature, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from . import asn1, certificates, cms_algorithms, cms_attributes, signature_check
from .certificates import CertificateId
from .errors import FormatError


@dataclass(frozen=True)
class SignerInfo:
    """One signature and what became of checking it.

    ``digest_ok``: contentType and messageDigest fit the content. ``signature_ok``: the
    signature holds over the attributes under the key of ``certificate``, and the attributes
    cmsAlgorithmProtection and signingCertificateV2, where present, say the same.
    It is False where nobody asked for it.
    ``certificate`` is the embedded one that the signer id names, None when it is missing;
    whether it is trusted is not judged here. ``attributes``: DER of every value by OID.
    ``value`` is the signature itself, the algorithms are OIDs.
    """

    signer_id: CertificateId
    certificate: x509.Certificate | None
    signing_time: datetime | None
    attributes: dict[str, tuple[bytes, ...]]
    digest_ok: bool
    signature_ok: bool
    value: bytes
    digest_algorithm: str
    signature_algorithm: str
    unsigned_attributes: dict[str, tuple[bytes, ...]] | None

    @property
    def has_unsigned_attributes(self) -> bool:
        """Whether the field unsignedAttrs is there, however empty."""
        return self.unsigned_attributes is not None


def read(
    element: asn1.Element,
    embedded: Mapping[CertificateId, x509.Certificate],
    content_type: bytes,
    digests: signature_check.Digests | None,
    *,
    verify: bool,
) -> SignerInfo:
    """Read and check one SignerInfo.

    *embedded* are the certificates at hand, *digests* those of the content, None when nobody has
    it. Without *verify* the signature itself is left to somebody else. Raises FormatError.
    """
    fields = element.fields()
    fields.take(asn1.INTEGER)
    signer_id = _signer_id(fields.take(asn1.SEQUENCE, asn1.primitive(0)), embedded)
    digest_algorithm = fields.take(asn1.SEQUENCE)
    signed_set = fields.optional(asn1.context(0))
    signature_algorithm = fields.take(asn1.SEQUENCE)
    value = bytes(fields.take(*asn1.OCTET_STRINGS).octets())
    unsigned = fields.optional(asn1.context(1))
    fields.end()
    signed = None if signed_set is None else signed_set.der(asn1.SET)
    found = {} if signed is None else cms_attributes.read(signed)
    certificate = embedded.get(signer_id)
    signature = signature_check.Signature(
        value, digest_algorithm, signature_algorithm, signed, found
    )
    # Without the content signed attributes can be checked, a bare signature cannot.
    checkable = digests is not None or signed is not None
    content = b"" if digests is None else digests.content
    return SignerInfo(
        signer_id=signer_id,
        certificate=certificate,
        signing_time=_signing_time(found),
        attributes=found,
        digest_ok=digests is not None and signature.fits(content_type, digests),
        signature_ok=verify
        and checkable
        and certificate is not None
        and signature.holds(certificate, content),
        value=value,
        digest_algorithm=cms_algorithms.algorithm(digest_algorithm)[0],
        signature_algorithm=cms_algorithms.algorithm(signature_algorithm)[0],
        unsigned_attributes=None
        if unsigned is None
        else cms_attributes.read(unsigned.der(asn1.SET)),
    )


def _signer_id(
    element: asn1.Element, embedded: Mapping[CertificateId, x509.Certificate]
) -> CertificateId:
    if element.tag == asn1.SEQUENCE:
        return certificates.issuer_and_serial(element)
    wanted = bytes(element.content)
    for name, certificate in embedded.items():
        if certificates.subject_key_identifier(certificate) == wanted:
            return name
    raise FormatError("the signer is named by a key identifier without its certificate")


def _signing_time(signed: dict[str, tuple[bytes, ...]]) -> datetime | None:
    values = signed.get(cms_attributes.SIGNING_TIME)
    return asn1.parse(values[0]).time() if values else None
