"""Connections that fail on purpose: handshakes, certificates, answers that are lost or cut."""

from __future__ import annotations

import json
import poplib
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.pki.issue import KimRequest, PkiRequest, PkiTree, TlsRequest, issue
from tests.mail_providers import FACHARZT, KV, PRAXIS, RunningProvider, mail


@pytest.fixture(scope="module")
def tree(pki_cache: Path) -> PkiTree:
    """A provider's certificate, an expired one and one of another host."""
    host = [f"mail.{KV}"]
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    elsewhere = [f"anderswo.{KV}"]
    return issue(
        PkiRequest(
            tls=[
                TlsRequest(name="kv", dns_names=host),
                TlsRequest(name="expired", dns_names=host, not_after=long_ago),
                TlsRequest(name="elsewhere", dns_names=elsewhere, elsewhere=True),
            ],
            kim_certificates=[KimRequest(participant="praxis", common_name="praxis")],
        ),
        pki_cache,
    )


@pytest.fixture(scope="module")
def running(start_provider: Callable[..., RunningProvider], tree: PkiTree) -> RunningProvider:
    def identity(name: str) -> dict[str, str]:
        found = tree.tls(name)
        return {"certificate": str(found.certificate), "key": str(found.key)}

    provider = start_provider(
        *("kv", KV, [PRAXIS, FACHARZT]),
        tls=identity("kv"),
        ca=str(tree.ca),
        client_ca=str(tree.provider_ca),
        fault_certificates={name: identity(name) for name in ("expired", "elsewhere")},
    )
    return RunningProvider(provider.role, tree, KV)


@pytest.fixture
def kv(running: RunningProvider) -> Iterator[RunningProvider]:
    assert running.role.ask("POST", "/reset")[0] == 204
    yield running
    assert "Traceback" not in running.role.log()


LISTENERS = ["smtp", "pop3", "rest"]


def handshake(kv: RunningProvider, listener: str) -> str | None:
    """Shake hands; return None when all is well, else what OpenSSL says."""
    with socket.create_connection(kv.role.address(listener), 20) as connection:
        try:
            with kv.client_module().wrap_socket(connection, server_hostname="127.0.0.1") as tls:
                return None if tls.getpeercert() else "no certificate"
        except ssl.SSLError as error:
            return str(error)
        except OSError as error:
            return type(error).__name__


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize(
    ("effect", "told"),
    [
        ({"kind": "refused"}, "HANDSHAKE_FAILURE"),
        ({"kind": "certificate", "value": "expired"}, "certificate has expired"),
        ({"kind": "certificate", "value": "elsewhere"}, "not valid for '127.0.0.1'"),
    ],
)
def test_handshake_fails_and_the_next_one_does_not(
    kv: RunningProvider, listener: str, effect: dict[str, str], told: str
) -> None:
    kv.faults({"operation": f"TLS.{listener.upper()}", "nth": 1, "effect": effect})
    assert told in (handshake(kv, listener) or "")
    assert handshake(kv, listener) is None


@pytest.mark.parametrize("listener", LISTENERS)
def test_connection_is_closed_before_the_handshake_or_delayed(
    kv: RunningProvider, listener: str
) -> None:
    kv.faults(
        {"operation": "TLS.*", "nth": 1, "effect": {"kind": "drop"}},
        {"operation": "TLS.*", "nth": 2, "effect": {"kind": "delay", "seconds": 0.01}},
    )
    assert handshake(kv, listener) is not None
    assert handshake(kv, listener) is None
    rules = json.loads(kv.role.ask("GET", "/faults")[1])["rules"]
    assert [rule["fired"] for rule in rules] == [1, 1]


def test_certificate_that_is_not_configured_leaves_the_right_one(kv: RunningProvider) -> None:
    effect = {"kind": "certificate", "value": "unbekannt"}
    kv.faults({"operation": "TLS.SMTP", "effect": effect})
    assert handshake(kv, "smtp") is None
    assert "no certificate 'unbekannt'" in kv.role.log()


@pytest.mark.parametrize("kind", ["lost", "hang_up", "truncate"])
def test_mail_is_stored_although_its_sender_loses_the_connection(
    kv: RunningProvider, kind: str
) -> None:
    match = {"recipient": "facharzt@*"}
    effect = {"kind": kind}
    kv.faults({"operation": "SMTP.END_OF_DATA", "match": match, "effect": effect})
    with kv.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [PRAXIS], mail(recipient=PRAXIS))
        client.mail(PRAXIS)
        client.rcpt(FACHARZT.upper())
        assert client.docmd("DATA")[0] == 354
        assert client.sock is not None
        client.sock.sendall(mail() + b".\r\n")
        answer = _rest(client.sock)
        client.close()
        client.sock = None
    whole = b"250 2.6.0 Message accepted\r\n"
    assert answer == {"lost": b"", "hang_up": whole, "truncate": whole[: len(whole) // 2]}[kind]
    assert len(kv.mailbox(FACHARZT)) == len(kv.mailbox(PRAXIS)) == 1


def _rest(connection: socket.socket) -> bytes:
    content = b""
    try:
        while piece := connection.recv(10_000):
            content += piece
    except OSError:
        pass
    return content


@pytest.mark.parametrize("kind", ["drop", "reply"])
def test_mail_is_not_stored_when_the_fault_comes_before(kv: RunningProvider, kind: str) -> None:
    effect = {"kind": kind, "code": 451, "text": "4.3.0 auf Wunsch"}
    kv.faults({"operation": "SMTP.END_OF_DATA", "effect": effect})
    large = mail(body=(b"x" * 70 + b"\r\n") * 20_000)
    for text in (mail(), large):
        with pytest.raises(smtplib.SMTPException), kv.smtp(PRAXIS) as client:
            client.sendmail(PRAXIS, [FACHARZT], text)
    assert kv.mailbox(FACHARZT) == []


@pytest.mark.parametrize("body", [b"kurz\r\n" * 100, b"lang" * 20 + b"\r\n"])
@pytest.mark.parametrize("end", [None, 120])
def test_retrieval_ends_in_the_middle(kv: RunningProvider, body: bytes, end: int | None) -> None:
    body *= 1 if len(body) > 100 else 10_000
    with kv.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT], mail(body=body))
    effect = {"kind": "truncate"} | ({} if end is None else {"value": str(end)})
    kv.faults({"operation": "POP3.RETR", "match": {"user": FACHARZT}, "effect": effect})
    (stored,) = kv.mails(FACHARZT)
    with kv.pop3(FACHARZT) as client:
        client._putcmd("RETR 1")
        assert client.file is not None
        got = client.file.read()
    assert got == b"+OK\r\n" + stored[: end or len(stored) // 2]
    assert len(kv.mailbox(FACHARZT)) == 1


@pytest.mark.parametrize("kind", ["lost", "hang_up"])
def test_deletion_is_done_although_the_answer_to_quit_is_lost(
    kv: RunningProvider, kind: str
) -> None:
    with kv.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT], mail())
    kv.faults({"operation": "POP3.QUIT", "effect": {"kind": kind}})
    with kv.pop3(FACHARZT) as session:
        session.dele(1)
        if kind == "lost":
            with pytest.raises((poplib.error_proto, OSError)):
                session.quit()
        else:
            session.quit()
    assert kv.mailbox(FACHARZT) == []
    kv.faults()
    with kv.pop3(FACHARZT) as session:
        assert session.stat()[0] == 0


@pytest.mark.parametrize("command", ["STAT", "LIST", "CAPA", "NOOP"])
def test_answer_of_pop3_is_lost(kv: RunningProvider, command: str) -> None:
    kv.faults({"operation": f"POP3.{command}", "effect": {"kind": "lost"}})
    with kv.pop3(FACHARZT) as client:
        client._putcmd(command)
        assert client.sock is not None
        assert _rest(client.sock) == b""


def test_probability_is_seeded(kv: RunningProvider) -> None:
    def outcomes() -> list[int]:
        effect = {"kind": "reply", "code": 450}
        kv.faults({"operation": "SMTP.RCPT", "probability": 0.5, "effect": effect})
        with kv.smtp(PRAXIS) as client:
            client.mail(PRAXIS)
            return [client.rcpt(FACHARZT)[0] for _ in range(30)]

    first = outcomes()
    assert set(first) == {250, 450}
    assert kv.role.ask("POST", "/reset")[0] == 204
    assert outcomes() == first
