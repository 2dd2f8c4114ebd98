"""The journal: what a process saw and did, one event per protocol step."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from .clock import Clock

CAPACITY = 20_000


@dataclass(frozen=True, slots=True)
class Event:
    """One protocol step.

    ``at`` is real time in seconds since the epoch (events of several processes are ordered by
    it), ``time`` the virtual time (ISO 8601). ``peer`` is the other side's role as this process
    knows it (``pvs``, ``konnektor``, ``vzd``, ``provider``, ``clientmodule``). ``message_id`` is
    the Message-ID with angle brackets, ``operation`` the operation number that correlates the
    steps of one dialogue, ``milliseconds`` how long the step took.
    """

    seq: int
    at: float
    time: str
    process: str
    role: str
    step: str
    peer: str | None
    message_id: str | None
    operation: str | None
    milliseconds: float | None
    data: dict[str, Any]

    def as_json(self) -> str:
        """Return the event as one JSON line without the line end; unset fields are left out."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({k: v for k, v in fields.items() if v not in (None, {})}, default=str)


class Journal:
    """The last ``CAPACITY`` events of a process, and a way to follow what comes."""

    def __init__(self, process: str, role: str, clock: Clock, capacity: int = CAPACITY) -> None:
        self._process = process
        self._role = role
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=capacity)
        self._seq = 0
        self._news: asyncio.Event | None = None

    def record(
        self,
        step: str,
        *,
        peer: str | None = None,
        message_id: str | None = None,
        operation: str | None = None,
        milliseconds: float | None = None,
        **data: Any,
    ) -> None:
        """Add an event. Never pass content, passwords or keys: the journal is read by trainers."""
        self._seq += 1
        self._events.append(
            Event(
                self._seq,
                time.time(),
                self._clock.now().isoformat(timespec="milliseconds"),
                self._process,
                self._role,
                step,
                peer,
                message_id,
                operation,
                None if milliseconds is None else round(milliseconds, 3),
                data,
            )
        )
        if self._news is not None:
            self._news.set()
            self._news = None

    def since(self, seq: int = 0) -> Iterator[Event]:
        """Yield the kept events after number *seq*, oldest first."""
        return (event for event in list(self._events) if event.seq > seq)

    async def follow(self, seq: int = 0) -> AsyncIterator[Event]:
        """Yield the kept events after *seq*, then each new one as it happens. Never ends."""
        while True:
            latest = self._seq  # may be beyond every kept event: the journal was cleared
            for event in self.since(seq):
                yield event
            seq = max(seq, latest)
            if self._seq <= seq:
                if self._news is None:
                    self._news = asyncio.Event()
                await self._news.wait()

    def clear(self) -> None:
        """Forget the events; numbering goes on, so a follower misses nothing that is new."""
        self._events.clear()
