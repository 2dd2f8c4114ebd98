"""What a sent mail ends in: protected at the provider, or refused with the prescribed reply."""

from __future__ import annotations

import re
import smtplib
from datetime import timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from simulators.formats import enveloped_data, komle, recipient_emails
from simulators.formats.dsn import read_report
from simulators.formats.headers import split_message

if TYPE_CHECKING:
    from tests.clientmodule_world import World

UNKNOWN = "ohne-zertifikat@zweit.kim.telematik-test"


def refusal(kim: World, *recipients: str, mail: EmailMessage | None = None) -> tuple[int, str]:
    """Send from praxis; return code and text with which the mail as a whole is refused."""
    with pytest.raises(smtplib.SMTPDataError) as refused:
        kim.send("praxis", *recipients, mail=mail)
    error = refused.value.smtp_error
    return refused.value.smtp_code, error.decode() if isinstance(error, bytes) else error


def test_the_message_at_the_provider(kim: World) -> None:
    """KOM-LE-A_2098-03, 2100-02, 2101-01, 2102, 2027, A_21388-01, A_22417, A_19488-02."""
    mail = kim.mail("praxis", "kasse")
    mail["X-KIM-Sendersystem"] = "Test-PVS;V1"
    kim.send("praxis", "kasse", mail=mail)
    (stored,) = kim.stored("kasse")
    headers, _ = split_message(stored)
    assert headers.get("Subject") == "KOM-LE-Nachricht"
    assert headers.get("X-KOM-LE-Version") == "1.0"
    assert headers.get("Message-ID") == mail["Message-ID"]
    assert headers.get("X-KIM-Sendersystem") == "Test-PVS;V1"
    assert headers.get("X-KIM-Dienstkennung") == "KIM-Mail;Default;V1.0"
    assert re.fullmatch(
        r"[a-zA-Z0-9_]{1,5}_\d{1,2}\.\d{1,2}\.\d{1,2}(-\d{1,3})?",
        headers.get("X-KIM-CMVersion") or "",
    )
    assert re.fullmatch(r"\d\.\d\.\d-\d", headers.get("X-KIM-PTVersion") or "")
    assert re.fullmatch(r"(<[^<>]+>){5}", headers.get("X-KIM-KONVersion") or "")
    lifetime = parsedate_to_datetime(headers.get("Expires") or "") - parsedate_to_datetime(
        headers.get("Date") or ""
    )
    assert timedelta(days=89) < lifetime < timedelta(days=91)
    assert b"Befund" not in stored
    assert b"Guten Tag" not in stored


@pytest.mark.parametrize(("sender", "certificates"), [("praxis", 1), ("eilig", 2)])
def test_encrypted_for_recipients_and_sender(kim: World, sender: str, certificates: int) -> None:
    """KOM-LE-A_2022; up to 1.5.2-8 (eilig) RSA and ECC, from 1.5.2-9 on ECC alone."""
    kim.send(sender, "kasse")
    (stored,) = kim.stored("kasse")
    envelope = enveloped_data.read(komle.encrypted_cms(stored))
    entries = recipient_emails.read(envelope.unauthenticated[recipient_emails.OID])
    addresses = sorted(entry.address for entry in entries)
    assert addresses == sorted([kim.address(sender), kim.address("kasse")] * certificates)
    assert {entry.certificate for entry in entries} == set(envelope.recipients)
    assert len(envelope.recipients) == 2 * certificates


def test_only_recipient_without_certificate(kim: World) -> None:
    """KOM-LE-A_2025."""
    assert refusal(kim, UNKNOWN)[0] == 451
    kim.stored(UNKNOWN, 0)
    kim.stored("praxis", 0)


def test_one_of_two_without_certificate(kim: World) -> None:
    """KOM-LE-A_2024-01, 2028, A_20650-05."""
    mail = kim.mail("praxis", "kasse", UNKNOWN)
    kim.send("praxis", "kasse", UNKNOWN, mail=mail)
    (stored,) = kim.stored("kasse")
    headers, _ = split_message(stored)
    assert headers.get("To") == kim.address("kasse")
    kim.stored(UNKNOWN, 0)
    (dsn,) = kim.stored("praxis")
    report = read_report(dsn)
    assert report is not None
    assert report.headers.get_all("X-KIM-Fehlermeldung") == ["4004"]
    assert [(r.address, r.action) for r in report.reports] == [(UNKNOWN, "failed")]
    assert report.in_reply_to == mail["Message-ID"]
    assert b"Befund" not in dsn
    assert UNKNOWN.encode() in dsn
    # A message without X-KOM-LE-Version passes the POP3 gateway unchanged (A_21390).
    assert kim.fetch("praxis") == dsn


def test_recipient_refused_by_the_provider(kim: World) -> None:
    """KOM-LE-A_2018: one refused recipient is reported, the others get the mail."""
    rule = {
        "id": "one",
        "operation": "SMTP.RCPT",
        "match": {"recipient": kim.address("person")},
        "effect": {"kind": "reply", "code": 550, "text": "5.1.1 unbekannt"},
    }
    kim.ask(kim.provider("praxis"), "PUT", "/faults", [rule])
    kim.send("praxis", "kasse", "person")
    kim.stored("kasse", 1)
    (dsn,) = kim.stored("praxis")
    report = read_report(dsn)
    assert report is not None
    assert [(r.address, r.status) for r in report.reports] == [(kim.address("person"), "5.1.1")]


def test_all_recipients_refused_by_the_provider(kim: World) -> None:
    kim.fault(kim.provider("praxis"), "SMTP.RCPT", kind="reply", code=550, text="5.1.1 unbekannt")
    code, text = refusal(kim, "kasse")
    assert (code, text[:5]) == (550, "5.1.1")


def test_smc_b_pulled_between_login_and_data(kim: World) -> None:
    """KOM-LE-A_2021, 2057."""
    control, card = kim.konnektor("praxis"), kim.card("praxis")
    with kim.smtp("praxis") as smtp:
        smtp.login(*kim.user("praxis"))
        kim.ask(control, "POST", f"/cards/{card}/remove")
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.send_message(kim.mail("praxis", "kasse"))
        assert refused.value.smtp_code == 451
        kim.stored("kasse", 0)
        kim.ask(control, "POST", f"/cards/{card}/insert")
        smtp.send_message(kim.mail("praxis", "kasse"))
    kim.stored("kasse", 1)


@pytest.mark.parametrize("entry", ["wrong", "timeout", "abort"])
def test_pin_not_verified(kim: World, entry: str) -> None:
    """KOM-LE-A_2058."""
    kim.pin("praxis", state="VERIFIABLE", entry=entry)
    assert refusal(kim, "kasse")[0] == 451
    kim.stored("kasse", 0)


def test_pin_is_asked_for_when_needed(kim: World) -> None:
    """KOM-LE-A_2052: GetPinStatus once, VerifyPin only for a PIN that is not verified."""
    kim.pin("praxis", state="VERIFIABLE", entry="correct")
    kim.send("praxis", "kasse")
    kim.send("praxis", "kasse")
    steps = [event["step"] for event in kim.journal(kim.module("praxis"))]
    assert steps.count("VerifyPin") == 1
    assert steps.count("GetPinStatus") == 1
    kim.pin("praxis", state="VERIFIABLE", entry="correct")  # lowered behind our back: 4085
    kim.send("praxis", "kasse")
    kim.stored("kasse", 3)


@pytest.mark.parametrize("operation", ["SignDocument", "EncryptDocument"])
def test_konnektor_fault(kim: World, operation: str) -> None:
    kim.fault(kim.konnektor("praxis"), operation, kind="soap_fault", code=4001)
    assert refusal(kim, "kasse")[0] == 451
    kim.ask(kim.konnektor("praxis"), "DELETE", "/faults")
    kim.send("praxis", "kasse")
    kim.stored("kasse", 1)


def test_konnektor_that_does_not_answer(kim: World) -> None:
    kim.fault(kim.konnektor("praxis"), "SignDocument", kind="drop")
    assert refusal(kim, "kasse")[0] == 451


def test_directory_that_does_not_answer(kim: World) -> None:
    assert kim.endpoints.vzd is not None
    kim.fault(kim.endpoints.vzd.control, "*", kind="result", code=51)
    assert refusal(kim, "kasse")[0] == 451


def test_sender_without_certificate(kim: World) -> None:
    """FAQ: 553, the transmission ends."""
    mail = kim.mail("praxis", "kasse")
    mail.replace_header("From", UNKNOWN)
    kim.send("praxis", "praxis", mail=kim.mail("praxis", "praxis"))
    assert refusal(kim, "praxis", mail=mail)[0] == 553


def test_kas_part(kim: World) -> None:
    """A_22341."""
    mail = kim.mail("praxis", "kasse")
    mail.replace_header("Content-Type", "text/plain; charset=utf-8")
    mail["Content-Disposition"] = "x-kas"
    assert refusal(kim, "kasse", mail=mail)[0] == 451


def test_differing_from_is_replaced(kim: World) -> None:
    mail = kim.mail("praxis", "kasse")
    mail.replace_header("From", "Fremd <fremd@zweit.kim.telematik-test>")
    with kim.smtp("praxis") as smtp:
        smtp.login(*kim.user("praxis"))
        smtp.sendmail(kim.address("praxis"), kim.address("kasse"), mail.as_bytes())
    (stored,) = kim.stored("kasse")
    assert split_message(stored)[0].get("From") == kim.address("praxis")


def test_dsn_parameters_go_on(kim: World) -> None:
    """KOM-LE-A_2018: NOTIFY is kept, so the receiving provider reports delivery."""
    mail = kim.mail("praxis", "kasse")
    with kim.smtp("praxis") as smtp:
        smtp.login(*kim.user("praxis"))
        smtp.sendmail(
            *(kim.address("praxis"), [kim.address("kasse")], mail.as_bytes()),
            mail_options=["RET=HDRS", "ENVID=abc"],
            rcpt_options=["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{kim.address('kasse')}"],
        )
    (dsn,) = kim.stored("praxis")
    report = read_report(dsn)
    assert report is not None
    assert [r.action for r in report.reports] == ["delivered"]
    assert report.in_reply_to == mail["Message-ID"]


def test_journal_draws_the_way(kim: World) -> None:
    mail = kim.send("praxis", "kasse")
    events = [
        event
        for event in kim.journal(kim.module("praxis"))
        if event.get("message_id") == mail["Message-ID"]
    ]
    way = [(event["step"], event.get("peer")) for event in events]
    for step in [
        ("ClientMail", "pvs"),
        ("LdapSearch", "vzd"),
        ("SignDocument", "konnektor"),
        ("EncryptDocument", "konnektor"),
        ("Transmit", "provider"),
        ("Send", "pvs"),
    ]:
        assert step in way, way
    assert len({event["operation"] for event in events}) == 1
    assert "Befund" not in str(events)
