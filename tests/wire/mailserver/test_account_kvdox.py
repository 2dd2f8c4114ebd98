"""The rules of kv.dox at the wire: addresses with the KV, members, codes, a hundred addresses."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.process.tls import client_context
from tests.account_manager_site import (
    BSNR,
    CODE,
    DOCTOR,
    DOCTORS_CODE,
    FORMER,
    HOSPITAL,
    OTHER_PRACTICE,
    OWNED,
    PRACTICE,
    AccountSite,
    b64,
    start_site,
)
from tests.mail_providers import ARV, KASSE, KV, PASSWORD, mail

OWN = f"B-{BSNR}.kvberlin@{KV}"


@pytest.fixture(scope="module")
def running(
    start_role: Callable[..., Any],
    free_port: Callable[[], int],
    pki_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AccountSite:
    return start_site(
        *(start_role, free_port, pki_cache, tmp_path_factory.mktemp("directory")),
        profile={"profile": "kv.dox", "addresses_per_identity": 3},
    )


@pytest.fixture
def site(running: AccountSite) -> Iterator[AccountSite]:
    running.reset()
    yield running
    assert "Traceback" not in running.provider.role.log()


def proposal(site: AccountSite, iccsn: str, code: str = CODE) -> tuple[int, Any]:
    der = site.card(iccsn).objects["C.AUT", "RSA"].certificate.public_bytes(Encoding.DER)
    body = {"certificate": base64.b64encode(der).decode(), "reference_id": code}
    status, content = site.provider.role.ask("POST", "/proposals", body)
    return status, json.loads(content) if status == 200 else None


def test_proposals_for_practice_and_doctor_can_be_registered(site: AccountSite) -> None:
    status, practice = proposal(site, PRACTICE)
    assert status == 200
    assert practice == {"address": OWN, "editable": f"B-{BSNR}", "fixed": ".kvberlin"}
    status, doctor = proposal(site, DOCTOR, DOCTORS_CODE)
    assert doctor["address"] == f"Aenne-Marie.Gross.kvberlin@{KV}"
    assert site.register(practice["address"]).status == 204
    assert site.register(doctor["address"], card=DOCTOR, code=DOCTORS_CODE).status == 204
    assert proposal(site, HOSPITAL)[0] == 404


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"username": f"labor.kvberlin@{KV}"}, 204),
        ({"username": f"Labor.KVBerlin@{KV}"}, 204),
        ({"username": f"Ahorn.123456701.kvberlin@{KV}"}, 204),
        ({"username": f"labor@{KV}"}, 420),
        ({"username": f"labor.kvno@{KV}"}, 420),
        ({"username": f"kvberlin@{KV}"}, 420),
        ({"username": f".kvberlin@{KV}"}, 420),
        ({"username": f"b.kvno@{KV}", "card": OTHER_PRACTICE}, 204),
        ({"username": f"b.kvberlin@{KV}", "card": OTHER_PRACTICE}, 420),
        ({"card": HOSPITAL}, 401),
        ({"card": FORMER}, 420),
        ({"code": None}, 401),
        ({"code": "nicht bestellt"}, 401),
        ({"card": DOCTOR}, 420),
        ({"ini_password": "Aa1!bcd"}, 420),
        ({"ini_password": "Aa1!bcde"}, 204),
        ({"ini_password": "aa1!bcde"}, 420),
        ({"ini_password": "AA1!BCDE"}, 420),
        ({"ini_password": "Aab!bcde"}, 420),
        ({"ini_password": "Aa11bcde"}, 420),
        ({"ini_password": "Aa1 bcde"}, 420),
    ],
)
def test_rules_of_a_registration(site: AccountSite, changes: dict[str, Any], status: int) -> None:
    answer = site.register(**{"username": OWN, **changes})
    assert answer.status == status, answer


def test_an_identity_has_so_many_addresses_and_no_more(site: AccountSite) -> None:
    """Three here, a hundred by the profile; one is there from the start."""
    for name in ("zwei", "drei"):
        assert site.register(f"{name}.kvberlin@{KV}").status == 204
    answer = site.register(f"vier.kvberlin@{KV}")
    assert (answer.status, "3 addresses" in answer.content["message"]) == (400, True)
    other = {"card": DOCTOR, "code": DOCTORS_CODE}
    assert site.register(f"vier.kvberlin@{KV}", **other).status == 204


def test_registrations_at_the_same_time_share_what_an_identity_may_have(
    site: AccountSite,
) -> None:
    names = [f"{number}.kvberlin@{KV}" for number in range(4)]
    with ThreadPoolExecutor(len(names)) as pool:
        found = [answer.status for answer in pool.map(site.register, names)]
    assert sorted(found) == [204, 204, 400, 400]


def test_full_identity_takes_over_no_further_address(site: AccountSite) -> None:
    for name in ("eins", "zwei", "drei"):
        user = f"{name}.kvberlin@{KV}"
        assert site.register(user, card=DOCTOR, code=DOCTORS_CODE).status == 204
    otp = site.call("GET", "/OTP").content["otp"]
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp=otp).status == 400
    assert site.call("PUT", "/telematikID", card=HOSPITAL, otp=otp).status == 401


def test_former_address_is_never_given_again(site: AccountSite) -> None:
    assert site.register(OWN).status == 204
    key = {"address": OWN, "password": "Neu-Geheim-1234"}
    assert site.call("DELETE", **key).status == 204
    assert site.register(OWN).status == 409
    site.advance(seconds=31 * 86_400)
    assert site.call("GET", token=site.token_now(), **key).status == 404
    token = site.token_now()
    assert site.register(OWN, token=token).status == 409
    site.provider.role.kill()
    site.provider.role.restart()
    assert site.register(OWN.upper().replace(KV.upper(), KV)).status == 409


def test_new_password_keeps_to_the_rule(site: AccountSite) -> None:
    assert site.call("PUT", body={"password": b64("kurz")}).status == 420
    assert site.call("PUT", body={"password": b64("Lang-genug-1")}).status == 204
    assert site.call("GET", password=PASSWORD).status == 401


def test_service_information_tells_the_rules(site: AccountSite) -> None:
    answer = site.send("GET", "/ServiceInformation/v1.0/serviceinfo")
    assert answer.status == 200
    assert answer.content["referenceIdRequired"] is True
    assert answer.content["initialPasswordRequired"] is False
    assert answer.content["jwtExpiration"] == 300
    assert "8 Zeichen" in answer.content["passwordPolicyDisplay"]


@pytest.fixture(scope="module")
def plain(
    start_role: Callable[..., Any], free_port: Callable[[], int], pki_cache: Path
) -> AccountSite:
    """A provider without directory and authority, with settings of its own."""
    return start_site(
        *(start_role, free_port, pki_cache, None),
        profile={"profile": "gematik", "initial_password_required": True},
        manager={
            "codes": [{"reference_id": CODE, "initial_password": "Vom-Anbieter-12"}],
            "authority": None,
        },
        out_of_office={"once_per_sender": False, "subject": "Nicht da: später"},
        routes={ARV: "127.0.0.1:9"},
    )


def test_initial_password_of_the_order_counts_where_the_provider_wants_it(
    plain: AccountSite,
) -> None:
    assert plain.register(f"neu@{KV}").status == 401
    assert plain.register(f"neu@{KV}", ini_password="Vom-Anbieter-12").status == 204
    assert plain.call("GET", address=f"neu@{KV}", password="Vom-Anbieter-12").status == 200


def test_provider_without_authority_issues_no_certificates(plain: AccountSite) -> None:
    assert plain.call("POST", "/cert", {"commonName": "cm"}).status == 502


def test_absence_is_told_every_time_and_to_other_providers_where_it_is_set_so(
    plain: AccountSite,
) -> None:
    note = {"startDate": "2021-01-01T00:00:00Z", "endDate": "2199-01-01T00:00:00Z"}
    assert plain.call("PUT", "/outofoffice", {**note, "message": "x", "active": True}).status == 204
    provider = client_context(plain.tree.ca, plain.tree.tls("kv"))
    for number in range(2):
        with plain.provider.smtp(context=provider) as other:
            other.sendmail(KASSE, [OWNED], mail(KASSE, OWNED, message_id=f"<{number}@arv>"))
    sent = plain.provider.steps("out_of_office.sent")
    assert [event["message_id"] for event in sent] == ["<0@arv>", "<1@arv>"]
    assert {event["data"]["recipient"] for event in sent} == {KASSE}
