"""Subscriptions: who wants which events, until when (TIP1-A_4608 to 4610, 5112)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulators.process.clock import Clock

from ..access.relations import Context
from ..faults import Code, fault
from .filter import Filter

LIFETIME = timedelta(hours=25)
_URL = re.compile(
    r"cetp://(?:\[(?P<address>[0-9a-f:.]{2,45})\]|(?P<name>[\w.-]{1,253})):(?P<port>[0-9]{1,5})/?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sink:
    """Where events go: EventTo as it was given, and the host and port in it."""

    url: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Sink:
        """Return the sink of ``cetp://host:port``. Raises ValueError for anything else."""
        parts = _URL.fullmatch(url)
        if parts is None or not 0 < int(parts["port"]) < 1 << 16:
            raise ValueError("erwartet wird cetp://host:port")
        return cls(url, parts["address"] or parts["name"], int(parts["port"]))


@dataclass(eq=False, slots=True)
class Subscription:
    """One subscription; ``context`` is the one that Subscribe was called with."""

    id: str
    context: Context
    sink: Sink
    topic: str
    filter: Filter | None
    terminates: datetime

    def wants(self, topic: str) -> bool:
        """Whether *topic* is what was subscribed or lies below it (TUC_KON_256, 5a).

        The specification compares prefixes and ignores case; a slash at the end, which
        gemILF_PS shows, asks for the topic itself too.
        """
        return topic.lower().startswith(self.topic.lower().rstrip("/"))


class Subscriptions:
    """The subscriptions of a Konnektor; one whose time is over is gone.

    ``ended`` is told of each that ends by its time.
    """

    def __init__(
        self,
        clock: Clock,
        most: int,
        new_id: Callable[[], str],
        ended: Callable[[Subscription], None],
    ) -> None:
        self._clock = clock
        self._most = most
        self._new_id = new_id
        self._ended = ended
        self._by_id: dict[str, Subscription] = {}

    def __iter__(self) -> Iterator[Subscription]:
        """Iterate over those that are valid now."""
        self._end_old()
        return iter(list(self._by_id.values()))

    def __contains__(self, subscription: object) -> bool:
        return isinstance(subscription, Subscription) and subscription.id in self._by_id

    def add(self, context: Context, sink: Sink, topic: str, filter_: Filter | None) -> Subscription:
        """Subscribe; one that is known already is prolonged and keeps its id (TIP1-A_4608).

        Known is one of the same caller with the same EventTo, topic and filter. Raises fault 4001
        when there are too many.
        """
        until = self._clock.now() + LIFETIME
        for known in self:
            if (
                _caller(known.context) == _caller(context)
                and (known.sink, known.topic, known.filter) == (sink, topic, filter_)
            ):  # fmt: skip
                known.terminates = until
                return known
        if len(self._by_id) >= self._most:
            raise fault(Code.INTERNAL, f"mehr als {self._most} Subscriptions")
        made = Subscription(self._new_id(), context, sink, topic, filter_, until)
        self._by_id[made.id] = made
        return made

    def renew(self, subscription: Subscription) -> None:
        """Prolong *subscription*, from now on."""
        subscription.terminates = self._clock.now() + LIFETIME

    def find(self, context: Context, id_: str) -> Subscription | None:
        """Return the subscription *id_* if it belongs to Mandant and Clientsystem of *context*."""
        self._end_old()
        found = self._by_id.get(id_)
        if found is None or _owner(found.context) != _owner(context):
            return None
        return found

    def of(self, context: Context, *, mandant_wide: bool) -> list[Subscription]:
        """Return those of the caller, or with *mandant_wide* all of its Mandant."""
        return [
            found
            for found in self
            if (
                found.context.mandant == context.mandant
                if mandant_wide
                else _caller(found.context) == _caller(context)
            )
        ]

    def owned(self, context: Context) -> list[Subscription]:
        """Return those of Mandant and Clientsystem of *context*, of whatever Workplace."""
        return [found for found in self if _owner(found.context) == _owner(context)]

    def to(self, url: str) -> list[Subscription]:
        """Return those whose events go to *url*."""
        return [found for found in self if found.sink.url == url]

    def remove(self, subscription: Subscription) -> None:
        """End *subscription*."""
        self._by_id.pop(subscription.id, None)

    def clear(self) -> None:
        """Forget all of them, as a reboot does (TIP1-A_4613)."""
        self._by_id.clear()

    def _end_old(self) -> None:
        now = self._clock.now()
        for subscription in list(self._by_id.values()):
            if subscription.terminates <= now:
                self.remove(subscription)
                self._ended(subscription)


def _owner(context: Context) -> tuple[str | None, str | None]:
    return context.mandant, context.clientsystem


def _caller(context: Context) -> tuple[str | None, ...]:
    return context.mandant, context.clientsystem, context.workplace
