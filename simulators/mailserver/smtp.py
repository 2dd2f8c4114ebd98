"""SMTP with TLS from the first byte: submission by client modules, relay by other providers."""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from contextlib import suppress
from typing import Any

from aiosmtpd.smtp import MISSING

from simulators.process.faults import DROP, Effect

from . import faults, sasl
from .account import Account
from .commands import Commands
from .database import StoreError
from .delivery import Delivery, Origin
from .envelope import Envelope, Recipient, Refused, read_mail, read_rcpt
from .faults import Reply
from .intake import Endless, Intake, Received, read_data
from .originator import is_kim_address
from .provider import Provider
from .replies import UNPRINTABLE, Replies

COMMAND_LIMIT = 2048  # RFC 5321 4.5.3.1.4 with the parameters of RFC 3461 and AUTH of RFC 4954
READ_LIMIT = 64 << 10
DATA_SECONDS = 1800.0  # a mail of the largest size at 160 kbit/s
EXTENSIONS = ("8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "DSN", "AUTH LOGIN PLAIN")


class MailSession(Replies):
    """One SMTP connection.

    The library reads commands and keeps the state of the connection; what the provider decides
    (login, envelope, data) is here. Every reply carries an enhanced status code.
    """

    session: Any
    _reader: Any
    line_length_limit = READ_LIMIT  # of the stream; commands and text have limits of their own

    def __init__(self, provider: Provider, delivery: Delivery, sessions: set[MailSession]) -> None:
        self._sessions = sessions
        self.command_size_limits: dict[str, int] = defaultdict(lambda: COMMAND_LIMIT)
        self.command_size_limit = COMMAND_LIMIT
        self._provider = provider
        self._delivery = delivery
        self._account: Account | None = None
        self._from_provider = False
        self._mail: Envelope | None = None
        super().__init__(
            None,
            data_size_limit=provider.settings.max_message_size,
            hostname=provider.settings.host_name,
            ident="ESMTP kimulator TEST-ONLY",
            timeout=provider.settings.smtp_timeout_seconds,
            auth_require_tls=False,  # there is no way in but TLS
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who is there; called when the TLS handshake is through."""
        self._sessions.add(self)
        self._provider.connections += 1
        self._from_provider = self._provider.is_provider(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        self._sessions.discard(self)
        self._provider.connections -= 1
        super().connection_lost(error)
        self._smtp_methods.clear()  # methods of this object: memory that would wait for
        self._auth_methods.clear()  # the collector

    def shut_down(self) -> None:
        """Tell the client that the service ends, and close."""
        self._close_with(faults.SHUTTING_DOWN)

    async def _handle_client(self) -> None:
        with suppress(ConnectionError, ssl.SSLError, TimeoutError):
            if self._provider.connections > self._provider.settings.max_connections:
                await self.push(str(faults.TOO_MANY_CONNECTIONS))
                self.transport.close()
                return
            if await self._faulted("CONNECT", close=True):
                return
            self._reader = Commands(self._reader, lambda: self._close_with(faults.BARE_COMMAND))
            await super()._handle_client()

    async def handle_exception(self, error: Exception) -> str:
        """Answer a bug or a broken disk with 451; the client gets no detail."""
        if isinstance(error, (ValueError, asyncio.LimitOverrunError)):
            return str(faults.SYNTAX)
        if isinstance(error, StoreError):
            self._provider.process.log.error("SMTP session failed: %s", error)
            return str(faults.of_store(error))
        self._provider.process.log.exception("SMTP session failed", exc_info=error)
        return str(faults.INTERNAL)

    async def _faulted(self, step: str, *, close: bool = False, **facts: str) -> bool:
        """Carry out the fault that is due at *step*; tell whether there was one."""
        user = self._account.address if self._account else None
        peer = "provider" if self._from_provider else "clientmodule"
        if not self._provider.process.faults.active:
            return False
        lower = {name: fact.lower() for name, fact in facts.items()}
        effect: Effect | None = await self._provider.fault(
            f"SMTP.{step}", user=user, peer=peer, **lower
        )
        if effect is not None and effect.kind in faults.AFTER_WORK:
            self._ending = effect.kind  # the next reply meets it
        if effect is None or effect.kind not in (DROP, faults.REPLY):
            return False
        if effect.kind == DROP:
            self.transport.abort()
            raise ConnectionResetError("dropped on purpose")
        await self._reply(faults.reply_of(effect))
        if close:
            self.transport.close()
        return True

    def _set_post_data_state(self) -> None:
        super()._set_post_data_state()  # type: ignore[no-untyped-call]
        self._mail = None

    # --- commands; the names are the library's ---

    async def smtp_HELO(self, hostname: str | None) -> None:  # noqa: N802
        """Greet without extensions; neither greeting has an enhanced status code (RFC 2034 4)."""
        if not hostname or UNPRINTABLE.search(hostname):
            await self._reply(faults.SYNTAX)
            return
        self._greeted(hostname, extended=False)
        await self._send(f"250 {self.hostname}\r\n")

    def _greeted(self, hostname: str, *, extended: bool) -> None:
        self._set_post_data_state()
        self.session.extended_smtp = extended
        self.session.host_name = hostname

    async def smtp_EHLO(self, hostname: str | None) -> None:  # noqa: N802
        """Announce the extensions (KOM-LE-A_2008 of the client module, which mirrors them)."""
        if not hostname or UNPRINTABLE.search(hostname):
            await self._reply(faults.SYNTAX)
            return
        if await self._faulted("EHLO"):
            return
        self._greeted(hostname, extended=True)
        lines = (self.hostname, f"SIZE {self.data_size_limit}", *EXTENSIONS)
        await self._send("".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n")

    async def smtp_STARTTLS(self, _: str | None) -> None:  # noqa: N802
        """Refuse: TLS begins with the first byte (KOM-LE-A_2143)."""
        await self._reply(faults.SEQUENCE.saying("TLS is already there"))

    async def smtp_AUTH(self, argument: str | None) -> None:  # noqa: N802
        """Log a client module in by PLAIN or LOGIN (KOM-LE-A_2148, 2169)."""
        words = (argument or "").split()
        if not self.session.extended_smtp or self._account is not None or self._mail is not None:
            await self._reply(faults.SEQUENCE)
        elif not 1 <= len(words) <= 2:
            await self._reply(faults.SYNTAX)
        elif words[0].upper() not in ("PLAIN", "LOGIN"):
            await self._reply(faults.MECHANISM)
        else:
            try:
                credentials = await self._credentials(words[0].upper(), words[1:])
            except sasl.NotDecodable:
                await self._reply(faults.BASE64)
                return
            if credentials is not None:
                await self._log_in(*credentials)

    async def _credentials(self, mechanism: str, initial: list[str]) -> tuple[str, str] | None:
        """Return user and password; None when the client has got its answer."""
        first = await self._auth_data(initial, "" if mechanism == "PLAIN" else "Username:")
        if first is None:
            return None
        if mechanism == "LOGIN":
            second = await self._auth_data([], "Password:")
            return None if second is None else (sasl.text(first), sasl.text(second))
        credentials = sasl.plain(first)
        if credentials is None:
            await self._reply(faults.AUTH_FAILED)
        return credentials

    async def _auth_data(self, initial: list[str], challenge: str) -> bytes | None:
        if initial:
            return sasl.decoded(initial[0])
        answer = await self.challenge_auth(challenge)
        return None if answer is MISSING else answer

    async def _log_in(self, user: str, password: str) -> None:
        if await self._faulted("AUTH", login=user):
            return
        account = await self._provider.accounts.log_in(user, password)
        if account is not None and account.deregistered is not None:  # KOM-LE-A_2150
            account = None
        self._account = account
        known = account is not None
        self._provider.process.journal.record(
            "smtp.auth", peer="clientmodule", user=user if known else None, accepted=known
        )
        await self._reply(faults.AUTHENTICATED if known else faults.AUTH_FAILED)

    async def smtp_MAIL(self, argument: str | None) -> None:  # noqa: N802
        """Take the sender: the logged-in user (A_23421), or anyone in the TI from a provider."""
        try:
            self._in_sequence(self._mail is None)
            self._account = self._who_may_send(self._account)
            if self._account is None and not self._from_provider:
                raise Refused(faults.AUTH_REQUIRED)
            envelope = read_mail(argument)
            if await self._faulted("MAIL", sender=envelope.sender):
                return
            if envelope.size > self._provider.settings.max_message_size:
                raise Refused(faults.TOO_LARGE)
            self._check_sender(envelope.sender)
        except Refused as refused:
            await self._reply_soon(refused.reply)
            return
        self._mail = envelope
        await self._reply_soon(faults.SENDER_OK)

    def _who_may_send(self, user: Account | None) -> Account | None:
        """Return the account of *user* as it is now, None if it was deregistered (KOM-LE-A_2150)
        or locked (KOM-LE-A_2167) after the login.
        """
        account = None if user is None else self._provider.accounts.receiver(user.address)
        return None if account is None or account.locked else account

    def _in_sequence(self, condition: bool) -> None:
        if not self.session.host_name or not condition:
            raise Refused(faults.SEQUENCE)

    def _check_sender(self, sender: str) -> None:
        if not sender:
            return
        if self._account is None and not is_kim_address(sender):
            raise Refused(faults.NOT_FROM_TI)
        if self._account is not None and sender.lower() != self._account.address:
            raise Refused(self._delivery.originator_refusal("A_23421", "MAIL FROM is not the user"))

    async def smtp_RCPT(self, argument: str | None) -> None:  # noqa: N802
        """Take a recipient that can be reached; unknown ones are refused here (550)."""
        try:
            self._in_sequence(self._mail is not None)
            mail = self._mail
            assert mail is not None
            if len(mail.recipients) >= self._provider.settings.max_recipients:
                raise Refused(faults.TOO_MANY_RECIPIENTS)
            recipient = read_rcpt(argument)
            if await self._faulted("RCPT", sender=mail.sender, recipient=recipient.address):
                return
            await self._check_recipient(mail, recipient)
        except Refused as refused:
            await self._reply_soon(refused.reply)
            return
        if all(recipient.address.lower() != r.address.lower() for r in mail.recipients):
            mail.recipients.append(recipient)
        await self._reply_soon(faults.RECIPIENT_OK)

    async def _check_recipient(self, mail: Envelope, recipient: Recipient) -> None:
        user = self._account
        if user is None and recipient.domain != self._provider.settings.domain:
            raise Refused(faults.RELAYING_DENIED)
        if user is not None and not mail.sender and recipient.address.lower() != user.address:
            reason = "without a sender only for the user"
            raise Refused(self._delivery.originator_refusal("A_23421", reason))
        await self._delivery.check_reachable(recipient, mail.size)

    async def smtp_DATA(self, argument: str | None) -> None:  # noqa: N802
        """Take the mail; the answer 250 is given when it is on the disk."""
        mail = self._mail
        if not self.session.host_name or mail is None or not mail.recipients:
            await self._reply(faults.SEQUENCE)
            return
        if argument:
            await self._reply(faults.SYNTAX)
            return
        if await self._faulted("DATA", sender=mail.sender, recipient=_all(mail)):
            self._set_post_data_state()
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        intake = Intake(self._provider.store, self._provider.settings.max_message_size)
        try:
            async with asyncio.timeout(DATA_SECONDS):
                await read_data(self._reader, lambda piece: self._feed(intake, piece))
            faulted = await self._faulted("END_OF_DATA", sender=mail.sender, recipient=_all(mail))
            received = None if faulted else await intake.finish()
        except (Endless, TimeoutError) as error:
            self._provider.spawn(intake.abandon())
            self._close_with(_end_of(error, intake.refusal))  # the rest would be read as commands
            return
        except BaseException:  # the connection is gone; so is what came of the mail
            self._provider.spawn(intake.abandon())
            raise
        self._set_post_data_state()
        if received is not None:
            await self._accept(mail, received)
        elif faulted:
            await intake.abandon()
        else:
            await self._reply(intake.refusal or faults.INTERNAL)

    async def _accept(self, mail: Envelope, received: Received) -> None:
        work = self._delivery.accept(mail, received, self._origin())
        reply: Reply | None = await asyncio.shield(self._provider.spawn(work))
        if reply is None:
            self.transport.abort()
        else:
            await self._reply(reply)

    async def _feed(self, intake: Intake, piece: bytes) -> None:
        self._reset_timeout()
        await intake.feed(piece)

    def _origin(self) -> Origin:
        peer = self.session.peer
        user = self._account.address if self._account else None
        return Origin(user, self.session.host_name, str(peer[0]) if peer else "unknown")


def _all(mail: Envelope) -> str:
    """Return all recipients, separated by spaces, for rules of faults."""
    return " ".join(recipient.address for recipient in mail.recipients)


def _end_of(error: Exception, refusal: Reply | None) -> Reply:
    """Return the last reply on a connection whose mail cannot be read to its end."""
    if isinstance(error, TimeoutError):
        return faults.TIMEOUT
    return refusal or faults.TOO_LARGE
