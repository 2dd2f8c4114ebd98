"""Callers' mistakes that a make swallows: gone on with, and told in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from simulators.makes.make import Callers

Mistake = Literal["soap_action", "content_type", "charset", "element_order", "unknown_elements"]

MAX_TOLD = 10
_CHARACTERS = 200

_current: ContextVar[Deviations | None] = ContextVar("deviations", default=None)
"""Those of the call under way in this task: reading a message knows nothing of its caller."""


class Deviations:
    """The mistakes of one call, as far as *callers* has the Konnektor swallow them."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._found: list[str] = []

    def swallow(self, mistake: Mistake, told: str) -> bool:
        """Whether to go on in spite of *mistake*; if so, *told* (German) is kept."""
        if getattr(self._callers, mistake) == "refuse":
            return False
        text = f"{mistake}: {told}"[:_CHARACTERS]
        if text not in self._found and len(self._found) < MAX_TOLD:
            self._found.append(text)
        return True

    @property
    def told(self) -> str:
        """What was swallowed, in one line; empty for a call without mistakes."""
        return "; ".join(self._found)


@contextmanager
def noted_by(deviations: Deviations) -> Iterator[Deviations]:
    """Have *deviations* judge what is read inside the block, in this task."""
    token = _current.set(deviations)
    try:
        yield deviations
    finally:
        _current.reset(token)


def current() -> Deviations | None:
    """Return the deviations of the call under way, None where nothing is swallowed."""
    return _current.get()
