"""The OCSP responder on its port: statuses, faults, and what a hostile client sends."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from simulators.pki.ocsp_client import OcspStatus, status
from simulators.pki.request import Crypt
from tests.wire.pki.conftest import Responder

MALFORMED = b"\x30\x03\x0a\x01\x01"
Pair = tuple[x509.Certificate, x509.Certificate]


def ask(responder: Responder, pair: Pair, at: datetime | None = None) -> OcspStatus:
    async def run() -> OcspStatus:
        async with aiohttp.ClientSession() as session:
            return await status(session, responder.url, *pair, at or datetime.now(UTC))

    return asyncio.run(run())


def request_for(pair: Pair) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(*pair, hashes.SHA1())
    return builder.build().public_bytes(Encoding.DER)


@pytest.mark.parametrize("crypt", ["RSA", "ECC"])
def test_good_revoked_unknown_and_good_again(responder: Responder, crypt: Crypt) -> None:
    pair = responder.certificate("C.SIG", crypt)
    assert ask(responder, pair).status == "good"
    responder.set_status(pair[0], "revoked", reason="key_compromise")
    revoked = ask(responder, pair)
    assert revoked.status == "revoked"
    assert revoked.revoked_at is not None
    assert revoked.response_der is not None
    assert ask(responder, responder.certificate("C.ENC", crypt)).status == "good"
    responder.set_status(pair[0], "unknown")
    assert ask(responder, pair).status == "unknown"
    responder.set_status(pair[0], "good")
    assert ask(responder, pair).status == "good"


def test_reset_takes_revocations_back(responder: Responder) -> None:
    pair = responder.certificate("C.SIG", "ECC")
    responder.set_status(pair[0], "revoked")
    assert responder.role.ask("POST", "/reset")[0] == 204
    assert ask(responder, pair).status == "good"


def test_a_revocation_bears_the_virtual_time(responder: Responder) -> None:
    pair = responder.certificate("C.SIG", "ECC")
    assert responder.role.ask("PUT", "/clock", {"now": "2027-07-01T00:00:00Z"})[0] == 200
    responder.set_status(pair[0], "revoked")
    at = datetime(2027, 7, 1, tzinfo=UTC)
    said = ask(responder, pair, at)
    assert said.status == "revoked"
    assert said.revoked_at is not None
    assert timedelta(0) <= said.revoked_at - at < timedelta(minutes=1)


def test_get_is_answered_like_post(responder: Responder) -> None:
    request = base64.b64encode(request_for(responder.certificate("C.ENC", "RSA"))).decode()
    for path in (f"/ocsp/{quote(request, safe='')}", f"/ocsp/{request}"):
        answer, content_type, body = responder.post(b"", "GET", path)
        assert (answer, content_type) == (200, "application/ocsp-response")
        response = ocsp.load_der_ocsp_response(body)
        assert response.certificate_status is ocsp.OCSPCertStatus.GOOD


@pytest.mark.parametrize("path", ["/ocsp/%%%", "/ocsp/not-base64!", "/ocsp/AAAA", "/ocsp//"])
def test_get_of_something_else_is_malformed(responder: Responder, path: str) -> None:
    assert responder.post(b"", "GET", path)[::2] == (200, MALFORMED)


@pytest.mark.parametrize(
    "body", [b"", b"\x00", b"\x30\x80", b"0" * 5000, b"\x30" * 10_000, bytes(range(256))]
)
def test_garbage_is_malformed_and_harms_nobody(responder: Responder, body: bytes) -> None:
    assert responder.post(body) == (200, "application/ocsp-response", MALFORMED)
    assert ask(responder, responder.certificate("C.ENC", "ECC")).status == "good"


def test_an_oversized_request_is_refused(responder: Responder) -> None:
    answer, _, body = responder.post(bytes(1 << 20))
    assert answer == 413
    assert b"Traceback" not in body
    assert ask(responder, responder.certificate("C.ENC", "ECC")).status == "good"


def test_no_http_at_all_harms_nobody(responder: Responder) -> None:
    for junk in (b"\x16\x03\x01\x02\x00" + bytes(512), b"A" * 100_000, b"\r\n\r\n\x00"):
        with socket.create_connection(responder.role.address("ocsp"), timeout=10) as raw:
            try:
                raw.sendall(junk)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
            except ConnectionError:
                pass
    assert ask(responder, responder.certificate("C.ENC", "ECC")).status == "good"
    assert "Traceback" not in responder.role.log()


def test_certificates_are_listed_and_filtered(responder: Responder) -> None:
    _, body = responder.role.ask("GET", "/certificates?profile=C.HCI.ENC")
    listed = json.loads(body)
    assert {entry["crypt"] for entry in listed} == {"RSA", "ECC"}
    assert {entry["status"] for entry in listed} == {"good"}
    serials = {
        str(responder.certificate("C.ENC", crypt)[0].serial_number) for crypt in ("RSA", "ECC")
    }
    assert {entry["serial"] for entry in listed} == serials


@pytest.mark.parametrize(
    ("serial", "body", "expected"),
    [
        ("1", {"status": "revoked"}, 404),
        ("abc", {"status": "revoked"}, 400),
        ("9" * 5000, {"status": "revoked"}, 400),
        ("1", {"status": "lost"}, 400),
        ("1", {"status": "revoked", "reason": "boredom"}, 400),
        ("1", [], 400),
    ],
)
def test_a_wrong_change_is_one_clear_answer(
    responder: Responder, serial: str, body: Any, expected: int
) -> None:
    answer, content = responder.role.ask("PUT", f"/certificates/{serial}", body)
    assert answer == expected
    assert "error" in json.loads(content)


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        ({"kind": "outdated"}, "outdated"),
        ({"kind": "bad_signature"}, "no authorised responder"),
        ({"kind": "ocsp_error", "code": 3}, "try_later"),
        ({"kind": "ocsp_error", "code": 6}, "unauthorized"),
        ({"kind": "http_status", "code": 500}, "HTTP 500"),
        ({"kind": "drop"}, "no answer from"),
    ],
)
def test_faults_on_purpose(responder: Responder, effect: dict[str, Any], reason: str) -> None:
    pair = responder.certificate("C.ENC", "ECC")
    rule = {
        "id": "f",
        "operation": "OCSP",
        "match": {"serial": str(pair[0].serial_number)},
        "effect": effect,
    }
    assert responder.role.ask("PUT", "/faults", [rule])[0] == 200
    said = ask(responder, pair)
    assert said.status == "unavailable"
    assert said.reason is not None
    assert reason in said.reason
    assert ask(responder, responder.certificate("C.ENC", "RSA")).status == "good"


def test_the_journal_says_who_was_asked_for(responder: Responder) -> None:
    pair = responder.certificate("C.ENC", "ECC")
    ask(responder, pair)
    event = responder.role.journal()[-1]
    assert event["step"] == "OCSP"
    assert event["data"]["serial"] == str(pair[0].serial_number)
    assert event["data"]["status"] == "good"


def test_nobody_there_is_unavailable(responder: Responder) -> None:
    pair = responder.certificate("C.ENC", "ECC")

    async def run() -> OcspStatus:
        async with aiohttp.ClientSession() as session:
            return await status(session, "http://127.0.0.1:9/ocsp", *pair, datetime.now(UTC))

    said = asyncio.run(run())
    assert said.status == "unavailable"
    assert said.reason is not None
    assert "\n" not in said.reason
