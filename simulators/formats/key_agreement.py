"""KeyAgreeRecipientInfo: ECDH with an ephemeral key, X9.63 KDF, AES key wrap (RFC 5753).

The profile says nothing on ECC; the form is the one of A_17464 and A_17472 in RFC 5753:
brainpoolP256r1, SHA-256, AES-256 wrap. gemSpec_Krypt has the cards' own form besides (``ecies``).
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import asn1, certificates, cms_algorithms
from .certificates import CertificateId
from .errors import UnknownAlgorithm, WrongKey

TAG = asn1.context(1)
"""RecipientInfo's choice kari."""

_VERSION = asn1.integer(3)


class EphemeralKey:
    """The sender's key of one message for all recipients on one curve (RFC 5753, 3.1.1)."""

    def __init__(self, curve: ec.EllipticCurve) -> None:
        self._key = ec.generate_private_key(curve)
        public = self._key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        # OriginatorPublicKey has the fields of SubjectPublicKeyInfo.
        self.originator = asn1.encode(asn1.context(0), asn1.retag(asn1.context(1), public))

    def wrap(self, key: ec.EllipticCurvePublicKey, content_key: bytes) -> bytes:
        """Return *content_key* wrapped for the owner of *key*."""
        shared = self._key.exchange(ec.ECDH(), key)
        kek = _derive(shared, hashes.SHA256(), 32, cms_algorithms.AES256_WRAP, None)
        return keywrap.aes_key_wrap(kek, content_key)


class KeyAgreement:
    """Writes the entry of one recipient."""

    def __init__(self, key: ec.EllipticCurvePublicKey, recipient: CertificateId) -> None:
        self._key = key
        self._name = recipient.encoded()
        self.curve = key.curve

    def entry(self, content_key: bytes, ephemeral: EphemeralKey) -> bytes:
        """Return the DER RecipientInfo."""
        wrapped = asn1.octet_string(ephemeral.wrap(self._key, content_key))
        return asn1.encode(
            TAG,
            _VERSION,
            ephemeral.originator,
            cms_algorithms.ECDH_SHA256_KDF,
            asn1.sequence(asn1.sequence(self._name, wrapped)),
        )


@dataclass(frozen=True)
class AgreedKey:
    """An entry as read; one KeyAgreeRecipientInfo may hold several."""

    recipient: CertificateId
    originator: asn1.Element
    user_keying_material: bytes | None
    algorithm: asn1.Element
    encrypted_key: bytes

    def open(self, private_key: object) -> bytes:
        """Return the content key. Raises WrongKey, UnknownAlgorithm or FormatError."""
        if not isinstance(private_key, ec.EllipticCurvePrivateKey):
            raise WrongKey("the entry of this certificate needs an ECC key")
        name, wrap = cms_algorithms.algorithm(self.algorithm)
        if name not in cms_algorithms.ECDH_DERIVATIONS or wrap is None:
            raise UnknownAlgorithm(f"key agreement {name} is not supported")
        wrap_name = cms_algorithms.algorithm(wrap)[0]
        if wrap_name not in cms_algorithms.KEY_WRAPS:
            raise UnknownAlgorithm(f"key wrap {wrap_name} is not supported")
        shared = private_key.exchange(ec.ECDH(), self._sender_key(private_key.curve))
        kek = _derive(
            shared,
            cms_algorithms.ECDH_DERIVATIONS[name](),
            cms_algorithms.KEY_WRAPS[wrap_name],
            wrap.der(),
            self.user_keying_material,
        )
        try:
            return keywrap.aes_key_unwrap(kek, self.encrypted_key)
        except (keywrap.InvalidUnwrap, ValueError):
            raise WrongKey("the ECC key does not open the entry of its certificate") from None

    def _sender_key(self, curve: ec.EllipticCurve) -> ec.EllipticCurvePublicKey:
        """Return the ephemeral key, which lies on the recipient's curve."""
        public = self.originator.only()
        if public.tag != asn1.context(1):
            raise UnknownAlgorithm("key agreement without an ephemeral key is not supported")
        fields = asn1.Fields(public.children)
        if cms_algorithms.algorithm(fields.take(asn1.SEQUENCE))[0] != (
            cms_algorithms.EC_PUBLIC_KEY_OID
        ):
            raise UnknownAlgorithm("the sender's key is not one on an elliptic curve")
        point = bytes(fields.take(asn1.BIT_STRING).bits())
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
        except ValueError:
            raise WrongKey("the sender's key does not lie on the recipient's curve") from None


def read(element: asn1.Element) -> list[AgreedKey]:
    """Read a KeyAgreeRecipientInfo; entries named by a key identifier are left out."""
    fields = asn1.Fields(element.children)
    fields.take(asn1.INTEGER)
    originator = fields.take(asn1.context(0))
    material = fields.optional(asn1.context(1))
    algorithm = fields.take(asn1.SEQUENCE)
    encrypted_keys = fields.take(asn1.SEQUENCE).children
    fields.end()
    ukm = None if material is None else bytes(material.only().expect(asn1.OCTET_STRING).content)
    found = []
    for entry in encrypted_keys:
        inner = entry.fields()
        name = inner.take(asn1.SEQUENCE, asn1.context(0))
        encrypted_key = bytes(inner.take(*asn1.OCTET_STRINGS).octets())
        inner.end()
        if name.tag == asn1.SEQUENCE:
            recipient = certificates.issuer_and_serial(name)
            found.append(AgreedKey(recipient, originator, ukm, algorithm, encrypted_key))
    return found


def _derive(
    shared: bytes,
    function: hashes.HashAlgorithm,
    key_bytes: int,
    key_algorithm: bytes,
    user_keying_material: bytes | None,
) -> bytes:
    """Derive the key-encryption key: X9.63 KDF over ECC-CMS-SharedInfo (RFC 5753, 7.2)."""
    parts = [key_algorithm]
    if user_keying_material is not None:
        parts.append(asn1.encode(asn1.context(0), asn1.octet_string(user_keying_material)))
    key_bits = (8 * key_bytes).to_bytes(4, "big")
    parts.append(asn1.encode(asn1.context(2), asn1.octet_string(key_bits)))
    return X963KDF(function, key_bytes, asn1.sequence(*parts)).derive(shared)
