"""What mail programs do beyond the tables: order, case, repetition, parameters of RFC 3461."""

from __future__ import annotations

import base64
import poplib
import smtplib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from simulators.formats.dsn import read_report
from tests.clientmodule_world import UNKNOWN

if TYPE_CHECKING:
    from tests.clientmodule_world import World

LogIn = Callable[[str], smtplib.SMTP]


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.requirement("KOM-LE-A_2008", "KOM-LE-A_2009", "KOM-LE-A_2018")
def test_commands_in_lower_case(kim: World) -> None:
    """RFC 5321, 2.4: verbs and keywords have no case; the mail goes."""
    user, password = kim.user("praxis")
    with kim.smtp("praxis") as smtp:
        assert smtp.docmd("ehlo", "pvs")[0] == 250
        assert smtp.docmd("auth", f"login {coded(user)}")[0] == 334
        assert smtp.docmd(coded(password))[0] == 235
        assert smtp.docmd(f"mail from: <{kim.address('praxis')}> body=8bitmime")[0] == 250
        assert smtp.docmd(f"rcpt to:<{kim.address('kasse')}> notify=never")[0] == 250
        assert smtp.docmd("data")[0] == 354
        smtp.send(kim.mail("praxis", "kasse").as_bytes().replace(b"\n", b"\r\n") + b".\r\n")
        assert smtp.getreply()[0] == 250
        assert smtp.docmd("quit")[0] == 221
    kim.stored("kasse", 1)


@pytest.mark.requirement("KOM-LE-A_2008", "KOM-LE-A_2016")
def test_greetings_and_resets_between_mails(kim: World, logged_in: LogIn) -> None:
    """Three mails a session; EHLO, HELO and RSET each end a transaction, and nothing else."""
    smtp = logged_in("praxis")
    sender, recipient = kim.address("praxis"), kim.address("kasse")
    for again in ("EHLO pvs", "HELO pvs", "RSET"):
        assert smtp.docmd(f"MAIL FROM:<{sender}>")[0] == 250
        assert smtp.docmd(f"RCPT TO:<{recipient}>")[0] == 250
        assert smtp.docmd(again)[0] == 250
        assert smtp.docmd("DATA")[0] == 503, "nothing is left of it"
        assert smtp.docmd("NOOP")[0] == 250
        smtp.sendmail(sender, [recipient], kim.mail("praxis", "kasse").as_bytes())
    kim.stored("kasse", 3)


@pytest.mark.requirement("KOM-LE-A_2008")
@pytest.mark.parametrize("command", ["XOIP 1.2.3.4", "XCLIENT ADDR=1.2.3.4", "HELP", "EXPN x"])
def test_extensions_of_other_servers(kim: World, command: str) -> None:
    with kim.smtp("praxis") as smtp:
        code, text = smtp.docmd(command)
        assert (code, text[:5]) == (502, b"5.5.1")
        assert smtp.docmd("NOOP")[0] == 250


@pytest.mark.requirement("KOM-LE-A_2015-01")
@pytest.mark.parametrize("code", [4004, 4005, 4006])
def test_context_that_the_konnektor_faults(kim: World, code: int) -> None:
    """Tab_SMTP_Verbindung and Tab_POP3_Verbindung name these codes."""
    kim.fault(kim.konnektor("praxis"), "GetCards", kind="soap_fault", code=code)
    user, password = kim.user("praxis")
    with kim.smtp("praxis") as smtp:
        assert smtp.docmd("AUTH PLAIN " + coded(f"\0{user}\0{password}"))[0] == 501
        assert smtp.docmd("MAIL FROM:<a@b>")[0] == 530, "back in CONNECT"
    pop3 = kim.pop3("praxis")
    user, password = kim.pop3_user("praxis")
    pop3.sock.sendall(f"AUTH PLAIN {coded(chr(0) + user + chr(0) + password)}\r\n".encode())
    assert pop3.file.readline().startswith(b"-ERR")  # type: ignore[attr-defined]
    pop3.close()


@pytest.mark.requirement("KOM-LE-A_2024-01", "KOM-LE-A_2018")
@pytest.mark.parametrize(
    ("notify", "reported"),
    [
        ("", True),
        ("NOTIFY=FAILURE", True),
        ("notify=delay,failure", True),
        ("NOTIFY=NEVER", False),
        ("NOTIFY=SUCCESS,DELAY", False),
    ],
)
def test_notify_of_a_recipient_without_certificate(
    kim: World, logged_in: LogIn, notify: str, reported: bool
) -> None:
    """RFC 3461, 4.1: no report for whom the sender wants none; the others get the mail."""
    smtp = logged_in("praxis")
    sender = kim.address("praxis")
    assert smtp.docmd(f"MAIL FROM:<{sender}>")[0] == 250
    assert smtp.docmd(f"RCPT TO:<{kim.address('kasse')}> NOTIFY=NEVER")[0] == 250
    assert smtp.docmd(f"RCPT TO:<{UNKNOWN}> {notify}")[0] == 250
    assert smtp.data(kim.mail("praxis", "kasse", UNKNOWN).as_bytes())[0] == 250
    kim.stored("kasse", 1)
    reports = [read_report(dsn) for dsn in kim.stored("praxis", int(reported))]
    assert [r.address for one in reports if one for r in one.reports] == [UNKNOWN] * reported


@pytest.mark.requirement("KOM-LE-A_2018")
@pytest.mark.parametrize(
    "parameters",
    [
        *("NOTIFY=NEVER,FAILURE", "NOTIFY=", "NOTIFY=OFTEN", "NOTIFY=NEVER NOTIFY=FAILURE"),
        *("ORCPT=a@b", "ORCPT=rfc822;a=b", f"ORCPT=rfc822;{'a' * 501}"),
    ],
)
def test_recipient_parameters_that_cannot_be(logged_in: LogIn, parameters: str) -> None:
    """RFC 3461: a syntax error is told at once, not after the mail."""
    smtp = logged_in("praxis")
    assert smtp.docmd("MAIL FROM:<praxis@erst.kim.telematik-test>")[0] == 250
    assert smtp.docmd(f"RCPT TO:<a@b.kim.telematik-test> {parameters}")[0] == 501
    assert smtp.docmd("RCPT TO:<a@b.kim.telematik-test>")[0] == 250


@pytest.mark.requirement("KOM-LE-A_2018")
@pytest.mark.parametrize(
    "parameters",
    [
        *("RET=SOME", "ENVID=", "ENVID=a+zz", f"ENVID={'x' * 101}", "SIZE=-1", "SIZE=1e9"),
        *("SIZE=1 SIZE=2", "BODY=BINARYMIME"),
    ],
)
def test_sender_parameters_that_cannot_be(logged_in: LogIn, parameters: str) -> None:
    smtp = logged_in("praxis")
    assert smtp.docmd(f"MAIL FROM:<praxis@erst.kim.telematik-test> {parameters}")[0] == 501
    assert smtp.docmd("NOOP")[0] == 250


def told(pop3: poplib.POP3, line: str) -> bytes:
    """Send a line; return the status line whatever it says."""
    pop3.sock.sendall(line.encode() + b"\r\n")
    return pop3.file.readline().rstrip(b"\r\n")  # type: ignore[attr-defined, no-any-return]


@pytest.mark.requirement("KOM-LE-A_2030", "KOM-LE-A_2031", "KOM-LE-A_2037-01")
def test_pop3_logins_in_their_variety(kim: World) -> None:
    """Lower case, a second USER, a refused password, cancelled SASL; then the right one."""
    user, password = kim.pop3_user("praxis")
    pop3 = kim.pop3("praxis")
    assert told(pop3, "pass x").startswith(b"-ERR"), "USER first"
    assert told(pop3, "user kein-benutzername").startswith(b"-ERR")
    assert told(pop3, f"user {user}").startswith(b"+OK")
    assert told(pop3, f"USER {user}").startswith(b"+OK")
    assert told(pop3, "pass falsch mit leerzeichen").startswith(b"-ERR")
    assert told(pop3, f"PASS {password}").startswith(b"-ERR"), "USER is needed again"
    assert told(pop3, "auth plain").startswith(b"+ ")
    assert told(pop3, "*").startswith(b"-ERR")
    assert told(pop3, f"auth plain {coded(chr(0) + user + chr(0) + password)}").startswith(b"+OK")
    assert told(pop3, "stat") == b"+OK 0 0"
    assert told(pop3, f"USER {user}").startswith(b"-ERR"), "the server's answer"
    assert told(pop3, "quit").startswith(b"+OK")


@pytest.mark.requirement("KOM-LE-A_2040", "KOM-LE-A_2041")
def test_several_mails_fetched_in_one_session(kim: World) -> None:
    """UIDL, LIST, TOP, RETR twice, DELE, RSET: as mail programs that leave mails there."""
    for _ in range(2):
        kim.send("kasse", "praxis")
    kim.stored("praxis", 2)
    pop3 = kim.pop3("praxis")
    user, password = kim.pop3_user("praxis")
    pop3.user(user)
    pop3.pass_(password)
    assert len(pop3.uidl()[1]) == len(pop3.list()[1]) == 2  # type: ignore[arg-type]
    for number in (1, 2, 1):
        assert pop3.top(number, 20)[1][-1] == b"", "headers alone"
        assert b"X-KIM-DecryptionResult: 00" in pop3.retr(number)[1]
    pop3.dele(1)
    pop3.rset()
    pop3.dele(2)
    pop3.quit()
    kim.stored("praxis", 1)
