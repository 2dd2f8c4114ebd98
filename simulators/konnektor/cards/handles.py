"""Card handles: one for each insertion, none used again within 48 hours (gemSpec_Kon 4.1.5)."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from simulators.pki.cards import Card
from simulators.process.clock import Clock
from simulators.process.randomness import Randomness

NOT_REUSED = timedelta(hours=48)


class Handles:
    """Gives out handles and remembers for 48 hours of virtual time which ones were given."""

    def __init__(self, clock: Clock, random: Randomness) -> None:
        self._clock = clock
        self._random = random
        self._live: set[str] = set()
        self._ended: deque[tuple[datetime, str]] = deque()
        self._blocked: set[str] = set()

    def new(self, card: Card) -> str:
        """Return a handle for *card* that nobody had in the last 48 hours."""
        self._forget()
        while True:
            handle = f"{card.type}-{self._random.uuid(f'handle/{card.iccsn}')}"
            if handle not in self._live and handle not in self._blocked:
                self._live.add(handle)
                return handle

    def end(self, handle: str) -> None:
        """Retire *handle*: its 48 hours begin."""
        if handle in self._live:
            self._live.discard(handle)
            self._blocked.add(handle)
            self._ended.append((self._clock.now(), handle))

    def reset(self) -> None:
        """Forget every handle: from here on the same ones are given as after the start."""
        self._live.clear()
        self._ended.clear()
        self._blocked.clear()

    def _forget(self) -> None:
        """Free the handles whose 48 hours are over."""
        oldest = self._clock.now() - NOT_REUSED
        while self._ended and self._ended[0][0] <= oldest:
            self._blocked.discard(self._ended.popleft()[1])
