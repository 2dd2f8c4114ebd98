"""XML encryption (XMLEnc 1.1) as gemSpec_Krypt profiles it for the TI.

One ``xenc:EncryptedData`` takes the place of an element: AES-256-GCM, and for every recipient an
``xenc:EncryptedKey`` that names the certificate: RSAES-OAEP with SHA-256 and MGF1 with SHA-256
(XMLEnc 1.1, 5.5.2), for ECC keys TI-ECIES. Bytes around the element are kept as they are.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from xml.parsers import expat

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from . import certificates, ecies
from .errors import FormatError, Tampered, UnknownAlgorithm, WrongKey

XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
XMLDSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
ELEMENT: Final = f"{XENC}Element"
RSA_OAEP: Final = f"{XENC11}rsa-oaep"
MGF1_SHA256: Final = f"{XENC11}mgf1sha256"
SHA256: Final = f"{XENC}sha256"
AES256_GCM: Final = f"{XENC11}aes256-gcm"
CIPHERS: Final[Mapping[str, int]] = MappingProxyType(
    {f"{XENC11}aes{bits}-gcm": bits // 8 for bits in (128, 192, 256)}
)
"""AES-GCM by its identifier: length of the key in bytes."""
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
MAX_MARKS: Final = 300_000
"""Tags and quotes of a document: a parser builds something for each."""
MAX_RECIPIENTS: Final = 2000

_DATA = f"{{{XENC}}}EncryptedData"
_KEY = f"{{{XENC}}}EncryptedKey"
_METHOD = f"{{{XENC}}}EncryptionMethod"
_VALUE = f"{{{XENC}}}CipherData/{{{XENC}}}CipherValue"
_KEY_INFO = f"{{{XMLDSIG}}}KeyInfo"
_CERTIFICATE = f"{{{XMLDSIG}}}X509Data/{{{XMLDSIG}}}X509Certificate"


class NotEncrypted(FormatError):
    """The document holds no EncryptedData."""


class Ambiguous(FormatError):
    """The document holds more than one EncryptedData."""


def encrypt(content: bytes | memoryview, recipients: Sequence[x509.Certificate]) -> bytes:
    """Return the EncryptedData of an element, whose bytes in UTF-8 are *content*.

    Raises FormatError for a certificate whose key is neither RSA nor on a curve of cards.
    """
    content_key = AESGCM.generate_key(256)
    nonce = os.urandom(NONCE_BYTES)
    keys = "".join(_encrypted_key(certificate, content_key) for certificate in recipients)
    head = (
        f'<xenc:EncryptedData xmlns:xenc="{XENC}" Type="{ELEMENT}">'
        f'<xenc:EncryptionMethod Algorithm="{AES256_GCM}"/>'
        f'<ds:KeyInfo xmlns:ds="{XMLDSIG}">{keys}</ds:KeyInfo>'
        "<xenc:CipherData><xenc:CipherValue>"
    )
    tail = b"</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>"
    sealed = base64.b64encode(nonce + AESGCM(content_key).encrypt(nonce, content, None))
    return b"".join((head.encode("ascii"), sealed, tail))


def _encrypted_key(certificate: x509.Certificate, content_key: bytes) -> str:
    key = certificates.public_key(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        method = (
            f'<xenc:EncryptionMethod Algorithm="{RSA_OAEP}">'
            f'<ds:DigestMethod Algorithm="{SHA256}"/>'
            f'<xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{MGF1_SHA256}"/>'
            "</xenc:EncryptionMethod>"
        )
        encrypted = key.encrypt(content_key, _oaep())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        method = f'<xenc:EncryptionMethod Algorithm="{ecies.XML_ALGORITHM}"/>'
        encrypted = ecies.encrypt(key, content_key)
    else:
        raise FormatError("the certificate's key is neither RSA nor ECC")
    der = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")
    return (
        f"<xenc:EncryptedKey>{method}<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{der}"
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>"
        f"{base64.b64encode(encrypted).decode('ascii')}"
        "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>"
    )


def _oaep() -> padding.OAEP:
    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


@dataclass(frozen=True)
class _Key:
    """An EncryptedKey as read."""

    certificate: bytes
    method: etree._Element | None
    encrypted: bytes

    def open(self, private_key: object) -> bytes:
        """Return the content key. Raises WrongKey or UnknownAlgorithm."""
        algorithm = "" if self.method is None else self.method.get("Algorithm", "")
        if algorithm == ecies.XML_ALGORITHM:
            return ecies.decrypt(private_key, self.encrypted)
        if self.method is None or algorithm != RSA_OAEP:
            raise UnknownAlgorithm(f"key transport {algorithm[:80]!r} is not supported")
        digest = self.method.find(f"{{{XMLDSIG}}}DigestMethod")
        mask = self.method.find(f"{{{XENC11}}}MGF")
        stated = [None if e is None else e.get("Algorithm") for e in (digest, mask)]
        if stated != [SHA256, MGF1_SHA256]:
            raise UnknownAlgorithm("RSAES-OAEP is supported with SHA-256 alone")
        if not isinstance(private_key, rsa.RSAPrivateKey):
            raise WrongKey("the entry of this certificate needs an RSA key")
        try:
            return private_key.decrypt(self.encrypted, _oaep())
        except ValueError:
            raise WrongKey("the RSA key does not open the entry of its certificate") from None


@dataclass(frozen=True)
class EncryptedDocument:
    """A document with one EncryptedData; ``recipients`` are the certificates named in it (DER)."""

    recipients: frozenset[bytes]
    _keys: tuple[_Key, ...] = field(repr=False)
    _algorithm: str
    _sealed: bytes = field(repr=False)
    _before: bytes | memoryview = field(repr=False)
    _after: bytes | memoryview = field(repr=False)

    def decrypt(self, certificate: bytes, private_key: object) -> bytes:
        """Return the document with what was encrypted in its place.

        *certificate* (DER) is that of the key. Raises WrongKey, Tampered or UnknownAlgorithm.
        """
        key = next((key for key in self._keys if key.certificate == certificate), None)
        if key is None:
            raise WrongKey("the document has no entry for this certificate")
        if self._algorithm not in CIPHERS:
            raise UnknownAlgorithm(f"encryption {self._algorithm[:80]!r} is not supported")
        content_key = key.open(private_key)
        if len(content_key) != CIPHERS[self._algorithm]:
            raise WrongKey("the content key has the wrong length")
        sealed = memoryview(self._sealed)
        try:
            plain = AESGCM(content_key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise Tampered("the content was altered after it was encrypted") from None
        return b"".join((self._before, plain, self._after))


def read(document: bytes) -> EncryptedDocument:
    """Read a document in UTF-8 that holds an EncryptedData.

    Raises NotEncrypted, Ambiguous, or FormatError when it is no XML, has a DTD or more markup
    than fits the bounds.
    """
    if document.count(b"<") + document.count(b'"') + document.count(b"'") > MAX_MARKS:
        raise FormatError("XML: too much markup")
    begin, end = _place(document)
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=True
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise FormatError("XML: not well-formed") from None
    data = next(root.iter(_DATA))
    info = data.find(_KEY_INFO)
    entries = [] if info is None else info.findall(_KEY)
    if len(entries) > MAX_RECIPIENTS:
        raise FormatError(f"more than {MAX_RECIPIENTS} recipients")
    keys = tuple(_read_key(entry) for entry in entries)
    method = data.find(_METHOD)
    view = memoryview(document)
    return EncryptedDocument(
        recipients=frozenset(key.certificate for key in keys),
        _keys=keys,
        _algorithm="" if method is None else method.get("Algorithm", ""),
        _sealed=_binary(data, _VALUE),
        _before=view[:begin],
        _after=view[end:],
    )


def _read_key(entry: etree._Element) -> _Key:
    info = entry.find(_KEY_INFO)
    certificate = b"" if info is None else _binary(info, _CERTIFICATE)
    return _Key(certificate, entry.find(_METHOD), _binary(entry, _VALUE))


def _binary(element: etree._Element, path: str) -> bytes:
    """Return the Base64 content at *path*; empty where there is none."""
    text = element.findtext(path) or ""
    try:
        packed = text.encode("ascii").translate(None, b" \t\r\n")
        return binascii.a2b_base64(packed, strict_mode=True)
    except (ValueError, binascii.Error):
        raise FormatError("XML: a value is no Base64") from None


def _place(document: bytes) -> tuple[int, int]:
    """Return where the only EncryptedData of *document* begins and ends, in bytes."""
    begins: list[int] = []
    ends: list[int] = []
    wanted = f"{XENC} EncryptedData"
    parser = expat.ParserCreate("utf-8", " ")

    def start(name: str, _: Mapping[str, str]) -> None:
        if name == wanted:
            begins.append(parser.CurrentByteIndex)

    def close(name: str) -> None:
        if name == wanted:
            ends.append(parser.CurrentByteIndex)

    def refuse(*_: object) -> None:
        raise FormatError("XML: a DTD is not read")

    parser.StartElementHandler = start
    parser.EndElementHandler = close
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        raise FormatError("XML: not well-formed") from None
    if not begins:
        raise NotEncrypted("the document holds no EncryptedData")
    if len(begins) > 1:
        raise Ambiguous("the document holds more than one EncryptedData")
    end = ends[0]
    if document.startswith(b"</", end):  # else it is empty, and ends where its tag does
        end = document.index(b">", end) + 1
    return begins[0], end
