"""The operational state: error conditions that hold, what they stop, who is told (TIP1-A_4512)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from simulators.process.clock import Clock

from ..faults import Code, fault
from .error_conditions import NO_VPN_SIS, NO_VPN_TI, OFFLINE, Condition, conditions
from .event import EventType, Severity
from .topics import OPERATIONAL_STATE, VPN_SIS, VPN_TI

Announce = Callable[[str, dict[str, str], EventType, Severity, str | None], None]
"""Raise an event: topic, parameters, type, severity, and the terminal that it is about."""


@dataclass(frozen=True, slots=True)
class ErrorState:
    """A condition as it is now: ``label`` is its name, with the terminal where it has one."""

    condition: Condition
    label: str
    value: bool
    since: datetime


class OperationalState:
    """Which error conditions hold, since when; the state of the tunnels follows from them."""

    def __init__(self, clock: Clock, announce: Announce) -> None:
        self._clock = clock
        self._announce = announce
        self._known = {condition.name: condition for condition in conditions()}
        self._held: dict[str, Condition] = {}
        self._since: dict[str, datetime] = {}
        self._started = clock.now()

    def raise_(
        self, name: str, terminal: str | None = None, details: dict[str, str] | None = None
    ) -> None:
        """Have the condition *name* hold; one of a terminal needs its CtID.

        Raises KeyError for a condition that TAB_KON_503 does not have, ValueError for a terminal
        where none belongs or the other way round.
        """
        self._set(name, terminal, True, details or {})

    def clear(
        self, name: str, terminal: str | None = None, details: dict[str, str] | None = None
    ) -> None:
        """End the condition *name*. Raises as ``raise_`` does."""
        self._set(name, terminal, False, details or {})

    def holds(self, name: str, terminal: str | None = None) -> bool:
        """Whether the condition *name* holds now."""
        return _label(name, terminal) in self._held

    @property
    def is_online(self) -> bool:
        """Whether the TI can be reached, with its directory and OCSP: the tunnel is up, the
        transport network there, and this firmware allowed.
        """
        return not any(name in self._held for name in OFFLINE)

    @property
    def delivers(self) -> bool:
        """Whether events are sent (TAB_KON_504, Schnittstelle der Ereignissenke)."""
        return all(condition.delivers for condition in self._held.values())

    def since(self, name: str) -> datetime:
        """Return when the condition *name* last changed; the start if it never did."""
        return self._since.get(name, self._started)

    def check(self, service: str, operation: str = "") -> None:
        """Raise fault 4002 where a fatal condition stops *operation* of *service*.

        What goes on must be allowed in every fatal condition that holds (TIP1-A_4510-05).
        """
        if not self._held:
            return
        for label, condition in self._held.items():
            if condition.severity == "Fatal" and not condition.allows(service, operation):
                raise fault(Code.CRITICAL_STATE, label)

    def states(self) -> Iterator[ErrorState]:
        """Return every condition of the Konnektor, and those of terminals that ever held."""
        for name, condition in self._known.items():
            if condition.of_terminal:
                for label in self._since:
                    if label.startswith(f"{name}("):
                        yield self._state(label, condition)
            else:
                yield self._state(name, condition)

    def reset(self) -> None:
        """Let no condition hold, without telling anybody."""
        self._held.clear()
        self._since.clear()
        self._started = self._clock.now()

    def _state(self, label: str, condition: Condition) -> ErrorState:
        return ErrorState(condition, label, label in self._held, self.since(label))

    def _set(self, name: str, terminal: str | None, value: bool, details: dict[str, str]) -> None:
        condition = self._known[name]
        if condition.of_terminal != (terminal is not None):
            needs = "needs a" if condition.of_terminal else "has no"
            raise ValueError(f"{name} {needs} CtID")
        label = _label(name, terminal)
        if value == (label in self._held):
            return
        if value:
            self._held[label] = condition
        else:
            del self._held[label]
        self._since[label] = self._clock.now()
        own = {"Value": "true" if value else "false", "Bedeutung": condition.meaning}
        if terminal is not None:
            own["CtID"] = terminal
        parameters = own | {key: text for key, text in details.items() if key not in own}
        self._announce(
            f"{OPERATIONAL_STATE}/{label}", parameters, condition.type, condition.severity, terminal
        )
        tunnel = {NO_VPN_TI: VPN_TI, NO_VPN_SIS: VPN_SIS}.get(name)
        if tunnel is not None:
            step = "DOWN" if value else "UP"
            self._announce(f"{tunnel}/{step}", {}, "Operation", "Info", None)


def _label(name: str, terminal: str | None) -> str:
    return name if terminal is None else f"{name}({terminal})"
