"""The relay meets servers that are not ours: without DSN, without pipelining, or broken."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from simulators.formats.dsn import read_report
from simulators.pki.tree import PkiTree
from simulators.process.tls import server_context
from tests.mail_providers import ARV, KASSE, KV, PRAXIS, RunningProvider, mail, wait_until


class Foreign:
    """What aiosmtpd's plain server received; ``refused`` are recipients it does not want."""

    def __init__(self) -> None:
        self.received: list[Any] = []

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if address.startswith("niemand@"):
            return "550 kennen wir nicht"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.received.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"


@pytest.fixture(scope="module")
def foreign_port(free_port: Callable[[], int]) -> int:
    return free_port()


@pytest.fixture(scope="module")
def running(start_provider: Callable[..., RunningProvider], foreign_port: int) -> RunningProvider:
    return start_provider("kv", KV, [PRAXIS], routes={ARV: f"127.0.0.1:{foreign_port}"})


@pytest.fixture
def sender(running: RunningProvider) -> RunningProvider:
    assert running.role.ask("POST", "/reset")[0] == 204
    return running


def test_server_without_dsn_makes_the_relay_report(
    sender: RunningProvider, foreign_port: int, mail_pki: PkiTree
) -> None:
    foreign = Foreign()
    context = server_context(mail_pki.tls("arv"), mail_pki.ca, require_client=True)
    controller = Controller(
        foreign, hostname="127.0.0.1", port=foreign_port, ssl_context=context, data_size_limit=None
    )
    controller.start()
    try:
        body = b".\r\n..\r\n.x\r\n"
        with sender.smtp(PRAXIS) as client:
            client.mail(PRAXIS)
            client.docmd(f"RCPT TO:<{KASSE}> NOTIFY=SUCCESS,FAILURE")
            client.docmd(f"RCPT TO:<niemand@{ARV}>")
            client.data(mail(PRAXIS, KASSE, body=body))
        (stored,) = sender.wait_for_mails(PRAXIS, 1)
    finally:
        controller.stop()
    read = read_report(stored)
    assert read is not None
    assert [(r.address, r.action, r.status) for r in read.reports] == [
        (KASSE, "relayed", "2.0.0"),
        (f"niemand@{ARV}", "failed", "5.0.0"),
    ]
    ((mail_from, recipients, content),) = foreign.received
    assert (mail_from, recipients) == (PRAXIS, [KASSE])
    assert content.endswith(mail(PRAXIS, KASSE, body=body))


class SevenBit(SMTP):
    """A server that does not announce 8BITMIME."""

    async def push(self, status: Any) -> None:
        text = status if isinstance(status, str) else status.decode()
        if not text.endswith("8BITMIME"):
            await super().push(status)


class SevenBitController(Controller):
    def factory(self) -> SevenBit:
        return SevenBit(self.handler, **self.SMTP_kwargs)


def test_server_without_8bitmime_gets_7_bit_texts_only(
    sender: RunningProvider, foreign_port: int, mail_pki: PkiTree
) -> None:
    foreign = Foreign()
    context = server_context(mail_pki.tls("arv"), mail_pki.ca, require_client=True)
    controller = SevenBitController(
        foreign, hostname="127.0.0.1", port=foreign_port, ssl_context=context
    )
    controller.start()
    try:
        with sender.smtp(PRAXIS) as client:
            for text in (b"nur ASCII\r\n", "äöü\r\n".encode()):
                content = mail(PRAXIS, KASSE, body=text)
                client.sendmail(PRAXIS, [KASSE], content, mail_options=["BODY=8BITMIME"])
        (stored,) = sender.wait_for_mails(PRAXIS, 1)
        wait_until(lambda: len(foreign.received) == 1)
    finally:
        controller.stop()
    read = read_report(stored)
    assert read is not None
    assert [(r.address, r.action, r.status) for r in read.reports] == [(KASSE, "failed", "5.6.3")]


class Optioned(Foreign):
    """Notes the parameters of MAIL."""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.received.append((envelope.mail_options, envelope.content))
        return "250 OK"


def test_report_about_8_bit_headers_is_announced_as_such(
    sender: RunningProvider, foreign_port: int, mail_pki: PkiTree
) -> None:
    foreign = Optioned()
    context = server_context(mail_pki.tls("arv"), mail_pki.ca, require_client=True)
    controller = Controller(foreign, hostname="127.0.0.1", port=foreign_port, ssl_context=context)
    controller.start()
    try:
        with sender.smtp(context=sender.other_provider()) as client:
            client.mail(KASSE)
            client.docmd(f"RCPT TO:<{PRAXIS}> NOTIFY=SUCCESS")
            client.data(mail(KASSE, PRAXIS, "<1@x>").replace(b"<1@x>", "<ä@x>".encode()))
        wait_until(lambda: len(foreign.received) == 1)
    finally:
        controller.stop()
    ((options, content),) = foreign.received
    assert "BODY=8BITMIME" in options
    assert b"In-Reply-To" not in content
    assert content.partition(b"\r\n\r\n")[0].isascii()
    assert "Message-ID: <ä@x>".encode() in content


BROKEN = {
    "garbage": b"\x16\x03\xff\0\r\n" * 3,
    "endless line": b"220 " + b"x" * 100_000,
    "endless reply": b"220-x\r\n" * 100_000,
    "other protocol": b"+OK POP3 here\r\n",
    "busy": b"421 4.3.2 later\r\n",
    "refusal without words": b"554\r\n",
    "silent end": b"",
}


@contextmanager
def broken_server(port: int, tree: PkiTree, greeting: bytes) -> Iterator[None]:
    context = server_context(tree.tls("arv"))
    with socket.create_server(("127.0.0.1", port)) as listening:

        def serve() -> None:
            try:
                connection, _ = listening.accept()
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.sendall(greeting)
            except (OSError, ssl.SSLError):
                pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(10)


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_server_costs_an_attempt_and_no_mail(
    sender: RunningProvider, foreign_port: int, mail_pki: PkiTree, kind: str
) -> None:
    with (
        broken_server(foreign_port, mail_pki, BROKEN[kind]),
        sender.smtp(PRAXIS) as client,
    ):
        client.sendmail(PRAXIS, [KASSE], mail(PRAXIS, KASSE))
        wait_until(lambda: len(sender.steps("relay.postponed")) == 1)
    (event,) = sender.steps("relay.postponed")
    assert event["data"]["replies"][KASSE].startswith("451 4.4.1 ")
    assert "Traceback" not in sender.role.log()


def test_server_with_a_foreign_certificate_gets_nothing(
    start_provider: Callable[..., RunningProvider],
    foreign_port: int,
    mail_pki: PkiTree,
) -> None:
    sender = start_provider(
        "kv",
        KV,
        [PRAXIS],
        routes={ARV: f"127.0.0.1:{foreign_port}"},
        ca=str(mail_pki.clients_ca),
    )
    greeting = b"220 x\r\n"
    with broken_server(foreign_port, mail_pki, greeting), sender.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [KASSE], mail(PRAXIS, KASSE))
        wait_until(lambda: len(sender.steps("relay.postponed")) == 1)
    (event,) = sender.steps("relay.postponed")
    assert "CERTIFICATE_VERIFY_FAILED" in event["data"]["replies"][KASSE]
