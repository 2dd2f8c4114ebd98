"""DNS over UDP and TCP: bounded, and told to misbehave by fault rules."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype

from simulators.process.errors import InputError
from simulators.process.faults import DROP, delay
from simulators.process.role import Process

from . import answers, faults
from .answers import Question
from .records import Records
from .settings import NamesSettings

MAX_PENDING = 1_000  # questions that a fault delays; beyond, UDP may lose them
STOP_SECONDS = 0.3


class DnsServer:
    """Answers on the listener ``dns`` out of ``records``, which can be replaced at any time."""

    def __init__(self, process: Process[NamesSettings], records: Records) -> None:
        self.records = records
        self._process = process
        self._tasks: set[asyncio.Task[Any]] = set()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on both transports. Raises OSError when the UDP port is taken."""
        listening = self._process.socket("dns")
        self._udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self), sock=self._process.datagram_socket("dns")
        )
        self._tcp = await asyncio.start_server(self._connection, sock=listening)

    async def stop(self) -> None:
        """Close both, and what is still being answered."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        for task in list(self._tasks):
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def received(self, data: bytes, address: Any) -> None:
        """Answer a datagram in a task of its own, for a fault may delay it."""
        if len(self._tasks) >= MAX_PENDING:
            return
        self._keep(asyncio.get_running_loop().create_task(self._answer_datagram(data, address)))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_datagram(self, data: bytes, address: Any) -> None:
        reply = await self._answer(data, udp=True)
        if reply is not None and self._udp is not None and not self._udp.is_closing():
            self._udp.sendto(reply, address)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._tasks) < self._process.settings.max_connections:
                self._keep(task)
                await self._questions(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass  # the resolver is gone, or silent for too long
        finally:
            writer.close()

    async def _questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes on one connection, one after the other (RFC 7766)."""
        seconds = self._process.settings.idle_seconds
        while True:
            async with asyncio.timeout(seconds):
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                data = await reader.readexactly(length)
            reply = await self._answer(data, udp=False)
            if reply is None:
                return
            writer.write(struct.pack("!H", len(reply)) + reply)
            async with asyncio.timeout(seconds):
                await writer.drain()

    async def _answer(self, data: bytes, *, udp: bool) -> bytes | None:
        try:
            question = answers.read_query(data)
        except answers.NoQuestion as no:
            self._note({}, "ignored" if no.reply is None else "refused", udp=udp)
            return no.reply
        reply, result = await self._reply(question, udp=udp)
        self._note(_facts(question), result, udp=udp)
        return None if reply is None else answers.encode(question, reply, udp=udp)

    async def _reply(
        self, question: Question, *, udp: bool
    ) -> tuple[dns.message.Message | None, str]:
        """Return the answer and what the journal says of it."""
        effect = await delay(
            self._process.faults.pick(
                faults.OPERATION, **_facts(question), transport="udp" if udp else "tcp"
            )
        )
        if effect is not None and effect.kind == DROP:
            return None, "dropped"
        if effect is not None and effect.kind == faults.RCODE:
            try:
                rcode = faults.rcode_of(effect)
            except InputError as error:
                self._process.log.warning("%s", error)
                rcode = dns.rcode.SERVFAIL
            return answers.failure(question, rcode), dns.rcode.to_text(rcode)
        if effect is not None and effect.kind == faults.EMPTY:
            return answers.empty(question), "empty"
        if effect is not None and effect.kind == faults.TRUNCATED and udp:
            return answers.truncated(question), "truncated"
        reply = answers.answer(question, self.records, self._process.settings.negative_ttl)
        return reply, dns.rcode.to_text(reply.rcode())

    def _note(self, facts: dict[str, str], result: str, *, udp: bool) -> None:
        known: dict[str, Any] = {**facts, "transport": "udp" if udp else "tcp", "result": result}
        self._process.journal.record(faults.OPERATION, peer="client", **known)


class _Datagrams(asyncio.DatagramProtocol):
    """Hands datagrams to the server."""

    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._server.received(data, addr)


def _facts(question: Question) -> dict[str, str]:
    """Return what a fault rule can match and the journal tells of a question."""
    return {
        "name": question.name.to_text(omit_final_dot=True).lower(),
        "type": dns.rdatatype.to_text(question.rdtype),
    }
