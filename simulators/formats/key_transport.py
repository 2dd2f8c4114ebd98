"""KeyTransRecipientInfo: the content key encrypted for one recipient (RFC 5652, 6.2.1).

With RSAES-OAEP (RFC 3560), or for ECC cards with TI-ECIES, which gemSpec_Krypt has treated like
an RSAES-OAEP ciphertext.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from . import asn1, certificates, cms_algorithms, ecies
from .certificates import CertificateId
from .errors import FormatError, UnknownAlgorithm, WrongKey

_VERSION = asn1.integer(0)
_ECIES = asn1.sequence(asn1.oid(ecies.OID))


class KeyTransport:
    """Writes the entry of one recipient; all but the encrypted key is encoded once."""

    def __init__(self, key: rsa.RSAPublicKey, recipient: CertificateId) -> None:
        self._key = key
        self._constant = _VERSION + recipient.encoded() + cms_algorithms.RSA_OAEP
        self._padding = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)

    def entry(self, content_key: bytes) -> bytes:
        """Return the DER RecipientInfo (KOM-LE-A_2108, 2109)."""
        encrypted = self._key.encrypt(content_key, self._padding)
        return asn1.sequence(self._constant, asn1.octet_string(encrypted))


class EciesTransport:
    """Writes the entry of one recipient with an ECC card (A_17220)."""

    def __init__(self, key: ec.EllipticCurvePublicKey, recipient: CertificateId) -> None:
        if not ecies.supports(key.curve):
            raise FormatError(f"no card knows the curve {key.curve.name}")
        self._key = key
        self._constant = _VERSION + recipient.encoded() + _ECIES

    def entry(self, content_key: bytes) -> bytes:
        """Return the DER RecipientInfo."""
        return asn1.sequence(
            self._constant, asn1.octet_string(ecies.encrypt(self._key, content_key))
        )


@dataclass(frozen=True)
class TransportedKey:
    """An entry as read."""

    recipient: CertificateId
    algorithm: asn1.Element
    encrypted_key: bytes

    def open(self, private_key: object) -> bytes:
        """Return the content key. Raises WrongKey, UnknownAlgorithm or FormatError."""
        name, parameters = cms_algorithms.algorithm(self.algorithm)
        if name == ecies.OID:
            return ecies.decrypt(private_key, self.encrypted_key)
        if not isinstance(private_key, rsa.RSAPrivateKey):
            raise WrongKey("the entry of this certificate needs an RSA key")
        if name != cms_algorithms.RSA_OAEP_OID:
            raise UnknownAlgorithm(f"key transport {name} is not supported, only RSAES-OAEP")
        scheme = cms_algorithms.oaep_parameters(parameters)
        try:
            return private_key.decrypt(self.encrypted_key, scheme)
        except (ValueError, UnsupportedAlgorithm):
            raise WrongKey("the RSA key does not open the entry of its certificate") from None


def read(element: asn1.Element) -> list[TransportedKey]:
    """Read a KeyTransRecipientInfo; an entry named by a key identifier is left out."""
    fields = element.fields()
    fields.take(asn1.INTEGER)
    name = fields.take(asn1.SEQUENCE, asn1.primitive(0))
    algorithm = fields.take(asn1.SEQUENCE)
    encrypted_key = bytes(fields.take(*asn1.OCTET_STRINGS).octets())
    fields.end()
    if name.tag != asn1.SEQUENCE:
        return []
    return [TransportedKey(certificates.issuer_and_serial(name), algorithm, encrypted_key)]
