"""TI-ECIES: a content key encrypted for an ECC card (gemSpec_Krypt, gemSpec_COS ELC).

The form is the one that the cards of the TI decrypt by themselves: an ephemeral key on the
recipient's curve, keys for AES-256-CBC and AES-CMAC derived from the shared point by SHA-256 and
a counter, padding of ISO 7816. The cryptogram holds the curve, the ephemeral point, the
ciphertext and the MAC. In CMS it takes the place of an RSAES-OAEP ciphertext, in XML the
algorithm is called ``XML_ALGORITHM``.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives import cmac, hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import asn1
from .errors import FormatError, WrongKey

OID: Final = "1.2.276.0.76.4.222"
"""oid_ti_ecies_transport_encryption. The number is unconfirmed: gemSpec_OID was not at hand."""
XML_ALGORITHM: Final = "http://gematik.de/ecies/2019"

_BLOCK = 16
_MAC_BYTES = 8
_MAX_CRYPTOGRAM = 1024
_PADDED = b"\x02"
"""Padding indicator: ISO 7816-4, one byte 80 and zeros."""
_CRYPTOGRAM, _PUBLIC_KEY = b"\xa6", b"\x7f\x49"
_CURVE, _VALUE, _MAC = b"\x06", b"\x86", b"\x8e"
_CURVES: Mapping[str, bytes] = MappingProxyType(
    {
        ec.BrainpoolP256R1.name: asn1.oid("1.3.36.3.3.2.8.1.1.7"),
        ec.BrainpoolP384R1.name: asn1.oid("1.3.36.3.3.2.8.1.1.11"),
        ec.BrainpoolP512R1.name: asn1.oid("1.3.36.3.3.2.8.1.1.13"),
        ec.SECP256R1.name: asn1.oid("1.2.840.10045.3.1.7"),
    }
)


def supports(curve: ec.EllipticCurve) -> bool:
    """Whether cards know *curve*."""
    return curve.name in _CURVES


def encrypt(key: ec.EllipticCurvePublicKey, content_key: bytes) -> bytes:
    """Return the cryptogram of *content_key* for the owner of *key* (COS N004.500).

    Raises FormatError for a curve that no card knows.
    """
    curve = _CURVES.get(key.curve.name)
    if curve is None:
        raise FormatError(f"no card knows the curve {key.curve.name}")
    ephemeral = ec.generate_private_key(key.curve)
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    encryption_key, mac_key = _derive(ephemeral.exchange(ec.ECDH(), key))
    encryptor = _cipher(encryption_key).encryptor()
    ciphertext = encryptor.update(_padded(content_key)) + encryptor.finalize()
    return _written(
        _CRYPTOGRAM,
        curve
        + _written(_PUBLIC_KEY, _written(_VALUE, point))
        + _written(_VALUE, _PADDED + ciphertext)
        + _written(_MAC, _mac(mac_key, ciphertext)),
    )


def decrypt(private_key: object, cryptogram: bytes) -> bytes:
    """Return the content key (COS N004.600). Raises WrongKey or FormatError."""
    if not isinstance(private_key, ec.EllipticCurvePrivateKey):
        raise WrongKey("the entry of this certificate needs an ECC key")
    curve, point, ciphertext, mac = _read(cryptogram)
    if curve != _CURVES.get(private_key.curve.name):
        raise WrongKey("the sender's key does not lie on the recipient's curve")
    try:
        sender = ec.EllipticCurvePublicKey.from_encoded_point(private_key.curve, point)
    except ValueError:
        raise WrongKey("the sender's key does not lie on the recipient's curve") from None
    encryption_key, mac_key = _derive(private_key.exchange(ec.ECDH(), sender))
    if not hmac.compare_digest(mac, _mac(mac_key, ciphertext)):
        raise WrongKey("the ECC key does not open the entry of its certificate")
    decryptor = _cipher(encryption_key).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    content_key, mark, zeros = padded.rpartition(b"\x80")
    if not mark or zeros.strip(b"\0"):
        raise WrongKey("the content key in the entry is not padded")
    return content_key


def _read(cryptogram: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Return curve, ephemeral point, ciphertext and MAC of a cryptogram."""
    fields, rest = _taken(_CRYPTOGRAM, cryptogram)
    curve, fields = _taken(_CURVE, fields)
    public_key, fields = _taken(_PUBLIC_KEY, fields)
    point, of_key = _taken(_VALUE, public_key)
    padded, fields = _taken(_VALUE, fields)
    mac, fields = _taken(_MAC, fields)
    ciphertext = padded.removeprefix(_PADDED)
    if rest or fields or of_key or len(padded) - len(ciphertext) != 1:
        raise FormatError("ECIES: the cryptogram is not built as it has to be")
    if not ciphertext or len(ciphertext) % _BLOCK:
        raise FormatError("ECIES: the ciphertext has no whole blocks")
    return _written(_CURVE, curve), point, ciphertext, mac


def _written(tag: bytes, value: bytes) -> bytes:
    """Return a data object; tags may have two bytes, which CMS has nowhere."""
    return tag + asn1.octet_string(value)[1 : -len(value)] + value


def _taken(tag: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Return the value of the data object *tag* at the beginning of *data*, and what follows."""
    at = len(tag)
    if len(data) < at + 1 or not data.startswith(tag):
        raise FormatError("ECIES: the cryptogram is not built as it has to be")
    length = data[at]
    at += 1
    if length > 0x80:
        more = length & 0x7F
        length = int.from_bytes(data[at : at + more], "big")
        at += more
    if at + length > len(data):
        raise FormatError("ECIES: the cryptogram is cut off")
    return data[at : at + length], data[at + length :]


def _derive(shared: bytes) -> tuple[bytes, bytes]:
    """Return the keys for encryption and MAC (COS N001.520)."""
    first, second = (_sha256(shared + n.to_bytes(4, "big")) for n in (1, 2))
    return first, second


def _sha256(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()


def _cipher(key: bytes) -> Cipher[modes.CBC]:
    """Return the cipher; the counter zero, encrypted, is where it starts from."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(_BLOCK))).encryptor()
    return Cipher(algorithms.AES(key), modes.CBC(encryptor.update(bytes(_BLOCK))))


def _mac(key: bytes, ciphertext: bytes) -> bytes:
    function = cmac.CMAC(algorithms.AES(key))
    function.update(_padded(ciphertext))
    return function.finalize()[:_MAC_BYTES]


def _padded(data: bytes) -> bytes:
    """Return *data* padded to whole blocks as ISO 7816-4 has it: at least one byte."""
    return data + b"\x80" + bytes(_BLOCK - 1 - len(data) % _BLOCK)
