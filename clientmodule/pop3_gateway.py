"""The POP3 dialogue with the client system (3.4): before login, then between it and the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from simulators.formats import komle
from simulators.formats.headers import Headers, split_message

from . import faults
from .credentials import BadCredentials, decode_response, read_password, read_plain, read_text
from .gateway import fault, where
from .installation import Installation
from .konnektor.faults import KonnektorFault
from .konnektor.konnektor import Konnektor
from .lines import (
    CONTROLS,
    DotText,
    LineStream,
    LineTooLong,
    OtherSideLost,
    Stuffing,
    TextTooLong,
    stuff,
    unstuff,
)
from .logged_in import LoggedIn
from .operation import Operation
from .pop3_server import Pop3Server, is_ok
from .provider import LoginRefused
from .receiving.pipeline import Fetching, deliver
from .receiving.restored import RestoredMail
from .smtp_login import check_context
from .user_name import UserName, UserNameError, read_pop3

MAX_MESSAGE = 64 << 20
"""The largest KOM-LE message that is decrypted: 15 MiB, signed, encrypted, encoded twice."""
MAX_HEADERS = 256 << 10
LONG_WITHOUT_ARGUMENT = frozenset({"LIST", "UIDL"})
COMMANDS = frozenset(
    {
        *("CAPA", "USER", "PASS", "AUTH", "STLS", "QUIT", "STAT", "LIST", "UIDL"),
        *("RETR", "TOP", "DELE", "RSET", "NOOP"),
    }
)
"""What the logs name; any other verb may hold anything."""


class _Quit(Exception):
    """The dialogue is over; both connections are closed."""


class _Refused(Exception):
    """The login ends with the -ERR in ``args[0]``."""


class Pop3Dialogue:
    """One connection of a client system, whatever mail program it is (KOM-LE-A_2003, 2006)."""

    def __init__(self, installation: Installation, client: LineStream) -> None:
        self._installation = installation
        self._client = client
        self._operation = installation.operation()
        self._user_name: str | None = None
        self._server: Pop3Server | None = None
        self._fetching: Fetching | None = None

    async def run(self) -> None:
        """Talk until one of the two connections ends (KOM-LE-A_2038, 2039)."""
        try:
            await self._client.write(faults.POP3_GREETING)
            while True:
                await self._step()
        except _Quit:
            pass
        finally:
            if self._server is not None:
                await self._server.stream.close()

    async def _step(self) -> None:
        try:
            line = await self._client.line()
        except OtherSideLost:
            raise _Quit from None
        except LineTooLong:
            await self._client.write(faults.POP3_LINE_TOO_LONG)
            return
        except TimeoutError:
            raise _Quit from None  # RFC 1939, 3: an idle session is closed without a word
        if CONTROLS.search(line):  # the server might read another command in it than we do
            await self._client.write(faults.POP3_UNKNOWN)
            return
        verb, _, argument = line.decode("latin-1").partition(" ")
        verb = verb.upper()
        with self._operation.message("POP3", verb, COMMANDS):
            await self._answer(verb, argument, line)

    async def _answer(self, verb: str, argument: str, line: bytes) -> None:
        await fault(self._installation, f"POP3.{verb}")
        try:
            if self._server is None:
                handler = self._handlers().get(verb)
                if handler is None:
                    await self._client.write(faults.POP3_UNKNOWN)
                else:
                    await handler(argument)
            else:
                await self._relay(self._server, verb, argument, line)
        except TimeoutError:
            await self._client.write(faults.POP3_TIMEOUT)
            raise _Quit from None
        except ConnectionError:
            await self._client.write(faults.POP3_GONE)
            raise _Quit from None

    def _handlers(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        """What is answered before login (KOM-LE-A_2030)."""
        return {
            "CAPA": lambda _: self._client.write(faults.POP3_CAPABILITIES),
            "USER": self._user,
            "PASS": self._pass,
            "AUTH": self._auth,
            "QUIT": self._quit,
        }

    async def _quit(self, _: str) -> None:
        await self._client.write(faults.POP3_OK)
        raise _Quit

    async def _user(self, argument: str) -> None:
        try:
            name = read_text(argument.encode("latin-1"))
            read_pop3(name)
        except (BadCredentials, UserNameError):
            await self._client.write(faults.POP3_BAD_USER_NAME)
            return
        self._user_name = name
        await self._client.write(faults.POP3_OK)

    async def _pass(self, argument: str) -> None:
        if self._user_name is None:
            await self._client.write(faults.POP3_USER_FIRST)
            return
        user_name, self._user_name = self._user_name, None
        try:
            password = read_password(argument.encode("latin-1"))
        except BadCredentials:
            await self._client.write(faults.POP3_REFUSED)
            return
        await self._log_in(user_name, password)

    async def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.strip().partition(" ")
        if mechanism.upper() != "PLAIN":
            await self._client.write(faults.POP3_OTHER_MECHANISM)
            return
        try:
            response = initial.strip().encode("latin-1")
            if not response:
                await self._client.write(faults.POP3_CHALLENGE)
                response = await self._client.line()
            user_name, password = read_plain(decode_response(response))
        except (BadCredentials, LineTooLong):
            await self._client.write(faults.POP3_BAD_BASE64)
            return
        await self._log_in(user_name, password)

    async def _log_in(self, user_name: str, password: str) -> None:
        """Check the context while the server is connected (KOM-LE-A_2037-01)."""
        operation = self._operation
        with operation.step("Login", peer="pvs") as data:
            try:
                answer = await self._connect(user_name, password)
            except _Refused as refusal:
                answer = refusal.args[0]
            except Exception as error:  # a bug of ours must not look like a wrong password
                operation.error(where(error))
                answer = faults.POP3_INTERNAL
            data["result"] = "OK" if is_ok(answer) else "-ERR"
        await self._client.write(answer)

    async def _connect(self, user_name: str, password: str) -> bytes:
        try:
            user = read_pop3(user_name)
            konnektor = self._installation.konnektor(user)
        except UserNameError as error:
            self._operation.error(f"Login: {error}")
            raise _Refused(faults.POP3_BAD_USER_NAME) from None
        context, opened = await asyncio.gather(
            check_context(self._operation, konnektor, user),
            _open(self._installation, self._operation, konnektor, user, password),
            return_exceptions=True,
        )
        if isinstance(context, BaseException):
            if not isinstance(opened, BaseException):
                await opened[0].stream.close()
            if isinstance(context, KonnektorFault):
                raise _Refused(faults.POP3_BAD_CONTEXT)
            raise context
        match opened:
            case LoginRefused(answer=line):
                # The server's own words: [IN-USE] is another matter than [AUTH] (RFC 2449, 8.).
                is_error = line[:4].upper() == b"-ERR"
                raise _Refused(line + b"\r\n" if is_error else faults.POP3_REFUSED)
            case ConnectionError() | TimeoutError():
                raise _Refused(faults.POP3_UNREACHABLE)
            case BaseException():
                raise opened
        self._server, answer = opened
        self._client.end_with(self._server.stream)
        self._installation.logged_in(LoggedIn(konnektor, user, password, by_smtp=False))
        self._fetching = Fetching(self._installation, konnektor, user, self._client.lost)
        return answer + b"\r\n"

    async def _relay(self, server: Pop3Server, verb: str, argument: str, line: bytes) -> None:
        """Relay a command unchanged, but TOP and RETR (KOM-LE-A_2040, 2041)."""
        words = argument.split()
        match verb:
            case "RETR":
                await self._retrieve(server, line)
            case "TOP":
                # KOM-LE-A_2041: no part of an encrypted body ever reaches the client system.
                top = f"TOP {words[0]} 0".encode("latin-1") if len(words) == 2 else line
                await self._top(server, await server.command(top))
            case "CAPA":
                await self._relay_text(server, await server.command(line))
            case _ if verb in LONG_WITHOUT_ARGUMENT and not words:
                await self._relay_text(server, await server.command(line))
            case "STLS" | "AUTH":
                await self._client.write(faults.POP3_UNKNOWN)
            case _:
                await self._client.write(await server.command(line) + b"\r\n")
                if verb == "QUIT":
                    raise _Quit

    async def _top(self, server: Pop3Server, status: bytes) -> None:
        """Relay the headers of a message; for Thunderbird without MIME-Version if so configured.

        It then fetches the rest of a message whose headers it has shown (hint after
        KOM-LE-A_2041).
        """
        if not (is_ok(status) and self._installation.settings.top_hides_mime):
            await self._relay_text(server, status)
            return
        try:
            shown = without_mime_version(await server.stream.text().rest(MAX_HEADERS))
        except TextTooLong:
            await self._client.write(faults.POP3_TOO_LARGE)
            return
        await self._client.write(status + b"\r\n" + shown)

    async def _relay_text(self, server: Pop3Server, status: bytes) -> None:
        await self._client.write(status + b"\r\n")
        if is_ok(status):
            await self._stream(server.stream.text())

    async def _stream(self, text: DotText) -> None:
        """Pass on the rest of *text*; one that breaks off gets no end, and no -ERR inside it."""
        try:
            while not text.done:
                await self._client.write(await text.chunk())
        except (ConnectionError, TimeoutError):
            raise _Quit from None

    async def _retrieve(self, server: Pop3Server, line: bytes) -> None:
        """Fetch a message; what is no KOM-LE message passes through as it comes."""
        operation = self._installation.operation()
        with operation.step("Retrieve", peer="pvs") as data:
            status = await server.command(line)
            if not is_ok(status):
                data["result"] = "-ERR"
                await self._client.write(status + b"\r\n")
                return
            text = server.stream.text()
            began = await _beginning(text)
            if not komle.is_komle(_headers(began)):
                operation.event("PassUnchanged", peer="provider")
                await self._client.write(status + b"\r\n" + began)
                await self._stream(text)
                return
            answer = await self._processed(operation, text, began)
            if isinstance(answer, RestoredMail):
                data["result"] = "OK"
                await self._deliver_large(operation, answer)
                return
            data["result"] = "OK" if is_ok(answer) else "-ERR"
            await self._client.write(answer)

    async def _deliver_large(self, operation: Operation, mail: RestoredMail) -> None:
        """Write a large mail piece by piece; one that breaks off is never ended (A_19374-03)."""
        in_thread = self._installation.process.in_thread
        try:
            await self._client.write(faults.POP3_OK)
            pieces = mail.text()
            while piece := await in_thread(next, pieces, b""):
                await self._client.write(piece)
        except (ConnectionError, TimeoutError):
            raise _Quit from None
        except Exception as error:  # the client system has seen no end, so it fetches again
            operation.error(where(error))
            raise _Quit from None
        finally:
            mail.close()

    async def _processed(
        self, operation: Operation, text: DotText, began: bytes
    ) -> bytes | RestoredMail:
        """Return the answer to RETR: the opened mail, or -ERR and the mail stays there."""
        assert self._fetching is not None
        try:
            stuffed = await text.rest(MAX_MESSAGE, began)
        except TextTooLong:
            operation.error("Retrieve: message too large")
            return faults.POP3_TOO_LARGE
        compute = self._installation.compute
        try:
            message = await compute(len(stuffed), unstuff, stuffed)
            mail = await deliver(self._fetching, operation, message)
            if isinstance(mail, RestoredMail):
                return mail
            return await compute(len(mail), _delivery, mail)
        except Exception as error:  # the mail is never lost: it stays at the provider
            operation.error(where(error))
            return faults.POP3_INTERNAL


async def _open(
    installation: Installation,
    operation: Operation,
    konnektor: Konnektor,
    user: UserName,
    password: str,
) -> tuple[Pop3Server, bytes]:
    """Return the POP3 server that *user* names, logged in, and its +OK (KOM-LE-A_2033-01)."""
    seconds = installation.settings.pop3_timeout_server
    stream = await installation.provider.connect(operation, konnektor, user, seconds=seconds)
    server = Pop3Server(stream)
    try:
        with operation.step("Auth", peer="provider"):
            return server, await server.log_in(user.address, password)
    except BaseException:
        await stream.close()
        raise


def _delivery(mail: bytes) -> bytes:
    """Return the answer to RETR that holds *mail*; no bare LF in it passes for a line end."""
    stuffing = Stuffing()
    return b"".join((faults.POP3_OK, stuffing.update(mail), stuffing.finish()))


async def _beginning(text: DotText) -> bytes:
    """Return the first chunks of *text*, its header block at least unless that is endless."""
    began = bytearray()
    while not text.done and b"\r\n\r\n" not in began and len(began) <= MAX_HEADERS:
        began += await text.chunk()
    return bytes(began)


def without_mime_version(top: bytes) -> bytes:
    """Return the answer to TOP without MIME-Version, if it is about a KOM-LE message."""
    headers, body = split_message(unstuff(top))
    if not komle.is_komle(headers) or not headers.remove("MIME-Version"):
        return top
    return stuff(headers.to_bytes() + b"\r\n" + body)


def _headers(began: bytes) -> Headers:
    block, _, _ = unstuff(began).partition(b"\r\n\r\n")
    return Headers.parse(block)
