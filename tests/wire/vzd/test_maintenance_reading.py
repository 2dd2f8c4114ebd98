"""Reading over the maintenance interfaces: filters (A_22361), limits, paging, the log."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.pki.tree import PkiTree
from tests.vzd_maintenance import DOMAIN, Client, logged_in, maintenance_settings


def uids(answer: Any) -> list[str]:
    if answer.status == 404:
        return []
    assert answer.status == 200, answer
    return [one["DirectoryEntryBase"]["dn"]["uid"] for one in answer.content]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"displayName": "praxis DR. müller-weiß"}, ["praxis"]),
        ({"displayName": "*müller*"}, ["praxis"]),
        ({"displayName": "Praxis*"}, ["praxis"]),
        ({"displayName": "*Süd"}, ["kasse"]),
        ({"displayName": "P*M*ß", "localityName": "Berlin"}, ["praxis"]),
        ({"displayName": "Praxis*", "localityName": "Köln"}, []),
        ({"localityName": "", "entryType": "5"}, ["kasse"]),
        ({"localityName": "\\00", "entryType": "5"}, ["kasse"]),
        ({"organization": "*", "postalCode": "10*"}, ["praxis"]),
        ({"streetAddress": "Friedrich*"}, ["praxis"]),
        ({"telematikID-SubStr": "8-01"}, ["kasse"]),
        ({"telematikID": "8-01-*"}, ["kasse"]),
        ({"telematikID-SubStr": "8*"}, []),
        ({"uid": "PRAXIS"}, ["praxis"]),
        ({"uid": "pra*"}, []),
        ({"personalEntry": "false", "domainID": "109500969"}, ["kasse"]),
        ({"changeDateTimeFrom": "2001-01-01T00:00:00Z", "uid": "kasse"}, ["kasse"]),
        ({"changeDateTimeTo": "2001-01-01T00:00:00Z", "uid": "kasse"}, []),
        ({"active": "true", "uid": "kasse"}, ["kasse"]),
        ({"displayName": "Ohne Zertifikat"}, ["ohne"]),
    ],
)
def test_filters(issuer: Client, query: dict[str, str], found: list[str]) -> None:
    assert uids(issuer.ask("GET", "/DirectoryEntries", **query)) == found


@pytest.mark.parametrize(
    "text", ["Praxis*)(mail=*", "*)(|(uid=*", "a\\2a", "\\28", "(", ")", "&", "|(uid=*)"]
)
def test_a_parameter_never_becomes_a_filter(issuer: Client, text: str) -> None:
    for name in ("displayName", "uid", "telematikID", "mail"):
        path = "/DirectoryEntries/KOM-LE_Fachdaten" if name == "mail" else "/DirectoryEntries"
        assert issuer.ask("GET", path, **{name: text}).status == 404  # A_20331


@pytest.mark.parametrize(
    "query", [{"active": "ja"}, {"baseEntryOnly": "1"}, {"changeDateTimeFrom": "gestern"}]
)
def test_a_wrong_parameter_is_refused(issuer: Client, query: dict[str, str]) -> None:
    answer = issuer.ask("GET", "/DirectoryEntries", **query)
    assert (answer.status, answer.wrong) == (400, next(iter(query)))


def test_at_most_a_hundred_are_read(issuer: Client) -> None:
    assert len(uids(issuer.ask("GET", "/DirectoryEntries", holder="kammer"))) == 100
    assert len(uids(issuer.ask("GET", "/DirectoryEntriesSync", holder="kammer"))) == 130
    assert len(uids(issuer.ask("GET", "/DirectoryEntriesSync"))) == 133
    assert issuer.ask("GET", "/DirectoryEntriesSync", uid="niemand").status == 404


def test_base_data_alone(issuer: Client) -> None:
    (whole,) = issuer.ask("GET", "/DirectoryEntries", uid="praxis").content
    assert set(whole) == {"DirectoryEntryBase", "userCertificates", "Fachdaten"}
    (base,) = issuer.ask("GET", "/DirectoryEntries", uid="praxis", baseEntryOnly="true").content
    assert set(base) == {"DirectoryEntryBase"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"mail": f"PRAXIS@{DOMAIN}"}, ["praxis"]),
        ({"mail": "kasse@*"}, ["kasse"]),
        ({"komLeData": f"1.5,praxis@{DOMAIN}"}, ["praxis"]),
        ({"komLeData": "1.5,*", "mail": "labor@*"}, ["praxis"]),
        ({"mail": "*", "komLeData": ""}, ["kasse", "ohne"]),
        ({"kimData": "nichts*"}, []),
    ],
)
def test_search_by_application_data(
    provider: Client, query: dict[str, str], found: list[str]
) -> None:
    assert uids(provider.ask("GET", "/DirectoryEntries/KOM-LE_Fachdaten", **query)) == found


def test_pages_give_all_own_entries_once(issuer: Client) -> None:
    seen: list[str] = []
    cookie, sizes = "", []
    while True:
        page = issuer.ask(
            "GET", "/v2/DirectoryEntriesSync", holder="kammer", size="60", cookie=cookie
        ).content
        seen += [one["DirectoryEntryBase"]["dn"]["uid"] for one in page["directoryEntries"]]
        sizes.append((len(page["directoryEntries"]), page["searchControlValue"]["size"]))
        cookie = page["searchControlValue"]["cookie"]
        if not cookie:
            break
    assert sizes == [(60, 130), (60, 130), (10, 130)]
    assert len(set(seen)) == 130


def test_pages_are_for_own_and_holderless_entries(issuer: Client) -> None:
    path = "/v2/DirectoryEntriesSync"
    assert issuer.ask("GET", path).status == 403
    assert issuer.ask("GET", path, holder="tsp").status == 403
    page = issuer.ask("GET", path, holder="").content
    assert page["searchControlValue"] == {"size": 3, "cookie": ""}
    for query in ({"cookie": "x"}, {"cookie": "MDowOjA="}, {"size": "x"}, {"size": "0"}):
        assert issuer.ask("GET", path, holder="kammer", **query).status == 400
    other = issuer.ask("GET", path, holder="kammer", size="1").content["searchControlValue"]
    changed = issuer.ask("GET", path, holder="kammer", sn="x", cookie=other["cookie"])
    assert changed.status == 400


def test_pages_by_application_data(issuer: Client) -> None:
    path = "/v2/DirectoryEntriesSync/KOM-LE_Fachdaten"
    page = issuer.ask("GET", path, mail=f"*@{DOMAIN}", size="2").content
    assert page["searchControlValue"]["size"] == 3
    cookie = page["searchControlValue"]["cookie"]
    rest = issuer.ask("GET", path, mail=f"*@{DOMAIN}", size="2", cookie=cookie).content
    assert (len(rest["directoryEntries"]), rest["searchControlValue"]["cookie"]) == (1, "")


def test_a_synchronisation_that_nobody_reads_is_the_only_one_and_ends(
    start_role: Callable[..., Any], pki_cache: Path, tmp_path: Path, maintenance_tree: PkiTree
) -> None:
    large = [
        {"uid": f"u{n}", "attributes": {"title": ["x" * 40_000]}, "certificates": []}
        for n in range(500)
    ]  # more than fits between the two
    settings = maintenance_settings(pki_cache, tmp_path, large, sync_seconds=0.4)
    vzd = start_role("simulators.vzd", settings)
    issuer = logged_in(vzd, maintenance_tree, "kammer")
    context = ssl.create_default_context(cafile=str(maintenance_tree.ca))
    address = vzd.address("rest")
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as held,
    ):
        held.sendall(
            b"GET /DirectoryAdministration/DirectoryEntriesSync HTTP/1.1\r\nHost: x\r\n"
            + f"Authorization: Bearer {issuer.token}\r\n\r\n".encode()
        )
        assert held.recv(1024).startswith(b"HTTP/1.1 200")  # it has begun
        busy = issuer.ask("GET", "/DirectoryEntriesSync")
        assert (busy.status, busy.headers["Retry-After"]) == (503, "1")
        while issuer.ask("GET", "/DirectoryEntriesSync", uid="u0").status == 503:
            pass


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"uid": "praxis", "clientID": "x"}, 400),
        ({"operation": "x"}, 400),
        ({"noDataChanged": "x"}, 400),
        ({"logTimeFrom": "x"}, 400),
        ({"uid": "praxis"}, 200),
        ({"telematikID": "1-200*"}, 200),
        ({"clientID": "kam*"}, 200),
        ({"clientID": "*mmer", "logTimeTo": "2001-01-01T00:00:00Z"}, 404),
        ({"operation": "modify_Directory_Entry", "logTimeFrom": "2001-01-01T00:00:00Z"}, 200),
        ({"noDataChanged": "true"}, 404),
        ({"logTimeFrom": "2001-01-01T00:00:00Z", "logTimeTo": "2090-01-01T00:00:00Z"}, 200),
    ],
)
def test_the_log_may_be_asked_in_some_ways(
    issuer: Client, query: dict[str, str], status: int
) -> None:
    body = {"displayName": "Anders"}
    issuer.ask("PUT", "/DirectoryEntries/praxis/baseDirectoryEntries", body)
    assert issuer.ask("GET", "/Log", **query).status == status


def test_the_log_says_who_changed_what(issuer: Client) -> None:
    path = "/DirectoryEntries/praxis/baseDirectoryEntries"
    for _ in range(2):
        issuer.ask("PUT", path, {"displayName": "Anders"})
    noted = issuer.ask("GET", "/Log", uid="praxis").content
    assert [one["noDataChanged"] for one in noted] == [False, True]
    assert {(one["clientID"], one["telematikID"], one["operation"]) for one in noted} == {
        ("kammer", "1-20012345678", "modify_Directory_Entry")
    }


@pytest.mark.parametrize(
    ("effect", "status"),
    [
        ({"kind": "status", "code": 503, "text": "gleich wieder"}, 503),
        ({"kind": "status", "code": 423}, 423),
    ],
)
def test_faults_answer_a_status(
    provider: Client, maintained: Any, effect: dict[str, Any], status: int
) -> None:
    rule = {
        "id": "one",
        "operation": "REST.*FA-Attributes",
        "match": {"mail": f"*a@{DOMAIN}*"},
        "nth": 2,
        "effect": effect,
    }
    maintained.ask("PUT", "/faults", [rule])
    path = f"/DirectoryEntries/1-20012345678/KOM-LE_Fachdaten/{DOMAIN}"
    others = [f"b@{DOMAIN}"]
    assert provider.ask("PUT", path, {"mail": others}).status == 200
    seen = [provider.ask("PUT", path, {"mail": [f"a@{DOMAIN}"]}).status for _ in range(3)]
    assert seen == [200, status, 200]


@pytest.mark.parametrize("kind", ["drop", "truncate"])
@pytest.mark.parametrize("path", ["/DirectoryEntries", "/DirectoryEntriesSync"])
def test_faults_break_off(issuer: Client, maintained: Any, kind: str, path: str) -> None:
    match = {"query": "*uid=praxis*"}
    rule = {"id": "one", "operation": "REST.*", "match": match, "effect": {"kind": kind}}
    maintained.ask("PUT", "/faults", [rule])
    with pytest.raises((http.client.HTTPException, OSError)):
        issuer.ask("GET", path, uid="praxis")
    maintained.ask("DELETE", "/faults")
    assert issuer.ask("GET", path, uid="praxis").status == 200
