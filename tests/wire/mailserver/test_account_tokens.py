"""JWTs of cards (A_19457-02): who may call, and every way in which a token proves nothing."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.pki.cards import CardObject
from simulators.pki.certificate import (
    AdmissionOf,
    Authority,
    Content,
    authority_certificate,
    end_entity,
    new_key,
)
from simulators.pki.profiles import HCI_AUT, KeyKind
from tests.account_manager_site import (
    BASE,
    DOCTOR,
    OWNED,
    PRACTICE,
    TELEMATIK_IDS,
    AccountSite,
    b64,
    jwt,
    start_site,
    unpadded,
)
from tests.conftest import RunningRole
from tests.mail_providers import PASSWORD


@pytest.mark.parametrize("crypt", ["RSA", "ECC"])
def test_card_signs_with_either_key(site: AccountSite, crypt: str) -> None:
    assert site.call("GET", token=site.token(crypt=crypt)).status == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"header": {"alg": "none"}}, "alg"),
        ({"header": {"alg": "HS256"}}, "alg"),
        ({"header": {"alg": "RS256"}}, "alg"),
        ({"header": {"alg": 1}}, "alg"),
        ({"header": {"alg": "ES256"}}, "alg"),
        ({"header": {"typ": "JOSE"}}, "typ"),
        ({"header": {"crit": ["exp"]}}, "crit"),
        ({"header": {"x5c": None}}, "x5c"),
        ({"header": {"x5c": []}}, "x5c"),
        ({"header": {"x5c": [1]}}, "x5c"),
        ({"header": {"x5c": ["AAAA"]}}, "x5c"),
        ({"header": {"x5c": "AAAA"}}, "x5c"),
        ({"claims": {"nbf": None}}, "nbf"),
        ({"claims": {"nbf": "jetzt"}}, "nbf"),
        ({"claims": {"nbf": True}}, "nbf"),
        ({"claims": {"nbf": 1e300}}, "nbf"),
        ({"claims": {"nbf": int(time.time()) + 7200}}, "not valid yet"),
        ({"claims": {"nbf": int(time.time()) - 7200}}, "expired"),
        ({"claims": {"nbf": -62_135_596_800}}, "expired"),
        ({"claims": {"nbf": 253_402_300_799}}, "not valid yet"),
        ({"claims": {"exp": int(time.time()) - 1}}, "expired"),
        ({"reference": "C.SIG"}, "no AUT certificate"),
    ],
)
def test_token_that_proves_nothing(site: AccountSite, changes: dict[str, Any], reason: str) -> None:
    answer = site.call("GET", token=site.token(**changes))
    assert answer.status == 401
    assert reason in answer.content["message"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_certificate_of_another_card_does_not_help(site: AccountSite) -> None:
    """The signature is of one card, x5c of another."""
    der = site.card(PRACTICE).objects["C.AUT", "RSA"].certificate.public_bytes(Encoding.DER)
    stolen = site.token(DOCTOR, header={"x5c": [base64.b64encode(der).decode()]})
    answer = site.call("GET", token=stolen)
    assert (answer.status, "signature" in answer.content["message"]) == (401, True)


def test_public_key_is_no_secret_of_an_hmac(site: AccountSite) -> None:
    parts = site.token(header={"alg": "HS256"}).split(".")
    key = site.card(PRACTICE).objects["C.AUT", "RSA"].certificate.public_bytes(Encoding.PEM)
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(".".join(parts[:2]).encode())
    answer = site.call("GET", token=f"{parts[0]}.{parts[1]}.{unpadded(mac.finalize())}")
    assert answer.status == 401


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer a.b",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer " + "a" * 13_000,
        "Bearer " + ".".join([unpadded(b"[" * 3000)] * 3),
        "Bearer " + ".".join([unpadded(b"[]")] * 3),
        "Bearer e30=.e30.e30",
        "Basic " + b64(f"{OWNED}:{PASSWORD}"),
    ],
)
def test_what_is_no_token(site: AccountSite, authorization: str | None) -> None:
    headers = {"password": b64(PASSWORD)}
    if authorization is not None:
        headers["Authorization"] = authorization
    assert site.send("GET", f"{BASE}/account/{OWNED}", **headers).status == 401


def test_altered_token_is_refused(site: AccountSite) -> None:
    header, claims, signature = site.token().split(".")
    later = unpadded(json.dumps({"nbf": int(time.time())}).encode())
    assert site.call("GET", token=f"{header}.{later}.{signature}").status == 401
    assert site.call("GET", token=f"{header}.{claims}.{signature[:-8]}").status == 401
    assert site.call("GET", token=f"{header}.{claims}.").status == 401


def test_token_ends_on_the_virtual_clock(site: AccountSite) -> None:
    token = site.token()
    assert site.call("GET", token=token).status == 200
    site.advance(seconds=400)
    assert site.call("GET", token=token).status == 401
    assert site.call("GET", token=site.token_now()).status == 200


def test_card_of_a_foreign_authority_is_refused(site: AccountSite) -> None:
    """Its issuer has the name of ours and another key."""
    known = site.card(PRACTICE)
    own = known.objects["C.AUT", "RSA"].certificate
    key = new_key(KeyKind.BRAINPOOL)
    validity = own.not_valid_before_utc, own.not_valid_after_utc
    issuer = Authority(authority_certificate(own.issuer, key, validity, None), key)
    admission = AdmissionOf("1.2.276.0.76.4.50", telematik_id=TELEMATIK_IDS[PRACTICE])
    forged = end_entity(
        Content(HCI_AUT, own.subject, *validity, admission), key.public_key(), issuer
    )
    card = replace(known, objects={("C.AUT", "ECC"): CardObject(forged, key)})
    answer = site.call("GET", token=jwt(card, crypt="ECC"))
    assert (answer.status, "not accepted" in answer.content["message"]) == (401, True)


@pytest.fixture(scope="module")
def with_status(
    start_role: Callable[..., Any],
    free_port: Callable[[], int],
    pki_cache: Path,
    running_account_manager: AccountSite,
) -> tuple[AccountSite, RunningRole]:
    """A provider that asks a responder, which knows the doctor's card as revoked."""
    pki = start_role(
        "simulators.pki",
        {
            "pki": str(running_account_manager.tree.directory),
            "listeners": {"ocsp": {"port": free_port()}},
            "revoked": [{"iccsn": DOCTOR, "reference": None, "crypt": None}],
        },
    )
    host, port = pki.address("ocsp")
    site = start_site(
        *(start_role, free_port, pki_cache, None),
        manager={"ocsp_url": f"http://{host}:{port}/ocsp"},
    )
    return site, pki


def test_status_of_the_certificate_is_asked(with_status: tuple[AccountSite, RunningRole]) -> None:
    site, _ = with_status
    assert site.call("GET").status == 200
    revoked = site.call("GET", card=DOCTOR)
    assert (revoked.status, "revoked" in revoked.content["message"]) == (401, True)


def test_status_that_nobody_tells_is_not_good(with_status: tuple[AccountSite, RunningRole]) -> None:
    site, pki = with_status
    pki.stop()
    try:
        answer = site.call("GET")
    finally:
        pki.restart()
    assert (answer.status, "unavailable" in answer.content["message"]) == (401, True)
