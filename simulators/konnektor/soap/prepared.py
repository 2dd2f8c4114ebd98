"""Answers that stay the same until a card or a terminal changes, made once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable

from .reading import Element

MOST = 512


class PreparedAnswers:
    """Keeps answers by what was asked; they are forgotten when what they show has changed."""

    def __init__(self) -> None:
        self._state: object = None
        self._kept: dict[Hashable, Element] = {}

    def get(self, state: object, asked: Hashable, make: Callable[[], Element]) -> Element:
        """Return the answer to *asked* in *state* (compared by identity), made now if new.

        What is returned is the caller's own.
        """
        if state is not self._state or len(self._kept) >= MOST:
            self._kept.clear()
            self._state = state
        kept = self._kept.get(asked)
        if kept is None:
            kept = self._kept[asked] = make()
        return copy.deepcopy(kept)
