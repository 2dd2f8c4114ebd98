"""OCSP answers (RFC 6960), signed by delegated RSA, brainpool or P-256 responders.

Answers about certificates that were issued carry CertHash (1.3.36.8.3.13), with which the
responder proves that it knows the certificate, as responders of the TI do.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from asn1crypto import algos, core, ocsp, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats.errors import FormatError

from .certificate import PrivateKey
from .registry import AnsweringAuthority, Entry, Registry, Status, key_bits

CERT_HASH = "1.3.36.8.3.13"
MAX_REQUEST_BYTES = 16 << 10
MAX_REQUESTS = 16
MAX_NONCE_BYTES = 128  # RFC 9654
OUTDATED_BY = timedelta(days=2)


class ResponseStatus(IntEnum):
    """The outcome of a request (OCSPResponseStatus)."""

    SUCCESSFUL = 0
    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    SIG_REQUIRED = 5
    UNAUTHORIZED = 6


@dataclass(frozen=True)
class Question:
    """One certificate asked for: the CertID as it came, and what is known of it."""

    cert_id: ocsp.CertId
    serial: int
    entry: Entry | None


@dataclass(frozen=True)
class Questions:
    """A request: certificates of one authority, and the nonce extension's content, if any."""

    authority: AnsweringAuthority | None
    asked: tuple[Question, ...]
    nonce: bytes | None


def read_request(der: bytes, registry: Registry, now: datetime) -> Questions:
    """Read the OCSPRequest *der* as of *now*; its authority is None if none of ours is meant.

    Raises FormatError if it is none, or asks for more than ``MAX_REQUESTS`` certificates or for
    certificates of several authorities.
    """
    if len(der) > MAX_REQUEST_BYTES:
        raise FormatError(f"an OCSP request of more than {MAX_REQUEST_BYTES} bytes")
    try:
        request = ocsp.OCSPRequest.load(der, strict=True)["tbs_request"]
        cert_ids = [single["req_cert"] for single in request["request_list"]]
        named = [(_authority_of(cert_id, registry), cert_id) for cert_id in cert_ids]
        serials = [int(cert_id["serial_number"].native) for cert_id in cert_ids]
        nonce = _nonce(request)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        raise FormatError("no OCSP request") from None
    if not 0 < len(named) <= MAX_REQUESTS:
        raise FormatError(f"an OCSP request for {len(named)} certificates")
    authority = named[0][0]
    if any(other is not authority for other, _ in named):
        raise FormatError("an OCSP request for certificates of several authorities")
    return Questions(
        authority,
        tuple(
            Question(
                cert_id, serial, registry.entry(authority.name, serial, now) if authority else None
            )
            for (_, cert_id), serial in zip(named, serials, strict=True)
        ),
        nonce,
    )


def answer(questions: Questions, now: datetime, *, outdated: bool = False) -> bytes:
    """Return the signed answer to *questions* (DER) as of *now*.

    ``outdated`` dates it so far back that nobody may accept it.
    """
    authority = questions.authority
    if authority is None:
        return refusal(ResponseStatus.UNAUTHORIZED)
    if authority.foreign and any(question.entry is None for question in questions.asked):
        return refusal(ResponseStatus.UNAUTHORIZED)  # nobody here may say "unknown" of them
    at = (now - OUTDATED_BY if outdated else now).replace(microsecond=0)
    signer = authority.signer
    public_key = signer.private_key.public_key()
    data: dict[str, Any] = {
        "responder_id": ocsp.ResponderId(
            name="by_key",
            value=hashlib.sha1(key_bits(public_key)).digest(),  # noqa: S324
        ),
        "produced_at": at,
        "responses": [_single_response(question, at, outdated) for question in questions.asked],
    }
    if questions.nonce is not None:
        data["response_extensions"] = [
            {"extn_id": "nonce", "extn_value": core.ParsableOctetString(questions.nonce)}
        ]
    tbs = ocsp.ResponseData(data)
    basic = ocsp.BasicOCSPResponse(
        {
            "tbs_response_data": tbs,
            "signature_algorithm": {"algorithm": _algorithm(signer.private_key)},
            "signature": _sign(signer.private_key, tbs.dump()),
            "certs": [x509.Certificate.load(signer.certificate.public_bytes(Encoding.DER))],
        }
    )
    response = ocsp.OCSPResponse(
        {
            "response_status": "successful",
            "response_bytes": {"response_type": "basic_ocsp_response", "response": basic},
        }
    )
    return bytes(response.dump())


def refusal(status: ResponseStatus) -> bytes:
    """Return an answer without content: why there is none (never signed, RFC 6960 2.3)."""
    return bytes([0x30, 0x03, 0x0A, 0x01, status])


def _authority_of(cert_id: ocsp.CertId, registry: Registry) -> AnsweringAuthority | None:
    return registry.authority(
        cert_id["hash_algorithm"]["algorithm"].native,
        cert_id["issuer_name_hash"].native,
        cert_id["issuer_key_hash"].native,
    )


def _nonce(request: ocsp.TBSRequest) -> bytes | None:
    for extension in request["request_extensions"] or []:
        if extension["extn_id"].native == "nonce":
            content = bytes(extension["extn_value"].contents or b"")
            if len(core.OctetString.load(content, strict=True).native) > MAX_NONCE_BYTES:
                raise ValueError("the nonce is too long")
            return content
    return None


def _single_response(question: Question, at: datetime, outdated: bool) -> dict[str, Any]:
    entry = question.entry
    response: dict[str, Any] = {
        "cert_id": question.cert_id,
        "cert_status": _cert_status(entry),
        "this_update": at,
    }
    if outdated:
        response["next_update"] = at + timedelta(hours=1)
    if entry is not None and entry.status is not Status.UNKNOWN:
        # CertHash ::= SEQUENCE { hashAlgorithm, certificateHash } (Common PKI): a DigestInfo.
        value = algos.DigestInfo(
            {
                "digest_algorithm": {"algorithm": "sha256"},
                "digest": bytes.fromhex(entry.issued.sha256),
            }
        )
        response["single_extensions"] = [
            {"extn_id": CERT_HASH, "extn_value": core.ParsableOctetString(value.dump())}
        ]
    return response


def _cert_status(entry: Entry | None) -> ocsp.CertStatus:
    if entry is None or entry.status is Status.UNKNOWN:
        return ocsp.CertStatus(name="unknown", value=core.Null())
    if entry.status is Status.GOOD:
        return ocsp.CertStatus(name="good", value=core.Null())
    info: dict[str, Any] = {"revocation_time": entry.revoked_at}
    if entry.reason is not None:
        info["revocation_reason"] = entry.reason
    return ocsp.CertStatus(name="revoked", value=ocsp.RevokedInfo(info))


def _algorithm(key: PrivateKey) -> str:
    return "sha256_rsa" if isinstance(key, rsa.RSAPrivateKey) else "sha256_ecdsa"


def _sign(key: PrivateKey, content: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(content, ec.ECDSA(hashes.SHA256()))
