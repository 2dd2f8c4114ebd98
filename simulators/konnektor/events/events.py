"""The event service within the Konnektor: from what happened to who is told (TUC_KON_256)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..access.check import AccessCheck, Target
from ..access.relations import Context, Relations
from ..cards.inserted_card import InsertedCard
from ..faults import Code, KonnektorFault
from .delivery import Delivery, Push
from .event import Event, EventType, Severity
from .filter import Filter, NotEvaluated
from .kept_sinks import KeptSinks
from .operational_state import OperationalState
from .subscriptions import Sink, Subscription, Subscriptions
from .topics import BOOTUP_COMPLETE

if TYPE_CHECKING:
    from simulators.process.role import Process

    from ..settings import KonnektorSettings

WAITING = 2000
"""Events and subscriptions whose filter is still to be asked; beyond, events are dropped."""


class Events:
    """Takes events from all over the Konnektor and has them delivered.

    ``emit`` never waits: topic and access are checked at once, filters afterwards, and every
    sink has its own queue.
    """

    def __init__(
        self, process: Process[KonnektorSettings], relations: Relations, access: AccessCheck
    ) -> None:
        self._process = process
        self._relations = relations
        self._access = access
        settings = process.settings
        self.kept = KeptSinks(settings.data_dir, process.clock)
        self.subscriptions = Subscriptions(
            process.clock,
            settings.events.max_subscriptions,
            lambda: str(process.randomness.uuid("subscription")),
            self._expired,
        )
        self.state = OperationalState(process.clock, self._announce)
        self._delivery = Delivery(process, self.subscriptions.__contains__, self._given_up)
        self._waiting: deque[tuple[Event, Subscription]] = deque()
        self._filtering: asyncio.Task[None] | None = None

    def emit(
        self,
        topic: str,
        parameters: Mapping[str, str],
        *,
        type: EventType = "Operation",  # noqa: A002 (the name of the element)
        severity: Severity = "Info",
        card: InsertedCard | None = None,
        terminal: str | None = None,
    ) -> None:
        """Tell the subscribers of *topic* that something happened; returns at once.

        With *card* or *terminal* only those are told who may use it from the Workplace that they
        subscribed for. Emit CARD/REMOVED before or after the card is pulled, as you like.
        """
        if not self.state.delivers:
            return
        event: Event | None = None
        allowed: dict[Context, bool] = {}
        for subscription in self.subscriptions:
            if not subscription.wants(topic):
                continue
            context = subscription.context
            if context not in allowed:
                allowed[context] = self._may_know(context, card, terminal)
            if not allowed[context]:
                continue
            if event is None:
                event = Event.of(topic, parameters, type, severity)
            self._pass_on(event, subscription)

    def boot_complete(self) -> None:
        """Tell every sink that was kept that the Konnektor is there again (TIP1-A_4613)."""
        event = Event(BOOTUP_COMPLETE)
        for sink in self.kept.sinks():
            self._delivery.send(Push(event, sink, None))

    def forget_subscriptions(self) -> None:
        """End all subscriptions and what is under way, as a reboot does; sinks are kept."""
        self.subscriptions.clear()
        self._stop_filtering()
        self._delivery.reset()

    def reset(self) -> None:
        """Go back to the start: no subscriptions, no sinks, no error conditions."""
        self.forget_subscriptions()
        self.kept.clear()
        self.state.reset()

    async def stop(self) -> None:
        """End what is under way."""
        self._stop_filtering()
        await self._delivery.stop()

    def subscribe(
        self, context: Context, sink: Sink, topic: str, filter_: Filter | None
    ) -> Subscription:
        """Subscribe, or prolong a subscription that is known. Raises fault 4001 if too many."""
        subscription = self.subscriptions.add(context, sink, topic, filter_)
        self.kept.keep([subscription])
        return subscription

    def renew(self, subscriptions: Sequence[Subscription]) -> None:
        """Prolong *subscriptions*, and how long their sinks are kept."""
        for subscription in subscriptions:
            self.subscriptions.renew(subscription)
        self.kept.keep(subscriptions)

    def unsubscribe(self, subscription: Subscription) -> None:
        """End *subscription* as its owner wishes; its sink is forgotten with its last one."""
        self.subscriptions.remove(subscription)
        if not self.subscriptions.to(subscription.sink.url):
            self.kept.forget(subscription.sink.url)
            self._delivery.forget(subscription.sink.url)

    def _announce(
        self,
        topic: str,
        parameters: dict[str, str],
        kind: EventType,
        severity: Severity,
        terminal: str | None,
    ) -> None:
        self.emit(topic, parameters, type=kind, severity=severity, terminal=terminal)

    def _may_know(self, context: Context, card: InsertedCard | None, terminal: str | None) -> bool:
        """Check access for a subscription's context, without session (TUC_KON_256, 5b).

        A card that was just pulled has no handle to check: its terminal counts, and for an SM-B
        that it belongs to the Mandant.
        """
        handle: str | None = None
        if card is not None and card.present:
            handle = card.handle
        elif card is not None:
            terminal = card.terminal
            mandant = self._relations.mandanten.get(context.mandant or "")
            if card.is_smb and (mandant is None or card.card.iccsn not in mandant.cards):
                return False
        try:
            target = Target(terminal=terminal, handle=handle, session=False)
            self._access.check(context, target, None)
        except KonnektorFault:
            return False
        return True

    def _pass_on(self, event: Event, subscription: Subscription) -> None:
        if subscription.filter is None and not self._waiting:
            self._delivery.send(Push(event, subscription.sink, subscription))
            return
        if len(self._waiting) >= WAITING:
            self._record(event, subscription, "Dropped", reason="too many events")
            return
        self._waiting.append((event, subscription))
        if self._filtering is None:
            self._filtering = asyncio.create_task(self._ask_filters())

    async def _ask_filters(self) -> None:
        """Ask one filter after the other; each is bounded, and others get their turn between."""
        while self._waiting:
            event, subscription = self._waiting.popleft()
            if self._passes(event, subscription):
                self._delivery.send(Push(event, subscription.sink, subscription))
            await asyncio.sleep(0)
        self._filtering = None

    def _passes(self, event: Event, subscription: Subscription) -> bool:
        """Whether the filter lets *event* through; one that fails drops this one only (4095)."""
        if subscription.filter is None:
            return True
        try:
            return subscription.filter.matches(event, subscription.id)
        except NotEvaluated as error:
            self._record(
                event,
                subscription,
                "Filtered",
                reason=str(error),
                code=str(int(Code.FILTER_FAILED)),
            )
            return False

    def _stop_filtering(self) -> None:
        self._waiting.clear()
        if self._filtering is not None:
            self._filtering.cancel()
            self._filtering = None

    def _expired(self, subscription: Subscription) -> None:
        self._delivery.forget(subscription.sink.url)
        self._record_end(subscription, "expired")

    def _given_up(self, url: str) -> None:
        """End the subscriptions of a sink that failed too often (TIP1-A_4611)."""
        for subscription in self.subscriptions.to(url):
            self.unsubscribe(subscription)
            self._record_end(subscription, "deliveries failed")
        self.kept.forget(url)

    def _record_end(self, subscription: Subscription, reason: str) -> None:
        self._process.journal.record(
            "SubscriptionEnded",
            peer="client",
            subscription=subscription.id,
            sink=subscription.sink.url,
            topic=subscription.topic,
            reason=reason,
        )

    def _record(self, event: Event, subscription: Subscription, result: str, **facts: str) -> None:
        self._process.journal.record(
            "EventPushed",
            peer="client",
            topic=event.topic,
            sink=subscription.sink.url,
            subscription=subscription.id,
            result=result,
            **facts,  # type: ignore[arg-type]
        )
