"""POP3 with TLS from the first byte (RFC 1939, 2449, 5034; KOM-LE-A_2141, 2152)."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from simulators.process.faults import DROP, Effect

from . import faults, sasl
from .account import Account
from .database import StoreError
from .faults import Pop3Error
from .maildrop import Maildrop, top
from .provider import Provider
from .retention import Retention
from .stored import StoredMail
from .transparency import DotStuffer

MAX_LINE = 2048
OK_LINE = b"+OK\r\n"
ABORT_SECONDS = 5.0
CAPABILITIES = ("TOP", "UIDL", "USER", "SASL PLAIN", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING")

Handler = Callable[[list[str]], Awaitable[None]]


class _Quit(Exception):
    """The session is over."""


class Pop3Session:
    """One POP3 connection; the states of RFC 1939 are: no account, a maildrop, gone."""

    def __init__(
        self,
        provider: Provider,
        retention: Retention,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._provider = provider
        self._retention = retention
        self._reader = reader
        self._writer = writer
        self._user: str | None = None
        self._drop: Maildrop | None = None
        self._message_id: str | None = None
        self._ending: Effect | None = None
        self._left: int | None = None
        self._always: dict[str, Handler] = {"CAPA": self._capa, "QUIT": self._quit}
        self._before_login: dict[str, Handler] = {
            "USER": self._take_user,
            "PASS": self._pass,
            "AUTH": self._auth,
        }
        self._after_login: dict[str, Handler] = {
            "STAT": self._stat,
            "LIST": self._list,
            "UIDL": self._uidl,
            "TOP": self._top,
            "RETR": self._retr,
            "DELE": self._dele,
            "RSET": self._rset,
            "NOOP": self._noop,
        }

    async def run(self) -> None:
        """Serve the connection until it ends, whatever comes."""
        self._provider.connections += 1
        try:
            if self._provider.connections > self._provider.settings.max_connections:
                await self._err(faults.POP3_BUSY)
            elif not await self._faulted("CONNECT"):
                await self._ok(f"{self._provider.settings.host_name} kimulator TEST-ONLY")
                while True:
                    await self._command(await self._line())
        except _Quit:
            pass
        except TimeoutError:
            with suppress(ConnectionError, TimeoutError):
                await self._err(faults.POP3_TIMEOUT)
        except asyncio.LimitOverrunError:
            with suppress(ConnectionError, TimeoutError):
                await self._err(faults.POP3_LINE)
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        except StoreError as error:
            self._provider.process.log.error("POP3 session failed: %s", error)
            with suppress(ConnectionError, ssl.SSLError, TimeoutError):
                await self._err(faults.POP3_INTERNAL)
        except Exception:
            self._provider.process.log.exception("POP3 session failed")
            with suppress(ConnectionError, ssl.SSLError, TimeoutError):
                await self._err(faults.POP3_INTERNAL)
        finally:
            self._provider.connections -= 1
            if self._drop is not None:
                self._provider.spawn(self._provider.store.close_mailbox(self._drop.mailbox))
            self._writer.close()
        await self._gone()

    async def _gone(self) -> None:
        """Wait until the client has taken the end, then leave nothing for the collector.

        A connection holds some 300 KB, most of it the TLS buffer of asyncio.
        """
        with suppress(OSError):
            try:
                async with asyncio.timeout(ABORT_SECONDS):
                    await self._writer.wait_closed()
            except TimeoutError:
                self._writer.transport.abort()
        for handlers in (self._always, self._before_login, self._after_login):
            handlers.clear()  # they are methods of this object

    async def _line(self) -> str:
        """Read one command; raises what ends the session. No line is longer than MAX_LINE."""
        async with asyncio.timeout(self._provider.settings.pop3_timeout_seconds):
            line = await self._reader.readuntil(b"\n")
        return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")

    async def _send(self, data: bytes, *, last: bool = True) -> None:
        """Send an answer or a piece of it, or what a fault leaves of it."""
        ending = self._ending
        if ending is not None and ending.kind == faults.LOST:
            self._writer.transport.abort()
            raise _Quit
        if ending is not None and ending.kind == faults.TRUNCATE:
            end = min(self._left, len(data)) if self._left is not None else len(data) // 2
            self._left = None if self._left is None else self._left - end
            data, last = data[:end], not self._left
        self._writer.write(data)
        async with asyncio.timeout(self._provider.settings.pop3_timeout_seconds):
            await self._writer.drain()
        if ending is not None and last:
            raise _Quit

    async def _ok(self, text: str) -> None:
        await self._send(f"+OK {text}\r\n".encode("ascii", "replace"))

    async def _err(self, text: str) -> None:
        await self._send(f"-ERR {text}\r\n".encode("ascii", "replace"))

    async def _command(self, line: str) -> None:
        if self._drop is not None:
            await self._check_account(self._drop)
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        state = self._before_login if self._drop is None else self._after_login
        handler = self._always.get(verb) or state.get(verb)
        if handler is None:
            known = verb in self._before_login or verb in self._after_login
            await self._err(faults.POP3_STATE if known else faults.POP3_UNKNOWN)
            return
        # A password may hold spaces (RFC 1939 7), everything else is words.
        arguments = [rest] if verb in ("PASS", "USER") else rest.split()
        try:
            self._message_id = self._addressed(verb, arguments)
            if not await self._faulted(verb):
                await handler(arguments)
        except Pop3Error as error:
            await self._err(str(error))

    async def _check_account(self, drop: Maildrop) -> None:
        """End the session of an account that was locked (KOM-LE-A_2167) or ended meanwhile."""
        account = self._provider.accounts.find(drop.mailbox)
        if account is None or account.locked:
            await self._err(faults.POP3_ENDED)
            raise _Quit

    def _addressed(self, verb: str, arguments: list[str]) -> str | None:
        """Return the Message-ID of the mail that a command is about, for faults."""
        if self._drop is None or verb not in ("RETR", "TOP", "DELE") or not arguments:
            return None
        return self._drop.mail(arguments[0])[1].message_id

    async def _faulted(self, step: str) -> bool:
        """Carry out the fault that is due at *step*; tell whether there was one."""
        user = self._drop.mailbox if self._drop else self._user
        effect = await self._provider.fault(f"POP3.{step}", user=user, message_id=self._message_id)
        self._ending = effect if effect and effect.kind in faults.AFTER_WORK else None
        self._left = None
        if effect is None or effect.kind not in (DROP, faults.REPLY):
            return False
        if effect.kind == DROP:
            self._writer.transport.abort()
            raise _Quit
        await self._err(faults.reply_of(effect).text)
        return True

    # --- before login ---

    async def _capa(self, _: list[str]) -> None:
        lines = "".join(f"{capability}\r\n" for capability in CAPABILITIES)
        await self._send(f"+OK\r\n{lines}.\r\n".encode("ascii"))

    async def _take_user(self, arguments: list[str]) -> None:
        if not arguments[0]:
            raise Pop3Error(faults.POP3_SYNTAX)
        self._user = arguments[0].strip()
        await self._ok("now the password")

    async def _pass(self, arguments: list[str]) -> None:
        if self._user is None:
            raise Pop3Error(faults.POP3_STATE)
        user, self._user = self._user, None
        await self._log_in(user, arguments[0])

    async def _auth(self, arguments: list[str]) -> None:
        """SASL PLAIN with or without initial response (RFC 5034)."""
        if not arguments:  # the mechanisms, an old custom that clients still use
            await self._send(b"+OK\r\nPLAIN\r\n.\r\n")
            return
        if arguments[0].upper() != "PLAIN" or len(arguments) > 2:
            raise Pop3Error(faults.POP3_MECHANISM)
        if len(arguments) == 2:
            encoded = arguments[1]
        else:
            await self._send(b"+ \r\n")
            encoded = await self._line()
        if encoded == "*":
            raise Pop3Error(faults.POP3_AUTH)
        try:
            credentials = sasl.plain(sasl.decoded(encoded))
        except sasl.NotDecodable:
            raise Pop3Error(faults.POP3_BASE64) from None
        if credentials is None:
            raise Pop3Error(faults.POP3_AUTH)
        await self._log_in(*credentials)

    async def _log_in(self, user: str, password: str) -> None:
        account = await self._provider.accounts.log_in(user, password)
        if account is None:
            self._provider.process.journal.record("pop3.login", peer="clientmodule", accepted=False)
            raise Pop3Error(faults.POP3_AUTH)
        await self._open(account)
        self._provider.process.journal.record(
            "pop3.login", peer="clientmodule", accepted=True, user=account.address
        )

    async def _open(self, account: Account) -> None:
        """Take the mailbox for this session alone (RFC 1939 4)."""
        store = self._provider.store
        if not await store.open_mailbox(account.address):
            raise Pop3Error(faults.POP3_IN_USE)
        try:
            mails = await self._retention.mails(account)
        except BaseException:
            self._provider.spawn(store.close_mailbox(account.address))
            raise
        self._drop = Maildrop(store, account.address, mails)
        await self._ok(f"{len(mails)} messages")

    async def _quit(self, _: list[str]) -> None:
        if self._drop is not None:
            for mail in await self._drop.update():
                self._provider.process.journal.record(
                    "pop3.dele",
                    peer="clientmodule",
                    message_id=mail.message_id,
                    mailbox=self._drop.mailbox,
                )
            mailbox, self._drop = self._drop.mailbox, None
            await self._provider.store.close_mailbox(mailbox)
        await self._ok("bye")
        raise _Quit

    # --- after login ---

    @property
    def _maildrop(self) -> Maildrop:
        assert self._drop is not None
        return self._drop

    async def _stat(self, _: list[str]) -> None:
        await self._ok(f"{self._maildrop.count} {self._maildrop.octets}")

    async def _list(self, arguments: list[str]) -> None:
        if arguments:
            number, mail = self._maildrop.mail(arguments[0])
            await self._ok(f"{number} {mail.size}")
            return
        lines = "".join(f"{number} {mail.size}\r\n" for number, mail in self._maildrop)
        await self._send(f"+OK\r\n{lines}.\r\n".encode("ascii"))

    async def _uidl(self, arguments: list[str]) -> None:
        if arguments:
            number, mail = self._maildrop.mail(arguments[0])
            await self._ok(f"{number} {mail.uid}")
            return
        lines = "".join(f"{number} {mail.uid}\r\n" for number, mail in self._maildrop)
        await self._send(f"+OK\r\n{lines}.\r\n".encode("ascii"))

    async def _top(self, arguments: list[str]) -> None:
        if len(arguments) != 2 or not re.fullmatch(r"[0-9]{1,9}", arguments[1]):
            raise Pop3Error(faults.POP3_SYNTAX)
        _, mail = self._maildrop.mail(arguments[0])
        await self._send_mail(mail, top(self._maildrop.parts(mail), int(arguments[1])))

    async def _retr(self, arguments: list[str]) -> None:
        if len(arguments) != 1:
            raise Pop3Error(faults.POP3_SYNTAX)
        _, mail = self._maildrop.mail(arguments[0])
        await self._send_mail(mail, self._maildrop.parts(mail))
        self._provider.process.journal.record(
            "pop3.retr",
            peer="clientmodule",
            message_id=mail.message_id,
            mailbox=self._maildrop.mailbox,
            size=mail.size,
        )

    async def _send_mail(self, mail: StoredMail, parts: AsyncIterator[bytes]) -> None:
        """Send a multi-line response piece by piece; a small mail goes out in one write."""
        if self._ending is not None:
            asked = self._ending.value or ""
            self._left = len(OK_LINE) + (int(asked) if asked.isdecimal() else mail.size // 2)
        stuffer = DotStuffer()
        waiting = OK_LINE
        found = False
        async for part in parts:
            if found:
                await self._send(waiting, last=False)
                waiting = b""
            found = True
            waiting += stuffer.feed(part)
        if not found:
            raise Pop3Error(faults.POP3_NO_MESSAGE)
        await self._send(waiting + stuffer.end())

    async def _dele(self, arguments: list[str]) -> None:
        if len(arguments) != 1:
            raise Pop3Error(faults.POP3_SYNTAX)
        number, _ = self._maildrop.mail(arguments[0])
        self._maildrop.mark(number)
        await self._ok("marked")

    async def _rset(self, _: list[str]) -> None:
        self._maildrop.unmark_all()
        await self._ok("unmarked")

    async def _noop(self, _: list[str]) -> None:
        await self._ok("here")
