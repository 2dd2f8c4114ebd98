"""A participant for tests: what a PVS has to be told, and what it does by SMTP and POP3."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from functools import cached_property
from pathlib import Path

from simulators.process.errors import InputError

from ..endpoints.contract import (
    CardEndpoint,
    ClientModuleEndpoint,
    Context,
    Endpoints,
    KonnektorEndpoint,
    ProviderEndpoint,
    SiteEndpoint,
)
from ..pvs.control import Control
from ..pvs.mail import Mailbox, Reply
from ..pvs.next_mail import Arrived, NoMail, next_mail

WITHIN_SECONDS = 30.0
KIM_MAIL = "KIM-Mail;Default;V1.0"


class NotSent(AssertionError):
    """The client module refused a mail; ``reply`` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"das Clientmodul lehnt die Nachricht ab: {reply.code} {reply.text}")
        self.reply = reply


class NotArrived(AssertionError):
    """The mail that a test waited for did not come."""


class Practice:
    """A participant of a running world: how its PVS is set up, and a PVS to try it with."""

    def __init__(self, name: str, endpoints: Endpoints) -> None:
        self.name = name
        self.endpoints = endpoints
        self._participant = endpoints.participants[name]
        self._last: str | None = None

    @property
    def address(self) -> str:
        """The KIM address."""
        return self._participant.address

    @property
    def password(self) -> str:
        """The password of the mailbox, for SMTP and POP3."""
        return self._participant.password

    @property
    def smtp_user(self) -> str:
        """The user name that SMTP at the client module expects."""
        return self._participant.smtp_user or self.address

    @property
    def pop3_user(self) -> str:
        """The user name that POP3 at the client module expects."""
        return self._participant.pop3_user or self.address

    @property
    def site(self) -> SiteEndpoint:
        """The site: name, BSNR or IK, address, cards."""
        return self.endpoints.sites[self._participant.site]

    @property
    def cards(self) -> tuple[CardEndpoint, ...]:
        """The cards of the site, with their PINs."""
        return self.site.cards

    @property
    def context(self) -> Context:
        """Mandant, Clientsystem, workplace and user for calls at the Konnektor."""
        return self.site.context

    @property
    def ca(self) -> Path:
        """The certificate authority (PEM) that the PVS has to trust."""
        return self.endpoints.file(self.endpoints.ca)

    @property
    def clientmodule(self) -> ClientModuleEndpoint:
        """SMTP and POP3 as ``host:port``. Raises InputError when the site has none."""
        if self.site.clientmodule is None:
            raise InputError(f"{self.name}: in dieser Welt läuft hier kein Clientmodul")
        return self.site.clientmodule

    @property
    def konnektor(self) -> KonnektorEndpoint:
        """Service directory, LDAP, what a client shows. Raises InputError when there is none."""
        if self.site.konnektor is None:
            raise InputError(f"{self.name}: in dieser Welt läuft hier kein Konnektor")
        return self.site.konnektor

    @property
    def client_certificate(self) -> Path | None:
        """The PKCS#12 for the Konnektor, where it asks for one."""
        name = self.konnektor.client_certificate
        return None if name is None else self.endpoints.file(name)

    @property
    def control(self) -> Control:
        """The control port of the client module."""
        return Control(self.clientmodule.control)

    @property
    def konnektor_control(self) -> Control:
        """The control port of the Konnektor."""
        return Control(self.konnektor.control)

    @property
    def provider_control(self) -> Control:
        """The control port of the provider that keeps the mailbox."""
        return Control(self._provider.control)

    def mail(
        self,
        to: str | Practice | Sequence[str | Practice],
        text: str = "Guten Tag",
        *,
        subject: str = "Rückfrage",
        dienstkennung: str = KIM_MAIL,
    ) -> EmailMessage:
        """Return a mail from here; recipients are addresses or participants."""
        recipients = [to] if isinstance(to, str | Practice) else to
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"] = self.address
        mail["To"] = ", ".join(r.address if isinstance(r, Practice) else r for r in recipients)
        mail["Subject"] = subject
        mail["Date"] = datetime.now(UTC)
        mail["Message-ID"] = f"<{uuid.uuid4()}@kimulator.invalid>"
        mail["X-KIM-Dienstkennung"] = dienstkennung
        mail.set_content(text)
        return mail

    def send(
        self,
        mail: EmailMessage | bytes,
        to: Sequence[str] = (),
        *,
        dsn: bool = False,
        check: bool = True,
    ) -> Reply:
        """Send *mail* by SMTP through the client module, as it is.

        Without *to* it goes to everybody in To, Cc and Bcc. *dsn* asks for a report on delivery.
        Raises NotSent when it is refused, with *check* off the reply tells; MailError when there
        is no connection.
        """
        content = mail if isinstance(mail, bytes) else mail.as_bytes(policy=policy.SMTP)
        __tracebackhide__ = True
        reply = self._mailbox.send(content, to or _recipients(content), dsn=dsn)
        if check and not reply.accepted:
            raise NotSent(reply)
        return reply

    def wait_for_mail(
        self,
        *,
        dienstkennung: str | None = None,
        message_id: str | None = None,
        subject: str | None = None,
        after: str | None = None,
        within: float = WITHIN_SECONDS,
    ) -> Arrived:
        """Return the next mail in the mailbox that has all that is given, as soon as it is there.

        Next is the first after the uid *after*, else after the one that this method returned last
        in this test; what lay in the mailbox before counts too. *subject* is the one outside, at
        the provider: the report's, while that of a KIM mail is encrypted. Raises NotArrived after
        *within* seconds, with what came instead.
        """
        __tracebackhide__ = True
        wanted = {"dienstkennung": dienstkennung, "message_id": message_id, "subject": subject}
        conditions = {**wanted, "after": after or self._last}
        try:
            found = next_mail(self._provider.control, self.address, within, conditions)
        except NoMail as none:
            asked = ", ".join(f"{name} {value}" for name, value in wanted.items() if value)
            raise NotArrived(
                f"{self.name}: nach {within:g} s ist keine Nachricht da"
                f"{f' mit {asked}' if asked else ''}; gekommen ist: {none}"
            ) from None
        self._last = found.uid
        return found

    def fetch(self, mail: Arrived | str) -> EmailMessage:
        """Fetch a mail (or the one with this uid) by POP3: decrypted and judged by the client
        module. It stays in the mailbox.

        Raises NotArrived when it is not there, MailError when there is no connection.
        """
        return message_from_bytes(self.fetch_bytes(mail), policy=policy.default)

    def fetch_bytes(self, mail: Arrived | str) -> bytes:
        """Fetch a mail as ``fetch`` does; return it byte for byte."""
        __tracebackhide__ = True
        uid = mail if isinstance(mail, str) else mail.uid
        found = self._mailbox.retrieve([uid])
        if uid not in found:
            raise NotArrived(f"{self.name}: {uid} ist nicht im Postfach")
        return found[uid]

    @property
    def _provider(self) -> ProviderEndpoint:
        domain = self.address.rpartition("@")[2]
        if domain not in self.endpoints.providers:
            raise InputError(f"{self.name}: der Anbieter {domain} läuft in dieser Welt nicht")
        return self.endpoints.providers[domain]

    @cached_property
    def _mailbox(self) -> Mailbox:
        return Mailbox(self.clientmodule, self._participant, self.ca)


def _recipients(content: bytes) -> list[str]:
    mail = message_from_bytes(content, policy=policy.compat32)
    fields = [str(value) for name in ("To", "Cc", "Bcc") for value in mail.get_all(name, [])]
    return [address for _, address in getaddresses(fields) if address]
