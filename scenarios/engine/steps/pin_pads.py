"""Typing at the PIN pads of a Konnektor, as a trainer would."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..play import Play
from ..pvs.control import Control
from ..scenario.failure import StepFailed
from ..scenario.model import TypePin
from .world import restore_later


def type_pin(play: Play, step: TypePin) -> str:
    """Type what the actor's Konnektor asks for; what becomes of the card is undone at the end."""
    control = play.control("konnektor", step.actor)
    return type_at(control, step, lambda iccsn: restore_later(play.undo, control, iccsn))


def type_at(control: Control, step: TypePin, before: Callable[[str], None]) -> str:
    """Type the digits of *step*, each when it is asked for, then press the cancel key if it says
    so; return what was asked. *before* is told the ICCSN of each card before it gets its first
    digits. Raises StepFailed when nothing is asked for in time.
    """
    cards: set[str] = set()
    deadline = time.monotonic() + step.within
    told = []
    for digits in (*step.digits, *((None,) if step.abort else ())):
        entry = _next_entry(control, step.terminal, deadline)
        if entry["card"] not in cards:
            cards.add(entry["card"])
            before(entry["card"])
        typed = {"abort": True} if digits is None else {"digits": digits}
        control.post(f"/pin-entries/{entry['id']}", typed)
        told.append("abgebrochen" if digits is None else f"{entry['pin']} {entry['asked']}")
    return ", ".join(told)


def _next_entry(control: Control, terminal: str | None, deadline: float) -> dict[str, Any]:
    """Return the oldest entry that waits; the journal tells when to look again."""
    for event in control.follow(0, deadline):
        if event.get("step") != "PinPrompt":
            continue
        for entry in control.get_json("/pin-entries"):
            if terminal is None or entry["terminal"] == terminal:
                return dict(entry)
    raise StepFailed("kein Terminal fragt nach einer PIN")
