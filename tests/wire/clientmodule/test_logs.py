"""The three logs of a client module at work: correlated, timed, silent on persons and secrets."""

from __future__ import annotations

import base64
import contextlib
import json
import poplib
import smtplib
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clientmodule.logs import log_files
from simulators.pki.cards import read_card
from tests.administration_api import NEW, desk_of
from tests.clientmodule_logs import Performance, performance
from tests.disclosures import disclosed, key_texts, persons_of, pkcs12_key, secrets_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World

UNKNOWN = "ohne-zertifikat@zweit.kim.telematik-test"
PATIENT, DIAGNOSIS, SUBJECT = "Frau Rosenmüller-Ägidius", "Diagnose J06.9", "Befund vom Freitag"
SITES = ("praxis", "kasse", "radiologie")
FAILURES = (
    *("Login", "SignDocument", "EncryptDocument", "Send: 550", "Send: 521", "IntegrityCheck"),
    "readMailData",
)
CONTENT = (PATIENT, "Rosenmüller", DIAGNOSIS, SUBJECT, "J06.9")


def directory(kim: World, site: str = "praxis") -> Path:
    return kim.directory / "data" / f"clientmodule-{site}" / "logs"


def since(kim: World, moment: datetime, site: str = "praxis") -> list[Performance]:
    return [entry for entry in performance(directory(kim, site)) if entry.end >= moment]


@pytest.mark.requirement("KOM-LE-A_2079", "KOM-LE-A_2086", "KOM-LE-A_2088", "KOM-LE-A_2089")
def test_performance_of_every_message_and_of_every_call_at_the_konnektor(kim: World) -> None:
    began = datetime.fromisoformat(kim.ask(kim.module("praxis"), "GET", "/clock")["now"])
    kim.send("praxis", "praxis")
    kim.fetch("praxis")
    entries = since(kim, began)
    actions = {entry.action for entry in entries}
    smtp = {f"SMTP.{verb}" for verb in ("EHLO", "AUTH", "MAIL", "RCPT", "DATA")}
    pop3 = {f"POP3.{verb}" for verb in ("USER", "PASS", "RETR", "DELE")}
    asked = {e["step"] for e in kim.journal(kim.konnektor("praxis")) if "service" in e["data"]}
    assert {"SignDocument", "EncryptDocument", "DecryptDocument", "VerifyDocument"} <= asked
    assert smtp | pop3 | asked | {"Send", "Retrieve", "LdapSearch"} <= actions
    for entry in entries:
        taken = entry.end - entry.start
        assert abs(taken - timedelta(milliseconds=entry.milliseconds)) < timedelta(milliseconds=2)
    for operation in (("Send", "SignDocument"), ("Retrieve", "DecryptDocument"), ("Login", "Auth")):
        whole, part = ({e.number for e in entries if e.action == action} for action in operation)
        assert whole == part


@pytest.mark.requirement("KOM-LE-A_2086", "KOM-LE-A_2087", "KOM-LE-A_2090")
def test_one_number_correlates_what_failed_with_what_was_done(kim: World) -> None:
    with pytest.raises(smtplib.SMTPDataError):
        kim.send("praxis", UNKNOWN)
    logs = kim.logs("praxis")
    number, written, details = logs["error"].splitlines()[-1].split("\t")
    assert datetime.fromisoformat(written).tzinfo is not None
    assert details.startswith("Send: 451")
    steps = [line.split("\t")[2] for line in logs["flow"].splitlines() if line.startswith(number)]
    assert {"ClientMail", "LdapSearch", "Send"} <= set(steps)


@pytest.mark.requirement("KOM-LE-A_2082")
def test_only_the_owner_may_read_them(kim: World) -> None:
    kim.send("praxis", "kasse")
    assert stat.S_IMODE(directory(kim).stat().st_mode) == 0o700
    for path in directory(kim).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.requirement("KOM-LE-A_2085")
def test_old_logs_are_deleted(kim: World) -> None:
    """On the virtual clock."""
    kim.send("praxis", "kasse")
    today = set(log_files(directory(kim)))
    kim.ask(kim.module("praxis"), "PUT", "/clock", {"advance_seconds": 32 * 86400})
    with kim.smtp("praxis") as smtp:
        smtp.login(*kim.user("praxis"))
    later = set(log_files(directory(kim)))
    assert later
    assert not later & today


def confidential(kim: World, sender: str, *recipients: str) -> EmailMessage:
    """Return a mail about a patient: text, html, an attachment, names in every header."""
    mail = kim.mail(sender, *recipients, text=f"{PATIENT}: {DIAGNOSIS}, weiteres im Anhang")
    mail.replace_header("Subject", SUBJECT)
    mail["X-Patient"] = PATIENT
    mail.add_alternative(f"<p>{PATIENT}: {DIAGNOSIS}</p>", subtype="html")
    mail.add_attachment(PATIENT.encode(), maintype="application", subtype="pdf", filename=SUBJECT)
    return mail


def sent(kim: World, sender: str, *recipients: str) -> None:
    with contextlib.suppress(smtplib.SMTPException):
        kim.send(sender, *recipients, mail=confidential(kim, sender, *recipients))


def dialogues_that_fail(kim: World) -> None:
    """Wrong logins and commands, each with what a log must not repeat."""
    for user, password in (
        (kim.user("praxis")[0], "Geheimes-Falsch-1"),
        (kim.user("praxis")[0] + "#Konn_Geheim", kim.user("praxis")[1]),
        (f"{PATIENT}#{kim.address('praxis')}", kim.user("praxis")[1]),
    ):
        with kim.smtp("praxis") as smtp:
            response = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            smtp.docmd("AUTH", f"PLAIN {response}")
            smtp.docmd(PATIENT.encode("ascii", "replace").decode(), DIAGNOSIS)
            smtp.docmd("Rosenholz-Geheim")
        pop3 = kim.pop3("praxis")
        with contextlib.suppress(poplib.error_proto):
            pop3.user(user)
            pop3.pass_(password)
        with contextlib.suppress(poplib.error_proto):
            pop3._shortcmd("Rosenholz-Geheim")  # type: ignore[attr-defined]
        pop3.close()


def mails_that_fail(kim: World) -> None:
    """Each way in which sending or fetching ends otherwise, on both sides."""
    address = kim.address("person")
    for control, operation, effect in (
        (kim.konnektor("praxis"), "SignDocument", {"kind": "soap_fault", "code": 4001}),
        (kim.konnektor("praxis"), "EncryptDocument", {"kind": "drop"}),
        (
            *(kim.provider("praxis"), "SMTP.RCPT"),
            {"kind": "reply", "code": 550, "text": f"5.1.1 <{address}> unbekannt"},
        ),
        (kim.provider("praxis"), "SMTP.DATA", {"kind": "drop"}),
    ):
        kim.fault(control, operation, **effect)
        sent(kim, "praxis", "person")
        kim.ask(control, "DELETE", "/faults")
    sent(kim, "praxis", "person", UNKNOWN)
    for control, operation, effect in (
        (kim.konnektor("kasse"), "DecryptDocument", {"kind": "soap_fault", "code": 4001}),
        (kim.konnektor("kasse"), "VerifyDocument", {"kind": "soap_fault", "code": 4115}),
        (kim.provider("kasse"), "POP3.STAT", {"kind": "drop"}),
    ):
        sent(kim, "praxis", "kasse")
        kim.fault(control, operation, **effect)
        kim.fetch("kasse")
        kim.ask(control, "DELETE", "/faults")
    kim.pin("praxis", state="VERIFIABLE", entry="wrong")
    kim.ask(kim.module("praxis"), "DELETE", "/caches")
    sent(kim, "praxis", "kasse")
    kim.pin("praxis", state="VERIFIED")


def large_mails(kim: World) -> None:
    """By way of the KAS, and each way in vain."""
    large = confidential(kim, "radiologie", "radiologie")
    large.add_attachment(PATIENT.encode() * 5_000, maintype="image", subtype="jpeg")
    kim.send("radiologie", "radiologie", mail=large)
    assert b"X-KIM-DecryptionResult: 00" in kim.fetch("radiologie")
    for operation, code, error in (
        ("REST.addMailData", 507, b"X-KIM-Fehlermeldung: 4002"),
        ("REST.readMailData", 500, b"X-KIM-Fehlermeldung: 4006"),
    ):
        kim.fault(kim.provider("radiologie"), operation, kind="reply", code=code)
        with contextlib.suppress(smtplib.SMTPException):
            kim.send("radiologie", "radiologie", mail=large)
        assert error in kim.fetch("radiologie"), "a DSN, or the error mail in place of the mail"
        kim.ask(kim.provider("radiologie"), "DELETE", "/faults")


def administration(kim: World) -> set[str]:
    """Register, ask for a certificate, write a note, fail with a password; return the secrets."""
    desk = desk_of(kim, "neu")
    desk.refused("certificate", password="Geheimes-Falsch-2")
    desk.register()
    desk.on_account("certificate")
    at = datetime.fromisoformat(kim.ask(kim.module("praxis"), "GET", "/clock")["now"])
    days = {"start": at.isoformat(), "end": (at + timedelta(days=2)).isoformat()}
    desk.on_account("set-out-of-office", active=True, message=f"{PATIENT} {DIAGNOSIS}", **days)
    desk.refused("set-out-of-office", active=True, message=PATIENT * 500, **days)
    one_time = desk.on_account("one-time-password")
    desk.refused("deregister", password="Geheimes-Falsch-3")
    return {desk.password, "Geheimes-Falsch-2", "Geheimes-Falsch-3", *map(str, one_time.values())}


def keys(kim: World) -> Iterator[str]:
    """Yield the keys of all cards and of all PKCS#12 files of the world, as text."""
    for settings in (kim.directory / "settings").glob("konnektor-*.json"):
        for terminal in json.loads(settings.read_text())["information_model"]["terminals"]:
            for slot in terminal["cards"]:
                for found in read_card(Path(slot["card"])).objects.values():
                    yield from key_texts(found.private_key)
    for settings in (kim.directory / "settings").glob("clientmodule-*.json"):
        for account in json.loads(settings.read_text())["accounts"].values():
            yield from key_texts(pkcs12_key(Path(account["pkcs12"]), account["password"]))


@pytest.mark.requirement("KOM-LE-A_2080")
def test_a_whole_run_discloses_nobody_and_nothing(kim: World) -> None:
    """Everything that is sent, fetched, refused; then every name, address, diagnosis, key."""
    sent(kim, "praxis", "kasse", "person")
    kim.fetch("kasse")
    kim.fetch("person")
    dialogues_that_fail(kim)
    mails_that_fail(kim)
    large_mails(kim)
    secret = administration(kim)

    written: dict[str, Any] = json.loads((kim.directory / "endpoints.json").read_text())
    settings = [json.loads(file.read_text()) for file in (kim.directory / "settings").iterdir()]
    secrets = secrets_of([written, settings]) | set(keys(kim)) | set(CONTENT)
    secrets |= secret | {"Geheimes-Falsch-1", "Rosenholz-Geheim"}
    persons = persons_of(written) | {UNKNOWN, NEW, "Person", "Petra"}
    participants = kim.endpoints.participants.values()
    assert {found.password for found in participants} <= secrets
    assert {found.address for found in participants} <= persons
    assert {"123456", "Praxis Ahorn", *CONTENT} <= secrets | persons

    logs = [path for site in SITES for path in log_files(directory(kim, site))]
    assert {path.name.partition("-")[0] for path in logs} == {"flow", "performance", "error"}
    errors = "".join(kim.logs(site)["error"] for site in SITES)
    for failure in FAILURES:
        assert failure in errors
    of_processes = list((kim.directory / "logs").iterdir())
    assert len(of_processes) >= 10
    texts = {path.name: path.read_bytes() for path in [*logs, *of_processes]}
    for site in SITES:
        events = [{**e, "message_id": None} for e in kim.journal(kim.module(site))]
        texts[f"events of {site}"] = json.dumps(events).encode()
    assert disclosed(texts, secrets) == {}
    of_others = {n: text for n, text in texts.items() if not n.startswith("mailserver-")}
    assert disclosed(of_others, persons) == {}, "providers name accounts (KOM-LE-A_2158)"
    controls = kim.endpoints.controls()
    journals = {name: kim.raw(control, "/journal") for name, control in controls.items()}
    assert disclosed(journals, secrets) == {}, "they name addresses, as the providers need them"
