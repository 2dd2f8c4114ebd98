"""SOAP calls as a load: HTTP/1.1 with keep-alive on asyncio's streams, several connections."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class CallFailed(Exception):
    """A call was answered by a fault: what was measured would mean nothing."""


@dataclass(frozen=True)
class Target:
    """Where the calls go; without *tls* they go in the clear."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def request(self, path: str, body: bytes) -> bytes:
        """Return the bytes of a call: head and *body*."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            'Content-Type: text/xml; charset=utf-8\r\nSOAPAction: ""\r\n'
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body


class Connection:
    """One connection that is kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, target: Target) -> Connection:
        """Connect, with the TLS handshake."""
        return cls(*await asyncio.open_connection(target.host, target.port, ssl=target.tls))

    async def call(self, request: bytes) -> bytes:
        """Send *request* and return the body of the answer, which must have status 200.

        Raises CallFailed.
        """
        self._writer.write(request)
        await self._writer.drain()
        head = await self._reader.readuntil(b"\r\n\r\n")
        body = await self._reader.readexactly(_length(head))
        if not head.startswith(b"HTTP/1.1 200"):
            raise CallFailed(body[:2000].decode(errors="replace"))
        return body

    def close(self) -> None:
        """Close it."""
        self._writer.close()


def in_parallel(target: Target, requests: Sequence[bytes], calls: int, connections: int) -> float:
    """Send *calls* of *requests*, one after the other in turn; return the seconds it took.

    The connections are open before the time starts. Raises CallFailed.
    """

    async def work(connection: Connection, numbers: Iterable[int]) -> None:
        for number in numbers:
            await connection.call(requests[number % len(requests)])

    async def run() -> float:
        opened = [await Connection.open(target) for _ in range(connections)]
        numbers = iter(range(calls))  # whoever is free takes the next
        started = time.perf_counter()
        await asyncio.gather(*(work(connection, numbers) for connection in opened))
        seconds = time.perf_counter() - started
        for connection in opened:
            connection.close()
        return seconds

    return asyncio.run(run())


def one_by_one(target: Target, requests: Iterable[bytes]) -> tuple[list[float], bytes]:
    """Send *requests* on one connection; return the seconds of each and the last answer."""

    async def run() -> tuple[list[float], bytes]:
        connection = await Connection.open(target)
        taken, answer = [], b""
        for request in requests:
            started = time.perf_counter()
            answer = await connection.call(request)
            taken.append(time.perf_counter() - started)
        connection.close()
        return taken, answer

    return asyncio.run(run())


def _length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.index(b"content-length:") + len(b"content-length:")
    return int(lowered[at : lowered.index(b"\r\n", at)])
