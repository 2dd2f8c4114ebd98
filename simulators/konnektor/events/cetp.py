"""CETP: an event as one message on a connection of its own (TIP1-A_4594 to 4596, 5536)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Sequence

from simulators.process import tls

from ..settings import KonnektorSettings
from .settings import EventSettings
from .subscriptions import Sink

MAGIC = b"CETP"
_AT_ONCE = 256  # connections: those to clients must leave files for the services
_FAREWELL = 0.5  # seconds that a sink has to end TLS from its side


class NotDelivered(Exception):
    """The event did not get to the sink; the text says why, in a word."""


class NotPrivate(OSError):
    """All addresses of a sink are public ones."""


def frame(document: bytes) -> bytes:
    """Return the message: magic, length as four bytes with the highest first, the Event."""
    return MAGIC + len(document).to_bytes(4, "big") + document


def segments(message: bytes, count: int) -> list[bytes]:
    """Return *message* in *count* parts, the first of which ends within the length field."""
    if count < 2:
        return [message]
    first = len(MAGIC) + 2
    size = max(1, -(-(len(message) - first) // (count - 1)))
    rest = [message[at : at + size] for at in range(first, len(message), size)]
    return [message[:first], *rest]


class CetpClient:
    """Connects to sinks and sends; waits for no answer, and for nothing without end."""

    def __init__(self, settings: KonnektorSettings) -> None:
        self._settings: EventSettings = settings.events
        self._tls = _context(settings)
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def push(self, sink: Sink, parts: Sequence[bytes]) -> None:
        """Send *parts* as segments of one message. Raises NotDelivered."""
        async with self._places:
            try:
                async with asyncio.timeout(self._settings.connect_timeout):
                    writer = await self._connect(sink)
            except TimeoutError:
                raise NotDelivered("connect timeout") from None
            except (OSError, UnicodeError, ValueError) as error:
                raise NotDelivered(_reason(error)) from None
            try:
                async with asyncio.timeout(self._settings.write_timeout):
                    await self._write(writer, parts)
            except TimeoutError:
                raise NotDelivered("write timeout") from None
            except OSError as error:
                raise NotDelivered(_reason(error)) from None
            else:
                await _close(writer)
            finally:
                writer.transport.abort()

    async def _connect(self, sink: Sink) -> asyncio.StreamWriter:
        """Connect to the first address of *sink* that answers, of those that may be used."""
        addresses = await _addresses(sink)
        if self._settings.sinks == "private":
            addresses = [address for address in addresses if not _is_public(address)]
        error: OSError = NotPrivate()
        for address in addresses:
            try:
                _, writer = await asyncio.open_connection(
                    address,
                    sink.port,
                    ssl=self._tls,
                    server_hostname=sink.host if self._tls else None,
                    ssl_shutdown_timeout=_FAREWELL if self._tls else None,
                    limit=1024,
                )
            except OSError as failed:
                error = failed
            else:
                return writer
        raise error

    async def _write(self, writer: asyncio.StreamWriter, parts: Sequence[bytes]) -> None:
        # drained is what the system has taken; with 0 for both asyncio's TLS would never go on
        writer.transport.set_write_buffer_limits(high=1, low=0)
        for number, part in enumerate(parts):
            if number:  # without a pause the system would join the segments
                await asyncio.sleep(self._settings.segment_gap)
            writer.write(part)
            await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close the connection; a sink that keeps its side open has got the event all the same."""
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_FAREWELL):
            await writer.wait_closed()


def _context(settings: KonnektorSettings) -> ssl.SSLContext | None:
    """Return how to connect by TLS, or None for plain TCP (ANCL_TLS_MANDATORY)."""
    events = settings.events
    by_tls = (
        settings.authentication != "none" if events.tls == "as_soap" else events.tls == "always"
    )
    if not by_tls:
        return None
    context = tls.client_context(events.ca, settings.tls)
    context.check_hostname = False
    return context


async def _addresses(sink: Sink) -> list[str]:
    """Return the IP addresses of *sink*; a name is looked up. Raises OSError."""
    try:
        return [str(ipaddress.ip_address(sink.host))]
    except ValueError:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(sink.host, sink.port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_global


def _reason(error: Exception) -> str:
    if isinstance(error, NotPrivate):
        return "public address"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionError):
        return "reset"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return "unreachable"
