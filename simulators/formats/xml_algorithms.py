"""Algorithms of XML signatures by URI, and signature values as XML signatures hold them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from . import certificates, cms_algorithms
from .errors import UnknownAlgorithm
from .signed_data import Signer

SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_PSS_SHA256: Final = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
ECDSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"

EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
INCLUSIVE_1_1: Final = "http://www.w3.org/2006/12/xml-c14n11"
WITH_COMMENTS: Final = "WithComments"
ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
BASE64: Final = "http://www.w3.org/2000/09/xmldsig#base64"

_DIGESTS: Final[Mapping[str, type[hashes.HashAlgorithm]]] = MappingProxyType(
    {
        SHA256: hashes.SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384,
        "http://www.w3.org/2001/04/xmlenc#sha512": hashes.SHA512,
    }
)
_PKCS1: Final[Mapping[str, type[hashes.HashAlgorithm]]] = MappingProxyType(
    {
        RSA_SHA256: hashes.SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": hashes.SHA384,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": hashes.SHA512,
    }
)
_PSS: Final[Mapping[str, type[hashes.HashAlgorithm]]] = MappingProxyType(
    {
        RSA_PSS_SHA256: hashes.SHA256,
        "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1": hashes.SHA384,
        "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1": hashes.SHA512,
    }
)
_ECDSA: Final[Mapping[str, type[hashes.HashAlgorithm]]] = MappingProxyType(
    {
        ECDSA_SHA256: hashes.SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": hashes.SHA384,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": hashes.SHA512,
    }
)


def digest(uri: str, content: bytes) -> bytes:
    """Return the hash value of *content* under the algorithm *uri*. Raises UnknownAlgorithm."""
    if uri not in _DIGESTS:
        raise UnknownAlgorithm("the hash algorithm is not supported")
    function = hashes.Hash(_DIGESTS[uri]())
    function.update(content)
    return function.finalize()


def signature_algorithm(signer: Signer) -> str:
    """Return the SignatureMethod of what *signer* makes."""
    return ECDSA_SHA256 if certificates.is_ecc(signer.certificate) else RSA_PSS_SHA256


def sign(signer: Signer, content: bytes) -> bytes:
    """Return the SignatureValue over *content*: ECDSA as r and s side by side (RFC 4050)."""
    value = signer.sign(content)
    key = certificates.public_key(signer.certificate)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return value
    r, s = decode_dss_signature(value)
    length = _length(key)
    return r.to_bytes(length, "big") + s.to_bytes(length, "big")


def holds(uri: str, certificate: x509.Certificate, value: bytes, content: bytes) -> bool:
    """Tell whether *certificate*'s key made *value* over *content* with the algorithm *uri*.

    False also for a key of another kind than the algorithm's, and for a key that is too weak.
    Raises UnknownAlgorithm.
    """
    if uri not in _PKCS1 and uri not in _PSS and uri not in _ECDSA:
        raise UnknownAlgorithm("the signature algorithm is not supported")
    try:
        key = certificates.public_key(certificate)
        if certificates.is_weak(certificate):
            return False
        if isinstance(key, rsa.RSAPublicKey) and uri in _PKCS1:
            key.verify(value, content, padding.PKCS1v15(), _PKCS1[uri]())
            return True
        if isinstance(key, rsa.RSAPublicKey) and uri in _PSS:
            function = _PSS[uri]()
            scheme = padding.PSS(padding.MGF1(function), function.digest_size)
            key.verify(value, content, scheme, function)
            return True
        if isinstance(key, ec.EllipticCurvePublicKey) and uri in _ECDSA:
            length = _length(key)
            if len(value) != 2 * length:
                return False
            r, s = int.from_bytes(value[:length], "big"), int.from_bytes(value[length:], "big")
            key.verify(encode_dss_signature(r, s), content, ec.ECDSA(_ECDSA[uri]()))
            return True
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        pass
    return False


def pkcs1_holds(certificate: x509.Certificate, value: bytes, content: bytes) -> bool:
    """Tell whether *value* is a bare RSA signature (PKCS#1) of *content*.

    Nothing names the scheme there: RSASSA-PKCS1-v1_5 and RSASSA-PSS with SHA-256, SHA-384 and
    SHA-512 are tried.
    """
    key = certificates.public_key(certificate)
    if not isinstance(key, rsa.RSAPublicKey) or certificates.is_weak(certificate):
        return False
    for function in (kind() for kind in cms_algorithms.DIGESTS.values()):
        pss = padding.PSS(padding.MGF1(function), padding.PSS.AUTO)
        for scheme in (padding.PKCS1v15(), pss):
            try:
                key.verify(value, content, scheme, function)
            except (InvalidSignature, ValueError):
                continue
            return True
    return False


def _length(key: ec.EllipticCurvePublicKey) -> int:
    return (key.key_size + 7) // 8
