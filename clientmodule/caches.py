"""A bounded cache whose entries end at a time of the virtual clock."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from simulators.process.clock import Clock

K = TypeVar("K")
V = TypeVar("V")
CAPACITY = 10_000


class TimedCache(Generic[K, V]):
    """Keeps values for *lifetime*; the oldest go first when there are more than *capacity*."""

    def __init__(self, clock: Clock, lifetime: timedelta, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._capacity = capacity
        self._entries: OrderedDict[K, tuple[datetime, datetime, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return the value kept for *key*, or None if there is none or its time is over."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        kept_at, ends, value = entry
        # A clock that was set back must not make entries live longer.
        if not kept_at <= self._clock.now() < ends:
            del self._entries[key]
            return None
        return value

    def put(self, key: K, value: V, *, until: datetime | None = None) -> None:
        """Keep *value* for *key* from now on, but not beyond *until*."""
        now = self._clock.now()
        ends = now + self._lifetime
        self._entries[key] = (now, ends if until is None else min(ends, until), value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget *key*."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
