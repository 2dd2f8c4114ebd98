"""The journal: what a process saw and did, one event per protocol step."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .clock import Clock

CAPACITY = 20_000
MAX_CHARACTERS = 16 << 20
_FIXED_WEIGHT = 256  # names, times and numbers of an event


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
    """The last events of a process, and a way to follow what comes.

    At most ``CAPACITY`` events are kept, fewer where their texts are long (mails with hundreds of
    recipients): the memory of a journal is bounded whatever is sent.
    """

    def __init__(
        self,
        process: str,
        role: str,
        clock: Clock,
        capacity: int = CAPACITY,
        characters: int = MAX_CHARACTERS,
    ) -> None:
        self._process = process
        self._role = role
        self._clock = clock
        self._capacity = capacity
        self._characters = characters
        self._events: deque[tuple[Event, int]] = deque()
        self._weight = 0
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
        event = Event(
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
        self._keep(event, _FIXED_WEIGHT + len(message_id or "") + _weight(data))
        if self._news is not None:
            self._news.set()
            self._news = None

    def _keep(self, event: Event, weight: int) -> None:
        events = self._events
        events.append((event, weight))
        self._weight += weight
        while len(events) > self._capacity or (self._weight > self._characters and len(events) > 1):
            self._weight -= events.popleft()[1]

    def since(self, seq: int = 0) -> Iterator[Event]:
        """Yield the kept events after number *seq*, oldest first."""
        new = min(max(self._seq - seq, 0), len(self._events))  # numbers are kept without gaps
        latest = [event for event, _ in islice(reversed(self._events), new)]
        return reversed(latest)

    async def follow(self, seq: int = 0) -> AsyncIterator[Event]:
        """Yield the kept events after *seq*, then each new one as it happens. Never ends."""
        while True:
            latest = self._seq  # may be beyond every kept event: the journal was cleared
            for event in self.since(seq):
                yield event
            seq = max(seq, latest)
            if self._seq <= seq:
                await self.news().wait()

    @property
    def last(self) -> int:
        """The number of the last event, 0 before the first."""
        return self._seq

    def news(self) -> asyncio.Event:
        """Return what is set when the next event is recorded."""
        if self._news is None:
            self._news = asyncio.Event()
        return self._news

    def clear(self) -> None:
        """Forget the events; numbering goes on, so a follower misses nothing that is new."""
        self._events.clear()
        self._weight = 0


def _weight(value: Any) -> int:
    """Return about how many characters *value* has as JSON."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(str(key)) + _weight(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return sum(_weight(inner) for inner in value) + 4 * len(value)
    return 8
