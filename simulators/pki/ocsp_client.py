"""Asking a responder for a certificate's status, and believing only what is proven."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import aiohttp
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from simulators.process.errors import one_line

TIMEOUT_SECONDS = 10.0  # the Konnektor's default, gemSpec_Kon
MAX_RESPONSE_BYTES = 64 << 10
CLOCK_TOLERANCE = timedelta(minutes=5)
NONCE_BYTES = 32
CERT_HASH = x509.ObjectIdentifier("1.3.36.8.3.13")

StatusName = Literal["good", "revoked", "unknown", "unavailable"]
_STATUS: dict[ocsp.OCSPCertStatus, StatusName] = {
    ocsp.OCSPCertStatus.GOOD: "good",
    ocsp.OCSPCertStatus.REVOKED: "revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "unknown",
}


@dataclass(frozen=True)
class OcspStatus:
    """What is known of a certificate's status.

    ``unavailable`` means no answer, or one that may not be believed; ``reason`` then says why in
    one line. ``response_der`` is the OCSPResponse (DER), to be kept with a signature.
    """

    status: StatusName
    response_der: bytes | None = None
    reason: str | None = None
    revoked_at: datetime | None = None


class _NotBelieved(Exception):
    """The answer proves nothing; the message says why."""


async def status(
    session: aiohttp.ClientSession,
    url: str,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    at: datetime,
    *,
    signers: Sequence[x509.Certificate] = (),
) -> OcspStatus:
    """Ask the responder at *url* for the status of *certificate*, issued by *issuer*.

    The answer has to be signed by the issuer, by its delegated signer or by one of *signers*,
    to be about this certificate, to carry our nonce if any, and to be current *at* that time.
    Never raises for
    what the responder does: the status is ``unavailable`` then.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA256())
    request = builder.add_extension(x509.OCSPNonce(nonce), False).build()
    body = request.public_bytes(Encoding.DER)
    try:
        der = await _fetch(session, url, body)
        # Three signature checks: off the event loop.
        return await asyncio.to_thread(
            read_answer, der, certificate, issuer, at, nonce, signers=signers
        )
    except _NotBelieved as error:
        return OcspStatus("unavailable", reason=str(error))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        text = one_line(str(error)) or type(error).__name__
        return OcspStatus("unavailable", reason=f"no answer from {url}: {text}")


def read_answer(
    der: bytes,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    at: datetime,
    nonce: bytes | None = None,
    *,
    signers: Sequence[x509.Certificate] = (),
) -> OcspStatus:
    """Check the OCSPResponse *der* about *certificate* and return what it says."""
    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise _NotBelieved(f"the responder answered {response.response_status.name.lower()}")
        _check_subject(response, certificate, issuer)
        _check_signature(response, issuer, at, signers)
        _check_time(response, at)
        _check_nonce(response, nonce)
        return OcspStatus(
            _STATUS[response.certificate_status], der, revoked_at=response.revocation_time_utc
        )
    except _NotBelieved as error:
        return OcspStatus("unavailable", reason=str(error))
    except (ValueError, TypeError, KeyError, NotImplementedError, UnsupportedAlgorithm) as error:
        return OcspStatus("unavailable", reason=f"no OCSP answer: {one_line(str(error))}")


async def _fetch(session: aiohttp.ClientSession, url: str, body: bytes) -> bytes:
    async with session.post(
        url,
        data=body,
        headers={"Content-Type": "application/ocsp-request"},
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        allow_redirects=False,
    ) as response:
        if response.status != 200:
            raise _NotBelieved(f"the responder answered HTTP {response.status}")
        content = bytearray()
        async for chunk in response.content.iter_chunked(MAX_RESPONSE_BYTES):
            content += chunk
            if len(content) > MAX_RESPONSE_BYTES:
                raise _NotBelieved(f"an answer of more than {MAX_RESPONSE_BYTES} bytes")
        return bytes(content)


def _check_subject(
    response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate
) -> None:
    """The answer must be about this very certificate (RFC 6960 3.2, and CertHash)."""
    expected = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(certificate, issuer, response.hash_algorithm)
        .build()
    )
    if (
        response.serial_number != expected.serial_number
        or response.issuer_name_hash != expected.issuer_name_hash
        or response.issuer_key_hash != expected.issuer_key_hash
    ):
        raise _NotBelieved("the answer is about another certificate")
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    for extension in response.single_extensions:
        value = extension.value
        if (
            isinstance(value, x509.UnrecognizedExtension)
            and value.oid == CERT_HASH
            and not value.value.endswith(digest)
        ):
            raise _NotBelieved("the answer's CertHash is of another certificate")


def _check_signature(
    response: ocsp.OCSPResponse,
    issuer: x509.Certificate,
    at: datetime,
    signers: Sequence[x509.Certificate],
) -> None:
    """Signed by the issuer itself, by one it authorised for OCSP, or by one that is trusted here
    (RFC 6960 4.2.2.2; in the TI the TSL names them).
    """
    for signer in (issuer, *response.certificates):
        if signer != issuer and signer not in signers and not _may_sign(signer, issuer, at):
            continue
        if _signed_by(response, signer):
            return
    raise _NotBelieved("no authorised responder signed the answer")


def _may_sign(signer: x509.Certificate, issuer: x509.Certificate, at: datetime) -> bool:
    try:
        signer.verify_directly_issued_by(issuer)
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (
        InvalidSignature,
        UnsupportedAlgorithm,
        ValueError,
        TypeError,
        x509.ExtensionNotFound,
    ):
        return False
    valid = signer.not_valid_before_utc <= at <= signer.not_valid_after_utc
    return valid and ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _signed_by(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key = signer.public_key()
    algorithm = response.signature_hash_algorithm
    if algorithm is None or not isinstance(
        algorithm, hashes.SHA256 | hashes.SHA384 | hashes.SHA512
    ):
        return False
    content = response.tbs_response_bytes
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, content, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, content, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _check_time(response: ocsp.OCSPResponse, at: datetime) -> None:
    if response.this_update_utc > at + CLOCK_TOLERANCE:
        raise _NotBelieved("the answer is from the future")
    until = response.next_update_utc or response.produced_at_utc
    if until < at - CLOCK_TOLERANCE:
        raise _NotBelieved("the answer is outdated")


def _check_nonce(response: ocsp.OCSPResponse, nonce: bytes | None) -> None:
    if nonce is None:
        return
    for extension in response.extensions:
        if isinstance(extension.value, x509.OCSPNonce) and extension.value.nonce != nonce:
            raise _NotBelieved("the answer belongs to another request")
