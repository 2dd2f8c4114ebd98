"""Algorithm identifiers of KIM's CMS: encoded once for writing, looked up when reading."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from . import asn1
from .errors import FormatError, UnknownAlgorithm

SHA256_OID: Final = "2.16.840.1.101.3.4.2.1"
RSA_OID: Final = "1.2.840.113549.1.1.1"
RSA_OAEP_OID: Final = "1.2.840.113549.1.1.7"
MGF1_OID: Final = "1.2.840.113549.1.1.8"
RSA_PSS_OID: Final = "1.2.840.113549.1.1.10"
ECDSA_SHA256_OID: Final = "1.2.840.10045.4.3.2"
EC_PUBLIC_KEY_OID: Final = "1.2.840.10045.2.1"
ECDH_SHA256_KDF_OID: Final = "1.3.132.1.11.1"
"""dhSinglePass-stdDH-sha256kdf-scheme (RFC 5753)."""
AES256_WRAP_OID: Final = "2.16.840.1.101.3.4.1.45"
AES256_GCM_OID: Final = "2.16.840.1.101.3.4.1.46"

PSS_SALT_BYTES: Final = 32

SHA256: Final = asn1.sequence(asn1.oid(SHA256_OID), asn1.null())
_MGF1_SHA256 = asn1.sequence(asn1.oid(MGF1_OID), SHA256)
RSA_PSS: Final = asn1.sequence(
    asn1.oid(RSA_PSS_OID),
    asn1.sequence(
        asn1.encode(asn1.context(0), SHA256),
        asn1.encode(asn1.context(1), _MGF1_SHA256),
        asn1.encode(asn1.context(2), asn1.integer(PSS_SALT_BYTES)),
    ),
)
RSA_OAEP: Final = asn1.sequence(
    asn1.oid(RSA_OAEP_OID),
    asn1.sequence(asn1.encode(asn1.context(0), SHA256), asn1.encode(asn1.context(1), _MGF1_SHA256)),
)
ECDSA_SHA256: Final = asn1.sequence(asn1.oid(ECDSA_SHA256_OID))
AES256_WRAP: Final = asn1.sequence(asn1.oid(AES256_WRAP_OID))
ECDH_SHA256_KDF: Final = asn1.sequence(asn1.oid(ECDH_SHA256_KDF_OID), AES256_WRAP)

DIGESTS: Final[Mapping[str, type[hashes.HashAlgorithm]]] = MappingProxyType(
    {
        SHA256_OID: hashes.SHA256,
        "2.16.840.1.101.3.4.2.2": hashes.SHA384,
        "2.16.840.1.101.3.4.2.3": hashes.SHA512,
    }
)
PKCS1_SIGNATURES: Final[Mapping[str, type[hashes.HashAlgorithm]]] = MappingProxyType(
    {
        "1.2.840.113549.1.1.11": hashes.SHA256,
        "1.2.840.113549.1.1.12": hashes.SHA384,
        "1.2.840.113549.1.1.13": hashes.SHA512,
    }
)
ECDSA_SIGNATURES: Final[Mapping[str, type[hashes.HashAlgorithm]]] = MappingProxyType(
    {
        ECDSA_SHA256_OID: hashes.SHA256,
        "1.2.840.10045.4.3.3": hashes.SHA384,
        "1.2.840.10045.4.3.4": hashes.SHA512,
    }
)
ECDH_DERIVATIONS: Final[Mapping[str, type[hashes.HashAlgorithm]]] = MappingProxyType(
    {
        ECDH_SHA256_KDF_OID: hashes.SHA256,
        "1.3.132.1.11.2": hashes.SHA384,
        "1.3.132.1.11.3": hashes.SHA512,
    }
)
KEY_WRAPS: Final[Mapping[str, int]] = MappingProxyType(
    {"2.16.840.1.101.3.4.1.5": 16, "2.16.840.1.101.3.4.1.25": 24, AES256_WRAP_OID: 32}
)
"""AES key wrap by OID: length of the key-encryption key in bytes."""
GCM_CIPHERS: Final[Mapping[str, int]] = MappingProxyType(
    {"2.16.840.1.101.3.4.1.6": 16, "2.16.840.1.101.3.4.1.26": 24, AES256_GCM_OID: 32}
)
"""AES-GCM by OID: length of the key in bytes."""


def algorithm(element: asn1.Element) -> tuple[str, asn1.Element | None]:
    """Read an AlgorithmIdentifier: OID and parameters, None for absent and NULL alike."""
    fields = element.expect(asn1.SEQUENCE, asn1.context(1)).children
    if not 1 <= len(fields) <= 2:
        raise FormatError("an algorithm identifier has no algorithm")
    parameters = fields[1] if len(fields) == 2 and fields[1].tag != asn1.NULL else None
    return fields[0].oid(), parameters


def digest(element: asn1.Element) -> hashes.HashAlgorithm:
    """Return the hash function that an AlgorithmIdentifier names. Raises UnknownAlgorithm."""
    return digest_by_oid(algorithm(element)[0])


def digest_by_oid(dotted: str) -> hashes.HashAlgorithm:
    """Return the hash function *dotted*. Raises UnknownAlgorithm."""
    if dotted not in DIGESTS:
        raise UnknownAlgorithm(f"hash algorithm {dotted} is not supported")
    return DIGESTS[dotted]()


def pss_parameters(
    parameters: asn1.Element | None,
) -> tuple[padding.PSS, hashes.HashAlgorithm]:
    """Read RSASSA-PSS-params. Their defaults mean SHA-1, which is not accepted."""
    hash_function, mask, rest = _mgf1_parameters(parameters)
    salt = rest.optional(asn1.context(2))
    length = salt.only().integer() if salt is not None else 20
    if not 0 <= length <= 512:
        raise FormatError("RSASSA-PSS: the length of the salt makes no sense")
    return padding.PSS(mask, length), hash_function


def oaep_parameters(parameters: asn1.Element | None) -> padding.OAEP:
    """Read RSAES-OAEP-params. Their defaults mean SHA-1, which is not accepted."""
    hash_function, mask, rest = _mgf1_parameters(parameters)
    if rest.optional(asn1.context(2)) is not None:
        raise UnknownAlgorithm("RSAES-OAEP with a label is not supported")
    return padding.OAEP(mask, hash_function, None)


def _mgf1_parameters(
    parameters: asn1.Element | None,
) -> tuple[hashes.HashAlgorithm, padding.MGF1, asn1.Fields]:
    """Read what PSS and OAEP parameters have in common; return the fields after it too."""
    fields = asn1.Fields([]) if parameters is None else parameters.fields()
    hash_field, mask_field = fields.optional(asn1.context(0)), fields.optional(asn1.context(1))
    if hash_field is None or mask_field is None:
        raise UnknownAlgorithm("SHA-1 is not supported")
    name, mask_digest = algorithm(mask_field.only())
    if name != MGF1_OID or mask_digest is None:
        raise UnknownAlgorithm(f"mask generation function {name} is not supported")
    return digest(hash_field.only()), padding.MGF1(digest(mask_digest)), fields
