"""One practice as a load: sends and fetches KIM mails over TLS with Python's own clients."""

from __future__ import annotations

import poplib
import smtplib
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .running_world import RunningWorld

BODY_BYTES = 10_000
TIMEOUT_SECONDS = 60.0
_LINE = "Befund unauffaellig, Kontrolle in sechs Wochen. 0123456789 abcdefghij.\r\n"


@dataclass(frozen=True)
class Practice:
    """A participant of the world and the TLS trust of the world."""

    name: str
    address: str
    password: str
    smtp: tuple[str, int]
    pop3: tuple[str, int]
    smtp_user: str
    pop3_user: str
    tls: ssl.SSLContext

    @classmethod
    def of(cls, world: RunningWorld, name: str) -> Practice:
        """Return the participant *name* of *world*."""
        participant = world.endpoints["participants"][name]
        module = world.endpoints["sites"][participant["site"]]["clientmodule"]
        return cls(
            name,
            participant["address"],
            participant["password"],
            _address(module["smtp"]),
            _address(module["pop3"]),
            participant["smtp_user"],
            participant["pop3_user"],
            ssl.create_default_context(cafile=world.directory / world.endpoints["ca"]),
        )

    def send(self, to: Practice, numbers: Iterable[int]) -> float:
        """Send a mail for each number in one session; return the seconds from connect to the end.

        The end is the reply that accepts the last mail.
        """
        started = time.perf_counter()
        with smtplib.SMTP_SSL(*self.smtp, context=self.tls, timeout=TIMEOUT_SECONDS) as session:
            session.login(self.smtp_user, self.password)
            for number in numbers:
                session.sendmail(self.address, [to.address], self._mail(to, number))
            return time.perf_counter() - started

    def fetch(self) -> list[float]:
        """Fetch and delete all mails in one session; return the seconds that each RETR took."""
        session = poplib.POP3_SSL(*self.pop3, context=self.tls, timeout=TIMEOUT_SECONDS)
        try:
            session.user(self.pop3_user)
            session.pass_(self.password)
            taken = []
            for number in range(1, session.stat()[0] + 1):
                started = time.perf_counter()
                _, lines, _ = session.retr(number)
                taken.append(time.perf_counter() - started)
                _expect_intact(lines)
                session.dele(number)
        finally:
            session.quit()
        return taken

    def _mail(self, to: Practice, number: int) -> bytes:
        head = (
            f"From: {self.address}\r\nTo: {to.address}\r\nSubject: Messung {number}\r\n"
            f"Message-ID: <{self.name}.{number}.{time.time_ns()}@bench>\r\n"
            "Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "X-KIM-Dienstkennung: KIM-Mail;Default;V1.0\r\n\r\n"
        )
        return (head + _LINE * (BODY_BYTES // len(_LINE))).encode("ascii")


def _expect_intact(lines: list[bytes]) -> None:
    """Refuse to measure mails that were not decrypted and verified."""
    headers = lines[: lines.index(b"")]
    for wanted in (b"X-KIM-DecryptionResult: 00", b"X-KIM-IntegrityCheckResult: 01"):
        if wanted not in headers:
            raise SystemExit(f"a fetched mail lacks {wanted.decode()}; nothing to measure")


def _address(text: Any) -> tuple[str, int]:
    host, _, port = str(text).rpartition(":")
    return host, int(port)
