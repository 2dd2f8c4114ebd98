"""SMTP and POP3 of a PVS: through the client module, TLS from the first byte."""

from __future__ import annotations

import poplib
import smtplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from simulators.process import tls

from ..endpoints.contract import ClientModuleEndpoint, ParticipantEndpoint

TIMEOUT_SECONDS = 120.0


class MailError(Exception):
    """The dialogue failed before there was an answer to judge; the message is one line."""


@dataclass(frozen=True)
class Reply:
    """The client module's last word on a mail: SMTP code and text."""

    code: int
    text: str

    @property
    def accepted(self) -> bool:
        """Whether the mail was taken."""
        return 200 <= self.code < 300


@dataclass(frozen=True)
class Mailbox:
    """A participant's way to its mail: address, user names and password at the client module."""

    endpoint: ClientModuleEndpoint
    participant: ParticipantEndpoint
    ca: Path

    def send(
        self,
        mail: bytes,
        recipients: Sequence[str],
        *,
        dsn: bool,
        before_data: Callable[[], object] | None = None,
    ) -> Reply:
        """Send *mail* and return the reply to DATA, or the refusal that came before.

        With *dsn* every RCPT asks for NOTIFY=SUCCESS,FAILURE and MAIL for the headers only
        (RFC 3461; P5-07). *before_data* is called between RCPT and DATA. Raises MailError when
        there is no connection.
        """
        address = self.participant.address
        try:
            with self._smtp() as client:
                client.ehlo()
                client.login(self.participant.smtp_user or address, self.participant.password)
                options = [f"SIZE={len(mail)}", *(["RET=HDRS"] if dsn else [])]
                replies = [client.mail(address, options)]
                notify = ["NOTIFY=SUCCESS,FAILURE"] if dsn else []
                replies += (client.rcpt(recipient, notify) for recipient in recipients)
                for code, text in replies:
                    if not 200 <= code < 300:
                        return Reply(code, _text(text))
                if before_data is not None:
                    before_data()
                code, text = client.data(mail)
                return Reply(code, _text(text))
        except smtplib.SMTPResponseException as error:
            return Reply(error.smtp_code, _text(error.smtp_error))
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(f"SMTP {self.endpoint.smtp}: {error}") from None

    def uids(self) -> list[str]:
        """Return the unique ids of the mails in the mailbox, oldest first (UIDL)."""
        with self._pop3() as client:
            return list(_uidl(client))

    def retrieve(self, wanted: Sequence[str]) -> dict[str, bytes]:
        """Return the mails with the unique ids *wanted*, as the client module hands them over."""
        with self._pop3() as client:
            numbers = _uidl(client)
            return {
                uid: b"\r\n".join(client.retr(numbers[uid])[1]) + b"\r\n"
                for uid in wanted
                if uid in numbers
            }

    def _smtp(self) -> smtplib.SMTP:
        host, port = _host_port(self.endpoint.smtp)
        if not self.endpoint.tls:
            return smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=self._tls)

    @contextmanager
    def _pop3(self) -> Iterator[poplib.POP3]:
        host, port = _host_port(self.endpoint.pop3)
        user = self.participant.pop3_user or self.participant.address
        try:
            client = (
                poplib.POP3_SSL(host, port, timeout=TIMEOUT_SECONDS, context=self._tls)
                if self.endpoint.tls
                else poplib.POP3(host, port, timeout=TIMEOUT_SECONDS)
            )
            try:
                client.user(user)
                client.pass_(self.participant.password)
                yield client
                client.quit()
            finally:
                client.close()
        except (OSError, poplib.error_proto) as error:
            raise MailError(f"POP3 {self.endpoint.pop3}: {error}") from None

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return tls.client_context(self.ca)


def _uidl(client: poplib.POP3) -> dict[str, int]:
    rows = [row.decode("ascii", "replace").split() for row in client.uidl()[1]]
    return {row[1]: int(row[0]) for row in rows if len(row) == 2}


def _host_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _text(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return " ".join(text.split())
