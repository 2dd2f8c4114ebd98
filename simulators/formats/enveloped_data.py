"""CMS AuthEnvelopedData (RFC 5083, 5084): AES-256-GCM for recipients with RSA or ECC keys."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import (
    asn1,
    certificates,
    cms_algorithms,
    cms_attributes,
    content_info,
    key_agreement,
    key_transport,
)
from .certificates import CertificateId
from .errors import FormatError, Tampered, UnknownAlgorithm, WrongKey

__all__ = [
    "EccWay",
    "EnvelopedData",
    "Recipient",
    "Tampered",
    "UnknownAlgorithm",
    "WrongKey",
    "encrypt",
    "read",
    "recipient",
]

OID: Final = "1.2.840.113549.1.9.16.1.23"
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
MAX_RECIPIENTS: Final = 2000
MIN_TAG_BYTES: Final = 12
"""What RFC 5084 allows at least."""

_AUTH_ENVELOPED_DATA = asn1.oid(OID)
_DATA = asn1.oid(cms_attributes.DATA)
_VERSION = asn1.integer(0)
_GCM = asn1.oid(cms_algorithms.AES256_GCM_OID)
_TAG_LENGTH = asn1.integer(TAG_BYTES)


EccWay = Literal["key-agreement", "ti-ecies"]
"""How a content key reaches a recipient with an ECC key: RFC 5753, or gemSpec_Krypt A_17220."""


@dataclass(frozen=True)
class Recipient:
    """A certificate to encrypt for, with everything encoded that does not change: keep it."""

    certificate: x509.Certificate
    id: CertificateId
    ecc: EccWay = "key-agreement"

    @cached_property
    def key_management(
        self,
    ) -> key_transport.KeyTransport | key_transport.EciesTransport | key_agreement.KeyAgreement:
        """How the content key reaches this recipient. Raises FormatError for any other key."""
        key = certificates.public_key(self.certificate)
        if isinstance(key, rsa.RSAPublicKey):
            return key_transport.KeyTransport(key, self.id)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise FormatError("the certificate's key is neither RSA nor ECC")
        if self.ecc == "ti-ecies":
            return key_transport.EciesTransport(key, self.id)
        return key_agreement.KeyAgreement(key, self.id)


def recipient(certificate: x509.Certificate, ecc: EccWay = "key-agreement") -> Recipient:
    """Prepare *certificate*. Raises FormatError if its key is neither RSA nor ECC."""
    prepared = Recipient(certificate, certificates.certificate_id(certificate), ecc)
    _ = prepared.key_management
    return prepared


def encrypt(
    content: bytes,
    recipients: Sequence[x509.Certificate | Recipient],
    *,
    unauthenticated: Sequence[bytes] = (),
) -> bytes:
    """Encrypt *content* for all *recipients*; return the DER ContentInfo (KOM-LE-A_2104 to 2112).

    *unauthenticated*: DER Attributes for unauthAttrs, verbatim. Raises FormatError if one of
    them is none, or for a certificate whose key is neither RSA nor ECC.
    """
    cms_attributes.check(unauthenticated)
    content_key = AESGCM.generate_key(256)
    nonce = os.urandom(NONCE_BYTES)
    sealed = memoryview(AESGCM(content_key).encrypt(nonce, content, None))
    parameters = asn1.sequence(asn1.octet_string(nonce), _TAG_LENGTH)
    encrypted_content = asn1.enclose(
        asn1.SEQUENCE,
        [
            _DATA,
            asn1.sequence(_GCM, parameters),
            *asn1.enclose(asn1.primitive(0), [sealed[:-TAG_BYTES]]),
        ],
    )
    parts = [
        _VERSION,
        asn1.set_of(_entries(recipients, content_key)),
        *encrypted_content,
        asn1.octet_string(sealed[-TAG_BYTES:]),
    ]
    if unauthenticated:
        parts.append(asn1.set_of(unauthenticated, asn1.context(2)))
    return content_info.write(_AUTH_ENVELOPED_DATA, parts)


def _entries(recipients: Sequence[x509.Certificate | Recipient], content_key: bytes) -> list[bytes]:
    """Return a RecipientInfo for each of *recipients*."""
    ephemeral: dict[str, key_agreement.EphemeralKey] = {}
    entries = []
    for item in recipients:
        prepared = item if isinstance(item, Recipient) else recipient(item)
        way = prepared.key_management
        if not isinstance(way, key_agreement.KeyAgreement):
            entries.append(way.entry(content_key))
            continue
        if way.curve.name not in ephemeral:
            ephemeral[way.curve.name] = key_agreement.EphemeralKey(way.curve)
        entries.append(way.entry(content_key, ephemeral[way.curve.name]))
    return entries


@dataclass(frozen=True)
class _Sealed:
    """Encrypted content with what is needed to open it, but the key."""

    key_bytes: int
    nonce: bytes
    ciphertext: asn1.Buffer
    tag: bytes
    authenticated: bytes

    def open(self, content_key: bytes) -> bytes:
        """Return the content. Raises Tampered."""
        mode = modes.GCM(self.nonce, self.tag, min_tag_length=MIN_TAG_BYTES)
        decryptor = Cipher(algorithms.AES(content_key), mode).decryptor()
        decryptor.authenticate_additional_data(self.authenticated)
        content = decryptor.update(self.ciphertext)
        try:
            decryptor.finalize()  # GCM has nothing left to return
            return content
        except InvalidTag:
            raise Tampered("the content was altered after it was encrypted") from None


@dataclass(frozen=True)
class EnvelopedData:
    """An AuthEnvelopedData: recipients in their order, unauthenticated attributes by OID.

    Recipients named by a key identifier, by password and the like are not listed.
    """

    recipients: tuple[CertificateId, ...]
    unauthenticated: dict[str, tuple[bytes, ...]]
    _keys: tuple[key_transport.TransportedKey | key_agreement.AgreedKey, ...] = field(repr=False)
    _sealed: _Sealed = field(repr=False)

    @property
    def key_algorithms(self) -> tuple[str, ...]:
        """How each recipient gets the content key: OIDs, in the order of ``recipients``."""
        return tuple(cms_algorithms.algorithm(key.algorithm)[0] for key in self._keys)

    @property
    def key_bits(self) -> int:
        """Length of the AES key that encrypts the content by GCM."""
        return self._sealed.key_bytes * 8

    @property
    def sealed_bytes(self) -> int:
        """How long the encrypted content is."""
        return len(self._sealed.ciphertext)

    def decrypt(
        self,
        certificate_id: CertificateId,
        private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    ) -> bytes:
        """Return the content. Raises WrongKey, Tampered or UnknownAlgorithm."""
        for key in self._keys:
            if key.recipient == certificate_id:
                content_key = key.open(private_key)
                if len(content_key) != self._sealed.key_bytes:
                    raise WrongKey("the content key has the wrong length")
                return self._sealed.open(content_key)
        raise WrongKey("the message has no entry for this certificate")


def read(cms: bytes) -> EnvelopedData:
    """Read an AuthEnvelopedData in DER or BER. Raises FormatError if the bytes are none."""
    fields = content_info.read(cms, _AUTH_ENVELOPED_DATA, "AuthEnvelopedData")
    fields.take(asn1.INTEGER)
    fields.optional(asn1.context(0))
    entries = fields.take(asn1.SET).children
    encrypted_content = fields.take(asn1.SEQUENCE)
    auth = fields.optional(asn1.context(1))
    mac = bytes(fields.take(*asn1.OCTET_STRINGS).octets())
    unauth = fields.optional(asn1.context(2))
    fields.end()
    keys = tuple(key for entry in entries for key in _read_entry(entry))
    if len(keys) > MAX_RECIPIENTS:
        raise FormatError(f"more than {MAX_RECIPIENTS} recipients")
    authenticated = auth.der(asn1.SET) if auth is not None else b""
    return EnvelopedData(
        recipients=tuple(key.recipient for key in keys),
        unauthenticated=cms_attributes.read(unauth.der(asn1.SET)) if unauth is not None else {},
        _keys=keys,
        _sealed=_read_content(encrypted_content, mac, authenticated),
    )


def _read_entry(
    entry: asn1.Element,
) -> Sequence[key_transport.TransportedKey | key_agreement.AgreedKey]:
    if entry.tag == asn1.SEQUENCE:
        return key_transport.read(entry)
    if entry.tag == key_agreement.TAG:
        return key_agreement.read(entry)
    return ()


def _read_content(element: asn1.Element, mac: bytes, authenticated: bytes) -> _Sealed:
    """Read an EncryptedContentInfo with its GCM parameters."""
    fields = element.fields()
    fields.take(asn1.OBJECT_IDENTIFIER)
    name, parameters = cms_algorithms.algorithm(fields.take(asn1.SEQUENCE))
    ciphertext = fields.take(asn1.primitive(0), asn1.context(0)).octets()
    fields.end()
    if name not in cms_algorithms.GCM_CIPHERS or parameters is None:
        raise UnknownAlgorithm(f"content encryption {name} is not supported, only AES-GCM")
    gcm = parameters.fields()
    nonce = bytes(gcm.take(*asn1.OCTET_STRINGS).octets())
    length = gcm.optional(asn1.INTEGER)
    gcm.end()
    if len(nonce) != NONCE_BYTES:
        raise FormatError(f"the GCM nonce has {len(nonce)} bytes, not {NONCE_BYTES}")
    if len(mac) != (MIN_TAG_BYTES if length is None else length.integer()) or not (
        MIN_TAG_BYTES <= len(mac) <= TAG_BYTES
    ):
        raise FormatError("the GCM tag does not have the length that its parameters say")
    return _Sealed(cms_algorithms.GCM_CIPHERS[name], nonce, ciphertext, mac, authenticated)
