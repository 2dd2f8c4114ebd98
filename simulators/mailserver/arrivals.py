"""Who waits for mail in a mailbox hears of it when it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

ANNOUNCEMENT = "mail"
"""What processes on one database tell each other when one has stored mail."""


class Arrivals:
    """The events of those who wait, by mailbox."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def watch(self, mailbox: str) -> Iterator[asyncio.Event]:
        """Return an event that is set whenever *mailbox* may hold something new."""
        news = asyncio.Event()
        events = self._waiting.setdefault(mailbox, set())
        events.add(news)
        try:
            yield news
        finally:
            events.discard(news)
            if not events:
                self._waiting.pop(mailbox, None)

    def came(self, mailboxes: Iterable[str]) -> None:
        """Wake those who wait for mail in *mailboxes*."""
        for mailbox in mailboxes:
            for news in self._waiting.get(mailbox, ()):
                news.set()

    def came_elsewhere(self) -> None:
        """Wake everybody: another process has stored something."""
        self.came(tuple(self._waiting))
