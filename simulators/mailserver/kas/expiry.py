"""Deletion of what is past its time, on the virtual clock."""

from __future__ import annotations

import asyncio

from ..database import StoreError
from ..provider import Provider
from .store import KasStore

LONGEST_WAIT = 3600.0
RETRY_SECONDS = 60.0
"""How long a storage that failed is left alone, real time."""


class Expiry:
    """Looks again when the next upload ends, when the clock jumps, and when one was added."""

    def __init__(self, provider: Provider, store: KasStore) -> None:
        self._provider = provider
        self._store = store
        self._news = asyncio.Event()
        provider.process.clock.on_change(self._news.set)

    def look_again(self) -> None:
        """Have the times looked at: there is a new upload, or one was given up."""
        self._news.set()

    async def run(self) -> None:
        """Delete what is due, forever."""
        while True:
            self._news.clear()
            wait = await self._sweep()
            try:
                async with asyncio.timeout(wait):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _sweep(self) -> float:
        """Delete what is due; return after how many seconds to look again."""
        process = self._provider.process
        now = process.clock.now().timestamp()
        try:
            expired = await self._store.sweep(now)
            upcoming = await self._store.attachments.next_expiry()
        except (OSError, StoreError) as error:
            process.log.warning("KAS: expired data could not be deleted: %s", error)
            return RETRY_SECONDS
        for attachment in expired:
            process.journal.record(
                "kas.expired",
                message_id=attachment.message_id,
                user=attachment.owner,
                link=attachment.id,
                bytes=attachment.size,
            )
        if upcoming is None:
            return LONGEST_WAIT
        return min(LONGEST_WAIT, max(0.0, upcoming - process.clock.now().timestamp()))
