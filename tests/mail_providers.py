"""Two running providers and the clients of tests, all over the wire."""

from __future__ import annotations

import json
import poplib
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.pki.issue import KimRequest, PkiRequest, PkiTree, TlsRequest, issue
from simulators.process.tls import client_context, load_pkcs12
from tests.conftest import RunningRole

KV, ARV = "kv.dox.kim.telematik-test", "arv.kim.telematik-test"
PRAXIS, FACHARZT = f"praxis@{KV}", f"facharzt@{KV}"
KLINIK, KASSE = f"klinik@{ARV}", f"kasse@{ARV}"
PASSWORD = "Geheim-1 mit Leerzeichen"
DEADLINE_SECONDS = 10


def issue_certificates(cache: Path) -> PkiTree:
    """Return certificates for both providers and one client module."""
    return issue(
        PkiRequest(
            tls=[
                TlsRequest(name="kv", dns_names=[f"mail.{KV}"]),
                TlsRequest(name="arv", dns_names=[f"mail.{ARV}"]),
            ],
            kim_certificates=[KimRequest(participant="praxis", common_name="praxis")],
        ),
        cache,
    )


def provider_settings(tree: PkiTree, name: str, domain: str, accounts: list[str]) -> dict[str, Any]:
    """Return the settings of a provider; listeners and routes are added by who starts it."""
    identity = tree.tls(name)
    return {
        "name": name,
        "domain": domain,
        "host_name": f"mail.{domain}",
        "tls": {"certificate": str(identity.certificate), "key": str(identity.key)},
        "ca": str(tree.ca),
        "client_ca": str(tree.provider_ca),
        "accounts": [
            {"address": address, "password": PASSWORD, "telematik_id": f"1-2{number}"}
            for number, address in enumerate(accounts)
        ],
    }


@dataclass
class RunningProvider:
    """A provider's process and how tests talk to it."""

    role: RunningRole
    tree: PkiTree
    domain: str

    def client_module(self) -> ssl.SSLContext:
        """Return the TLS of a client module with its certificate C.CM.TLS-CS."""
        context = client_context(self.tree.ca)
        certificate = self.tree.kim_certificate("praxis")
        load_pkcs12(context, certificate.path, certificate.password)
        return context

    def other_provider(self) -> ssl.SSLContext:
        """Return the TLS of a provider's relay."""
        return client_context(self.tree.ca, self.tree.tls("arv"))

    @contextmanager
    def smtp(
        self, user: str | None = None, context: ssl.SSLContext | None = None
    ) -> Iterator[smtplib.SMTP_SSL]:
        """Connect by SMTP, greet, and log in as *user* if given."""
        host, port = self.role.address("smtp")
        context = context or self.client_module()
        with smtplib.SMTP_SSL(host, port, "cm.test", context=context, timeout=20) as client:
            client.ehlo()
            if user is not None:
                client.login(user, PASSWORD)
            yield client

    @contextmanager
    def pop3(self, user: str | None = None) -> Iterator[poplib.POP3_SSL]:
        """Connect by POP3 and log in as *user* if given."""
        host, port = self.role.address("pop3")
        client = poplib.POP3_SSL(host, port, context=self.client_module(), timeout=20)
        try:
            if user is not None:
                client.user(user)
                client.pass_(PASSWORD)
            yield client
        finally:
            client.close()

    def mailbox(self, address: str) -> list[dict[str, Any]]:
        """Return what the control port lists for a mailbox."""
        status, body = self.role.ask("GET", f"/mailboxes/{address}")
        assert status == 200, body
        content: list[dict[str, Any]] = json.loads(body)
        return content

    def mails(self, address: str) -> list[bytes]:
        """Return the mails in a mailbox."""
        return [
            self.role.ask("GET", f"/mailboxes/{address}/{mail['uid']}")[1]
            for mail in self.mailbox(address)
        ]

    def wait_for_mails(self, address: str, number: int) -> list[bytes]:
        """Return the mails of a mailbox once it holds *number*."""
        wait_until(lambda: len(self.mailbox(address)) >= number)
        return self.mails(address)

    def faults(self, *rules: dict[str, Any]) -> None:
        """Replace the faults of the process."""
        numbered = [{"id": str(number), **rule} for number, rule in enumerate(rules)]
        status, body = self.role.ask("PUT", "/faults", numbered)
        assert status == 200, body

    def steps(self, step: str) -> list[dict[str, Any]]:
        """Return the journal's events of one step."""
        return [event for event in self.role.journal() if event["step"] == step]


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again until *condition* holds; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def mail(
    sender: str = PRAXIS,
    recipient: str = FACHARZT,
    message_id: str = "<1@cm.test>",
    body: bytes = b"Hallo\r\n",
    headers: str = "",
) -> bytes:
    """Return a small mail that breaks no rule."""
    lines = f"From: <{sender}>\r\nTo: <{recipient}>\r\nMessage-ID: {message_id}\r\n{headers}"
    return (lines + "Subject: KOM-LE-Nachricht\r\n\r\n").encode() + body
