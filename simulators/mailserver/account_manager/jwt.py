"""The JSON Web Token with which a card's holder calls the Account Manager (A_19457-02)."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from simulators.formats import certificates
from simulators.formats.errors import FormatError

MAX_TOKEN = 12_288
MAX_CHAIN = 5
PS256 = "PS256"
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "BP256R1": ec.BrainpoolP256R1,
}
_COORDINATE = 32


class TokenRefused(Exception):
    """A token that proves nothing; the message says why in one line, without its content."""


@dataclass(frozen=True)
class Token:
    """A token as read; nothing of it is proven before ``check_signature``.

    ``signed`` are the bytes below the signature, ``not_before`` the claim nbf, ``expires`` exp.
    """

    algorithm: str
    certificate: x509.Certificate
    not_before: datetime
    expires: datetime | None
    signed: bytes
    signature: bytes

    def check_time(self, now: datetime, holds: timedelta, tolerance: timedelta) -> None:
        """Raise TokenRefused unless the token is valid *now*: from nbf on for as long as *holds*.

        A clock that is ahead by *tolerance* does no harm.
        """
        age = now - self.not_before
        if age < -tolerance:
            raise TokenRefused("the JWT is not valid yet (nbf)")
        if age > holds or (self.expires is not None and now >= self.expires):
            raise TokenRefused("the JWT has expired")

    def check_signature(self) -> None:
        """Raise TokenRefused unless the certificate's key signed the token. Not for the loop."""
        try:
            key = certificates.public_key(self.certificate)
        except FormatError:
            raise TokenRefused("the key of x5c cannot be used") from None
        try:
            if self.algorithm == PS256 and isinstance(key, rsa.RSAPublicKey):
                sha256 = hashes.SHA256()
                pss = padding.PSS(padding.MGF1(sha256), padding.PSS.DIGEST_LENGTH)
                key.verify(self.signature, self.signed, pss, sha256)
                return
            curve = _CURVES.get(self.algorithm)
            if (
                curve is not None
                and isinstance(key, ec.EllipticCurvePublicKey)
                and isinstance(key.curve, curve)
            ):
                key.verify(_as_der(self.signature), self.signed, ec.ECDSA(hashes.SHA256()))
                return
        except InvalidSignature:
            raise TokenRefused("the JWT's signature does not hold") from None
        raise TokenRefused("alg does not fit the key of x5c")


def read_token(text: str, algorithms: Collection[str]) -> Token:
    """Read a compact serialization (RFC 7515 3.1) whose alg is one of *algorithms*.

    Raises TokenRefused.
    """
    if len(text) > MAX_TOKEN:
        raise TokenRefused("the JWT is too long")
    parts = text.split(".")
    if len(parts) != 3:
        raise TokenRefused("the JWT must have three parts")
    header, claims = _object(parts[0]), _object(parts[1])
    if header.get("typ") != "JWT":
        raise TokenRefused("typ must be JWT")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise TokenRefused(f"alg must be {' or '.join(sorted(algorithms))}")
    if "crit" in header:
        raise TokenRefused("crit is not understood")
    return Token(
        algorithm,
        _certificate(header.get("x5c")),
        _moment(claims.get("nbf"), "nbf"),
        _moment(claims["exp"], "exp") if "exp" in claims else None,
        f"{parts[0]}.{parts[1]}".encode(),
        _decoded(parts[2]),
    )


def _object(part: str) -> dict[str, Any]:
    try:
        content = json.loads(_decoded(part).decode("utf-8"))
    except (ValueError, RecursionError):
        raise TokenRefused("a part of the JWT is no JSON") from None
    if not isinstance(content, dict):
        raise TokenRefused("a part of the JWT is no JSON object")
    return content


def _decoded(part: str) -> bytes:
    """Decode base64url without padding, strictly: no other characters, no bits left over."""
    try:
        if "=" in part or "+" in part or "/" in part or len(part) % 4 == 1:
            raise ValueError
        padded = (part + "=" * (-len(part) % 4)).encode("ascii")
        return b64decode(padded.translate(bytes.maketrans(b"-_", b"+/")), validate=True)
    except (binascii.Error, ValueError):
        raise TokenRefused("a part of the JWT is no base64url") from None


def _certificate(chain: object) -> x509.Certificate:
    if not isinstance(chain, list) or not 1 <= len(chain) <= MAX_CHAIN:
        raise TokenRefused("x5c must hold the AUT certificate")
    first = chain[0]
    try:
        if not isinstance(first, str):
            raise ValueError
        return certificates.load(b64decode(first.encode("ascii"), validate=True))
    except (FormatError, binascii.Error, ValueError):
        raise TokenRefused("x5c must hold the AUT certificate, DER in base64") from None


def _moment(value: object, name: str) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused(f"{name} must be a number of seconds")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise TokenRefused(f"{name} is no time") from None


def _as_der(signature: bytes) -> bytes:
    """Return r and s, which JWS puts side by side (RFC 7518 3.4), as DER."""
    if len(signature) != 2 * _COORDINATE:
        raise TokenRefused("the JWT's signature does not hold")
    r, s = (int.from_bytes(signature[i : i + _COORDINATE], "big") for i in (0, _COORDINATE))
    return encode_dss_signature(r, s)
