"""The relay asks DNS for the way: MX, its port, several servers, and what is wrong with names."""

from __future__ import annotations

import json
import smtplib

import pytest

from tests.mail_providers import ARV, KASSE, KV, PRAXIS, RunningProvider, mail, wait_until

ZONE = "kim.telematik-test"
MAIL = f"mail.{ARV}"


@pytest.fixture(scope="module")
def names(start_role):
    return start_role("simulators.names", {"name": "dns", "listeners": {"dns": {}}})


@pytest.fixture(scope="module")
def receiving(start_provider):
    return start_provider("arv", ARV, [KASSE])


@pytest.fixture(scope="module")
def sending(start_provider, names):
    host, port = names.address("dns")
    quick = {"first_retry_seconds": 600, "give_up_seconds": 3600}
    return start_provider("kv", KV, [PRAXIS], names=f"{host}:{port}", relay=quick)


@pytest.fixture(autouse=True)
def fresh(names, receiving, sending):
    for role in (names, receiving.role, sending.role):
        assert role.ask("DELETE", "/faults")[0] == 204
        assert role.ask("POST", "/reset")[0] == 204
    yield
    assert "Traceback" not in sending.role.log()


def tell(names, *records: tuple[str, str, str]) -> None:
    status, body = names.ask(
        "PUT", "/records", [{"name": n, "type": t, "data": d} for n, t, d in records]
    )
    assert status == 200, body


def place(provider: RunningProvider, host: str = MAIL) -> list[tuple[str, str, str]]:
    _, port = provider.role.address("smtp")
    return [(host, "A", "127.0.0.1"), (f"_smtps._tcp.{host}", "SRV", f"0 0 {port} {host}.")]


def send(provider: RunningProvider, recipient: str = KASSE) -> None:
    with provider.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [recipient], mail(PRAXIS, recipient))


def asked(names) -> list[tuple[str, str]]:
    return [(e["data"]["name"], e["data"]["type"]) for e in names.journal() if "type" in e["data"]]


def test_mail_goes_where_mx_says(names, sending, receiving):
    tell(names, (ARV, "MX", f"10 {MAIL}."), *place(receiving))
    send(sending)
    receiving.wait_for_mails(KASSE, 1)
    assert (ARV, "MX") in asked(names)


def test_what_was_answered_is_not_asked_again_within_its_time(names, sending, receiving):
    tell(names, (ARV, "MX", f"10 {MAIL}."), *place(receiving))
    receiving.faults({"operation": "SMTP.CONNECT", "nth": 1, "effect": {"kind": "drop"}})
    send(sending)
    wait_until(lambda: len(sending.steps("relay.postponed")) == 1)
    before = len(asked(names))
    sending.role.ask("PUT", "/clock", {"advance_seconds": 601})
    receiving.wait_for_mails(KASSE, 1)
    again = asked(names)[before:]
    assert (ARV, "MX") in again, "its TTL of 60 seconds is over"
    assert len(set(again)) == len(again)


def test_the_next_server_takes_it_when_the_preferred_one_is_away(
    names, sending, receiving, free_port
):
    away = f"away.{ARV}"
    tell(
        names,
        (ARV, "MX", f"20 {MAIL}."),
        (ARV, "MX", f"10 {away}."),
        (away, "A", "127.0.0.1"),
        (f"_smtps._tcp.{away}", "SRV", f"0 0 {free_port()} {away}."),
        *place(receiving),
    )
    send(sending)
    receiving.wait_for_mails(KASSE, 1)


@pytest.mark.parametrize("preference", [10, 30])
def test_a_server_without_address_does_not_hide_the_others(names, sending, receiving, preference):
    tell(
        names,
        (ARV, "MX", f"20 {MAIL}."),
        (ARV, "MX", f"{preference} gone.{ARV}."),
        *place(receiving),
    )
    send(sending)
    receiving.wait_for_mails(KASSE, 1)


def test_a_server_whose_name_no_certificate_can_carry_is_tried_again(names, sending, receiving):
    """DNS escapes bytes: what is 63 of them is too long as text."""
    odd = "\\007" * 20 + f".{ARV}"
    tell(names, (ARV, "MX", f"10 {odd}."), *place(receiving, odd))
    send(sending)
    wait_until(lambda: len(sending.steps("relay.postponed")) == 1)
    tell(names, (ARV, "MX", f"10 {MAIL}."), *place(receiving))
    sending.role.ask("PUT", "/clock", {"advance_seconds": 601})
    receiving.wait_for_mails(KASSE, 1)


def test_without_mx_the_domain_itself_is_called(names, sending, receiving):
    """RFC 5321, 5.1. Its certificate does not carry that name, so nothing is handed over."""
    tell(names, *place(receiving, ARV))
    send(sending)
    wait_until(lambda: len(sending.steps("relay.postponed")) == 1)
    (event,) = sending.steps("relay.postponed")
    assert "certificate" in json.dumps(event["data"]["replies"]).lower()
    assert receiving.mailbox(KASSE) == []


@pytest.mark.parametrize("records", [[], [(ARV, "MX", "0 .")]], ids=["nothing", "null MX"])
def test_the_sender_hears_at_once_that_there_is_no_way(names, sending, records):
    tell(names, (f"x.{ZONE}", "A", "127.0.0.1"), *records)
    with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.1\.2"):
        send(sending)


def test_the_sender_hears_that_a_way_is_gone(names, sending, receiving):
    tell(names, (ARV, "MX", f"10 {MAIL}."), *place(receiving))
    receiving.faults({"operation": "SMTP.CONNECT", "nth": 1, "effect": {"kind": "drop"}})
    send(sending)
    wait_until(lambda: len(sending.steps("relay.postponed")) == 1)
    tell(names)
    sending.role.ask("PUT", "/clock", {"advance_seconds": 601})
    (report,) = sending.wait_for_mails(PRAXIS, 1)
    assert b"Status: 5.1.2" in report


@pytest.mark.parametrize("effect", [{"kind": "rcode", "text": "SERVFAIL"}, {"kind": "empty"}])
def test_a_server_of_names_that_fails(names, sending, receiving, effect):
    """SERVFAIL is no "no": the mail is taken and waits; an empty answer is one."""
    tell(names, (ARV, "MX", f"10 {MAIL}."), *place(receiving))
    rule = {"id": "dns", "operation": "query", "effect": effect}
    assert names.ask("PUT", "/faults", [rule])[0] == 200
    if effect["kind"] == "empty":
        with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.1\.2"):
            send(sending)
        return
    send(sending)
    wait_until(lambda: len(sending.steps("relay.postponed")) == 1)
    (event,) = sending.steps("relay.postponed")
    assert "4.4.3" in event["data"]["replies"][KASSE]
    names.ask("DELETE", "/faults")
    sending.role.ask("PUT", "/clock", {"advance_seconds": 601})
    receiving.wait_for_mails(KASSE, 1)
    assert sending.mailbox(PRAXIS) == []
