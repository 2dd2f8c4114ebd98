"""Every reply of the SMTP dialogue (clientmodul.md 3.3)."""

from __future__ import annotations

import base64
import smtplib
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.clientmodule_world import World

MAIL = "MAIL FROM:<praxis@erst.kim.telematik-test>"


def plain(user: str, password: str) -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.requirement("KOM-LE-A_2007", "KOM-LE-A_2008")
def test_before_auth(kim: World) -> None:
    """KOM-LE-A_2007, 2008."""
    with kim.smtp("praxis") as smtp:
        assert smtp.docmd("HELO", "pvs")[0] == 250
        code, lines = smtp.docmd("EHLO", "pvs")
        assert code == 250
        keywords = lines.decode().splitlines()[1:]
        assert {"AUTH LOGIN PLAIN", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN"} <= set(keywords)
        (size,) = [int(k.split()[1]) for k in keywords if k.startswith("SIZE ")]
        assert size >= 35_882_577
        for command in ("RSET", "NOOP"):
            assert smtp.docmd(command)[0] == 250
        for command in (MAIL, "RCPT TO:<a@b>", "DATA"):
            code, text = smtp.docmd(command)
            assert (code, text[:5]) == (530, b"5.7.0")
        for command in ("VRFY x", "STARTTLS", "BDAT 1", ""):
            code, text = smtp.docmd(command)
            assert (code, text[:5]) == (502, b"5.5.1"), command
        assert smtp.docmd("QUIT")[0] == 221


@pytest.mark.requirement("KOM-LE-A_2007")
def test_greeting_says_esmtp(kim: World) -> None:
    """KOM-LE-A_2007."""
    module = kim.endpoints.sites["praxis"].clientmodule
    assert module is not None
    host, _, port = module.smtp.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as raw,
        kim.context.wrap_socket(raw, server_hostname=host) as tls,
    ):
        greeting = tls.recv(200)
    assert greeting.startswith(b"220 ")
    assert b" ESMTP " in greeting


@pytest.mark.requirement(
    "KOM-LE-A_2009",
    "KOM-LE-A_2010",
    "KOM-LE-A_2011",
    "KOM-LE-A_2012",
    "KOM-LE-A_2015-01",
    "KOM-LE-A_2006",
)
@pytest.mark.parametrize("mechanism", ["PLAIN", "PLAIN initial", "LOGIN", "LOGIN initial"])
def test_auth(kim: World, mechanism: str) -> None:
    """KOM-LE-A_2009, 2011, 2012, 2015-01."""
    user, password = kim.user("praxis")
    with kim.smtp("praxis") as smtp:
        match mechanism:
            case "PLAIN":
                assert smtp.docmd("AUTH", "PLAIN")[0] == 334
                code, text = smtp.docmd(plain(user, password))
            case "PLAIN initial":
                code, text = smtp.docmd("AUTH", f"PLAIN {plain(user, password)}")
            case "LOGIN":
                assert smtp.docmd("AUTH", "LOGIN") == (334, coded("Username:").encode())
                assert smtp.docmd(coded(user)) == (334, coded("Password:").encode())
                code, text = smtp.docmd(coded(password))
            case _:
                assert smtp.docmd("AUTH", f"LOGIN {coded(user)}")[0] == 334
                code, text = smtp.docmd(coded(password))
        assert (code, text[:5]) == (235, b"2.7.0")
        assert smtp.docmd("AUTH", "PLAIN")[0] == 503


def login(kim: World, user: str, password: str, participant: str = "praxis") -> tuple[int, bytes]:
    with kim.smtp(participant) as smtp:
        code, text = smtp.docmd("AUTH", f"PLAIN {plain(user, password)}")
        assert smtp.docmd("NOOP")[0] == 250  # the client stays in CONNECT
        return code, text[:5]


@pytest.mark.requirement("KOM-LE-A_2009", "KOM-LE-A_2015-01")
def test_other_mechanism(kim: World) -> None:
    with kim.smtp("praxis") as smtp:
        code, text = smtp.docmd("AUTH", "CRAM-MD5")
        assert (code, text[:5]) == (504, b"5.7.4")


@pytest.mark.requirement("KOM-LE-A_2015-01", "A_21519-02")
@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_incomplete_user_name(kim: World, parts: int) -> None:
    """A_21519-02."""
    user, password = kim.user("praxis")
    assert login(kim, "#".join(user.split("#")[:parts]), password) == (501, b"5.5.4")


@pytest.mark.requirement("A_21457", "A_21519-02")
def test_unknown_konnektor_id(kim: World) -> None:
    """A_21457."""
    user, password = kim.user("praxis")
    assert login(kim, user + "#Konn_9", password) == (501, b"5.5.4")
    assert login(kim, user + "#default", password)[0] == 235
    assert login(kim, user + "#*", password)[0] == 235


@pytest.mark.parametrize("domain", ["praxis.kim.telematik", "example.org", "kim.telematik-test.de"])
def test_address_outside_the_test_domains(kim: World, domain: str) -> None:
    user, password = kim.user("praxis")
    _, _, rest = user.partition("#")
    assert login(kim, f"praxis@{domain}#{rest}", password) == (501, b"5.5.4")


@pytest.mark.requirement("KOM-LE-A_2010", "KOM-LE-A_2015-01")
@pytest.mark.parametrize("place", [2, 3, 4])
def test_context_that_the_konnektor_refuses(kim: World, place: int) -> None:
    """KOM-LE-A_2015-01: 4021 counts like 4004 to 4006."""
    user, password = kim.user("praxis")
    parts = user.split("#")
    parts[place] = "unbekannt"
    assert login(kim, "#".join(parts), password)[0] == 501


@pytest.mark.requirement("KOM-LE-A_2011", "KOM-LE-A_2015-01")
def test_mta_that_cannot_be_reached(kim: World, free_port: Callable[[], int]) -> None:
    user, password = kim.user("praxis")
    parts = user.split("#")
    parts[1] = f"127.0.0.1:{free_port()}"
    assert login(kim, "#".join(parts), password) == (454, b"4.7.0")


def test_mta_whose_certificate_the_konnektor_finds_invalid(kim: World) -> None:
    """KOM-LE-A_2075-01."""
    kim.fault(kim.konnektor("praxis"), "VerifyCertificate", kind="soap_fault", code=4002)
    assert login(kim, *kim.user("praxis"))[0] == 235, "no verdict is no INVALID"


@pytest.mark.requirement("KOM-LE-A_2012", "KOM-LE-A_2015-01")
def test_wrong_password(kim: World) -> None:
    user, _ = kim.user("praxis")
    assert login(kim, user, "falsch") == (535, b"5.7.8")


@pytest.mark.parametrize(
    "response", ["*", "kein base64!", coded("nur eins"), coded("\0a\0b\r\nQUIT")]
)
def test_broken_responses(kim: World, response: str) -> None:
    with kim.smtp("praxis") as smtp:
        assert smtp.docmd("AUTH", "PLAIN")[0] == 334
        assert smtp.docmd(response)[0] == 501
        assert smtp.docmd("NOOP")[0] == 250


@pytest.mark.requirement("KOM-LE-A_2018")
def test_after_auth(kim: World, logged_in: Callable[[str], smtplib.SMTP]) -> None:
    """KOM-LE-A_2018: MAIL, RCPT and DATA are answered here, the rest is relayed."""
    smtp = logged_in("praxis")
    assert smtp.docmd("EHLO", "pvs")[0] == 250
    assert smtp.docmd("DATA")[0] == 503
    assert smtp.docmd("RCPT TO:<a@b.kim.telematik-test>")[0] == 503
    assert smtp.docmd("MAIL FROM:keine-klammern")[0] == 501
    assert smtp.docmd(f"{MAIL} UNBEKANNT=1")[0] == 501
    assert smtp.docmd(f"{MAIL} SIZE=9999999999")[0] == 552
    assert smtp.docmd(f"{MAIL} SIZE=1000 BODY=8BITMIME RET=HDRS ENVID=abc")[0] == 250
    assert smtp.docmd(MAIL)[0] == 503
    assert smtp.docmd("DATA")[0] == 503
    assert smtp.docmd("RCPT TO:<>")[0] == 501
    assert smtp.docmd("RCPT TO:<kein@zertifikat.kim.telematik-test> NOTIFY=FAILURE")[0] == 250
    assert smtp.docmd("DATA")[0] == 354
    smtp.send(b"Subject: x\r\n\r\ny\r\n.\r\n")
    assert smtp.getreply()[0] == 553, "no From"
    for command in ("BDAT 10", "STARTTLS", "BURL x"):
        assert smtp.docmd(command)[0] == 502
    assert smtp.docmd("NOOP")[0] == 250
    assert smtp.docmd("RSET")[0] == 250
    assert smtp.docmd("GIBTESNICHT")[0] >= 500, "the MTA's answer"
    assert smtp.docmd("QUIT")[0] == 221
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.docmd("NOOP")


@pytest.mark.parametrize("line", [f"{MAIL}\r", MAIL.replace(" ", "\t"), f"NOOP\r{MAIL}", "NO\0OP"])
def test_control_characters_never_reach_the_mta(
    logged_in: Callable[[str], smtplib.SMTP], line: str
) -> None:
    """An MTA that takes them for the end of a word or line would read another command."""
    smtp = logged_in("praxis")
    smtp.send(line.encode() + b"\r\n")
    code, text = smtp.getreply()
    assert (code, text[:5]) == (502, b"5.5.1")
    assert smtp.docmd("NOOP")[0] == 250


@pytest.mark.requirement("KOM-LE-A_2006")
def test_pipelined_commands(kim: World) -> None:
    """Every command has its answer in its order, however many come at once."""
    with kim.smtp("praxis") as smtp:
        lines = ["EHLO pvs", f"AUTH PLAIN {plain(*kim.user('praxis'))}", MAIL]
        lines += [f"RCPT TO:<{kim.address('kasse')}>", "DATA"]
        smtp.send("".join(f"{line}\r\n" for line in lines).encode())
        assert [smtp.getreply()[0] for _ in lines] == [250, 235, 250, 250, 354]
        smtp.send(kim.mail("praxis", "kasse").as_bytes().replace(b"\n", b"\r\n") + b".\r\nNOOP\r\n")
        assert [smtp.getreply()[0] for _ in range(2)] == [250, 250]
    kim.stored("kasse", 1)


@pytest.mark.parametrize("after", ["AUTH", "MAIL", "RCPT", "DATA", "half a mail"])
def test_client_that_is_gone(kim: World, after: str) -> None:
    """KOM-LE-A_2016: nothing of a mail that did not end is sent, and the next one goes."""
    smtp = kim.smtp("praxis")
    smtp.login(*kim.user("praxis"))
    steps = {
        "AUTH": b"",
        "MAIL": f"{MAIL}\r\n".encode(),
        "RCPT": f"RCPT TO:<{kim.address('kasse')}>\r\n".encode(),
        "DATA": b"DATA\r\n",
        "half a mail": b"From: x\r\n\r\nHal",
    }
    for step, sent in steps.items():
        smtp.send(sent)
        if sent and step != "half a mail":
            smtp.getreply()
        if step == after:
            break
    smtp.sock.close()
    smtp.file.close()  # type: ignore[union-attr]
    kim.send("praxis", "kasse")
    kim.stored("kasse", 1)


@pytest.mark.requirement("KOM-LE-A_2094")
def test_many_idle_connections(kim: World) -> None:
    """200 logged-in client systems that say nothing do not keep others from their mails."""
    user, password = kim.user("praxis")
    idle = []
    try:
        for _ in range(200):
            smtp = kim.smtp("kasse")
            idle.append(smtp)
        for smtp in idle[:40]:
            smtp.login(*kim.user("kasse"))
        kim.send("kasse", "kasse")
        assert login(kim, user, password)[0] == 235
        assert kim.fetch("kasse")
        assert all(smtp.noop()[0] == 250 for smtp in idle)
    finally:
        for smtp in idle:
            smtp.close()


def test_long_lines_are_skipped(kim: World) -> None:
    with kim.smtp("praxis") as smtp:
        code, _ = smtp.docmd("NOOP " + "x" * 100_000)
        assert code == 500
        assert smtp.docmd("NOOP")[0] == 250


@pytest.mark.requirement("KOM-LE-A_2017")
def test_idle_client_gets_421(kim: World) -> None:
    """KOM-LE-A_2017."""
    with kim.smtp("eilig") as smtp:
        smtp.login(*kim.user("eilig"))
        assert smtp.getreply()[0] == 421


@pytest.mark.requirement("KOM-LE-A_2016")
@pytest.mark.parametrize(
    ("participant", "effect"),
    [("eilig", {"kind": "delay", "seconds": 5}), ("praxis", {"kind": "drop"})],
)
def test_silent_or_lost_mta_gets_421(
    kim: World, participant: str, effect: dict[str, object]
) -> None:
    """KOM-LE-A_2016: the client is told, then both connections are closed."""
    with kim.smtp(participant) as smtp:
        smtp.login(*kim.user(participant))
        kim.fault(kim.provider(participant), "SMTP.MAIL", **effect)
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            smtp.send_message(kim.mail(participant, "kasse"))
        assert refused.value.smtp_code == 421
        with pytest.raises(smtplib.SMTPServerDisconnected):
            smtp.docmd("NOOP")
    kim.stored("kasse", 0)
    if participant == "praxis":
        kim.ask(kim.provider(participant), "DELETE", "/faults")
        kim.send(participant, "kasse")
        kim.stored("kasse", 1)


@pytest.mark.requirement("KOM-LE-A_2066")
def test_bytes_that_are_no_tls(kim: World) -> None:
    host, _, port = kim.endpoints.sites["praxis"].clientmodule.smtp.rpartition(":")  # type: ignore[union-attr]
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(b"EHLO pvs\r\n")
        assert raw.recv(100)[:1] != b"2"
    with kim.smtp("praxis") as smtp:
        assert smtp.docmd("NOOP")[0] == 250


def test_the_client_module_can_be_told_to_drop(kim: World) -> None:
    with kim.smtp("praxis") as smtp:
        kim.fault(kim.module("praxis"), "SMTP.NOOP", kind="drop")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            smtp.docmd("NOOP")
