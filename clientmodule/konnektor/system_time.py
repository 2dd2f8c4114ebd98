"""The time of the Konnektor, by which the client module dates what it does (KOM-LE-A_2230)."""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from simulators.process.clock import Clock
from simulators.process.resolver import read_place

from ..operation import Operation

PERIOD_SECONDS: Final = 3600.0
AGAIN_SECONDS: Final = 60.0
PACKET: Final = struct.Struct(">BBbb11I")
LENGTH: Final = 48
REQUEST: Final = 0x23
"""Version 4, mode 3: a client asks (RFC 5905, 14)."""
SERVER_MODE: Final = 4
UNSYNCHRONIZED: Final = 3
MAX_STRATUM: Final = 15
SINCE_1900: Final = 2_208_988_800
ERA: Final = 1 << 32
FRACTION: Final = 1 << 32


class NoTime(Exception):
    """There is no answer, or none that tells the time."""


class SystemTime:
    """Keeps *clock* at the time of the NTP server at *place*, ``host:port`` (sync_Time).

    It is asked at the start, every hour from then on, and a minute after a failure; an answer
    counts that comes within *seconds*.
    """

    def __init__(self, place: str, clock: Clock, *, seconds: float) -> None:
        self._place = read_place(place)
        self._clock = clock
        self._seconds = seconds
        self._again = asyncio.Event()

    def ask_again(self) -> None:
        """Ask now: the clock was set by somebody else."""
        self._again.set()

    async def keep(self, operation: Operation) -> None:
        """Keep the clock right until this is cancelled."""
        while True:
            self._again.clear()
            try:
                with operation.step("sync_Time", peer="konnektor") as data:
                    data["milliseconds_off"] = round(await self._synchronize() * 1000)
                wait = PERIOD_SECONDS
            except NoTime:  # the step has told it
                wait = AGAIN_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), wait)

    async def _synchronize(self) -> float:
        """Set the clock; return by how many seconds it was wrong."""
        before = self._clock.now()
        offset = await self._offset()
        try:
            self._clock.set(datetime.now(UTC) + timedelta(seconds=offset))
        except (ValueError, OverflowError):
            raise NoTime("the Konnektor's time is out of all bounds") from None
        return (self._clock.now() - before).total_seconds()

    async def _offset(self) -> float:
        """Return by how many seconds the Konnektor is ahead of this machine. Raises NoTime."""
        cookie = secrets.token_bytes(8)  # in the place of the time: nobody else can answer it
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                transport, answers = await loop.create_datagram_endpoint(
                    _Answers, remote_addr=self._place
                )
                try:
                    asked = time.time()
                    transport.sendto(bytes([REQUEST]) + bytes(LENGTH - 9) + cookie)
                    while True:
                        packet = await answers.next()
                        if packet[24:32] == cookie:
                            return read_offset(packet, asked, time.time())
                finally:
                    transport.close()
        except (OSError, TimeoutError) as error:
            raise NoTime(type(error).__name__) from error


class _Answers(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self._received: asyncio.Queue[bytes | Exception] = asyncio.Queue(maxsize=8)

    async def next(self) -> bytes:
        received = await self._received.get()
        if isinstance(received, Exception):
            raise received
        return received

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 (connected)
        with suppress(asyncio.QueueFull):
            self._received.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        with suppress(asyncio.QueueFull):
            self._received.put_nowait(exc)


def read_offset(packet: bytes, asked: float, received: float) -> float:
    """Return by how many seconds the sender of *packet* is ahead (RFC 5905, 8).

    *asked* and *received* are when, on this machine. Raises NoTime for anything but a server's
    answer with a time.
    """
    if len(packet) < LENGTH:
        raise NoTime("the answer is too short")
    first, stratum, _, _, *words = PACKET.unpack_from(packet)
    if first & 7 != SERVER_MODE or first >> 6 == UNSYNCHRONIZED or not 0 < stratum <= MAX_STRATUM:
        raise NoTime("the Konnektor does not know the time")
    taken, sent = _seconds(*words[7:9]), _seconds(*words[9:11])
    return ((taken - asked) + (sent - received)) / 2


def _seconds(whole: int, fraction: int) -> float:
    """Return a time of NTP as seconds since 1970; its first era ends in 2036 (RFC 4330, 3)."""
    era = 0 if whole & 0x8000_0000 else ERA
    return whole + era - SINCE_1900 + fraction / FRACTION
