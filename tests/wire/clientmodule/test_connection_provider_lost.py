"""The provider goes away in the middle of a dialogue: prescribed replies, nothing lost or twice."""

from __future__ import annotations

import base64
import poplib
import smtplib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from simulators.formats.dsn import read_report

if TYPE_CHECKING:
    from tests.clientmodule_world import World

UNKNOWN = "ohne-zertifikat@zweit.kim.telematik-test"
LogIn = Callable[[str], smtplib.SMTP]


@pytest.mark.requirement("KOM-LE-A_2015-01")
@pytest.mark.parametrize("operation", ["TLS.SMTP", "SMTP.CONNECT", "SMTP.EHLO", "SMTP.AUTH"])
def test_mta_lost_at_login(kim: World, operation: str) -> None:
    """454; the client system stays connected and can log in again."""
    user, password = kim.user("praxis")
    plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    kim.fault(kim.provider("praxis"), operation, kind="drop", times=1)
    with kim.smtp("praxis") as smtp:
        assert [smtp.docmd("AUTH", f"PLAIN {plain}")[0] for _ in range(2)] == [454, 235]


@pytest.mark.requirement("KOM-LE-A_2016", "KOM-LE-A_2017")
@pytest.mark.parametrize(
    ("operation", "kind", "copies"),
    [
        ("SMTP.MAIL", "drop", 1),
        ("SMTP.RCPT", "drop", 1),
        ("SMTP.DATA", "drop", 1),
        ("SMTP.END_OF_DATA", "drop", 1),
        ("SMTP.END_OF_DATA", "lost", 2),
    ],
)
def test_mta_lost_while_it_takes_a_mail(
    kim: World, logged_in: LogIn, operation: str, kind: str, copies: int
) -> None:
    """421 and the end of both connections: the client system still has its mail and sends it again.

    Where the MTA had taken it and only its answer was lost, that makes two: nobody but the MTA
    knows, and a mail twice is better than none (RFC 5321, 4.2.5, 6.1).
    """
    smtp = logged_in("praxis")
    mail = kim.mail("praxis", "kasse")
    kim.fault(kim.provider("praxis"), operation, kind=kind, times=1)
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        smtp.send_message(mail)
    assert refused.value.smtp_code == 421
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.docmd("NOOP")
    kim.send("praxis", "kasse", mail=mail)
    kim.stored("kasse", copies)


@pytest.mark.requirement("KOM-LE-A_2018")
@pytest.mark.parametrize("operation", ["SMTP.MAIL", "SMTP.RCPT", "SMTP.END_OF_DATA"])
def test_mta_lost_at_the_report_about_a_mail(kim: World, logged_in: LogIn, operation: str) -> None:
    """The mail was taken and is answered so; the DSN comes over another connection."""
    smtp = logged_in("praxis")
    kim.fault(kim.provider("praxis"), operation, kind="drop", nth=2)
    smtp.send_message(kim.mail("praxis", "kasse", UNKNOWN))
    kim.stored("kasse", 1)
    (dsn,) = kim.stored("praxis", 1)
    report = read_report(dsn)
    assert report is not None
    assert report.headers.get_all("X-KIM-Fehlermeldung") == ["4004"]


@pytest.mark.requirement("KOM-LE-A_2018")
def test_a_report_waits_for_the_next_mail(kim: World, logged_in: LogIn) -> None:
    """The other connection fails, too: what waits goes with the account's next mail, once."""
    smtp = logged_in("praxis")
    rules = [
        {"id": operation, "operation": operation, "nth": nth, "effect": {"kind": "drop"}}
        for operation, nth in (("SMTP.MAIL", 2), ("SMTP.AUTH", 1))
    ]
    kim.ask(kim.provider("praxis"), "PUT", "/faults", rules)
    smtp.send_message(kim.mail("praxis", "kasse", UNKNOWN))
    kim.stored("kasse", 1)
    kim.stored("praxis", 0)
    kim.send("praxis", "kasse")
    kim.stored("praxis", 1)
    kim.stored("kasse", 2)


@pytest.mark.requirement("KOM-LE-A_2021", "KOM-LE-A_2025")
def test_mta_lost_at_the_rset_after_a_refusal(kim: World, logged_in: LogIn) -> None:
    """The client system is told why its mail is refused, then that the MTA is gone."""
    smtp = logged_in("praxis")
    kim.fault(kim.provider("praxis"), "SMTP.RSET", kind="drop")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        smtp.send_message(kim.mail("praxis", UNKNOWN))
    assert refused.value.smtp_code == 451


def session(kim: World, participant: str) -> poplib.POP3:
    pop3 = kim.pop3(participant)
    user, password = kim.pop3_user(participant)
    pop3.user(user)
    pop3.pass_(password)
    return pop3


@pytest.mark.requirement("KOM-LE-A_2037-01")
@pytest.mark.parametrize("operation", ["TLS.POP3", "POP3.CONNECT", "POP3.PASS"])
def test_pop3_server_lost_at_login(kim: World, operation: str) -> None:
    kim.fault(kim.provider("kasse"), operation, kind="drop", times=1)
    pop3 = kim.pop3("kasse")
    user, password = kim.pop3_user("kasse")
    pop3.user(user)
    with pytest.raises(poplib.error_proto, match="-ERR"):
        pop3.pass_(password)
    pop3.user(user)
    assert pop3.pass_(password).startswith(b"+OK")
    pop3.quit()


@pytest.mark.requirement("KOM-LE-A_2038", "KOM-LE-A_2039")
@pytest.mark.parametrize("kind", ["drop", "lost", "truncate"])
@pytest.mark.parametrize("protected", [True, False])
def test_pop3_server_lost_in_the_middle_of_a_mail(kim: World, kind: str, protected: bool) -> None:
    """-ERR, or a text without end where it has begun; the next session fetches the whole mail."""
    if protected:
        kim.send("praxis", "kasse")
    else:  # a report, which is passed on as it comes
        kim.send("kasse", "praxis", UNKNOWN)
    kim.stored("kasse")
    pop3 = session(kim, "kasse")
    kim.fault(kim.provider("kasse"), "POP3.RETR", kind=kind, times=1)
    with pytest.raises(poplib.error_proto) as broken:
        pop3.retr(1)
    if protected:
        assert b"-ERR" in broken.value.args[0]
    pop3.close()
    pop3 = session(kim, "kasse")
    status, lines, _ = pop3.retr(1)
    assert status.startswith(b"+OK")
    expected = b"X-KIM-DecryptionResult: 00" if protected else b"X-KIM-Fehlermeldung: 4004"
    assert expected in lines
    pop3.quit()


@pytest.mark.requirement("KOM-LE-A_2038")
@pytest.mark.parametrize("operation", ["POP3.STAT", "POP3.UIDL", "POP3.DELE", "POP3.TOP"])
def test_pop3_server_lost_at_a_command(kim: World, operation: str) -> None:
    """-ERR and the end of both connections; a mail whose deletion was not confirmed is there."""
    kim.send("praxis", "kasse")
    kim.stored("kasse")
    pop3 = session(kim, "kasse")
    kim.fault(kim.provider("kasse"), operation, kind="drop", times=1)
    command = operation.removeprefix("POP3.")
    argument = {"DELE": " 1", "TOP": " 1 0"}.get(command, "")
    with pytest.raises(poplib.error_proto, match="-ERR"):
        pop3._shortcmd(command + argument)  # type: ignore[attr-defined]  # any command as it is
    pop3.close()
    kim.stored("kasse", 1)
    assert kim.fetch("kasse")
