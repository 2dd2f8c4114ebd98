"""SMTP as a client module uses it: greeting, extensions, login, a mail into a mailbox."""

from __future__ import annotations

import base64
import re
import smtplib
import socket
import ssl
from typing import Any

import pytest

from simulators.process.tls import client_context
from tests.mail_providers import FACHARZT, PASSWORD, PRAXIS, RunningProvider, mail


def test_ehlo_announces_what_a_provider_must_offer(kv: RunningProvider) -> None:
    with kv.smtp() as client:
        assert int(client.esmtp_features["size"]) >= 35_882_577
        for name in ("8bitmime", "enhancedstatuscodes", "dsn", "pipelining"):
            assert client.has_extn(name)
        assert client.esmtp_features["auth"].split() == ["LOGIN", "PLAIN"]


def test_greeting_contains_esmtp_and_no_command_lacks_an_enhanced_status(
    kv: RunningProvider,
) -> None:
    plain = socket.create_connection(kv.role.address("smtp"), 20)
    with kv.client_module().wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        greeting = connection.recv(1000)
        assert greeting.startswith(b"220 ")
        assert b"ESMTP" in greeting
    with kv.smtp() as client:
        for command in ("NOOP", "RSET", "HELP", "VRFY x@y", "EXPN x", "BOGUS", "MAIL", "DATA"):
            code, text = client.docmd(command)
            assert re.match(rb"%d\.\d+\.\d+ " % (code // 100), text), (command, code, text)
        assert client.docmd("HELO cm.test") == (250, f"mail.{kv.domain}".encode())  # RFC 2034 4


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_both_mechanisms_log_in_with_and_without_initial_response(
    kv: RunningProvider, mechanism: str
) -> None:
    for initial in (True, False):
        with kv.smtp() as client:
            client.user, client.password = PRAXIS, PASSWORD
            method: Any = getattr(client, f"auth_{mechanism.lower()}")
            assert client.auth(mechanism, method, initial_response_ok=initial)[0] == 235


@pytest.mark.parametrize(
    ("commands", "code", "status"),
    [
        ([f"MAIL FROM:<{PRAXIS}>"], 530, b"5.7.0"),
        ([f"RCPT TO:<{PRAXIS}>"], 503, b"5.5.1"),
        (["AUTH CRAM-MD5"], 504, b"5.5.4"),
        (["AUTH PLAIN !!!"], 501, b"5.5.2"),
        (["AUTH PLAIN AHgAeQ=="], 535, b"5.7.8"),
        (["AUTH LOGIN", "*"], 501, b"5.7.0"),
        (["AUTH LOGIN", "x" * 70_000], 501, b"5.5"),
        (["STARTTLS"], 503, b"5.5.1"),
    ],
)
def test_before_login(kv: RunningProvider, commands: list[str], code: int, status: bytes) -> None:
    with kv.smtp() as client:
        answers = [client.docmd(command) for command in commands]
        assert answers[-1][0] == code
        assert answers[-1][1].startswith(status)


def test_wrong_password_is_refused_and_the_right_one_still_works(kv: RunningProvider) -> None:
    with kv.smtp() as client:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login(PRAXIS, "falsch")
        assert refused.value.smtp_code == 535
        client.login(PRAXIS, PASSWORD)


def test_plain_with_a_foreign_authorization_identity_is_refused(kv: RunningProvider) -> None:
    credentials = base64.b64encode(f"{FACHARZT}\0{PRAXIS}\0{PASSWORD}".encode()).decode()
    with kv.smtp() as client:
        assert client.docmd(f"AUTH PLAIN {credentials}")[0] == 535


def test_mail_arrives_unchanged_behind_return_path_and_received(kv: RunningProvider) -> None:
    sent = mail(body=b".\r\n..zwei\r\nM\xfcll\r\n.\r\n")
    with kv.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT], sent, mail_options=["BODY=8BITMIME"])
    (stored,) = kv.mails(FACHARZT)
    assert stored.startswith(f"Return-Path: <{PRAXIS}>\r\nReceived: from cm.test".encode())
    assert stored.endswith(sent)
    assert kv.mailbox(FACHARZT)[0]["message_id"] == "<1@cm.test>"
    assert [e["message_id"] for e in kv.steps("smtp.accepted")] == ["<1@cm.test>"]
    assert [e["data"]["mailbox"] for e in kv.steps("stored")] == [FACHARZT]


def test_address_is_compared_without_case_and_a_recipient_counts_once(kv: RunningProvider) -> None:
    with kv.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS.upper(), [FACHARZT, FACHARZT.title()], mail())
    assert len(kv.mails(FACHARZT)) == 1


def test_without_client_certificate_there_is_no_session(kv: RunningProvider) -> None:
    with (
        pytest.raises((ssl.SSLError, OSError, smtplib.SMTPServerDisconnected)),
        kv.smtp(context=client_context(kv.tree.ca)),
    ):
        pass


def test_pipelined_commands_are_all_answered(kv: RunningProvider) -> None:
    with kv.smtp(PRAXIS) as client:
        assert client.sock is not None
        client.sock.sendall(f"MAIL FROM:<{PRAXIS}>\r\nRCPT TO:<{FACHARZT}>\r\nDATA\r\n".encode())
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 354]
        client.sock.sendall(mail() + b".\r\nNOOP\r\nNOOP\r\n")
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 250]
