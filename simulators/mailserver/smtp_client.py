"""The sending side of SMTP: one connection to another provider, used for many mails."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from .envelope import Envelope, Recipient, mail_command, rcpt_command
from .faults import Reply
from .transparency import DotStuffer

MAX_REPLY_LINES = 100
READ_LIMIT = 4096
_LINE = re.compile(rb"([2-5]\d\d)([ -]?)(.*)", re.DOTALL)
_STATUS = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?: |$)")

Outcome = dict[str, Reply]
"""The last reply about each recipient's address."""


class ProtocolError(Exception):
    """The other server does not speak SMTP, or refuses to speak with us (temporary)."""


@dataclass(frozen=True)
class Target:
    """Where the other server is, how it is trusted, and how we call ourselves.

    ``host`` is the name that its certificate must carry, ``address`` where it is.
    """

    host: str
    address: str
    port: int
    context: ssl.SSLContext
    own_name: str
    timeout_seconds: float


class SmtpClient:
    """An open connection after EHLO; end it with ``quit`` or ``abort``."""

    def __init__(
        self, target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._target = target
        self._reader = reader
        self._writer = writer
        self.extensions: dict[str, str] = {}

    @classmethod
    async def connect(cls, target: Target) -> SmtpClient:
        """Connect with TLS from the first byte and greet.

        Raises OSError, ssl.SSLError, TimeoutError or ProtocolError.
        """
        try:
            async with asyncio.timeout(target.timeout_seconds):
                reader, writer = await asyncio.open_connection(
                    target.address,
                    target.port,
                    ssl=target.context,
                    server_hostname=target.host,
                    limit=READ_LIMIT,
                )
        except ValueError as error:  # DNS allows names that no certificate can carry
            raise ProtocolError(f"{target.host!r:.80}: no name for TLS: {error}") from None
        client = cls(target, reader, writer)
        try:
            await client._expect(220)
            await client._say(f"EHLO {target.own_name}")
            lines = (await client._expect(250)).splitlines()
        except BaseException:
            client.abort()
            raise
        for line in lines[1:]:
            name, _, value = line.partition(" ")
            client.extensions[name.upper()] = value
        return client

    async def send(self, mail: Envelope, size: int, content: AsyncIterator[bytes]) -> Outcome:
        """Send one mail; return the reply about every recipient.

        Raises OSError, ssl.SSLError, TimeoutError, asyncio.IncompleteReadError or ProtocolError
        when the connection ends; then no recipient is known to have got the mail.
        """
        commands = [mail_command(mail, self.extensions, size)]
        commands += [rcpt_command(recipient, self.extensions) for recipient in mail.recipients]
        if "PIPELINING" in self.extensions:
            await self._say(*commands, "DATA")
            sender = await self._reply()
            outcome = {r.address: await self._reply() for r in mail.recipients}
            data = await self._reply()
        else:
            sender = await self._ask(commands[0])
            outcome = {}
            for recipient, command in zip(mail.recipients, commands[1:], strict=True):
                outcome[recipient.address] = await self._ask(command)
            accepted = any(reply.positive for reply in outcome.values())
            data = await self._ask("DATA") if sender.positive and accepted else sender
        if data.code == 354:
            accepted = any(reply.positive for reply in outcome.values())
            last = await self._send_content(content if accepted else _nothing())
        else:
            last = data
            await self._ask("RSET")
        if not sender.positive:
            return dict.fromkeys(outcome or _addresses(mail.recipients), sender)
        return {address: last if r.positive else r for address, r in outcome.items()}

    async def _send_content(self, content: AsyncIterator[bytes]) -> Reply:
        stuffer = DotStuffer()
        async for piece in content:
            async with asyncio.timeout(self._target.timeout_seconds):
                self._writer.write(stuffer.feed(piece))
                await self._writer.drain()
        self._writer.write(stuffer.end())
        return await self._reply()

    async def quit(self) -> None:
        """End the connection politely."""
        try:
            async with asyncio.timeout(1):
                await self._ask("QUIT")
                self._writer.close()
                await self._writer.wait_closed()
        except (OSError, ProtocolError, asyncio.IncompleteReadError):
            self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self._writer.transport.abort()

    async def _ask(self, command: str) -> Reply:
        await self._say(command)
        return await self._reply()

    async def _say(self, *commands: str) -> None:
        self._writer.write("".join(f"{command}\r\n" for command in commands).encode("ascii"))
        async with asyncio.timeout(self._target.timeout_seconds):
            await self._writer.drain()

    async def _expect(self, code: int) -> str:
        got, text = await self._read()
        if got != code:
            first = text.partition("\n")[0]  # may be empty
            raise ProtocolError(f"expected {code}, got {got} {first}")
        return text

    async def _reply(self) -> Reply:
        code, text = await self._read()
        line = " ".join(text.split())[:500]
        matched = _STATUS.match(line)
        if code == 421:
            raise ProtocolError(f"421 {line}")
        if matched:
            return Reply(code, matched[1], line[matched.end() :])
        return Reply(code, f"{min(code // 100, 5)}.0.0", line)

    async def _read(self) -> tuple[int, str]:
        lines: list[str] = []
        async with asyncio.timeout(self._target.timeout_seconds):
            for _ in range(MAX_REPLY_LINES):
                try:
                    line = await self._reader.readuntil(b"\n")
                except asyncio.LimitOverrunError:
                    raise ProtocolError("endless reply line") from None
                matched = _LINE.fullmatch(line.rstrip(b"\r\n"))
                if matched is None:
                    raise ProtocolError("this is no SMTP reply")
                lines.append(matched[3].decode("ascii", "replace"))
                if matched[2] != b"-":
                    return int(matched[1]), "\n".join(lines)
        raise ProtocolError("endless reply")


def _addresses(recipients: list[Recipient]) -> list[str]:
    return [recipient.address for recipient in recipients]


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece
