"""Deregistration, porting, client certificates and absence, on the provider's virtual clock."""

from __future__ import annotations

import base64
import json
import poplib
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from simulators.process.tls import client_context, load_pkcs12
from tests.account_manager_site import (
    DOCTOR,
    FORMER,
    NEW_PASSWORD,
    OWNED,
    PRACTICE,
    TELEMATIK_IDS,
    AccountSite,
    b64,
)
from tests.kas_client import KIND, PATH, KasClient, attachment, basic, fields, form
from tests.mail_providers import FACHARZT, KV, PASSWORD, mail, wait_until

NOTE = {
    "startDate": "2021-07-20T17:32:28Z",
    "endDate": "2199-07-28T17:32:28+02:00",
    "message": "Praxis geschlossen.\r\nVertretung: Dr. Müller",
    "active": True,
}
ENTRY = TELEMATIK_IDS[PRACTICE]


def send(site: AccountSite, recipient: str = OWNED, **changes: Any) -> None:
    with site.provider.smtp(FACHARZT) as client:
        client.sendmail(FACHARZT, [recipient], mail(FACHARZT, recipient, **changes))


def answers(site: AccountSite, address: str = FACHARZT) -> list[Message]:
    return [message_from_bytes(raw) for raw in site.provider.mails(address)]


# Deregistration


def test_deregistered_account_fetches_for_thirty_days_but_gets_and_sends_nothing(
    site: AccountSite,
) -> None:
    send(site)
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
    assert KasClient(site.provider).upload(b"data", user=OWNED).status == 401
    assert site.call("DELETE").status == 204
    assert site.call("GET").content["deregDate"] == shown["deregDate"]

    site.advance(seconds=29 * 86_400)
    assert site.call("GET", token=site.token_now()).status == 200
    site.advance(seconds=2 * 86_400)
    assert site.call("GET", token=site.token_now()).status == 404
    with pytest.raises(poplib.error_proto), site.provider.pop3(OWNED):
        pass
    wait_until(lambda: b'"ended"' in site.provider.role.ask("GET", "/accounts/log")[1])
    site.provider.role.kill()
    site.provider.role.restart()  # real time again: what has ended stays so
    assert site.call("GET").status == 404
    _, log = site.provider.role.ask("GET", "/accounts/log")
    assert [event["event"] for event in json.loads(log)] == ["deregistered", "ended"]
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


# Porting


def otp(site: AccountSite, **changes: Any) -> str:
    answer = site.call("GET", "/OTP", **changes)
    assert answer.status == 200
    return str(answer.content["otp"])


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


def test_address_is_ported_to_the_card_that_has_the_password(site: AccountSite) -> None:
    password = otp(site)
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp=password).status == 204
    assert site.entry(TELEMATIK_IDS[DOCTOR])["mail"] == [OWNED]
    assert "mail" not in site.entry(ENTRY)
    assert site.call("GET").status == 401
    assert site.call("GET", card=DOCTOR).status == 200
    again = site.call("PUT", "/telematikID", otp=password)
    assert again.status == 403, "a password holds once"
    site.provider.role.kill()
    site.provider.role.restart()
    assert site.call("GET", card=DOCTOR).status == 200


def test_only_the_latest_password_of_a_week_holds(site: AccountSite) -> None:
    old, new = otp(site), otp(site)
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp=old).status == 403
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp=b64("geraten")).status == 403
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp="kein base64").status == 400
    assert site.call("PUT", "/telematikID", card=DOCTOR, password="falsch", otp=new).status == 401
    assert site.call("PUT", "/telematikID", card=FORMER, otp=new).status == 423
    site.advance(seconds=7 * 86_400 + 1)
    token = site.token_now(DOCTOR)
    assert site.call("PUT", "/telematikID", token=token, otp=new).status == 408
    assert site.accounts()[OWNED]["telematik_id"] == ENTRY
    nobody = site.call("PUT", "/telematikID", address=f"x@{KV}", token=token, otp=new)
    assert nobody.status == 404


def test_directory_that_fails_between_the_entries_leaves_the_address_where_it_was(
    site: AccountSite,
) -> None:
    fault = {
        "id": "1",
        "operation": "*modify_Directory_FA-Attributes",
        "match": {"telematik_id": ENTRY},
        "effect": {"kind": "status", "code": 500},
    }
    assert site.directory.ask("PUT", "/faults", [fault])[0] == 200
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp=otp(site)).status == 502
    assert site.entry(ENTRY)["mail"] == [OWNED]
    assert "mail" not in site.entry(TELEMATIK_IDS[DOCTOR])
    assert site.accounts()[OWNED]["telematik_id"] == ENTRY


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


# Client certificates


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


def test_certificate_of_createcert_opens_smtp_pop3_and_rest(
    site: AccountSite, tmp_path: Path
) -> None:
    address = f"neu@{KV}"
    assert site.register(address).status == 204
    bare = site.without_certificate()
    body = {"commonName": "Praxis Müller", "certPassword": b64("Transport-1")}
    key = {"address": address, "password": NEW_PASSWORD}
    answer = site.call("POST", "/cert", body, context=bare, **key)
    assert answer.status == 200, answer
    file = tmp_path / "cm.p12"
    file.write_bytes(base64.b64decode(answer.content["file"], validate=True))
    _, certificate, chain = pkcs12.load_key_and_certificates(file.read_bytes(), b"Transport-1")
    assert certificate is not None
    assert certificate.subject.rfc4514_string().startswith("CN=Praxis Müller#CM")
    assert len(chain) == 1
    context = client_context(site.tree.ca)
    load_pkcs12(context, file, "Transport-1")
    assert site.call("GET", context=context, **key).status == 200
    with site.provider.smtp(context=context) as client:
        client.login(address, NEW_PASSWORD)
        client.sendmail(address, [address], mail(address, address))
    host, port = site.provider.role.address("pop3")
    pop3 = poplib.POP3_SSL(host, port, context=context, timeout=20)
    pop3.user(address)
    pop3.pass_(NEW_PASSWORD)
    assert len(pop3.list()[1]) == 1
    pop3.close()
    assert site.call("POST", "/cert", body, context=bare, **key).status == 401, "the second one"


def test_container_without_password_is_not_encrypted(site: AccountSite) -> None:
    answer = site.call("POST", "/cert", {"commonName": "cm"})
    content = base64.b64decode(answer.content["file"], validate=True)
    key, certificate, _ = pkcs12.load_key_and_certificates(content, None)
    assert key is not None
    assert certificate is not None


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"commonName": ""},
        {"commonName": "x" * 62},
        {"commonName": "a\nb"},
        {"commonName": 1},
        {"commonName": "x", "certPassword": "kein base64"},
        {"commonName": "x", "certPassword": 1},
    ],
)
def test_wrong_certificate_parameters(site: AccountSite, body: Any) -> None:
    assert site.call("POST", "/cert", body).status == 400


# Absence


def test_note_is_read_as_it_was_set_and_survives(site: AccountSite) -> None:
    assert site.call("GET", "/outofoffice").content == {"active": False}
    assert site.call("PUT", "/outofoffice", NOTE).status == 204
    site.provider.role.kill()
    site.provider.role.restart()
    assert site.call("GET", "/outofoffice").content == {**NOTE, "endDate": "2199-07-28T15:32:28Z"}
    assert site.call("PUT", "/outofoffice", {"active": False}).status == 204
    kept = site.call("GET", "/outofoffice").content
    assert kept["active"] is False
    assert kept["message"] == NOTE["message"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"active": False},
        {k: v for k, v in NOTE.items() if k != "message"},
        {**NOTE, "endDate": NOTE["startDate"]},
        {**NOTE, "startDate": "20.07.2021"},
        {**NOTE, "startDate": "2021-07-20T17:32:28"},
        {**NOTE, "message": "x" * 2049},
        {**NOTE, "message": "\x00"},
        {**NOTE, "active": "ja"},
    ],
)
def test_first_note_needs_all_values(site: AccountSite, body: Any) -> None:
    assert site.call("PUT", "/outofoffice", body).status == 400
    assert site.call("GET", "/outofoffice").content == {"active": False}


def test_activating_needs_all_values_each_time(site: AccountSite) -> None:
    assert site.call("PUT", "/outofoffice", NOTE).status == 204
    assert site.call("PUT", "/outofoffice", {"active": True}).status == 400
    without = {k: v for k, v in NOTE.items() if k != "active"}
    assert site.call("PUT", "/outofoffice", without).status == 204
    assert site.call("GET", "/outofoffice").content["active"] is False  # FAQ: missing is false


def test_absence_is_told_once_to_a_sender_in_plain_text(site: AccountSite) -> None:
    site.call("PUT", "/outofoffice", NOTE)
    send(site, message_id="<frage@cm.test>")
    send(site, message_id="<noch-eine@cm.test>")
    (answer,) = answers(site)
    assert answer["Return-Path"] == "<>"
    assert (answer["From"], answer["To"]) == (f"<{OWNED}>", f"<{FACHARZT}>")
    assert answer["Auto-Submitted"] == "auto-replied"
    assert answer["In-Reply-To"] == answer["References"] == "<frage@cm.test>"
    assert answer.get_content_type() == "text/plain"  # KOM-LE-A_2277: not signed, not encrypted
    text = answer.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().split() == NOTE["message"].split()  # type: ignore[attr-defined]
    assert len(site.provider.mails(OWNED)) == 2
    site.provider.role.kill()
    site.provider.role.restart()
    send(site)
    assert len(answers(site)) == 1, "who was told is remembered"
    site.call("PUT", "/outofoffice", NOTE)
    send(site)
    assert len(answers(site)) == 2, "a new note is told anew"


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-generated\r\n",
        "Auto-Submitted: auto-replied; x=y\r\n",
        "Precedence: bulk\r\n",
        "List-Id: <liste.kv>\r\n",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n',
    ],
)
def test_automatic_mail_is_not_answered(site: AccountSite, headers: str) -> None:
    site.call("PUT", "/outofoffice", NOTE)
    send(site, headers=headers)
    assert answers(site) == []
    assert len(site.provider.mails(OWNED)) == 1


@pytest.mark.parametrize("message_id", ["<a@b> Bcc: x@y", "<ä@b>", "a@b", f"<{'a' * 300}@b>"])
def test_answer_names_no_message_id_that_is_none(site: AccountSite, message_id: str) -> None:
    assert site.call("PUT", "/outofoffice", NOTE).status == 204
    with site.provider.smtp(FACHARZT) as client:
        head = f"From: {FACHARZT}\r\nTo: {OWNED}\r\nMessage-ID: {message_id}\r\n\r\n"
        client.sendmail(FACHARZT, [OWNED], head.encode(), ["BODY=8BITMIME"])
    (answer,) = answers(site)
    assert (answer["In-Reply-To"], answer["References"]) == (None, None)


def test_mail_without_sender_and_mail_to_oneself_are_not_answered(site: AccountSite) -> None:
    site.call("PUT", "/outofoffice", NOTE)
    with site.provider.smtp(OWNED) as client:
        client.sendmail(OWNED, [OWNED], mail(OWNED, OWNED))
    with site.provider.smtp(context=provider_context(site)) as other:
        other.sendmail("", [OWNED], mail("x@arv.kim.telematik-test", OWNED))
    assert len(site.provider.mails(OWNED)) == 2


def provider_context(site: AccountSite) -> ssl.SSLContext:
    return client_context(site.tree.ca, site.tree.tls("kv"))


def test_absence_begins_and_ends_on_the_virtual_clock(site: AccountSite) -> None:
    note = {**NOTE, "startDate": "2150-01-01T00:00:00Z", "endDate": "2150-01-02T00:00:00Z"}
    site.call("PUT", "/outofoffice", note)
    for moment, expected in (
        ("2149-12-31T23:59:00+00:00", 0),
        ("2150-01-01T12:00:00+00:00", 1),
        ("2150-01-02T00:01:00+00:00", 0),
    ):
        site.provider.role.ask("DELETE", f"/mailboxes/{FACHARZT}")
        assert site.provider.role.ask("PUT", "/clock", {"now": moment})[0] == 200
        send(site)
        assert len(answers(site)) == expected, moment


def test_inactive_note_is_silent(site: AccountSite) -> None:
    site.call("PUT", "/outofoffice", {**NOTE, "active": False})
    send(site)
    assert answers(site) == []
