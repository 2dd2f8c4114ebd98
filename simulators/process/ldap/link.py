"""The client's side of a connection: kept open, shared by many operations, opened anew if dead."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from typing import Protocol
from urllib.parse import urlsplit

from simulators.process.errors import InputError, one_line

from .ber import BerError
from .carrier import CLIENT_MESSAGE_LIMIT, Carrier
from .messages import MAX_ID, Message, Operation, abandon_bytes, envelope, read_message
from .messages import unbind_bytes as unbind
from .results import LdapUnreachable

_MORE_FOLLOWS = (
    Operation.SEARCH_ENTRY,
    Operation.SEARCH_REFERENCE,
    Operation.INTERMEDIATE_RESPONSE,
)


class Exchange(Protocol):
    """One operation under way: who wants its answers."""

    def received(self, message: Message, *, last: bool) -> None:
        """An answer came. May raise BerError: the connection is given up then."""

    def lost(self) -> None:
        """The connection is gone; no more answers come."""


class Connection(Carrier):
    """One connection to a server; answers are handed to their exchanges by message id."""

    def __init__(self) -> None:
        super().__init__(CLIENT_MESSAGE_LIMIT)
        self._exchanges: dict[int, Exchange] = {}
        self._ids = itertools.cycle(range(1, MAX_ID + 1))

    @property
    def load(self) -> int:
        """The number of operations under way."""
        return len(self._exchanges)

    def begin(self, after_id: bytes, exchange: Exchange) -> int:
        """Send the operation *after_id*; return its id, by which it can be abandoned.

        On a connection that has just died the exchange is told so at once.
        """
        if not self.open:
            exchange.lost()
            return 0
        number = next(number for number in self._ids if number not in self._exchanges)
        self._exchanges[number] = exchange
        self.send(envelope(number, after_id))
        return number

    def abandon(self, number: int) -> None:
        """Have the server stop working on operation *number*; its answers are dropped."""
        if self._exchanges.pop(number, None) is not None:
            self._send_own(abandon_bytes(number))

    def unbind(self) -> None:
        """Say good-bye and close."""
        self._send_own(unbind())
        self.close()

    def _send_own(self, after_id: bytes) -> None:
        number = next(number for number in self._ids if number not in self._exchanges)
        self.send(envelope(number, after_id))

    def message_received(self, data: bytes) -> None:
        """Hand an answer to its exchange; one that nobody waits for was abandoned."""
        message = read_message(data)
        if message.id == 0:  # a notice of disconnection; nothing else comes without being asked
            self.close()
            return
        last = message.operation not in _MORE_FOLLOWS
        exchange = self._exchanges.get(message.id)
        if exchange is None:
            return
        exchange.received(message, last=last)
        if last:
            self._exchanges.pop(message.id, None)

    def malformed(self, error: BerError) -> None:  # noqa: ARG002 (the exchanges learn of the end)
        """Give the connection up."""
        self.abort()

    def closed(self) -> None:
        """Tell every exchange that is still open."""
        exchanges, self._exchanges = self._exchanges, {}
        for exchange in exchanges.values():
            exchange.lost()


class Link:
    """The way to one server; nothing is connected before ``connection`` is asked for."""

    def __init__(
        self, url: str, ssl_context: ssl.SSLContext | None, *, connect_seconds: float
    ) -> None:
        self.url = url
        self._host, self._port, secure = _parts(url)
        if secure and ssl_context is None:
            raise InputError(f"{url}: ldaps needs a TLS context")
        self._ssl = ssl_context if secure else None
        self._connect_seconds = connect_seconds
        self._current: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None
        self._closed = False

    @property
    def load(self) -> int:
        """The number of operations under way."""
        return self._current.load if self._current is not None else 0

    async def connection(self) -> Connection:
        """Return the open connection, opened now if need be. Raises LdapUnreachable."""
        if self._closed:
            raise LdapUnreachable(f"{self.url}: closed by ourselves")
        if self._current is not None and self._current.open:
            return self._current
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        await asyncio.wait({opening})
        if opening.cancelled():
            raise LdapUnreachable(f"{self.url}: closed by ourselves")
        return opening.result()

    async def close(self) -> None:
        """Unbind and close for good; a connection just being opened is given up."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
        if self._current is not None:
            self._current.unbind()
            self._current = None

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await loop.create_connection(
                    Connection, self._host, self._port, ssl=self._ssl
                )
        except TimeoutError:
            raise LdapUnreachable(
                f"{self.url}: no connection within {self._connect_seconds:g} s"
            ) from None
        except OSError as error:
            raise LdapUnreachable(f"{self.url}: {one_line(str(error))}") from None
        self._current = connection
        return connection

    def _opened(self, task: asyncio.Task[Connection]) -> None:
        self._opening = None
        if not task.cancelled():
            task.exception()  # seen by those who wait; perhaps nobody waits any more


def _parts(url: str) -> tuple[str, int, bool]:
    """Return host, port and whether TLS is spoken from the first byte. Raises InputError."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        split, port = urlsplit(""), None
    if split.scheme not in ("ldap", "ldaps") or not split.hostname:
        raise InputError(f"{one_line(url, 80)}: expected ldaps://HOST:PORT or ldap://HOST:PORT")
    secure = split.scheme == "ldaps"
    return split.hostname, port or (636 if secure else 389), secure
