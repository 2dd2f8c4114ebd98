"""Every answer of the POP3 dialogue (clientmodul.md 3.4)."""

from __future__ import annotations

import base64
import poplib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.clientmodule_world import World


def command(pop3: poplib.POP3, line: str) -> bytes:
    """Send a line; return the status line whatever it says."""
    pop3.sock.sendall(line.encode() + b"\r\n")
    return pop3.file.readline().rstrip(b"\r\n")  # type: ignore[attr-defined, no-any-return]


def long_answer(pop3: poplib.POP3, line: str) -> list[bytes]:
    assert command(pop3, line).startswith(b"+OK")
    lines = []
    while (read := pop3.file.readline().rstrip(b"\r\n")) != b".":  # type: ignore[attr-defined]
        lines.append(read)
    return lines


def plain(user: str, password: str) -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


@pytest.mark.requirement("KOM-LE-A_2030")
def test_before_login(kim: World) -> None:
    """KOM-LE-A_2030."""
    pop3 = kim.pop3("praxis")
    assert pop3.getwelcome() == b"+OK KOM-LE Clientmodul POP3"
    assert long_answer(pop3, "CAPA") == [b"TOP", b"USER", b"SASL PLAIN", b"UIDL"]
    for line in ("STAT", "LIST", "RETR 1", "STLS", "", "PASS x", "AUTH", "AUTH CRAM-MD5", "NOOP"):
        assert command(pop3, line).startswith(b"-ERR"), line
    assert command(pop3, "NOOP " + "x" * 50_000).startswith(b"-ERR")
    assert command(pop3, "QUIT").startswith(b"+OK")
    assert pop3.file.readline() == b""  # type: ignore[attr-defined]


@pytest.mark.requirement("KOM-LE-A_2031", "KOM-LE-A_2033-01", "KOM-LE-A_2034", "KOM-LE-A_2006")
@pytest.mark.parametrize("way", ["user", "plain", "plain initial"])
def test_login(kim: World, way: str) -> None:
    """KOM-LE-A_2031, 2034, 2035."""
    pop3 = kim.pop3("praxis")
    user, password = kim.pop3_user("praxis")
    match way:
        case "user":
            assert command(pop3, f"USER {user}").startswith(b"+OK")
            answer = command(pop3, f"PASS {password}")
        case "plain":
            assert command(pop3, "AUTH PLAIN").startswith(b"+ ")
            answer = command(pop3, plain(user, password))
        case _:
            answer = command(pop3, f"AUTH PLAIN {plain(user, password)}")
    assert answer.startswith(b"+OK")
    assert command(pop3, "STAT").startswith(b"+OK 0")
    assert command(pop3, "QUIT").startswith(b"+OK")


def refused(kim: World, user: str, password: str) -> None:
    pop3 = kim.pop3("praxis")
    assert command(pop3, f"AUTH PLAIN {plain(user, password)}").startswith(b"-ERR")
    assert command(pop3, "QUIT").startswith(b"+OK"), "the client stays in CONNECT"


@pytest.mark.requirement("KOM-LE-A_2037-01", "A_21518-02")
@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_incomplete_user_name(kim: World, parts: int) -> None:
    """A_21518-02."""
    user, password = kim.pop3_user("praxis")
    incomplete = "#".join(user.split("#")[:parts])
    refused(kim, incomplete, password)
    pop3 = kim.pop3("praxis")
    assert command(pop3, f"USER {incomplete}").startswith(b"-ERR")
    pop3.close()


@pytest.mark.requirement("KOM-LE-A_2033-01", "KOM-LE-A_2034", "KOM-LE-A_2037-01", "A_21517")
def test_refused_logins(kim: World, free_port: Callable[[], int]) -> None:
    """KOM-LE-A_2037-01."""
    user, password = kim.pop3_user("praxis")
    parts = user.split("#")
    refused(kim, user, "falsch")
    refused(kim, "#".join([*parts[:2], "unbekannt", *parts[3:]]), password)
    refused(kim, "#".join([parts[0], f"127.0.0.1:{free_port()}", *parts[2:]]), password)
    refused(kim, "#".join([*parts[:5], "*", "Konn_9"]), password)


def test_broken_sasl(kim: World) -> None:
    pop3 = kim.pop3("praxis")
    for response in ("kein base64!", "*", base64.b64encode(b"nur eins").decode()):
        assert command(pop3, "AUTH PLAIN").startswith(b"+ ")
        assert command(pop3, response).startswith(b"-ERR")
    pop3.close()


@pytest.mark.requirement("KOM-LE-A_2040", "KOM-LE-A_2041", "KOM-LE-A_2006")
def test_relayed_commands(kim: World) -> None:
    """KOM-LE-A_2040, 2041: everything unchanged, but TOP gives no line of the body."""
    kim.send("kasse", "praxis")
    (stored,) = kim.stored("praxis")
    pop3 = kim.pop3("praxis")
    user, password = kim.pop3_user("praxis")
    pop3.user(user)
    pop3.pass_(password)
    assert len(long_answer(pop3, "LIST")) == 1
    assert command(pop3, "LIST 1").startswith(b"+OK 1 ")
    assert len(long_answer(pop3, "UIDL")) == 1
    assert command(pop3, "UIDL 1").startswith(b"+OK 1 ")
    assert long_answer(pop3, "CAPA")
    header_lines = stored.partition(b"\r\n\r\n")[0].splitlines()
    assert long_answer(pop3, "TOP 1 0") == [*header_lines, b""]
    assert long_answer(pop3, "TOP 1 99") == [*header_lines, b""]
    assert long_answer(pop3, "TOP 1 99 x") == [*header_lines, b""], "whatever a server makes of it"
    for line in ("TOP 1", "TOP 9 0", "RETR 9", "RETR x", "STLS", "AUTH PLAIN"):
        assert command(pop3, line).startswith(b"-ERR"), line
    assert command(pop3, "DELE 1").startswith(b"+OK")
    assert command(pop3, "RSET").startswith(b"+OK")
    assert command(pop3, "QUIT").startswith(b"+OK")
    kim.stored("praxis", 1)


@pytest.mark.parametrize("line", ["RETR\t1", "TOP\t1 5", "NOOP\rRETR 1", "RETR 1\0", " RETR 1"])
def test_control_characters_never_reach_the_server(kim: World, line: str) -> None:
    """A server that takes them for a space would send what was not decrypted."""
    pop3 = kim.pop3("praxis")
    user, password = kim.pop3_user("praxis")
    pop3.user(user)
    pop3.pass_(password)
    assert command(pop3, line) == b"-ERR unknown command"
    assert command(pop3, "QUIT").startswith(b"+OK")


@pytest.mark.requirement("KOM-LE-A_2006")
def test_pipelined_commands(kim: World) -> None:
    """RFC 2449, 6.6: answers come in order, also around a RETR that takes its time."""
    kim.send("kasse", "praxis")
    kim.stored("praxis")
    pop3 = kim.pop3("praxis")
    login = f"AUTH PLAIN {plain(*kim.pop3_user('praxis'))}"
    pop3.sock.sendall("\r\n".join((login, "STAT", "retr 1", "DELE 1", "QUIT", "")).encode())
    assert command(pop3, "") == b"+OK 1 messages"
    lines = [line.rstrip(b"\r\n") for line in pop3.file]  # type: ignore[attr-defined]
    end = lines.index(b".")
    assert b"X-KIM-DecryptionResult: 00" in lines[:end]
    assert all(line.startswith(b"+OK") for line in lines[end + 1 : end + 3])
    kim.stored("praxis", 0)


@pytest.mark.requirement("KOM-LE-A_2039")
def test_client_that_is_gone_while_its_mail_is_decrypted(kim: World) -> None:
    """KOM-LE-A_2039: the connection to the provider ends, too; the mail stays there."""
    kim.send("kasse", "praxis")
    kim.stored("praxis")
    kim.fault(kim.konnektor("praxis"), "DecryptDocument", kind="delay", seconds=0.3)
    pop3 = kim.pop3("praxis")
    user, password = kim.pop3_user("praxis")
    pop3.user(user)
    pop3.pass_(password)
    pop3.sock.sendall(b"RETR 1\r\n")
    pop3.close()
    while True:  # until the provider has noticed and unlocks the mailbox
        again = kim.pop3("praxis")
        answer = command(again, f"AUTH PLAIN {plain(user, password)}")
        if answer.startswith(b"+OK"):
            break
        again.close()
    assert command(again, "STAT").startswith(b"+OK 1 ")
    again.close()


@pytest.mark.requirement("KOM-LE-A_2038")
def test_silent_server(kim: World) -> None:
    """KOM-LE-A_2038."""
    pop3 = kim.pop3("eilig")
    user, password = kim.pop3_user("eilig")
    pop3.user(user)
    pop3.pass_(password)
    kim.fault(kim.provider("eilig"), "POP3.STAT", kind="delay", seconds=1.5)
    assert command(pop3, "STAT") == b"-ERR timeout"
    assert pop3.file.readline() == b""  # type: ignore[attr-defined]
    while True:  # until the provider has noticed, too, and unlocks the mailbox
        again = kim.pop3("eilig")
        answer = command(again, f"AUTH PLAIN {plain(user, password)}")
        command(again, "QUIT")
        if answer.startswith(b"+OK"):
            break
        assert b"[IN-USE]" in answer, "the server's own words"


@pytest.mark.requirement("KOM-LE-A_2038")
def test_lost_server(kim: World) -> None:
    pop3 = kim.pop3("praxis")
    user, password = kim.pop3_user("praxis")
    pop3.user(user)
    pop3.pass_(password)
    kim.fault(kim.provider("praxis"), "POP3.STAT", kind="drop")
    assert command(pop3, "STAT").startswith(b"-ERR")
    assert pop3.file.readline() == b""  # type: ignore[attr-defined]


def test_idle_client(kim: World) -> None:
    pop3 = kim.pop3("eilig")
    assert pop3.file.readline() == b""  # type: ignore[attr-defined]
