"""POP3: login, listing, fetching, deleting; one session for each mailbox; hostile lines."""

from __future__ import annotations

import base64
import poplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulators.process.tls import client_context
from tests.mail_providers import FACHARZT, PASSWORD, PRAXIS, RunningProvider, mail


def fill(kv: RunningProvider, *bodies: bytes) -> None:
    with kv.smtp(PRAXIS) as client:
        for number, body in enumerate(bodies):
            text = mail(message_id=f"<{number}@cm.test>", body=body)
            client.sendmail(PRAXIS, [FACHARZT], text)


@contextmanager
def raw(kv: RunningProvider) -> Iterator[tuple[ssl.SSLSocket, socket.SocketIO]]:
    plain = socket.create_connection(kv.role.address("pop3"), 20)
    with kv.client_module().wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        stream = connection.makefile("rb")
        assert stream.readline().startswith(b"+OK")
        yield connection, stream


def ask(opened: tuple[ssl.SSLSocket, socket.SocketIO], command: bytes) -> bytes:
    opened[0].sendall(command + b"\r\n")
    return opened[1].readline()


def plain(user: str, password: str) -> bytes:
    return base64.b64encode(f"\0{user}\0{password}".encode())


def test_capabilities(kv: RunningProvider) -> None:
    with kv.pop3() as client:
        capabilities = client.capa()
    assert {"TOP", "UIDL", "USER", "SASL"} <= capabilities.keys()
    assert capabilities["SASL"] == ["PLAIN"]


def test_sasl_plain_with_and_without_initial_response(kv: RunningProvider) -> None:
    with raw(kv) as opened:
        assert ask(opened, b"AUTH PLAIN " + plain(PRAXIS, PASSWORD)).startswith(b"+OK")
    with raw(kv) as opened:
        assert ask(opened, b"AUTH PLAIN") == b"+ \r\n"
        assert ask(opened, plain(PRAXIS, PASSWORD)).startswith(b"+OK")


@pytest.mark.parametrize(
    "commands",
    [
        [b"STAT"],
        [b"RETR 1"],
        [b"PASS x"],
        [b"USER"],
        [b"APOP a b"],
        [b"USER %s" % PRAXIS.encode(), b"PASS falsch"],
        [b"USER wer@nirgends", b"PASS x"],
        [b"AUTH CRAM-MD5"],
        [b"AUTH PLAIN !"],
        [b"AUTH PLAIN =", b"AUTH PLAIN YQ=="],
        [b"AUTH PLAIN", b"*"],
        [b"\xff\xfe\0"],
        [b""],
    ],
)
def test_refused_before_login_and_still_usable(kv: RunningProvider, commands: list[bytes]) -> None:
    with raw(kv) as opened:
        for command in commands:
            answer = ask(opened, command)
        assert answer.startswith(b"-ERR"), answer
        assert ask(opened, b"AUTH PLAIN " + plain(PRAXIS, PASSWORD)).startswith(b"+OK")


def test_listing_and_fetching(kv: RunningProvider) -> None:
    fill(kv, b"eins\r\n", b".\r\n..\r\n.ende\r\n", b"")
    with kv.pop3(FACHARZT) as client:
        sizes = [int(line.split()[1]) for line in client.list()[1]]
        assert client.stat() == (3, sum(sizes))
        assert [mail["size"] for mail in kv.mailbox(FACHARZT)] == sizes
        uids = [line.split()[1].decode() for line in client.uidl()[1]]
        assert uids == [mail["uid"] for mail in kv.mailbox(FACHARZT)]
        assert client.uidl(2).split()[2].decode() == uids[1]
        texts = [b"\r\n".join(client.retr(number)[1]) + b"\r\n" for number in (1, 2, 3)]
        assert texts == kv.mails(FACHARZT)
        assert [len(text) for text in texts] == sizes
        assert client.top(2, 0)[1][-1] == b""
        assert client.top(2, 2)[1][-2:] == [b".", b".."]
        assert client.top(2, 99)[1] == client.retr(2)[1]
        for command in ("RETR 4", "RETR 0", "RETR x", "RETR -1", "RETR", "TOP 1", "TOP 1 x"):
            with pytest.raises(poplib.error_proto, match="-ERR"):
                client._shortcmd(command)
    assert [event["message_id"] for event in kv.steps("pop3.retr")][:3] == [
        f"<{number}@cm.test>" for number in range(3)
    ]


def test_deletions_happen_at_quit_only(kv: RunningProvider) -> None:
    fill(kv, b"eins", b"zwei", b"drei")
    with kv.pop3(FACHARZT) as client:
        client.dele(1)
        with pytest.raises(poplib.error_proto):
            client.retr(1)
        with pytest.raises(poplib.error_proto):
            client.dele(1)
        assert client.stat()[0] == 2
        assert [line.split()[0] for line in client.list()[1]] == [b"2", b"3"]
        client.rset()
        client.dele(2)
    assert len(kv.mailbox(FACHARZT)) == 3, "the connection was cut"
    with kv.pop3(FACHARZT) as client:
        before = client.uidl()[1]
        client.dele(2)
        client.quit()
    with kv.pop3(FACHARZT) as client:
        assert [line.split()[1] for line in client.uidl()[1]] == [
            line.split()[1] for line in (before[0], before[2])
        ]


def test_one_session_at_a_time_for_a_mailbox(kv: RunningProvider) -> None:
    with kv.pop3(FACHARZT) as first:
        with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"), kv.pop3(FACHARZT):
            pass
        with kv.pop3(PRAXIS):
            pass
        first.quit()
        with kv.pop3(FACHARZT) as second:
            assert second.stat() == (0, 0)


def test_mail_that_comes_during_a_session_is_seen_by_the_next(kv: RunningProvider) -> None:
    with kv.pop3(FACHARZT) as client:
        fill(kv, b"eins")
        assert client.stat()[0] == 0
        client.quit()
    with kv.pop3(FACHARZT) as client:
        assert client.stat()[0] == 1


def test_endless_line_ends_the_session_only(kv: RunningProvider) -> None:
    with raw(kv) as opened:
        # not more than is read at once: who goes on writing may see the end before the reply
        assert ask(opened, b"X" * 4_000) == b"-ERR line too long\r\n"
    with kv.pop3(PRAXIS):
        pass


def test_mail_deleted_through_the_control_port_is_an_error_not_a_crash(
    kv: RunningProvider,
) -> None:
    fill(kv, b"eins")
    with kv.pop3(FACHARZT) as client:
        assert kv.role.ask("DELETE", f"/mailboxes/{FACHARZT}")[0] == 204
        with pytest.raises(poplib.error_proto):
            client.retr(1)
        client.dele(1)
        client.quit()


def test_without_client_certificate_there_is_no_session(kv: RunningProvider) -> None:
    host, port = kv.role.address("pop3")
    with pytest.raises((OSError, poplib.error_proto)):
        poplib.POP3_SSL(host, port, context=client_context(kv.tree.ca), timeout=20)
