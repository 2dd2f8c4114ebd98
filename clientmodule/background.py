"""Work that no client system waits for: it goes on behind a dialogue and ends with the process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """Tasks of this process that nobody awaits; they deal with their errors themselves."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Have *work* done behind the caller's back."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Give up what is under way and wait until it has ended."""
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
