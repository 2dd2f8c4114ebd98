"""Typing at the PIN pads of a Konnektor, as a trainer would."""

from __future__ import annotations

import time
from typing import Any

from ..play import Play
from ..pvs.control import Control
from ..scenario.failure import StepFailed
from ..scenario.model import TypePin


def type_pin(play: Play, step: TypePin) -> str:
    """Type what the actor's Konnektor asks for."""
    return type_at(play.control("konnektor", step.actor), step)


def type_at(control: Control, step: TypePin) -> str:
    """Type the digits of *step*, each when it is asked for, then press the cancel key if it says
    so; return what was asked. Raises StepFailed when nothing is asked for in time.
    """
    deadline = time.monotonic() + step.within
    told = []
    for digits in (*step.digits, *((None,) if step.abort else ())):
        entry = _next_entry(control, step.terminal, deadline)
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
