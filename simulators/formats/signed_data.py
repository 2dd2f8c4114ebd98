"""CMS SignedData with the signed attributes of a Konnektor (CAdES, RFC 5652, RFC 5035)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .certificates import CertificateId


@dataclass(frozen=True)
class Signer:
    """A certificate and the key that belongs to it, wherever that key is.

    ``sign`` returns the signature over the bytes it is given: ECDSA with SHA-256 in DER for an
    ECC certificate, RSASSA-PSS with SHA-256 and salt 32 for RSA. What depends on the
    certificate alone is encoded once per Signer: keep it.
    """

    certificate: x509.Certificate
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True)
class SignerInfo:
    """One signature and what became of checking it.

    ``digest_ok``: messageDigest fits the content; ``signature_ok``: the signature holds over
    the attributes under the key of ``certificate``, which is the embedded one that the signer
    id names (None when it is missing). Whether that certificate is trusted is not judged here.
    ``attributes``: DER of every value by attribute OID.
    """

    signer_id: CertificateId
    certificate: x509.Certificate | None
    signing_time: datetime | None
    attributes: dict[str, tuple[bytes, ...]]
    digest_ok: bool
    signature_ok: bool
    has_unsigned_attributes: bool


@dataclass(frozen=True)
class SignedData:
    """A CMS SignedData: content (None when detached and not given), signatures, certificates."""

    content: bytes | None
    signers: tuple[SignerInfo, ...]
    certificates: tuple[x509.Certificate, ...]
    ocsp_responses: tuple[bytes, ...]


def key_signer(
    certificate: x509.Certificate, private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
) -> Signer:
    """Return a Signer for a key in memory."""
    raise NotImplementedError


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
    """Sign *content*; return the DER ContentInfo.

    Signed attributes: contentType, signingTime, contentHints (if *content_hint*),
    messageDigest, cmsAlgorithmProtection, signingCertificateV2 with issuerSerial, then
    *attributes* (each a DER Attribute) verbatim, all in DER SET order. Version 1, or 5 with
    *ocsp_responses* (DER OCSPResponse each, kept in crls as RFC 5940 says).
    """
    raise NotImplementedError


def read(cms: bytes, detached: bytes | None = None) -> SignedData:
    """Read and check a SignedData in DER or BER; *detached* is the content when it is not inside.

    Raises FormatError if the bytes are no SignedData. A signature that does not hold is no
    error: it is said in the SignerInfo.
    """
    raise NotImplementedError
