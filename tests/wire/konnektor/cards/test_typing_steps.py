"""A scenario's step types at the PIN pads of a running Konnektor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from scenarios.engine.pvs.control import Control
from scenarios.engine.scenario.failure import StepFailed
from scenarios.engine.scenario.model import InsertCard, TypePin
from scenarios.engine.steps.pin_pads import type_at
from scenarios.engine.steps.world import restore_later
from tests.wire.konnektor.cards.practice import HBA, SMCB, Practice


def step(**content: object) -> TypePin:
    return TypePin.model_validate({"actor": "praxis", "within": 10, **content})


def nobody(_: str) -> None:
    """Have nothing undone."""


def test_a_whole_change_is_typed_and_undone(practice: Practice) -> None:
    practice.set_pin(SMCB, "PIN.SMC", entry="manual")
    answers = practice.beside(lambda: practice.pin("ChangePin", SMCB, "PIN.SMC"))
    undo: list[Callable[[], None]] = []
    control = Control(practice.role.control)
    told = type_at(
        control,
        step(digits=("123456", "765432", "765432")),
        lambda iccsn: restore_later(undo, control, iccsn),
    )
    practice.wait()
    assert answers[0].text("//CARDCMN:PinResult") == "OK"
    assert told == "PIN.SMC OLD_PIN, PIN.SMC NEW_PIN, PIN.SMC REPEAT"
    assert practice.typed("VerifyPin", SMCB, "PIN.SMC", "", "765432").code is None
    (restore,) = undo
    restore()
    practice.set_pin(SMCB, "PIN.SMC", entry="manual")
    old = practice.typed("VerifyPin", SMCB, "PIN.SMC", "", "123456")
    assert old.text("//CARDCMN:PinResult") == "OK"


def test_the_cancel_key(practice: Practice) -> None:
    practice.set_pin(HBA, "PIN.CH", entry="manual")
    answers = practice.beside(lambda: practice.pin("ChangePin", HBA, "PIN.CH", user="eva"))
    type_at(
        Control(practice.role.control), step(digits=("123456",), abort=True, terminal="t1"), nobody
    )
    practice.wait()
    assert answers[0].code == 4049


def test_nothing_is_asked_for(practice: Practice) -> None:
    with pytest.raises(StepFailed, match="kein Terminal fragt"):
        type_at(Control(practice.role.control), step(digits=("1",), within=0.05), nobody)


def test_steps_that_say_too_little() -> None:
    with pytest.raises(ValidationError, match="digits oder abort"):
        step()
    with pytest.raises(ValidationError, match="terminal und slot"):
        InsertCard.model_validate({"actor": "praxis", "terminal": "t1"})
