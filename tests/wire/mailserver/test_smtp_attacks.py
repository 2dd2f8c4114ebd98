"""Hostile text and envelopes: refused with the right code, and the server serves the next."""

from __future__ import annotations

import signal
import smtplib
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from simulators.mailserver.listening import MAX_OPENING
from tests.mail_providers import ARV, FACHARZT, PRAXIS, RunningProvider, mail, wait_until

LIMIT = 35_882_577


def send_text(kv: RunningProvider, text: bytes) -> tuple[int, bytes]:
    """Send *text* as it stands, with the end of data behind it, and return the reply."""
    with kv.smtp(PRAXIS) as client:
        client.mail(PRAXIS)
        client.rcpt(FACHARZT)
        assert client.docmd("DATA")[0] == 354
        assert client.sock is not None
        client.sock.sendall(text + b"\r\n.\r\n")
        reply = client.getreply()
        assert client.noop()[0] == 250, "the session goes on"
        return reply


SMUGGLED = b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: smuggled\r\n\r\nx" % (
    PRAXIS.encode(),
    FACHARZT.encode(),
)


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n"]
)
def test_smuggled_mail_is_never_taken_for_a_mail_of_its_own(
    kv: RunningProvider, end: bytes
) -> None:
    code, text = send_text(kv, mail(body=b"one") + end + SMUGGLED)
    assert (code, text[:5]) == (550, b"5.6.0")
    assert kv.mailbox(FACHARZT) == []


@pytest.mark.parametrize(
    "commands",
    [
        b"NOOP\nMAIL FROM:<%b>\r\n" % PRAXIS.encode(),
        b"\n",
        b"AUTH PLAIN\r\nAGEAYg==\nNOOP\r\n",
        b"EHLO cm\r\nAUTH PLAIN\r\nAGEAYg==\nNOOP\r\n",
    ],
)
def test_command_that_ends_in_lf_alone_ends_the_connection(
    kv: RunningProvider, commands: bytes
) -> None:
    with kv.smtp() as client:
        assert client.sock is not None
        assert client.file is not None
        client.sock.sendall(commands)
        *_, last = client.file.readlines()
        assert last.startswith(b"500 5.5.2 Commands end with CRLF")
        client.close()
    with kv.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT], mail())
    assert len(kv.mailbox(FACHARZT)) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a\nb", b"5.6.0"),
        (b"a\rb", b"5.6.0"),
        (b"a\r", b"5.6.0"),
        (b"a\0b", b"5.6.0"),
        (b"x" * 1001, b"5.6.0"),
        (b"x" * 3_000_000, b"5.6.0"),
        (b"\r\n" * 10 + b"x" * 200_000 + b"\r\n" * 10, b"5.6.0"),
    ],
)
def test_text_that_is_no_smtp_is_refused(kv: RunningProvider, body: bytes, status: bytes) -> None:
    code, text = send_text(kv, mail(body=body))
    assert (code, text[: len(status)]) == (550, status)
    assert kv.mailbox(FACHARZT) == []


def test_line_of_998_octets_is_taken(kv: RunningProvider) -> None:
    assert send_text(kv, mail(body=b"." * 998 + b"\r\n" + b"x" * 998))[0] == 250
    assert kv.mails(FACHARZT)[0].endswith(b"\r\n" + b"." * 997 + b"\r\n" + b"x" * 998 + b"\r\n")


def test_endless_header_is_refused(kv: RunningProvider) -> None:
    fields = b"".join(b"X-%d: y\r\n" % number for number in range(200_000))
    assert send_text(kv, fields)[0] == 552
    assert kv.mailbox(FACHARZT) == []


def test_routing_loop_is_refused(kv: RunningProvider) -> None:
    hops = "Received: from a by b; now\r\n" * 51
    code, text = send_text(kv, mail(headers=hops))
    assert (code, text[:5]) == (554, b"5.4.6")


def test_too_large_mail_is_refused_at_mail_and_after_data(kv: RunningProvider) -> None:
    with kv.smtp(PRAXIS) as client:
        code, text = client.docmd(f"MAIL FROM:<{PRAXIS}> SIZE={LIMIT + 1}")
        assert (code, text[:5]) == (552, b"5.3.4")
    line = b"x" * 998 + b"\r\n"
    code, text = send_text(kv, mail(body=line * (LIMIT // 1000 + 1)))
    assert (code, text[:5]) == (552, b"5.3.4")
    assert kv.mailbox(FACHARZT) == []


def test_largest_mail_goes_through_unchanged_in_bounded_memory(kv: RunningProvider) -> None:
    body = b"".join(b"%07d." % n + b"." * 990 + b"\r\n" for n in range(35_000))
    sent = mail(body=body)
    with kv.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT], sent)
    with kv.pop3(FACHARZT) as client:
        client._maxline = 4096
        _, lines, _ = client.retr(1)
        assert b"\r\n".join(lines[4:]) + b"\r\n" == sent
        assert client.list(1).split()[2] == str(kv.mailbox(FACHARZT)[0]["size"]).encode()
        assert client.top(1, 2)[1][-1] == lines[-35_000 + 1]
        client.dele(1)
        client.quit()
    assert kv.mailbox(FACHARZT) == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL", 501),
        ("MAIL FROM:praxis@kv", 501),
        ("MAIL FROM:<a b@kv>", 501),
        (f"MAIL FROM:<{'a' * 65}@kv.dox.kim.telematik-test>", 553),
        ("MAIL FROM:<@evil:praxis@kv.dox.kim.telematik-test>", 553),
        (f"MAIL FROM:<{PRAXIS}> SIZE=x", 501),
        (f"MAIL FROM:<{PRAXIS}> BODY=9BIT", 501),
        (f"MAIL FROM:<{PRAXIS}> RET=ALL", 501),
        (f"MAIL FROM:<{PRAXIS}> ENVID=+0D+0A", 501),
        (f"MAIL FROM:<{PRAXIS}> ENVID=a+2bc", 501),
        (f"MAIL FROM:<{PRAXIS}> RET=HDRS RET=HDRS", 501),
        (f"MAIL FROM:<{PRAXIS}> SMTPUTF8", 555),
        (f"MAIL FROM:<{PRAXIS}> {'X' * 3000}", 500),
        (f"MAIL FROM:<{PRAXIS}> {'X' * 300_000}", 500),
        ("MAIL FROM:<pr\xe4xis@kv>", 500),
    ],
)
def test_malformed_sender(kv: RunningProvider, command: str, code: int) -> None:
    with kv.smtp(PRAXIS) as client:
        client.command_encoding = "latin-1"
        assert client.docmd(command)[0] == code


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+2Bb@c", 250),
        ("NOTIFY=NEVER", 250),
        ("NOTIFY=NEVER,SUCCESS", 501),
        ("NOTIFY=", 501),
        ("NOTIFY=ALWAYS", 501),
        ("ORCPT=a@b", 501),
        ("ORCPT=rfc822;", 501),
        ("ORCPT=;a@b", 501),
        ("ORCPT=\x01;a@b", 501),
        ("ORCPT=rfc822;a+0D+0Ab", 501),
        ("NOTIFY=SUCCESS,,FAILURE", 501),
        ("NOTIFY=never", 250),
        ("ORCPT=rfc822;a+zz", 501),
        ("SIZE=3", 555),
    ],
)
def test_parameters_of_rcpt(kv: RunningProvider, parameters: str, code: int) -> None:
    with kv.smtp(PRAXIS) as client:
        client.mail(PRAXIS)
        assert client.docmd(f"RCPT TO:<{FACHARZT}> {parameters}")[0] == code


def test_too_many_recipients(kv: RunningProvider) -> None:
    with kv.smtp(PRAXIS) as client:
        client.mail(PRAXIS)
        for number in range(500):
            assert client.rcpt(f"empfaenger{number}@{ARV}")[0] == 250
        code, text = client.rcpt(FACHARZT)
        assert (code, text[:5]) == (452, b"4.5.3")


def test_sender_who_leaves_in_the_middle_leaves_nothing_behind(kv: RunningProvider) -> None:
    for size in (100, 3_000_000):
        with kv.smtp(PRAXIS) as client:
            client.mail(PRAXIS)
            client.rcpt(FACHARZT)
            client.docmd("DATA")
            assert client.sock is not None
            client.sock.sendall(mail(body=(b"x" * 70 + b"\r\n") * (size // 72)))
            client.close()
            client.sock = None
        with kv.smtp(PRAXIS) as client:
            client.sendmail(PRAXIS, [FACHARZT], mail(message_id=f"<{size}@cm.test>"))
    wait_until(lambda: len(kv.mailbox(FACHARZT)) == 2)


def test_slow_sender_is_told_and_cut_off(
    start_provider: Callable[..., RunningProvider],
) -> None:
    provider = start_provider("kv", "kv.dox.kim.telematik-test", [PRAXIS], smtp_timeout_seconds=0.3)
    with provider.smtp(PRAXIS) as client:
        client.mail(PRAXIS)
        client.rcpt(PRAXIS)
        client.docmd("DATA")
        assert client.getreply() == (421, b"4.4.2 Timeout, closing connection")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.getreply()
    assert provider.mailbox(PRAXIS) == []


def test_more_connections_than_allowed_are_told_to_come_back(
    start_provider: Callable[..., RunningProvider],
) -> None:
    provider = start_provider("kv", "kv.dox.kim.telematik-test", [PRAXIS], max_connections=1)
    with provider.smtp(PRAXIS):
        with pytest.raises(smtplib.SMTPConnectError) as refused, provider.smtp():
            pass
        assert refused.value.smtp_code == 421
    wait_until(lambda: _greets(provider))


def _greets(provider: RunningProvider) -> bool:
    try:
        with provider.smtp():
            return True
    except smtplib.SMTPException:
        return False


@pytest.mark.parametrize("name", [b"a\0b", b"a\rb", b"\xc3\xa4"])
def test_greeting_with_what_no_name_holds_is_refused(kv: RunningProvider, name: bytes) -> None:
    with kv.smtp() as client:
        assert client.sock is not None
        for verb in (b"EHLO ", b"HELO "):
            client.sock.sendall(verb + name + b"\r\n")
            assert client.getreply()[0] in (500, 501)


def test_reply_never_echoes_what_could_be_a_reply_of_its_own(kv: RunningProvider) -> None:
    with kv.smtp() as client:
        assert client.sock is not None
        client.sock.sendall(b"FOO\r250\0" + b"x" * 2000 + b"\r\n")
        assert client.file is not None
        line = client.file.readline()
        assert len(line) <= 512
        assert line[:-2].decode("ascii").isprintable()


def test_handshakes_that_never_come_give_way_to_others(kv: RunningProvider) -> None:
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(kv.role.address("smtp"), timeout=10))
            for _ in range(MAX_OPENING)
        ]
        with kv.smtp() as client:
            assert client.noop()[0] == 250
        assert silent[0].recv(1) == b"", "it is given up before its time is over"


def test_handshakes_that_never_come_and_were_accepted_at_once(kv: RunningProvider) -> None:
    kv.role.process.send_signal(signal.SIGSTOP)
    try:
        with ExitStack() as stack:
            silent = [
                stack.enter_context(socket.create_connection(kv.role.address("smtp"), timeout=5))
                for _ in range(MAX_OPENING + 1)
            ]
            kv.role.process.send_signal(signal.SIGCONT)
            assert silent[0].recv(1) == b""
    finally:
        kv.role.process.send_signal(signal.SIGCONT)
