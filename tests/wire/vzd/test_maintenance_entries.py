"""What card issuers write: entries and certificates (DirectoryAdministration)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from simulators.pki.tree import PkiTree
from tests.vzd_maintenance import (
    DOCTOR,
    DOCTOR_ID,
    PRACTICE,
    PRACTICE_ID,
    Client,
    encryption_certificates,
    logged_in,
)
from tests.vzd_site import BASE, Dialogue

OWN = "/DirectoryEntries/own0000"
NEW = {"telematikID": "1-2neu", "displayName": "Praxis Neu", "holder": ["kammer"]}


@pytest.fixture(scope="session")
def practice(maintenance_tree: PkiTree) -> list[str]:
    """Return C.ENC of a practice, RSA and ECC, in base64."""
    return encryption_certificates(maintenance_tree, PRACTICE)


@pytest.fixture(scope="session")
def doctor(maintenance_tree: PkiTree) -> list[str]:
    return encryption_certificates(maintenance_tree, DOCTOR)


def add(issuer: Client, base: Any = NEW, certificates: list[str] | None = None) -> Any:
    listed = [{"userCertificate": one} for one in certificates or []]
    return issuer.ask(
        "POST", "/DirectoryEntries", {"DirectoryEntryBase": base, "userCertificates": listed}
    )


def base_of(issuer: Client, uid: str) -> Any:
    return issuer.ask("GET", "/DirectoryEntries", uid=uid).content[0]["DirectoryEntryBase"]


def test_an_entry_takes_from_its_certificates_what_is_not_given(
    issuer: Client, maintained: Any, connect: Callable[[Any], Dialogue], practice: list[str]
) -> None:
    answer = add(issuer, {"localityName": " Köln ", "holder": ["kammer"]}, practice)
    assert answer.status == 201
    uid = answer.content["uid"]
    base = base_of(issuer, uid)
    assert base["telematikID"] == PRACTICE_ID
    assert base["displayName"] == base["cn"] == base["sn"] == "Praxis Neumann TEST-ONLY"
    assert (base["entryType"], base["professionOID"]) == (["3"], ["1.2.276.0.76.4.50"])
    assert (base["localityName"], base["countryCode"]) == ("Köln", "DE")  # TIP1-A_5620
    assert (base["personalEntry"], base["dataFromAuthority"]) == (False, True)
    with connect(maintained) as dialogue:
        entry = dialogue.search(f"(telematikID={PRACTICE_ID})").entries[f"uid={uid},{BASE}"]
    assert sorted(entry["userCertificate;binary"]) == sorted(map(base64.b64decode, practice))
    assert add(issuer, {}, practice).wrong == "telematikID"


def test_a_person_has_the_names_of_the_certificate(issuer: Client, doctor: list[str]) -> None:
    uid = add(issuer, {"displayName": "Neumann, Nora"}, doctor).content["uid"]
    base = base_of(issuer, uid)
    assert (base["givenName"], base["sn"], base["cn"]) == ("Nora", "Neumann", "Neumann, Nora")
    assert (base["personalEntry"], base["entryType"]) == (True, ["1"])


def test_an_entry_without_certificate_is_not_found_over_ldap(
    issuer: Client, maintained: Any, connect: Callable[[Any], Dialogue]
) -> None:
    assert add(issuer).status == 201
    assert add(issuer).status == 409
    with connect(maintained) as dialogue:
        assert dialogue.search("(telematikID=1-2neu)").uids == []
    assert issuer.ask("GET", "/DirectoryEntries", telematikID="1-2neu").status == 200


@pytest.mark.parametrize(
    ("base", "status", "wrong"),
    [
        ({}, 400, "telematikID"),
        ({**NEW, "holder": ["fremd"]}, 422, "holder"),
        ({**NEW, "entryType": ["9"]}, 400, "entryType"),
        ({**NEW, "entryType": ["1", "3"]}, 400, "DirectoryEntryBase.entryType"),
        ({**NEW, "specialization": ["x"] * 101}, 400, "DirectoryEntryBase.specialization"),
        ({**NEW, "countryCode": "DEU"}, 400, "DirectoryEntryBase.countryCode"),
        ({**NEW, "maxKOMLEadr": "viele"}, 400, "attribute"),
        ({**NEW, "givenName": "a\0b"}, 400, "attribute"),
        ({**NEW, "providedBy": "9-fehlt"}, 400, "providedBy"),
        ({**NEW, "title": None}, 400, "DirectoryEntryBase.title"),
    ],
)
def test_a_wrong_entry_is_refused(issuer: Client, base: Any, status: int, wrong: str) -> None:
    answer = add(issuer, base)
    assert (answer.status, answer.wrong) == (status, wrong)


def test_certificates_are_those_of_one_telematik_id(
    issuer: Client, practice: list[str], doctor: list[str]
) -> None:
    assert add(issuer, {}, [practice[0], doctor[0]]).status == 422
    assert add(issuer, NEW, practice).status == 422
    assert add(issuer, {"entryType": ["1"]}, practice).wrong == "entryType"
    uid = add(issuer, {}, practice[:1]).content["uid"]
    path = f"/DirectoryEntries/{uid}/Certificates"
    assert issuer.ask("POST", path, {"userCertificate": doctor[0]}).status == 422
    other = {"userCertificate": practice[1], "telematikID": DOCTOR_ID}
    assert issuer.ask("POST", path, other).status == 422
    again = issuer.ask("POST", path, {"userCertificate": practice[0]})
    assert (again.status, again.wrong) == (409, "userCertificate")
    for garbage in ("", "?", "AAEC"):
        assert issuer.ask("POST", path, {"userCertificate": garbage}).status == 400
    nobody = "/DirectoryEntries/niemand/Certificates"
    assert issuer.ask("POST", nobody, {"userCertificate": practice[0]}).status == 400


def test_certificates_come_and_go_but_the_last_one_stays(
    issuer: Client, practice: list[str]
) -> None:
    uid = add(issuer, {}, practice[:1]).content["uid"]
    path = f"/DirectoryEntries/{uid}/Certificates"
    body = {"userCertificate": practice[1], "description": "die neue"}
    added = issuer.ask("POST", path, body)
    assert added.status == 201
    found = issuer.ask("GET", "/DirectoryEntries/Certificates", uid=uid).content
    assert {c["publicKeyAlgorithm"] for c in found} == {"RSA", "EC"}
    named = issuer.ask(
        "GET", "/DirectoryEntries/Certificates", certificateEntryID=added.content["cn"]
    ).content
    assert [(c["description"], c["userCertificate"]) for c in named] == [("die neue", practice[1])]
    assert (named[0]["telematikID"], named[0]["active"]) == (PRACTICE_ID, True)
    one, other = (c["dn"]["cn"] for c in found)
    assert issuer.ask("DELETE", f"{path}/nichts").status == 404
    assert issuer.ask("DELETE", f"{path}/{one}").status == 200
    assert issuer.ask("DELETE", f"{path}/{other}").status == 409
    assert base_of(issuer, uid)["professionOID"] == ["1.2.276.0.76.4.50"]


def test_an_expired_certificate_is_shown_as_inactive_and_hides_the_entry(
    issuer: Client,
    maintained: Any,
    maintenance_tree: PkiTree,
    connect: Callable[[Any], Dialogue],
    practice: list[str],
) -> None:
    uid = add(issuer, {}, practice).content["uid"]
    maintained.ask("PUT", "/clock", {"now": "2040-01-01T00:00:00Z"})
    later = logged_in(maintained, maintenance_tree, "kammer")
    shown = later.ask("GET", "/DirectoryEntries/Certificates", uid=uid, active="false").content
    assert len(shown) == 2
    with connect(maintained) as dialogue:
        assert dialogue.search(f"(telematikID={PRACTICE_ID})").uids == []


def test_a_change_sets_the_change_time_and_what_follows(issuer: Client, maintained: Any) -> None:
    before = base_of(issuer, "own0000")
    maintained.ask("PUT", "/clock", {"advance_seconds": 100})
    body = {"displayName": "Anders", "title": "", "maxKOMLEadr": "3", "meta": ["state_1"]}
    answer = issuer.ask("PUT", f"{OWN}/baseDirectoryEntries", body)
    assert (answer.status, answer.headers["X-maxKOMLEadr-Limit"]) == (200, "0")
    after = base_of(issuer, "own0000")
    assert after["cn"] == after["sn"] == after["displayName"] == "Anders"
    assert after["changeDateTime"] > before["changeDateTime"]
    assert (after["telematikID"], after["meta"]) == (before["telematikID"], ["state_1"])
    assert issuer.ask("GET", "/DirectoryEntries", meta="state_1").status == 200


def test_lowering_max_kom_le_adr_deletes_no_address(issuer: Client) -> None:
    path = "/DirectoryEntries/praxis/baseDirectoryEntries"
    answer = issuer.ask("PUT", path, {"maxKOMLEadr": "1"})
    assert (answer.status, answer.headers["X-maxKOMLEadr-Limit"]) == (200, "1")  # A_20263
    found = issuer.ask("GET", "/DirectoryEntries/KOM-LE_Fachdaten", mail="labor@*").content
    assert len(found[0]["Fachdaten"][0]["FAD1"][0]["mail"]) == 2


@pytest.mark.parametrize(
    ("body", "status", "wrong"),
    [
        ({"holder": ["fremd"]}, 422, "holder"),
        ({"telematikID": "8-01-109500969"}, 422, "telematikID"),
        ({"telematikID": ""}, 400, "telematikID"),
        ({"entryType": ["0"]}, 400, "entryType"),
        ({"active": "ja"}, 400, "active"),
    ],
)
def test_a_wrong_change_is_refused(issuer: Client, body: Any, status: int, wrong: str) -> None:
    answer = issuer.ask("PUT", f"{OWN}/baseDirectoryEntries", body)
    assert (answer.status, answer.wrong) == (status, wrong)


def test_entries_of_other_holders_are_not_changed(
    issuer: Client, maintained: Any, maintenance_tree: PkiTree
) -> None:
    other = logged_in(maintained, maintenance_tree, "tsp")
    assert other.ask("PUT", f"{OWN}/baseDirectoryEntries", {}).status == 403
    assert other.ask("PUT", f"{OWN}/active", active="false").status == 403
    assert other.ask("DELETE", OWN).status == 403
    nobody = "/DirectoryEntries/niemand"
    assert issuer.ask("PUT", f"{nobody}/baseDirectoryEntries", {}).status == 404
    assert issuer.ask("PUT", f"{nobody}/active", active="true").status == 404
    assert issuer.ask("DELETE", nobody).status == 404


def test_links_between_organisations(issuer: Client) -> None:
    below = "/DirectoryEntries/own0001/baseDirectoryEntries"
    assert issuer.ask("PUT", below, {"providedBy": "1-10000"}).status == 200
    assert issuer.ask("PUT", below, {"providedBy": "1-10002"}).wrong == "providedBy"
    third = "/DirectoryEntries/own0003/baseDirectoryEntries"
    assert issuer.ask("PUT", third, {"providedBy": "1-10001"}).wrong == "providedBy"
    assert issuer.ask("PUT", third, {"providedBy": "1-20012345678"}).wrong == "providedBy"
    assert issuer.ask("DELETE", OWN).wrong == "providedBy"
    assert issuer.ask("PUT", below, {"providedBy": ""}).status == 200
    assert issuer.ask("DELETE", OWN).status == 200


def test_an_inactive_entry_leaves_the_flat_list(
    issuer: Client, maintained: Any, connect: Callable[[Any], Dialogue]
) -> None:
    with connect(maintained) as dialogue:
        assert dialogue.search("(uid=praxis)").uids == ["praxis"]
        path = "/DirectoryEntries/praxis/active"
        assert issuer.ask("PUT", path, active="vielleicht").status == 400
        assert issuer.ask("PUT", path).status == 400
        switched = issuer.ask("PUT", path, active="false")
        assert (switched.status, switched.content) == (204, None)
        assert dialogue.search("(uid=praxis)").uids == []
        assert issuer.ask("PUT", path, active="true").status == 204
        assert dialogue.search("(uid=praxis)").uids == ["praxis"]


def test_an_entry_with_an_address_is_not_deleted_but_inactive(issuer: Client) -> None:
    assert issuer.ask("DELETE", "/DirectoryEntries/praxis").status == 409
    assert base_of(issuer, "praxis")["active"] is False
    assert issuer.ask("DELETE", OWN).status == 200
    assert issuer.ask("GET", "/DirectoryEntries", uid="own0000").status == 404


def test_an_answer_nobody_accepts_is_a_405(issuer: Client) -> None:
    headers = {"Authorization": f"Bearer {issuer.token}", "Accept": "text/html"}
    path = "/DirectoryAdministration/DirectoryEntries"
    assert issuer.send("POST", path, b"{}", headers).status == 405


def test_what_was_acknowledged_outlives_a_killed_process(
    start_role: Callable[..., Any],
    pki_cache: Any,
    tmp_path: Any,
    maintenance_tree: PkiTree,
    practice: list[str],
) -> None:
    from tests.vzd_maintenance import maintenance_settings

    role = start_role("simulators.vzd", maintenance_settings(pki_cache, tmp_path))
    issuer = logged_in(role, maintenance_tree, "tsp")
    uid = add(issuer, {"meta": ["bleibt"]}, practice).content["uid"]
    assert issuer.ask("PUT", "/DirectoryEntries/kasse/active", active="false").status == 204
    assert issuer.ask("DELETE", "/DirectoryEntries/kasse").status == 409
    role.kill()
    role.restart()
    again = logged_in(role, maintenance_tree, "tsp")
    assert (base_of(again, uid)["meta"], base_of(again, "kasse")["active"]) == (["bleibt"], False)
    operations = [one["operation"] for one in again.ask("GET", "/Log", clientID="tsp").content]
    assert operations == [
        "add_Directory_Entry",
        "stateSwitch_Directory_Entry",
        "delete_Directory_Entry",
    ]
    assert add(again, {**NEW, "holder": []}).status == 201
    role.ask("POST", "/reset")
    assert again.ask("GET", "/DirectoryEntries", uid=uid).status == 404
    assert again.ask("GET", "/Log", clientID="tsp").status == 404
    assert base_of(again, "kasse")["active"] is True
