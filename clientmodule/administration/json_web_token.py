"""The JSON Web Token that a card signs for the Account Manager (A_19457-02, RFC 7515, 7519)."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import datetime
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PS256: Final = "PS256"
BP256R1: Final = "BP256R1"
"""gematik's name for ECDSA on brainpoolP256r1; unconfirmed here: A_19457-02 names PS256 alone."""
COORDINATE: Final = 32
"""Bytes of r and of s."""


def signing_input(algorithm: str, certificate: bytes, not_before: datetime) -> str:
    """Return header and claims as they are signed: alg, typ, x5c; nbf in seconds.

    *certificate* is the card's C.AUT, DER. Nothing else stands in the token.
    """
    header = {"alg": algorithm, "typ": "JWT", "x5c": [b64encode(certificate).decode("ascii")]}
    claims = {"nbf": int(not_before.timestamp())}
    return ".".join(_unpadded(json.dumps(part).encode()) for part in (header, claims))


def digest(text: str) -> bytes:
    """Return the hash that ExternalAuthenticate gets: SHA-256 (gemSpec_Krypt, A_19644)."""
    return hashlib.sha256(text.encode("ascii")).digest()


def compact(text: str, algorithm: str, signature: bytes) -> str:
    """Return the token: the signed *text* with its signature.

    An ECDSA signature comes as DER and stands there as r and s (RFC 7518, 3.4). Raises ValueError
    if it is none.
    """
    if algorithm == BP256R1:
        signature = _r_and_s(signature)
    return f"{text}.{_unpadded(signature)}"


def _r_and_s(der: bytes) -> bytes:
    try:
        return b"".join(n.to_bytes(COORDINATE, "big") for n in decode_dss_signature(der))
    except (ValueError, OverflowError, UnsupportedAlgorithm):
        raise ValueError("no ECDSA signature") from None


def _unpadded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
