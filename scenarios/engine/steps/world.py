"""Steps that change the world: cards, PINs, faults, time. Each is undone after the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from simulators.process.errors import one_line

from ..play import Play
from ..pvs.control import Control
from ..scenario.artifacts import Sent
from ..scenario.failure import StepFailed
from ..scenario.model import InsertCard, MoveCard, SetClock, SetFault, SetPin, Wait


def remove_card(play: Play, step: MoveCard) -> str:
    """Pull the actor's card."""
    control, iccsn = _card(play, step.actor, step.card)
    restore_later(play.undo, control, iccsn)
    control.post(f"/cards/{iccsn}/remove")
    return f"{step.card} {iccsn} gezogen"


def insert_card(play: Play, step: InsertCard) -> str:
    """Put the actor's card in."""
    control, iccsn = _card(play, step.actor, step.card)
    place = {"terminal": step.terminal, "slot": step.slot}
    restore_later(play.undo, control, iccsn)
    control.post(f"/cards/{iccsn}/insert", place if step.terminal is not None else None)
    return f"{step.card} {iccsn} gesteckt"


def set_pin(play: Play, step: SetPin) -> str:
    """Change a PIN's state and what the simulated terminal types."""
    control, iccsn = _card(play, step.actor, step.card)
    wanted = {
        name: value
        for name in ("state", "tries", "puk_uses", "entry")
        if (value := getattr(step, name)) is not None
    }
    restore_later(play.undo, control, iccsn)
    control.put(f"/cards/{iccsn}/pins/{step.pin}", wanted)
    told = ", ".join(f"{name}={value}" for name, value in wanted.items())
    return f"{step.pin} von {iccsn}: {told}"


def set_fault(play: Play, step: SetFault) -> str:
    """Give a process fault rules."""
    control = play.control(step.process, step.of)
    control.put("/faults", [rule.model_dump(exclude_none=True) for rule in step.rules])
    play.undo.append(lambda: control.delete("/faults"))
    told = ", ".join(f"{rule.operation} → {rule.effect.kind}" for rule in step.rules)
    return f"{step.process}: {told}"


def set_clock(play: Play, step: SetClock) -> str:
    """Set the virtual time of every process of the world."""
    if step.now is None:
        target = play.now() + timedelta(seconds=step.advance_seconds or 0)
    else:
        target = _moment(step.now)
    body = {"now": target.isoformat()}
    play.clock_offset += target - play.now()
    for url in play.endpoints.controls().values():
        Control(url).put("/clock", body)
        play.undo.append(lambda url=url: _reset_clock(url))  # type: ignore[misc]
    return f"Zeit der Welt: {play.now():%d.%m.%Y %H:%M:%S}"


def wait(play: Play, step: Wait) -> str:
    """Wait for a step in a process's journal, at most ``within`` seconds."""
    control = play.control(step.process, step.of)
    message_id = play.artifact(step.message, Sent).mail.message_id if step.message else None
    for event in control.follow(0, time.monotonic() + step.within):
        if not fnmatchcase(str(event.get("step", "")), step.step):
            continue
        if message_id is None or event.get("message_id") == message_id:
            return f"{event.get('process')}: {event.get('step')}"
    raise StepFailed(f"{step.process}: {step.step} kam nicht innerhalb von {step.within:g} s")


def restore_later(undo: list[Callable[[], None]], control: Control, iccsn: str) -> None:
    """Have *undo* put the card back with its PINs as they are now; the digits of a PIN that was
    changed meanwhile are those of the start again.
    """
    before = next(card for card in control.get_json("/cards") if card["iccsn"] == iccsn)

    def restore() -> None:
        place = {"terminal": before["terminal"], "slot": before["slot"]}
        now = next(card for card in control.get_json("/cards") if card["iccsn"] == iccsn)
        if {name: now[name] for name in place} != place:
            control.post(f"/cards/{iccsn}/remove")
            if before["terminal"] is not None:
                control.post(f"/cards/{iccsn}/insert", place)
        for reference, pin in before["pins"].items():
            control.put(f"/cards/{iccsn}/pins/{reference}", {**pin, "as_at_start": True})

    undo.append(restore)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise StepFailed(f"now: {one_line(str(error))}") from None
    if moment.tzinfo is None:
        raise StepFailed("now: die Zeitzone fehlt, zum Beispiel 2026-07-01T00:00:00+02:00")
    return moment


def _card(play: Play, actor: str, card: str) -> tuple[Control, str]:
    return play.control("konnektor", actor), play.parties[actor].iccsn(card)


def _reset_clock(url: str) -> None:
    Control(url).put("/clock", {"now": datetime.now().astimezone().isoformat()})
