"""Deregistration and locks, on the provider's virtual clock; operations at the same time."""

from __future__ import annotations

import json
import poplib
import smtplib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.account_manager_site import (
    DOCTOR,
    OWNED,
    PRACTICE,
    TELEMATIK_IDS,
    AccountSite,
)
from tests.kas_client import KIND, PATH, KasClient, attachment, basic, fields, form, in_days
from tests.mail_providers import FACHARZT, KV, PASSWORD, mail, wait_until

NOTE = {
    "startDate": "2021-07-20T17:32:28Z",
    "endDate": "2199-07-28T15:32:28Z",
    "message": "Praxis geschlossen.",
    "active": True,
}
ENTRY = TELEMATIK_IDS[PRACTICE]


def send(site: AccountSite, recipient: str = OWNED, **changes: Any) -> None:
    with site.provider.smtp(FACHARZT) as client:
        client.sendmail(FACHARZT, [recipient], mail(FACHARZT, recipient, **changes))


@pytest.mark.requirement(
    "KOM-LE-A_2149", "KOM-LE-A_2150", "KOM-LE-A_2155", "KOM-LE-A_2157", "KOM-LE-A_2158"
)
def test_deregistered_account_fetches_for_thirty_days_but_gets_and_sends_nothing(
    site: AccountSite,
) -> None:
    send(site)
    kas = KasClient(site.provider)
    upload = kas.upload(b"data", *fields(expires=in_days(60)), user=OWNED)
    assert upload.status == 201
    assert site.call("DELETE").status == 204
    shown = site.call("GET").content
    assert shown["regStat"] == "deregistered"
    assert "mail" not in site.entry(ENTRY)
    with site.provider.pop3(OWNED) as client:  # KOM-LE-A_2155: what is there can be fetched
        assert len(client.list()[1]) == 1
    with site.provider.smtp(FACHARZT) as sender:  # KOM-LE-A_2149
        sender.mail(FACHARZT)
        assert sender.rcpt(OWNED)[0] == 550
    with site.provider.smtp() as own, pytest.raises(smtplib.SMTPAuthenticationError):
        own.login(OWNED, PASSWORD)  # KOM-LE-A_2150
    assert kas.upload(b"data", user=OWNED).status == 401
    assert site.call("DELETE").status == 204
    assert site.call("GET").content["deregDate"] == shown["deregDate"]

    site.advance(seconds=29 * 86_400)
    assert site.call("GET", token=site.token_now()).status == 200
    site.advance(seconds=2 * 86_400)
    assert site.call("GET", token=site.token_now()).status == 404
    with pytest.raises(poplib.error_proto), site.provider.pop3(OWNED):
        pass
    wait_until(lambda: b'"ended"' in site.provider.role.ask("GET", "/accounts/log")[1])
    assert kas.read(upload.link).status == 404
    wait_until(lambda: kas.files() == [])
    site.provider.role.kill()
    site.provider.role.restart()  # real time again: what has ended stays so
    assert site.call("GET").status == 404
    _, log = site.provider.role.ask("GET", "/accounts/log")
    assert [event["event"] for event in json.loads(log)] == ["deregistered", "ended"]
    assert site.register(OWNED, card=DOCTOR).status == 409, "it was another one's"
    assert site.register(OWNED).status == 204  # this profile gives addresses again
    assert site.provider.mailbox(OWNED) == [], "the mails of the former owner are gone"


def test_revoked_deregistration_is_as_if_nothing_had_happened(site: AccountSite) -> None:
    before = site.entry(ENTRY)
    assert site.call("PUT", "/revokeDeregistration").status == 403
    assert site.call("DELETE").status == 204
    assert site.call("PUT", "/revokeDeregistration").status == 204
    assert site.call("GET").content["regStat"] == "registered"
    after = site.entry(ENTRY)
    assert [after[k] for k in ("mail", "komLeData")] == [before[k] for k in ("mail", "komLeData")]
    send(site)


def test_inactive_entry_takes_no_revoked_account(site: AccountSite) -> None:
    assert site.call("DELETE").status == 204
    path = f"/entries/karte-{PRACTICE[-2:]}"
    entry = json.loads(site.directory.ask("GET", path)[1])
    assert site.directory.ask("PUT", path, {**entry, "active": False})[0] in (200, 204)
    assert site.call("PUT", "/revokeDeregistration").status == 423
    assert site.call("GET").content["regStat"] == "deregistered"


@pytest.mark.requirement("KOM-LE-A_2167", "KOM-LE-A_2168")
def test_locked_account_gets_mail_but_lets_nobody_in(site: AccountSite) -> None:
    control = site.provider.role
    assert control.ask("PUT", f"/accounts/{OWNED}/lock")[0] == 204  # KOM-LE-A_2167
    send(site)
    with pytest.raises(poplib.error_proto), site.provider.pop3(OWNED):
        pass
    assert site.call("GET").status == 401
    control.kill()
    control.restart()
    assert site.call("GET").status == 401
    assert control.ask("DELETE", f"/accounts/{OWNED}/lock")[0] == 204  # KOM-LE-A_2168
    with site.provider.pop3(OWNED) as client:
        assert len(client.list()[1]) == 1
    assert control.ask("PUT", f"/accounts/niemand@{KV}/lock")[0] == 404


@pytest.mark.requirement("KOM-LE-A_2167")
def test_lock_ends_the_open_session_of_a_mailbox_without_deleting(site: AccountSite) -> None:
    send(site)
    with site.provider.pop3(OWNED) as client:
        client.dele(1)
        assert site.provider.role.ask("PUT", f"/accounts/{OWNED}/lock")[0] == 204
        with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
            client.quit()
    assert len(site.provider.mailbox(OWNED)) == 1


@pytest.mark.parametrize("ending", ["deregistered", "locked"])
def test_account_that_ends_after_its_login_sends_no_more(site: AccountSite, ending: str) -> None:
    with site.provider.smtp(OWNED) as client:
        assert client.mail(OWNED)[0] == 250
        client.rset()
        if ending == "locked":
            assert site.provider.role.ask("PUT", f"/accounts/{OWNED}/lock")[0] == 204
        else:
            assert site.call("DELETE").status == 204
        assert client.mail(OWNED)[0] == 530


@pytest.mark.parametrize("ending", ["deregistered", "locked"])
def test_account_that_ends_during_an_upload_gets_no_link(site: AccountSite, ending: str) -> None:
    kas = KasClient(site.provider)
    body = form([*fields(), attachment(b"x" * 100_000)])
    connection = kas.connect()
    connection.putrequest("POST", PATH)
    kind = {"Content-Type": KIND, "Content-Length": str(len(body))}
    for name, value in {**basic(OWNED), **kind}.items():
        connection.putheader(name, value)
    connection.endheaders(body[:50_000])
    wait_until(lambda: len(kas.files()) == 1)
    if ending == "locked":
        assert site.provider.role.ask("PUT", f"/accounts/{OWNED}/lock")[0] == 204
    else:
        assert site.call("DELETE").status == 204
    connection.send(body[50_000:])
    assert connection.getresponse().status == 401
    connection.close()
    assert kas.stored() == []
    assert kas.files() == []


def test_lock_holds_although_the_owner_changes_the_account_meanwhile(site: AccountSite) -> None:
    slow = {
        "id": "1",
        "operation": "*modify_Directory_FA-Attributes",
        "effect": {"kind": "delay", "seconds": 0.3},
    }
    assert site.directory.ask("PUT", "/faults", [slow])[0] == 200
    asked = len(site.directory.journal())
    with ThreadPoolExecutor(1) as pool:
        change = pool.submit(site.call, "PUT", body={"kimVersion": "1.5+"})
        wait_until(lambda: len(site.directory.journal()) > asked)
        assert site.provider.role.ask("PUT", f"/accounts/{OWNED}/lock")[0] == 204
        assert change.result().status == 204
    assert site.accounts()[OWNED]["locked"]
    assert site.accounts()[OWNED]["kim_version"] == "1.5+"


def test_operations_at_the_same_time_lose_nothing(site: AccountSite) -> None:
    """Each writes the account whole: one must see what the other has left."""
    calls: list[tuple[str, str, object]] = [
        ("PUT", "", {"dataTimeToLive": 11}),
        ("PUT", "", {"kimVersion": "1.5+"}),
        ("PUT", "", {"noVzdMailEntry": True}),
        ("DELETE", "", None),
        ("PUT", "/outofoffice", NOTE),
    ]
    with ThreadPoolExecutor(len(calls)) as pool:
        statuses = list(pool.map(lambda call: site.call(*call).status, calls))
    assert statuses == [204] * len(calls)
    shown = site.call("GET").content
    assert (shown["dataTimeToLive"], shown["kimVersion"]) == (11, "1.5+")
    assert (shown["noVzdMailEntry"], shown["regStat"]) == (True, "deregistered")
    assert "mail" not in site.entry(ENTRY)


def test_one_address_is_registered_once_however_many_ask(site: AccountSite) -> None:
    address = f"begehrt@{KV}"
    cards = [PRACTICE, DOCTOR, PRACTICE, DOCTOR]
    with ThreadPoolExecutor(len(cards)) as pool:
        found = list(pool.map(lambda card: site.register(address, card=card).status, cards))
    assert sorted(found) == [204, 409, 409, 409]
    winner = site.accounts()[address]["telematik_id"]
    holders = [
        card
        for card in (PRACTICE, DOCTOR)
        if address in site.entry(TELEMATIK_IDS[card]).get("mail", [])
    ]
    assert [TELEMATIK_IDS[card] for card in holders] == [winner]
