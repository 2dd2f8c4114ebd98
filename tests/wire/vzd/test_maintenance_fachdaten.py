"""What providers write: addresses, versions, Anwendungskennzeichen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from simulators.pki.tree import PkiTree
from tests.vzd_maintenance import DOMAIN, OTHER_DOMAIN, Client
from tests.vzd_site import BASE, Dialogue

PRAXIS = "/DirectoryEntries/1-20012345678/KOM-LE_Fachdaten"
OWN = f"{PRAXIS}/{DOMAIN}"
EMPTY = "/DirectoryEntries/1-10000/KOM-LE_Fachdaten"
A, B, C = (f"{name}@{DOMAIN}" for name in "abc")


def flat(vzd: Any, uid: str) -> dict[str, list[str]]:
    attributes: dict[str, list[str]] = json.loads(vzd.ask("GET", f"/entries/{uid}")[1])[
        "attributes"
    ]
    return attributes


def written(*accounts: dict[str, Any], mail: list[str] | None = None) -> dict[str, Any]:
    listed = [account["mail"] for account in accounts] if mail is None else mail
    return {"mail": listed, "komLeData": list(accounts)}


def test_what_is_written_is_found_over_ldap(
    provider: Client, maintained: Any, connect: Callable[[Any], Dialogue]
) -> None:
    tags = ["eEB;V1.0", "DALE-UV;Einsendung;V1.0"]
    body = written(
        {"mail": A, "version": "1.5+", "appTags": tags},
        {"mail": B, "version": "1.0"},
        mail=[A, B, C],
    )
    answer = provider.ask("PUT", OWN, body)
    assert (answer.status, answer.content) == (200, None)
    with connect(maintained) as dialogue:
        entry = dialogue.search(f"(mail={A.upper()})").entries[f"uid=praxis,{BASE}"]
    assert entry["mail"] == [A.encode(), B.encode(), C.encode()]
    assert entry["komLeData"] == [f"1.5+,{A}".encode(), f"1.0,{B}".encode()]
    assert entry["kimData"] == [
        f"{A},1.5+,eEB;V1.0|DALE-UV;Einsendung;V1.0".encode(),
        f"{B},1.0".encode(),
    ]
    read = provider.ask("GET", OWN).content
    assert read["mail"] == [A, B, C]
    assert read["komLeData"] == [{"mail": A, "version": "1.5+"}, {"mail": B, "version": "1.0"}]
    assert read["kimData"][0] == {"mail": A, "version": "1.5+", "appTags": tags}


def test_an_address_without_entry_in_the_list_stands_in_kim_data_alone(
    provider: Client, maintained: Any
) -> None:
    hidden = {"mail": A, "version": "1.5", "noVzdMailEntry": True}
    assert provider.ask("PUT", OWN, written(hidden, mail=[])).status == 200
    shown = flat(maintained, "praxis")
    assert ("mail" in shown, "komLeData" in shown, shown["kimData"]) == (False, False, [f"{A},1.5"])


def test_providers_keep_their_data_beside_each_other(
    provider: Client, maintained: Any, maintenance_tree: PkiTree
) -> None:
    other = Client(maintained.address("rest"), maintenance_tree, certificate="arv")
    theirs = f"x@{OTHER_DOMAIN}"
    assert other.ask("POST", PRAXIS, written({"mail": theirs, "version": "1.5"})).status == 201
    assert provider.ask("PUT", OWN, written({"mail": A, "version": "1.5"})).status == 200
    assert flat(maintained, "praxis")["mail"] == [theirs, A]
    shown = provider.ask("GET", "/DirectoryEntries", uid="praxis").content[0]["Fachdaten"]
    assert [fad["dn"]["ou"] for fad in shown[0]["FAD1"]] == [[OTHER_DOMAIN], [DOMAIN]]
    assert provider.ask("DELETE", OWN).status == 200
    assert flat(maintained, "praxis")["mail"] == [theirs]
    assert provider.ask("DELETE", OWN).status == provider.ask("GET", OWN).status == 404


def test_application_data_are_added_once(provider: Client) -> None:
    assert provider.ask("GET", f"{EMPTY}/{DOMAIN}").status == 404
    assert provider.ask("PUT", f"{EMPTY}/{DOMAIN}", {}).status == 404
    answer = provider.ask("POST", EMPTY, {})
    assert (answer.status, answer.content) == (201, None)
    assert provider.ask("GET", f"{EMPTY}/{DOMAIN}").content["mail"] == []
    assert provider.ask("POST", EMPTY, {}).status == 400


def test_application_data_leave_the_change_time_of_the_entry(
    provider: Client, maintained: Any
) -> None:
    before = flat(maintained, "praxis")["changeDateTime"]
    maintained.ask("PUT", "/clock", {"advance_seconds": 3600})
    provider.ask("PUT", OWN, written({"mail": A, "version": "1.5"}))
    assert flat(maintained, "praxis")["changeDateTime"] == before


@pytest.mark.parametrize(
    ("body", "attribute", "error"),
    [
        (written({"mail": A, "version": "2"}), "version", "Unzulässiger Wert"),
        (written({"mail": A}), "version", "Unzulässiger Wert"),
        (
            written({"mail": A, "version": "1.5"}, mail=[B]),
            "mail",
            "Inkonsistenz zwischen FAD1.mail und FAD1.komLeData.mail",
        ),
        (
            written({"mail": A, "version": "1.5"}, {"mail": A.upper(), "version": "1.0"}),
            "mail",
            "Inkonsistenz zwischen FAD1.mail und FAD1.komLeData.mail",
        ),
        (written(mail=["keine"]), "mail", "keine Mail-Adresse"),
        (written(mail=[f"a|b@{DOMAIN}"]), "mail", "keine Mail-Adresse"),
        (written(mail=[f"a@{OTHER_DOMAIN}"]), "mail", None),
        (written(mail=["a@echt.kim.telematik"]), "mail", None),
        (written({"mail": A, "version": "1.5", "appTags": ["a|b"]}), "appTags", None),
        ({"mail": "text"}, "mail", None),
        ({"mail": None}, "mail", None),
        ({"mail": [A] * 1001}, "mail", None),
        ({"komLeData": [{"noVzdMailEntry": "ja"}]}, "komLeData.0.noVzdMailEntry", None),
        ([], "", None),
    ],
)
def test_a_wrong_body_is_refused(
    provider: Client, body: Any, attribute: str, error: str | None
) -> None:
    answer = provider.ask("PUT", OWN, body)
    assert (answer.status, answer.wrong) == (400, attribute)
    if error is not None:
        assert answer.content["errors"][0]["attributeError"] == error


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b'{"mail": ["\\ud800"]}', b"[" * 100_000, b"x" * (5 << 20)]
)
def test_hostile_bodies_are_refused(provider: Client, maintained: Any, content: bytes) -> None:
    path = f"/DirectoryApplicationMaintenance{OWN}"
    assert provider.send("PUT", path, content, {}).status == 400
    assert "Traceback" not in maintained.log()


def test_max_kom_le_adr_bounds_what_is_added(provider: Client, maintained: Any) -> None:
    entry = json.loads(maintained.ask("GET", "/entries/praxis")[1])
    entry["attributes"]["maxKOMLEadr"] = ["1"]
    maintained.ask("PUT", "/entries/praxis", entry)
    assert flat(maintained, "praxis")["mail"] == [f"Praxis@{DOMAIN}", f"labor@{DOMAIN}"]
    refused = provider.ask("PUT", OWN, written(mail=[A, B]))
    assert (refused.status, refused.content["errors"][0]) == (
        400,
        {"attributeName": "mail", "attributeError": "maxKOMLEadr wurde überschritten"},
    )
    assert provider.ask("PUT", OWN, written(mail=[A])).status == 200


def test_unknown_entries_and_operations(provider: Client) -> None:
    nobody = "/DirectoryEntries/9-unbekannt/KOM-LE_Fachdaten"
    assert provider.ask("POST", nobody, {}).status == 404
    for method in ("GET", "PUT", "DELETE"):
        body = {} if method == "PUT" else None
        assert provider.ask(method, f"{nobody}/{DOMAIN}", body).status == 404
    assert provider.ask("POST", "/DirectoryEntries", {}).status == 405


def test_info_and_app_tags(provider: Client) -> None:
    assert provider.ask("GET", "/").content["version"] == "1.4.9"
    system = json.loads(provider.ask("GET", "/appTags").content)
    assert "eEB;V1.0" in [concept["code"] for concept in system["concept"]]


def test_inactive_entries_can_be_locked_by_setting(
    start_role: Callable[..., Any], pki_cache: Any, tmp_path: Any, maintenance_tree: PkiTree
) -> None:
    from tests.vzd_maintenance import maintenance_settings
    from tests.vzd_site import ENTRIES

    records = [{**ENTRIES[0], "active": False}]
    settings = maintenance_settings(pki_cache, tmp_path, records, lock_inactive=True)
    locked = start_role("simulators.vzd", settings)
    provider = Client(locked.address("rest"), maintenance_tree, certificate="dox")
    body = written({"mail": A, "version": "1.5"})
    assert provider.ask("PUT", OWN, body).status == provider.ask("DELETE", OWN).status == 423
    shown = provider.ask("GET", "/DirectoryEntries", active="false").content
    assert [one["DirectoryEntryBase"]["active"] for one in shown] == [False]
