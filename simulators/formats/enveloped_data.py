"""CMS AuthEnvelopedData (RFC 5083, 5084): AES-256-GCM for recipients with RSA or ECC keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .certificates import CertificateId
from .errors import FormatError


class WrongKey(FormatError):  # noqa: N818 (the contract of the package names it so)
    """No recipient entry for the certificate, or the key does not open it."""


class Tampered(FormatError):  # noqa: N818
    """The authentication tag does not fit: ciphertext, nonce or attributes were altered."""


@dataclass(frozen=True)
class Recipient:
    """A certificate to encrypt for, with everything encoded that does not change: keep it."""

    certificate: x509.Certificate
    id: CertificateId


def recipient(certificate: x509.Certificate) -> Recipient:
    """Prepare *certificate*. Raises FormatError if its key is neither RSA nor on a curve."""
    raise NotImplementedError


def encrypt(
    content: bytes,
    recipients: Sequence[x509.Certificate | Recipient],
    *,
    unauthenticated: Sequence[bytes] = (),
) -> bytes:
    """Encrypt *content* for all *recipients*; return the DER ContentInfo.

    *unauthenticated*: DER Attributes for unauthAttrs, verbatim.
    """
    raise NotImplementedError


@dataclass(frozen=True)
class EnvelopedData:
    """An AuthEnvelopedData: recipients in their order, unauthenticated attributes by OID."""

    recipients: tuple[CertificateId, ...]
    unauthenticated: dict[str, tuple[bytes, ...]]

    def decrypt(
        self,
        certificate_id: CertificateId,
        private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    ) -> bytes:
        """Return the content. Raises WrongKey or Tampered."""
        raise NotImplementedError


def read(cms: bytes) -> EnvelopedData:
    """Read an AuthEnvelopedData in DER or BER. Raises FormatError if the bytes are none."""
    raise NotImplementedError
