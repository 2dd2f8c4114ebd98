"""The SMTP dialogue with the client system (3.3): before AUTH, then between it and the MTA."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress

from . import faults
from .credentials import BadCredentials, decode_response, read_password, read_plain, read_text
from .faults import MailRefused, Reply
from .gateway import fault, where
from .installation import Installation
from .konnektor.faults import KonnektorUnreachable
from .lines import CONTROLS, LineStream, LineTooLong, OtherSideLost
from .mta import MailEnvelope, Recipient
from .sending.pipeline import send
from .sending.reception import ROOM_FOR_SMALL, SpooledMail, receive
from .sending.session import Session
from .smtp_commands import CommandError, read_mail, read_rcpt
from .smtp_login import LoginFailed, log_in

MAX_RECIPIENTS = 500
GREETING = b"220 clientmodul.kim.telematik-test ESMTP KOM-LE Clientmodul\r\n"
"""Says ESMTP (KOM-LE-A_2007)."""
CAPABILITIES = (
    "clientmodul.kim.telematik-test",
    "AUTH LOGIN PLAIN",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "DSN",
)
NEVER_RELAYED = frozenset({"BDAT", "BURL", "STARTTLS", "SEND", "SOML", "SAML", "TURN", "XCLIENT"})
"""Commands that would carry a mail past the protection, or break the MTA's connection."""
COMMANDS = frozenset(
    {
        *("HELO", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT"),
        *("VRFY", "EXPN", "HELP", *NEVER_RELAYED),
    }
)
"""What the logs name; any other verb may hold anything."""


class _Quit(Exception):
    """The dialogue is over; both connections are closed."""


class SmtpDialogue:
    """One connection of a client system, whatever mail program it is (KOM-LE-A_2003, 2006)."""

    def __init__(self, installation: Installation, client: LineStream) -> None:
        self._installation = installation
        self._client = client
        self._operation = installation.operation()
        self._session: Session | None = None
        self._envelope: MailEnvelope | None = None

    async def run(self) -> None:
        """Talk until one of the two connections ends (KOM-LE-A_2016, 2017)."""
        try:
            await self._client.write(GREETING)
            while True:
                await self._step()
        except _Quit:
            pass
        finally:
            if self._session is not None:
                await self._session.mta.stream.close()

    async def _step(self) -> None:
        try:
            line = await self._client.line()
        except OtherSideLost:
            await self._farewell()
            raise _Quit from None
        except LineTooLong:
            await self._reply(faults.LINE_TOO_LONG)
            return
        except TimeoutError:
            await self._reply(faults.TIMEOUT_CLIENT)
            raise _Quit from None
        if CONTROLS.search(line):  # the MTA might read more commands in it than we do
            await self._reply(faults.INVALID_COMMAND)
            return
        verb, _, argument = line.decode("latin-1").partition(" ")
        verb = verb.upper()
        with self._operation.message("SMTP", verb, COMMANDS):
            await self._answer(verb, argument, line)

    async def _answer(self, verb: str, argument: str, line: bytes) -> None:
        await fault(self._installation, f"SMTP.{verb}")
        handlers = self._handlers() if self._session is None else self._relaying_handlers()
        try:
            if verb in handlers:
                await handlers[verb](argument)
            elif self._session is None or not _may_be_relayed(verb):
                await self._reply(faults.INVALID_COMMAND)
            else:
                await self._relay(line)
        except TimeoutError:
            waited_for_client = self._session is None
            await self._reply(faults.TIMEOUT_CLIENT if waited_for_client else faults.TIMEOUT_SERVER)
            raise _Quit from None
        except ConnectionError:
            await self._reply(faults.SERVER_GONE)
            raise _Quit from None

    def _handlers(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        """What is answered before AUTH (KOM-LE-A_2008)."""
        return {
            "HELO": lambda _: self._reply(faults.OK),
            "EHLO": self._hello,
            "AUTH": self._auth,
            "RSET": lambda _: self._reply(faults.OK),
            "NOOP": lambda _: self._reply(faults.OK),
            "MAIL": lambda _: self._reply(faults.AUTHENTICATION_REQUIRED),
            "RCPT": lambda _: self._reply(faults.AUTHENTICATION_REQUIRED),
            "DATA": lambda _: self._reply(faults.AUTHENTICATION_REQUIRED),
            "QUIT": self._quit,
        }

    def _relaying_handlers(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        """What is not simply relayed after AUTH (KOM-LE-A_2018 and FAQ)."""
        return {
            "HELO": self._hello_again,
            "EHLO": self._hello_again,
            "AUTH": lambda _: self._reply(faults.BAD_SEQUENCE),
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._reset,
            "QUIT": self._quit,
        }

    async def _farewell(self) -> None:
        """Pass on what the MTA said before it closed the connection (KOM-LE-A_2016)."""
        assert self._session is not None
        try:
            farewell = await self._session.mta.reply()
            await self._client.write(farewell.raw)
        except (ConnectionError, TimeoutError):
            await self._reply(faults.SERVER_GONE)

    async def _reply(self, reply: Reply) -> None:
        await self._client.write(reply.line())

    async def _hello(self, _: str) -> None:
        said = (*CAPABILITIES, f"SIZE {self._installation.settings.max_submission}")
        last = len(said) - 1
        lines = (f"250{' ' if i == last else '-'}{c}\r\n" for i, c in enumerate(said))
        await self._client.write("".join(lines).encode("ascii"))

    async def _hello_again(self, argument: str) -> None:
        """Answer with what this gateway can; the MTA may offer more than it protects."""
        self._envelope = None
        await self._hello(argument)

    async def _quit(self, _: str) -> None:
        if self._session is None:
            await self._reply(faults.BYE)
        else:
            await self._relay(b"QUIT")
        raise _Quit

    async def _relay(self, line: bytes) -> None:
        assert self._session is not None
        reply = await self._session.mta.command(line)
        await self._client.write(reply.raw)

    async def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.strip().partition(" ")
        try:
            match mechanism.upper():
                case "PLAIN":
                    user, password = read_plain(await self._response(initial, b""))
                case "LOGIN":
                    user = read_text(await self._response(initial, b"Username:"))
                    password = read_password(await self._response("", b"Password:"))
                case _:
                    await self._reply(faults.OTHER_MECHANISM)
                    return
        except LoginFailed as failure:
            await self._reply(failure.reply)
            return
        except BadCredentials:
            await self._reply(faults.BAD_BASE64)
            return
        await self._log_in(user, password)

    async def _response(self, initial: str, challenge: bytes) -> bytes:
        """Return the client's response, asked for unless it came with the command."""
        response = initial.strip().encode("latin-1")
        if not response:
            await self._client.write(b"334 " + base64.b64encode(challenge) + b"\r\n")
            try:
                response = await self._client.line()
            except LineTooLong:
                raise LoginFailed(faults.LINE_TOO_LONG) from None
        if response == b"*":
            raise LoginFailed(faults.AUTH_CANCELLED)
        return decode_response(response)

    async def _log_in(self, user: str, password: str) -> None:
        operation = self._operation
        with operation.step("Login", peer="pvs") as data:
            try:
                self._session = await log_in(self._installation, operation, user, password)
                self._client.end_with(self._session.mta.stream)
                reply = faults.AUTHENTICATED
            except LoginFailed as failure:
                reply = failure.reply
            except Exception as error:  # a bug of ours must not look like a wrong password
                operation.error(where(error))
                reply = faults.MTA_UNREACHABLE
            data["code"] = reply.code
        await self._reply(reply)

    async def _mail(self, argument: str) -> None:
        if self._envelope is not None:
            await self._reply(faults.BAD_SEQUENCE)
            return
        try:
            sender, parameters, size = read_mail(argument)
        except CommandError:
            await self._reply(faults.BAD_ARGUMENTS)
            return
        if size > await self._most(size):
            await self._reply(faults.TOO_LARGE)
            return
        self._envelope = MailEnvelope(sender, parameters)
        await self._reply(faults.SENDER_OK)

    async def _most(self, size: int) -> int:
        """Return how large a mail may be that is said to be of *size*.

        EHLO does not know who will log in; maxMailSize of the account is asked for as soon as it
        matters, so that no client sends hundreds of megabytes in vain (A_19355-01).
        """
        session, announced = self._session, self._installation.settings.max_submission
        if session is None or not ROOM_FOR_SMALL < size <= announced:
            return announced
        limit = await self._installation.limits.of(
            self._operation, session.konnektor, session.user, session.password
        )
        return min(announced, limit.max_mail_size)

    async def _rcpt(self, argument: str) -> None:
        envelope = self._envelope
        if envelope is None:
            await self._reply(faults.BAD_SEQUENCE)
            return
        if len(envelope.recipients) >= MAX_RECIPIENTS:
            await self._reply(faults.TOO_MANY_RECIPIENTS)
            return
        try:
            recipient: Recipient = read_rcpt(argument)
        except CommandError:
            await self._reply(faults.BAD_ARGUMENTS)
            return
        self._envelope = MailEnvelope(
            envelope.sender, envelope.parameters, (*envelope.recipients, recipient)
        )
        await self._reply(faults.RECIPIENT_OK)

    async def _reset(self, _: str) -> None:
        self._envelope = None
        await self._relay(b"RSET")

    async def _data(self, argument: str) -> None:
        envelope = self._envelope
        if argument.strip() or envelope is None or not envelope.recipients:
            await self._reply(faults.BAD_ARGUMENTS if argument.strip() else faults.BAD_SEQUENCE)
            return
        self._envelope = None
        await self._reply(faults.START_MAIL)
        assert self._session is not None
        try:
            async with self._session.mta.kept_alive():
                mail = await receive(self._installation, self._client.text())
        except MailRefused as refusal:
            await self._reply(refusal.reply)
            return
        except TimeoutError:
            await self._reply(faults.TIMEOUT_CLIENT)
            raise _Quit from None
        try:
            answer = await self._process(envelope, mail)
        finally:
            if isinstance(mail, SpooledMail):
                mail.close()  # KOM-LE-A_2005
        await self._client.write(answer)

    async def _process(self, envelope: MailEnvelope, mail: bytes | SpooledMail) -> bytes:
        """Send the mail; return the reply, the MTA's own where it gave one."""
        assert self._session is not None
        operation = self._installation.operation()
        with operation.step("Send", peer="pvs") as data:
            try:
                transmission = await send(self._session, operation, envelope, mail)
                data["code"] = transmission.reply.code
                if not transmission.reply.positive:  # its text may name recipients
                    operation.error(f"Send: {transmission.reply.code} of the MTA")
                return transmission.reply.raw
            except MailRefused as refusal:
                reply = refusal.reply
                operation.error(f"Send: {reply.code} {reply.text}")
            except (ConnectionError, TimeoutError):
                raise
            except KonnektorUnreachable:
                reply = faults.KONNEKTOR_UNREACHABLE
            except Exception as error:  # whatever it is, the client system keeps its mail
                operation.error(where(error))
                reply = faults.INTERNAL
            data["code"] = reply.code
            # KOM-LE-A_2021, 2025: nothing of the mail is left at the MTA.
            with suppress(ConnectionError):  # one that is lost ends the dialogue after this answer
                await self._session.mta.command("RSET")
            return reply.line()


def _may_be_relayed(verb: str) -> bool:
    """Tell whether *verb* is one, which the MTA takes for no other: it may pass over a space."""
    return verb.isascii() and verb.isalnum() and verb not in NEVER_RELAYED
