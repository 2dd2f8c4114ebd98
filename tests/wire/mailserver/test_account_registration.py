"""registerAccount, setAccount, getAccount, with a directory that runs beside the provider."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.account_manager_site import (
    BASE,
    CODE,
    DOCTOR,
    DOCTORS_CODE,
    FORMER,
    HOSPITAL,
    NEW_PASSWORD,
    OTHER_PRACTICE,
    OWNED,
    PRACTICE,
    TELEMATIK_IDS,
    AccountSite,
    b64,
)
from tests.mail_providers import KV, PASSWORD, mail, wait_until

NEW = f"Neue.Praxis@{KV}"
FA = "_Directory_FA-Attributes"


def test_registered_account_can_be_used_and_stands_in_the_directory(site: AccountSite) -> None:
    answer = site.register(NEW, kimVersion="1.5+", dataTimeToLive=30)
    assert (answer.status, answer.content) == (204, None)
    entry = site.entry(TELEMATIK_IDS[PRACTICE])
    assert set(entry["mail"]) == {OWNED, NEW}
    assert set(entry["komLeData"]) == {f"1.5,{OWNED}", f"1.5+,{NEW}"}
    assert set(entry["kimData"]) == {f"{OWNED},1.5", f"{NEW},1.5+"}
    shown = site.call("GET", address=NEW, password=NEW_PASSWORD)
    assert shown.status == 200
    assert shown.content == {
        "username": NEW,
        "kimVersion": "1.5+",
        "regStat": "registered",
        "dataTimeToLive": 30,
        "maxMailSize": 734_003_200,
        "noVzdMailEntry": False,
        "referenceID": CODE,
    }
    _, log = site.provider.role.ask("GET", "/accounts/log")  # KOM-LE-A_2158
    assert [(e["event"], e["address"]) for e in json.loads(log)] == [("registered", NEW.lower())]
    assert f"account registered: {NEW.lower()}" in site.provider.role.log()
    assert NEW_PASSWORD not in site.provider.role.log()
    assert NEW_PASSWORD not in json.dumps(site.provider.role.journal())


def test_registered_account_sends_and_fetches_mail(site: AccountSite) -> None:
    assert site.register(NEW, password=b64("Anders-Geheim-99")).status == 204
    assert site.call("GET", address=NEW, password=NEW_PASSWORD).status == 401
    with site.provider.smtp() as client:
        client.login(NEW, "Anders-Geheim-99")
        client.sendmail(NEW, [NEW], mail(NEW, NEW))
    with site.provider.pop3() as client:
        client.user(NEW)
        client.pass_("Anders-Geheim-99")
        assert len(client.list()[1]) == 1


def test_registration_survives_the_end_of_the_process(site: AccountSite) -> None:
    assert site.register(NEW).status == 204
    site.provider.role.kill()
    site.provider.role.restart()
    assert site.call("GET", address=NEW, password=NEW_PASSWORD).status == 200
    stored = b"".join(f.read_bytes() for f in site.provider.role.directory.rglob("mail.sqlite3*"))
    assert NEW.lower().encode() in stored
    assert NEW_PASSWORD.encode() not in stored


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"username": OWNED}, 409),
        ({"username": OWNED.upper()}, 409),
        ({"username": "praxis@arv.kim.telematik-test"}, 420),
        ({"username": f"Müller@{KV}"}, 420),
        ({"username": f"a..b@{KV}"}, 420),
        ({"username": f"{'a' * 65}@{KV}"}, 420),
        ({"username": "ohne-at"}, 400),
        ({"ini_password": "zu-kurz-1A"}, 420),
        ({"password": b64("nurkleinbuchstaben")}, 420),
        ({"password": "kein base64!"}, 400),
        ({"kimVersion": "9.9"}, 422),
        ({"kimVersion": 1.5}, 400),
        ({"dataTimeToLive": 9}, 400),
        ({"dataTimeToLive": True}, 400),
        ({"regStat": "offen"}, 400),
        ({"maxMailSize": 1}, 400),
        ({"noVzdMailEntry": "ja"}, 400),
        ({"code": None}, 401),
        ({"code": "FALSCH"}, 401),
        ({"code": DOCTORS_CODE}, 401),
        ({"card": FORMER}, 423),
    ],
)
def test_refused_registration_leaves_no_account(
    site: AccountSite, changes: dict[str, Any], status: int
) -> None:
    answer = site.register(**{"username": NEW, **changes})
    assert answer.status == status, answer
    assert answer.content.keys() == {"message", "traceId"}
    assert set(site.accounts()) == {OWNED, f"facharzt@{KV}"}
    assert site.entry(TELEMATIK_IDS[PRACTICE])["mail"] == [OWNED]


def test_entry_that_is_not_there_and_directory_that_is_down(site: AccountSite) -> None:
    control = site.directory
    assert control.ask("DELETE", f"/entries/karte-{HOSPITAL[-2:]}")[0] == 204
    assert site.register(NEW, card=HOSPITAL).status == 502
    fault = {"id": "1", "operation": "*", "effect": {"kind": "drop"}}
    assert control.ask("PUT", "/faults", [fault])[0] == 200
    answer = site.register(NEW)
    assert (answer.status, "VZD" in answer.content["message"]) == (502, True)
    assert site.call("DELETE").status == 502
    assert site.call("PUT", body={"kimVersion": "1.5+"}).status == 502
    assert control.ask("DELETE", "/faults")[0] == 204
    assert site.register(NEW).status == 204


def test_directory_that_refuses_the_second_step_changes_nothing(site: AccountSite) -> None:
    fault = {
        "id": "1",
        "operation": "*add_Directory_FA-Attributes",
        "effect": {"kind": "status", "code": 500},
    }
    assert site.directory.ask("PUT", "/faults", [fault])[0] == 200
    assert site.register(NEW, card=OTHER_PRACTICE).status == 502
    assert NEW.lower() not in site.accounts()
    assert "mail" not in site.entry(TELEMATIK_IDS[OTHER_PRACTICE])


@pytest.mark.parametrize("hidden", [True, False])
def test_answer_of_the_directory_that_is_lost_leaves_nothing_half_done(
    site: AccountSite, *, hidden: bool
) -> None:
    """The directory has written when its answer breaks off: so the operations are done."""
    assert site.register(f"alt@{KV}").status == 204
    fault = {"id": "1", "operation": "*modify" + FA, "effect": {"kind": "truncate"}}
    assert site.directory.ask("PUT", "/faults", [fault])[0] == 200
    assert site.register(NEW, noVzdMailEntry=hidden).status == 204
    assert NEW.lower() in site.accounts()
    assert site.call("PUT", body={"kimVersion": "1.5+"}).status == 204
    assert site.call("DELETE", address=f"alt@{KV}", password=NEW_PASSWORD).status == 204
    entry = site.entry(TELEMATIK_IDS[PRACTICE])
    assert sorted(entry["mail"]) == ([OWNED] if hidden else [NEW, OWNED])
    assert f"{OWNED},1.5+" in entry["kimData"]
    assert f"{NEW},1.5" in entry["kimData"]


def test_registration_that_a_kill_cuts_off_leaves_no_address_in_the_directory(
    site: AccountSite,
) -> None:
    """The process is killed when the directory has written, before the account is stored."""
    faults = [
        {"id": "1", "operation": "*modify" + FA, "effect": {"kind": "truncate"}},
        {"id": "2", "operation": "*" + FA, "nth": 3, "effect": {"kind": "delay", "seconds": 60}},
    ]
    assert site.directory.ask("PUT", "/faults", faults)[0] == 200
    with ThreadPoolExecutor(1) as pool:
        registering = pool.submit(site.register, NEW)
        wait_until(lambda: NEW in site.entry(TELEMATIK_IDS[PRACTICE])["mail"])
        site.provider.role.kill()
        with pytest.raises(ConnectionError):
            registering.result()
    assert site.directory.ask("DELETE", "/faults")[0] == 204
    site.provider.role.restart()
    wait_until(lambda: site.entry(TELEMATIK_IDS[PRACTICE])["mail"] == [OWNED])
    assert NEW.lower() not in site.accounts()
    assert site.register(NEW).status == 204
    assert sorted(site.entry(TELEMATIK_IDS[PRACTICE])["mail"]) == [NEW, OWNED]


def test_change_that_an_inactive_entry_refused_is_not_begun_again_and_again(
    site: AccountSite,
) -> None:
    uid = f"karte-{PRACTICE[-2:]}"
    entry = json.loads(site.directory.ask("GET", f"/entries/{uid}")[1])
    inactive = {"attributes": entry["attributes"], "certificates": [], "active": False}
    assert site.directory.ask("PUT", f"/entries/{uid}", inactive)[0] == 200
    assert site.call("PUT", body={"kimVersion": "1.5+"}).status == 423
    site.provider.role.stop()
    site.provider.role.restart()
    journal = site.provider.role.journal
    wait_until(lambda: "directory.settled" in [event["step"] for event in journal()])


def test_locked_entry_is_502_where_an_address_leaves_it(site: AccountSite) -> None:
    """The OpenAPI has no 423 for deregisterAccount."""
    fault = {"id": "1", "operation": "*modify" + FA, "effect": {"kind": "status", "code": 423}}
    assert site.directory.ask("PUT", "/faults", [fault])[0] == 200
    assert site.call("DELETE").status == 502
    assert site.accounts()[OWNED]["deregistered"] is None
    assert site.call("PUT", body={"kimVersion": "1.5+"}).status == 423


def test_hidden_account_is_in_kimdata_alone(site: AccountSite) -> None:
    assert site.register(NEW, noVzdMailEntry=True).status == 204
    entry = site.entry(TELEMATIK_IDS[PRACTICE])
    assert entry["mail"] == [OWNED]
    assert entry["komLeData"] == [f"1.5,{OWNED}"]
    shown = {"noVzdMailEntry": False}
    assert site.call("PUT", body=shown, address=NEW, password=NEW_PASSWORD).status == 204
    assert set(site.entry(TELEMATIK_IDS[PRACTICE])["komLeData"]) == {
        f"1.5,{OWNED}",
        f"1.5,{NEW}",
    }
    hidden = {"noVzdMailEntry": True}
    assert site.call("PUT", body=hidden).status == 204
    assert site.entry(TELEMATIK_IDS[PRACTICE])["mail"] == [NEW]


def test_changes_of_an_account(site: AccountSite) -> None:
    body = {"password": b64(NEW_PASSWORD), "kimVersion": "1.5+", "dataTimeToLive": 365}
    assert site.call("PUT", body={**body, "username": "x@y.z", "referenceID": "z"}).status == 204
    assert site.call("GET").status == 401
    shown = site.call("GET", password=NEW_PASSWORD).content
    assert (shown["kimVersion"], shown["dataTimeToLive"]) == ("1.5+", 365)
    assert shown["username"] == OWNED
    assert "referenceID" not in shown
    assert site.entry(TELEMATIK_IDS[PRACTICE])["komLeData"] == [f"1.5+,{OWNED}"]
    site.provider.role.kill()
    site.provider.role.restart()
    assert site.call("GET", password=NEW_PASSWORD).content == shown


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 204),
        (None, 204),
        ({"password": b64("zu kurz")}, 420),
        ({"kimVersion": "2.0"}, 422),
        ({"dataTimeToLive": 366}, 400),
        ({"dataTimeToLive": 30.0}, 204),
        ({"dataTimeToLive": "30"}, 400),
        (["kein Objekt"], 400),
        (b"{", 400),
        (b'{"a": NaN}', 400),
        (b'{"username": "\\ud800@kv.de"}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 60_000, 400),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400),
        (b" " * 200_000, 400),
    ],
)
def test_bodies_of_set_account(site: AccountSite, body: Any, status: int) -> None:
    assert site.call("PUT", body=body).status == status


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b64("falsch"), 401),
        ("", 401),
        ("kein base64", 400),
        ("//8=", 400),
        (b64("x" * 200), 400),
        ("\xe4\xf6", 400),
    ],
)
def test_password_of_the_header(site: AccountSite, value: str, status: int) -> None:
    assert site.call("GET", password=None, Password=value).status == status


def test_missing_password_unknown_account_and_account_of_another_card(site: AccountSite) -> None:
    assert site.call("GET", password=None).status == 400
    assert site.call("GET", address=f"niemand@{KV}").status == 404
    assert site.call("GET", address="niemand").status == 400
    assert site.call("GET", card=DOCTOR).status == 401
    assert site.call("GET", address=f"facharzt@{KV}").status == 401
    assert site.call("PUT", "/telematikID", password=PASSWORD).status == 400


def test_client_certificate_is_needed_but_for_the_first_registration(site: AccountSite) -> None:
    bare = site.without_certificate()
    assert site.call("GET", context=bare).status == 401
    assert site.call("PUT", "/telematikID", context=bare, otp=b64("x")).status == 401
    assert site.call("POST", "/cert", {"commonName": "x"}, context=bare).status == 401
    information = site.send("GET", "/ServiceInformation/v1.0/serviceinfo", context=bare)
    assert information.status == 200
    assert site.register(NEW, context=bare).status == 204


def test_unknown_paths_and_methods_answer_in_the_same_form(site: AccountSite) -> None:
    nowhere = site.send("GET", f"{BASE}/nichts")
    assert (nowhere.status, nowhere.content.keys()) == (404, {"message", "traceId"})
    wrong = site.send("PATCH", f"{BASE}/account")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "POST")


def test_fault_on_purpose_names_operation_and_account(site: AccountSite) -> None:
    fault = {"operation": "REST.getAccount", "effect": {"kind": "reply", "code": 500}}
    site.provider.faults({**fault, "match": {"user": OWNED}})
    assert site.call("GET").status == 500
    assert site.call("GET", "/outofoffice").status == 200
