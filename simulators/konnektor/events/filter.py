"""The filter of a subscription: an XPath over the Event, with or without prefix (TIP1-A_4608)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from .event import Event
from .xpath.compile import Compiled, NotCompiled, compile_xpath
from .xpath.tree import Node, element
from .xpath.values import Budget, NotEvaluated, to_boolean

MAX_LENGTH = 1024
MAX_STEPS = 10_000
PREFIX = "EVT"

__all__ = ["Filter", "NotCompiled", "NotEvaluated"]


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was understood; ``text`` is as it was given."""

    text: str
    _compiled: Compiled = field(compare=False, repr=False)

    @classmethod
    def of(cls, text: str, prefixes: Collection[str] = ()) -> Filter:
        """Return the filter; *prefixes* name the event's namespace beside ``EVT``.

        Raises NotCompiled for what is no XPath, and what an event has no use for: variables and
        functions beyond XPath 1.0, document() among them.
        """
        if len(text) > MAX_LENGTH:
            raise NotCompiled(f"länger als {MAX_LENGTH} Zeichen")
        return cls(text, compile_xpath(text, frozenset((PREFIX, *prefixes))))

    def matches(self, event: Event, subscription: str) -> bool:
        """Whether *event*, as *subscription* would get it, passes. Raises NotEvaluated (4095)."""
        return to_boolean(self._compiled.evaluate(_tree(event, subscription), Budget(MAX_STEPS)))


def _tree(event: Event, subscription: str) -> Node:
    """Return the root above the Event."""
    root = Node("root")
    top = element(root, "Event")
    element(top, "Topic", event.topic)
    element(top, "Type", event.type)
    element(top, "Severity", event.severity)
    element(top, "SubscriptionID", subscription)
    message = element(top, "Message")
    for key, value in event.parameters:
        parameter = element(message, "Parameter")
        element(parameter, "Key", key)
        element(parameter, "Value", value)
    root.number()
    return root
