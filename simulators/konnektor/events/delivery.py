"""Delivery: a queue and a sender for each sink, so that none waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from simulators.process.faults import DROP
from simulators.process.role import Process

from .. import on_purpose
from ..settings import KonnektorSettings
from .cetp import CetpClient, NotDelivered, frame, segments
from .event import Event
from .subscriptions import Sink, Subscription

_DIVIDED = 3  # segments, where a fault on purpose does not say how many


@dataclass(frozen=True, slots=True)
class Push:
    """An event on its way to a sink; without subscription it is BOOTUP_COMPLETE."""

    event: Event
    sink: Sink
    subscription: Subscription | None


class Delivery:
    """Pushes events; a sink that fails too often in a row is given up (EVT_MAX_TRY).

    ``is_valid`` says whether a subscription still is one; ``given_up`` is told the URL.
    """

    def __init__(
        self,
        process: Process[KonnektorSettings],
        is_valid: Callable[[Subscription], bool],
        given_up: Callable[[str], None],
    ) -> None:
        self._process = process
        self._settings = process.settings.events
        self._client = CetpClient(process.settings)
        self._is_valid = is_valid
        self._given_up = given_up
        self._queues: dict[str, asyncio.Queue[Push]] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, int] = {}

    def send(self, push: Push) -> None:
        """Queue *push*; it is dropped where too many wait for the same sink."""
        url = push.sink.url
        queue = self._queues.setdefault(url, asyncio.Queue(self._settings.queue))
        if queue.full():
            self._record(push, "Dropped", "queue full")
            return
        queue.put_nowait(push)
        if url not in self._senders:
            task = asyncio.create_task(self._work(url, queue))
            self._senders[url] = task

    def forget(self, url: str) -> None:
        """Forget how often *url* failed: nobody is subscribed with it any more."""
        self._failed.pop(url, None)

    def reset(self) -> None:
        """Stop sending and forget what waits."""
        for task in self._senders.values():
            task.cancel()
        self._senders.clear()
        self._queues.clear()
        self._failed.clear()

    async def stop(self) -> None:
        """End all senders."""
        tasks = list(self._senders.values())
        self.reset()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, url: str, queue: asyncio.Queue[Push]) -> None:
        """Send what waits for *url*, then end."""
        while not queue.empty():
            push = queue.get_nowait()
            if push.subscription is not None and not self._is_valid(push.subscription):
                continue
            if await self._try(push):
                self._failed.pop(url, None)
                continue
            self._failed[url] = self._failed.get(url, 0) + 1
            if self._failed[url] >= self._settings.max_try:
                break
        # nothing is awaited from here on: what comes next finds a fresh sender
        given_up = self._failed.get(url, 0) >= self._settings.max_try
        del self._senders[url]
        del self._queues[url]
        if given_up:
            del self._failed[url]
            self._given_up(url)

    async def _try(self, push: Push) -> bool:
        try:
            await self._push(push)
        except NotDelivered as reason:
            self._record(push, "Failed", str(reason))
            return False
        self._record(push, "OK")
        return True

    async def _push(self, push: Push) -> None:
        count = self._settings.segments
        subscription = push.subscription.id if push.subscription else ""
        effect = await on_purpose.pick_push(
            self._process.faults,
            topic=push.event.topic, sink=push.sink.url, subscription=subscription,
        )  # fmt: skip
        if effect is not None and effect.kind == DROP:
            raise NotDelivered("on purpose")
        if effect is not None and effect.kind == on_purpose.SEGMENTS:
            count = effect.code or _DIVIDED
        message = frame(push.event.document(subscription))
        if effect is not None and effect.kind == on_purpose.TRUNCATED:
            message = message[: len(message) // 2]
        await self._client.push(push.sink, segments(message, count))

    def _record(self, push: Push, result: str, reason: str | None = None) -> None:
        facts = {} if reason is None else {"reason": reason}
        self._process.journal.record(
            "EventPushed",
            peer="client",
            topic=push.event.topic,
            sink=push.sink.url,
            subscription=push.subscription.id if push.subscription else "",
            result=result,
            **facts,  # type: ignore[arg-type]
        )
