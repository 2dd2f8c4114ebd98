"""The Konnektor goes away in the middle of a call: prescribed answers, nothing lost or twice."""

from __future__ import annotations

import email
import smtplib
from collections.abc import Callable
from email.message import Message
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.clientmodule_world import World

SENDING = ("GetJobNumber", "SignDocument", "EncryptDocument")
RECEIVING = ("ReadCardCertificate", "DecryptDocument", "VerifyDocument")
LogIn = Callable[[str], smtplib.SMTP]


def submit(kim: World, smtp: smtplib.SMTP) -> int:
    """Send a mail from praxis to kasse; return the code after its end."""
    try:
        smtp.send_message(kim.mail("praxis", "kasse"))
    except smtplib.SMTPDataError as refused:
        return refused.smtp_code
    return 250


def calls(kim: World, operation: str) -> int:
    """Return how often the Konnektor was called for *operation*."""
    return sum(event["step"] == operation for event in kim.journal(kim.konnektor("praxis")))


def forget(kim: World) -> None:
    """Empty the client module's caches, so that it asks for everything again."""
    kim.ask(kim.module("praxis"), "DELETE", "/caches")


@pytest.mark.requirement("KOM-LE-A_2021", "KOM-LE-A_2076")
@pytest.mark.parametrize("kind", ["lost", "http_error"])
@pytest.mark.parametrize("operation", SENDING)
def test_sending_while_a_call_fails(
    kim: World, logged_in: LogIn, operation: str, kind: str
) -> None:
    """451, nothing sent; the next mail on the same connection goes, once."""
    smtp = logged_in("praxis")
    forget(kim)
    kim.fault(kim.konnektor("praxis"), operation, kind=kind)
    assert submit(kim, smtp) == 451
    kim.stored("kasse", 0)
    kim.ask(kim.konnektor("praxis"), "DELETE", "/faults")
    assert submit(kim, smtp) == 250
    kim.stored("kasse", 1)


@pytest.mark.requirement("KOM-LE-A_2076")
@pytest.mark.parametrize("kind", ["drop", "broken_off"])
@pytest.mark.parametrize("operation", SENDING)
def test_sending_while_one_answer_is_lost(
    kim: World, logged_in: LogIn, operation: str, kind: str
) -> None:
    """As when a kept connection is closed at the wrong moment: it is asked again, once."""
    smtp = logged_in("praxis")
    forget(kim)
    kim.fault(kim.konnektor("praxis"), operation, kind=kind, times=1)
    assert submit(kim, smtp) == 250
    kim.stored("kasse", 1)


@pytest.mark.requirement("KOM-LE-A_2058")
@pytest.mark.parametrize(("kind", "prompts"), [("drop", 0), ("lost", 1)])
def test_a_pin_is_never_asked_for_twice(
    kim: World, logged_in: LogIn, kind: str, prompts: int
) -> None:
    """An answer to VerifyPin that is lost could have cost a try: the mail is refused instead."""
    smtp = logged_in("praxis")
    kim.pin("praxis", state="VERIFIABLE", entry="correct")
    kim.fault(kim.konnektor("praxis"), "VerifyPin", kind=kind, times=1)
    assert submit(kim, smtp) == 451
    verified = [
        event
        for event in kim.journal(kim.konnektor("praxis"))
        if event["step"] == "VerifyPin" and event["data"]["result"] != "Dropped"
    ]
    assert len(verified) == prompts
    assert submit(kim, smtp) == 250
    kim.stored("kasse", 1)


@pytest.mark.requirement("KOM-LE-A_2020", "KOM-LE-A_2076")
def test_job_numbers_that_the_konnektor_no_longer_knows(kim: World, logged_in: LogIn) -> None:
    """Fetched ahead, then the Konnektor is started again: another one is asked for."""
    smtp = logged_in("praxis")
    kim.fault(kim.konnektor("praxis"), "SignDocument", kind="soap_fault", code=4252, times=1)
    assert submit(kim, smtp) == 250
    assert calls(kim, "SignDocument") == 2
    kim.stored("kasse", 1)


@pytest.mark.requirement("KOM-LE-A_2025", "A_21223-01")
@pytest.mark.parametrize(("times", "code"), [(1, 250), (None, 451)])
def test_the_ldap_proxy_closes_the_connection(
    kim: World, logged_in: LogIn, times: int | None, code: int
) -> None:
    """One closed connection is none of the client system's business."""
    smtp = logged_in("praxis")
    once = {} if times is None else {"times": times}
    kim.fault(kim.konnektor("praxis"), "LDAP.Search", kind="drop", **once)
    assert submit(kim, smtp) == code
    kim.ask(kim.konnektor("praxis"), "DELETE", "/faults")
    assert submit(kim, smtp) == 250
    kim.stored("kasse", 1 if code == 451 else 2)


def fetched(kim: World) -> Message:
    """Fetch the mail of kasse without deleting it."""
    pop3 = kim.pop3("kasse")
    try:
        user, password = kim.pop3_user("kasse")
        pop3.user(user)
        pop3.pass_(password)
        _, lines, _ = pop3.retr(1)
    finally:
        pop3.quit()
    return email.message_from_bytes(b"\r\n".join(lines))


@pytest.mark.requirement("KOM-LE-A_2047-02", "KOM-LE-A_2076")
@pytest.mark.parametrize("operation", RECEIVING)
def test_fetching_while_a_call_fails(kim: World, operation: str) -> None:
    """03 and 4011 with the message inside; it stays at the provider and can be fetched again."""
    kim.send("praxis", "kasse")
    kim.stored("kasse")
    kim.fault(kim.konnektor("kasse"), operation, kind="drop")
    mail = fetched(kim)
    assert (mail["X-KIM-DecryptionResult"], mail["X-KIM-Fehlermeldung"]) == ("03", "4011")
    kim.ask(kim.konnektor("kasse"), "DELETE", "/faults")
    mail = fetched(kim)
    assert (mail["X-KIM-DecryptionResult"], mail["X-KIM-IntegrityCheckResult"]) == ("00", "01")


@pytest.mark.requirement("KOM-LE-A_2076")
@pytest.mark.parametrize("operation", [*RECEIVING, "GetCards", "GetPinStatus"])
def test_fetching_while_one_answer_is_lost(kim: World, operation: str) -> None:
    kim.send("praxis", "kasse")
    kim.stored("kasse")
    kim.ask(kim.module("kasse"), "DELETE", "/caches")
    kim.fault(kim.konnektor("kasse"), operation, kind="lost", times=1)
    mail = fetched(kim)
    assert (mail["X-KIM-DecryptionResult"], mail["X-KIM-IntegrityCheckResult"]) == ("00", "01")


@pytest.mark.requirement("KOM-LE-A_2076")
@pytest.mark.parametrize("kind", ["drop", "malformed"])
def test_service_directory_that_cannot_be_read(kim: World, logged_in: LogIn, kind: str) -> None:
    smtp = logged_in("praxis")
    forget(kim)
    kim.fault(kim.konnektor("praxis"), "ServiceDirectory", kind=kind)
    assert submit(kim, smtp) == 451
    kim.ask(kim.konnektor("praxis"), "DELETE", "/faults")
    assert submit(kim, smtp) == 250
    kim.stored("kasse", 1)


@pytest.mark.requirement("KOM-LE-A_2076")
def test_service_directory_is_read_once_and_again_after_trouble(
    kim: World, logged_in: LogIn
) -> None:
    """Counted by a rule that changes nothing: it waits for no time at all."""
    control = kim.konnektor("praxis")
    nothing = {"kind": "delay", "seconds": 0}
    rules = [{"id": "read", "operation": "ServiceDirectory", "effect": nothing}]
    forget(kim)
    kim.ask(control, "PUT", "/faults", rules)
    smtp = logged_in("praxis")
    assert [submit(kim, smtp) for _ in range(2)] == [250, 250]
    assert kim.ask(control, "GET", "/faults")["rules"][0]["seen"] == 1
    lost = {"id": "lost", "operation": "EncryptDocument", "times": 1, "effect": {"kind": "lost"}}
    kim.ask(control, "PUT", "/faults", [*rules, lost])
    assert submit(kim, smtp) == 250
    assert kim.ask(control, "GET", "/faults")["rules"][0]["seen"] == 1
    kim.stored("kasse", 3)
