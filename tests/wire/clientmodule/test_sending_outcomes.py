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


@pytest.mark.requirement(
    "KOM-LE-A_2098-03",
    "KOM-LE-A_2099",
    "KOM-LE-A_2100-02",
    "KOM-LE-A_2101-01",
    "KOM-LE-A_2102",
    "A_21388-01",
    "A_22417",
    "A_19488-02",
)
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


@pytest.mark.requirement("KOM-LE-A_2022", "KOM-LE-A_2027", "KOM-LE-A_2111-01")
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


@pytest.mark.requirement("KOM-LE-A_2025")
def test_only_recipient_without_certificate(kim: World) -> None:
    """KOM-LE-A_2025."""
    assert refusal(kim, UNKNOWN)[0] == 451
    kim.stored(UNKNOWN, 0)
    kim.stored("praxis", 0)


@pytest.mark.requirement(
    "KOM-LE-A_2024-01", "KOM-LE-A_2028", "KOM-LE-A_2176", "A_20650-05", "A_21390"
)
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


@pytest.mark.requirement("KOM-LE-A_2018")
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


@pytest.mark.requirement("KOM-LE-A_2018")
def test_all_recipients_refused_by_the_provider(kim: World) -> None:
    kim.fault(kim.provider("praxis"), "SMTP.RCPT", kind="reply", code=550, text="5.1.1 unbekannt")
    code, text = refusal(kim, "kasse")
    assert (code, text[:5]) == (550, "5.1.1")


@pytest.mark.requirement("KOM-LE-A_2021", "KOM-LE-A_2057")
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


@pytest.mark.requirement("KOM-LE-A_2021", "KOM-LE-A_2058")
@pytest.mark.parametrize("entry", ["wrong", "timeout", "abort"])
def test_pin_not_verified(kim: World, entry: str) -> None:
    """KOM-LE-A_2058."""
    kim.pin("praxis", state="VERIFIABLE", entry=entry)
    assert refusal(kim, "kasse")[0] == 451
    kim.stored("kasse", 0)


@pytest.mark.requirement("KOM-LE-A_2052")
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


@pytest.mark.requirement("KOM-LE-A_2021", "KOM-LE-A_2177")
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


@pytest.mark.parametrize("code", [51, 3])
def test_directory_that_does_not_answer(kim: World, code: int) -> None:
    """Busy, or out of time: nobody is told that there is no certificate."""
    assert kim.endpoints.vzd is not None
    kim.fault(kim.endpoints.vzd.control, "*", kind="result", code=code)
    assert refusal(kim, "kasse")[0] == 451


def test_sender_without_certificate(kim: World) -> None:
    """FAQ: 553, the transmission ends."""
    mail = kim.mail("praxis", "kasse")
    mail.replace_header("From", UNKNOWN)
    kim.send("praxis", "praxis", mail=kim.mail("praxis", "praxis"))
    assert refusal(kim, "praxis", mail=mail)[0] == 553


@pytest.mark.requirement("A_22341")
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


@pytest.mark.requirement("KOM-LE-A_2018")
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


def submit(
    kim: World, content: bytes, *recipients: str, options: tuple[str, ...] = ()
) -> dict[str, tuple[int, bytes]]:
    """Send *content* as it is from praxis to *recipients* (RCPT TO with parameters or without)."""
    with kim.smtp("praxis") as smtp:
        smtp.login(*kim.user("praxis"))
        assert smtp.docmd("MAIL", f"FROM:<{kim.address('praxis')}> {' '.join(options)}")[0] == 250
        for recipient in recipients:
            address, _, parameters = kim.resolve(recipient).partition(" ")
            assert smtp.docmd("RCPT", f"TO:<{address}> {parameters}".rstrip())[0] == 250
        code, text = smtp.data(content)
        return {"DATA": (code, text)}


def head(kim: World, *fields: str) -> bytes:
    return "\r\n".join((f"From: {kim.address('praxis')}", *fields, "", "")).encode()


@pytest.mark.requirement("KOM-LE-A_2018")
def test_each_recipient_keeps_its_notify_and_orcpt(kim: World) -> None:
    """KOM-LE-A_2018, RFC 3461: and the client module's own DSN names ENVID and ORCPT."""
    kasse, person = kim.address("kasse"), kim.address("person")
    submit(
        *(kim, head(kim, f"To: {kasse}, {person}, {UNKNOWN}") + b"x"),
        f"{kasse} NOTIFY=SUCCESS ORCPT=rfc822;{kasse}",
        f"{person} NOTIFY=NEVER",
        f"{UNKNOWN} NOTIFY=FAILURE ORCPT=rfc822;alt+2Bneu@x",
        options=("RET=HDRS", "ENVID=QQ314159"),
    )
    kim.stored("person", 1)
    reports = [(dsn, read_report(dsn)) for dsn in kim.stored("praxis", 2)]
    found = {r.address: (r.action, r.original_recipient) for _, one in reports for r in one.reports}  # type: ignore[union-attr]
    assert found == {
        kasse: ("delivered", f"rfc822;{kasse}"),
        UNKNOWN: ("failed", "rfc822;alt+neu@x"),
    }
    assert all(b"Original-Envelope-Id: QQ314159\r\n" in dsn for dsn, _ in reports)


def test_one_recipient_written_in_several_ways(kim: World) -> None:
    """Addresses are compared without case: one mail, one entry, the header as it was written."""
    kasse = kim.address("kasse")
    submit(kim, head(kim, f"To: {kasse.upper()}", f"Cc: <{kasse}>") + b"x", kasse, kasse.upper())
    (stored,) = kim.stored("kasse")
    headers, _ = split_message(stored)
    assert (headers.get("To"), headers.get("Cc")) == (kasse.upper(), f"<{kasse}>")
    envelope = enveloped_data.read(komle.encrypted_cms(stored))
    assert len(envelope.recipients) == 2


@pytest.mark.requirement("KOM-LE-A_2098-03")
def test_8_bit_headers_go_on_as_they_are(kim: World) -> None:
    """KOM-LE-A_2098-03: the outer From is that of the mail, to the byte."""
    written = f'From: "Praxis Ährenfeld" <{kim.address("praxis")}>'.encode("latin-1")
    submit(kim, written + f"\r\nTo: {kim.address('kasse')}\r\n\r\nx".encode(), "kasse")
    (stored,) = kim.stored("kasse")
    assert split_message(stored)[0].raw("From") == [written]


@pytest.mark.requirement("A_23174")
def test_only_addresses_of_rcpt_stay_in_the_headers(kim: World) -> None:
    """A_23174: also inside groups and among folded, encoded and quoted names."""
    kasse = kim.address("kasse")
    fields = (
        f'To: Team: "Kasse, Die" <{kasse}>, fremd@x.kim.telematik-test;,\r\n'
        " =?utf-8?q?=C3=84?= <a@b.kim.telematik-test>",
        f"Cc: {kim.address('person')}",
        "Bcc: geheim@x.kim.telematik-test",
    )
    submit(kim, head(kim, *fields) + b"x", "kasse")
    (stored,) = kim.stored("kasse")
    headers, _ = split_message(stored)
    assert headers.get("To") == f'"Kasse, Die" <{kasse}>'
    assert headers.get("Cc") is None
    assert headers.get("Bcc") is None


def test_header_that_never_ends(kim: World) -> None:
    answer = submit(kim, head(kim, "X-Long: " + "x" * (1 << 20)) + b"x", "kasse")
    code, text = answer["DATA"]
    assert (code, text[:5]) == (554, b"5.6.0")


@pytest.mark.requirement("KOM-LE-A_2018", "KOM-LE-A_2029")
def test_forwarded_message_that_one_recipient_does_not_get(kim: World) -> None:
    """KOM-LE-A_2029: it goes on as it is, and whom the provider refuses is reported too."""
    kim.send("praxis", "praxis")
    (message,) = kim.stored("praxis")
    kim.fetch("praxis")
    person = kim.address("person")
    rule = {"id": "one", "operation": "SMTP.RCPT", "match": {"recipient": person}}
    rule["effect"] = {"kind": "reply", "code": 550, "text": "5.1.1 unbekannt"}
    kim.ask(kim.provider("praxis"), "PUT", "/faults", [rule])
    fields = head(kim, f"To: {kim.address('kasse')}, {person}", "Content-Type: message/rfc822")
    submit(kim, fields + message, "kasse", "person")
    (stored,) = kim.stored("kasse")
    assert komle.encrypted_cms(stored) == komle.encrypted_cms(message)
    (dsn,) = kim.stored("praxis")
    report = read_report(dsn)
    assert report is not None
    assert [(r.address, r.status) for r in report.reports] == [(person, "5.1.1")]
    assert report.in_reply_to == split_message(message)[0].get("Message-ID")


@pytest.mark.requirement("KOM-LE-A_2029")
def test_plain_text_that_claims_to_be_encrypted_is_protected(kim: World) -> None:
    """KOM-LE-A_2029 is for encrypted messages; anything else would leave the house in clear."""
    content = head(kim, f"To: {kim.address('kasse')}", "Content-Type: message/rfc822")
    submit(kim, content + b"X-KOM-LE-Version: 1.0\r\nSubject: x\r\n\r\nBefund\r\n", "kasse")
    (stored,) = kim.stored("kasse")
    assert b"Befund" not in stored
    assert b"Befund" in kim.fetch("kasse")


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
