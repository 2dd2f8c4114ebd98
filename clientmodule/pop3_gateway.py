"""The POP3 dialogue with the client system (3.4): before login, then between it and the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from . import faults
from .credentials import BadCredentials, decode_response, read_password, read_plain, read_text
from .gateway import fault, where
from .installation import Installation
from .konnektor.faults import KonnektorFault
from .konnektor.konnektor import Konnektor
from .lines import CONTROLS, LineStream, LineTooLong, OtherSideLost
from .logged_in import LoggedIn
from .operation import Operation
from .pop3_relay import DialogueOver, Pop3Relay
from .pop3_server import Pop3Server, is_ok
from .provider import LoginRefused
from .receiving.pipeline import Fetching
from .smtp_login import check_context
from .user_name import UserName, UserNameError, read_pop3

COMMANDS = frozenset(
    {
        *("CAPA", "USER", "PASS", "AUTH", "STLS", "QUIT", "STAT", "LIST", "UIDL"),
        *("RETR", "TOP", "DELE", "RSET", "NOOP"),
    }
)
"""What the logs name; any other verb may hold anything."""


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
        self._logged_in: Pop3Relay | None = None

    async def run(self) -> None:
        """Talk until one of the two connections ends (KOM-LE-A_2038, 2039)."""
        try:
            await self._client.write(faults.POP3_GREETING)
            while True:
                await self._step()
        except DialogueOver:
            pass
        finally:
            if self._server is not None:
                await self._server.stream.close()

    async def _step(self) -> None:
        try:
            line = await self._client.line()
        except OtherSideLost:
            raise DialogueOver from None
        except LineTooLong:
            await self._client.write(faults.POP3_LINE_TOO_LONG)
            return
        except TimeoutError:
            raise DialogueOver from None  # RFC 1939, 3: an idle session is closed without a word
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
            if self._logged_in is None:
                handler = self._handlers().get(verb)
                if handler is None:
                    await self._client.write(faults.POP3_UNKNOWN)
                else:
                    await handler(argument)
            else:
                await self._logged_in.command(verb, argument, line)
        except TimeoutError:
            await self._client.write(faults.POP3_TIMEOUT)
            raise DialogueOver from None
        except ConnectionError:
            await self._client.write(faults.POP3_GONE)
            raise DialogueOver from None

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
        raise DialogueOver

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
        fetching = Fetching(self._installation, konnektor, user, self._client.lost)
        self._logged_in = Pop3Relay(self._client, self._server, fetching)
        return answer + b"\r\n"


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
