"""The way of each message, put together from the journals of all processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..play import Play
from ..pvs.control import Control, ControlError
from ..scenario.artifacts import Sent
from .results import Deviation, Hop, Way

Event = dict[str, Any]
SHOWN = ("reply", "result", "code", "recipients", "recipient", "outcomes", "mailbox", "effect")
"""Facts of an event that are worth a word on the screen; journals hold no content anyway."""


def journals(play: Play) -> list[Event]:
    """Return what all processes recorded since the run began, in the order of time."""
    events = [event for url, last in play.recorded.items() for event in _journal(url, last)]
    events.sort(key=lambda event: event.get("at", 0.0))
    return events


def deviations(events: Sequence[Event], since: float) -> tuple[Deviation, ...]:
    """Return what Konnektoren swallowed of their callers' mistakes *since* then, each once.

    *since* is real time in seconds since the epoch: a world that runs already has a past.
    """
    counts = Counter(
        (event["process"], event["step"], event["data"]["deviation"])
        for event in events
        if event.get("at", 0.0) >= since and "deviation" in event.get("data", {})
    )
    return tuple(Deviation(*place, count) for place, count in counts.items())


def ways(play: Play, events: Sequence[Event]) -> list[Way]:
    """Return the way of every mail that the steps sent, from the journals' *events*."""
    return [
        _way(name, artifact.mail.message_id, events)
        for name, artifact in play.artifacts.items()
        if isinstance(artifact, Sent)
    ]


def _journal(url: str, since: int) -> list[Event]:
    try:
        return Control(url).journal(since)
    except ControlError:
        return []  # a process that is gone has no journal; the checks say what is missing


def _way(name: str, message_id: str, events: Sequence[Event]) -> Way:
    """Pick the events with the Message-ID and those of the same operation of a process."""
    operations = {
        (event["process"], event["operation"])
        for event in events
        if event.get("message_id") == message_id and event.get("operation")
    }
    own = [
        event
        for event in events
        if event.get("message_id") == message_id
        or (
            event.get("message_id") is None
            and (event["process"], event.get("operation")) in operations
        )
    ]
    start = own[0]["at"] if own else 0.0
    return Way(name, message_id, tuple(_hop(event, start) for event in own))


def _hop(event: Event, start: float) -> Hop:
    data = event.get("data", {})
    return Hop(
        round((event["at"] - start) * 1000, 1),
        event["process"],
        event["step"],
        event.get("peer"),
        event.get("milliseconds"),
        {name: data[name] for name in SHOWN if name in data},
    )
