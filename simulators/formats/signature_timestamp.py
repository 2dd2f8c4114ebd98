"""Signature timestamps (RFC 3161, RFC 5126 6.1.1): whether a token dates this signature.

Whether its authority is trusted is not judged here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from . import asn1, cms_algorithms, signed_data
from .errors import FormatError

OID: Final = "1.2.840.113549.1.9.16.2.14"
"""id-aa-signatureTimeStampToken, an unsigned attribute."""

MAX_TOKENS: Final = 5


def all_fit(tokens: Iterable[bytes], value: bytes) -> bool:
    """Tell whether every token (DER ContentInfo) is intact and over the signature *value*."""
    return all(_fits(token, value) for token in list(tokens)[: MAX_TOKENS + 1])


def _fits(token: bytes, value: bytes) -> bool:
    try:
        read = signed_data.read(token)
        if read.content is None or len(read.signers) != 1:
            return False
        signer = read.signers[0]
        fields = asn1.parse(read.content).fields()  # TSTInfo
        fields.take(asn1.INTEGER)
        fields.take(asn1.OBJECT_IDENTIFIER)
        imprint = fields.take(asn1.SEQUENCE).fields()
        name = cms_algorithms.digest(imprint.take(asn1.SEQUENCE)).name
        expected = bytes(imprint.take(asn1.OCTET_STRING).content)
    except FormatError:
        return False
    # a token may leave its authority's certificate out: then only what it is over is checked
    intact = signer.digest_ok and (signer.signature_ok or signer.certificate is None)
    return intact and hashlib.new(name, value).digest() == expected
