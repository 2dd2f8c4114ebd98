"""What a scenario can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ..play import Play
from ..pvs.control import ControlError
from ..scenario.artifacts import Missing
from ..scenario.failure import StepFailed
from ..scenario.model import Step
from . import documents, messages, pin_pads, world

ACTIONS: Mapping[str, Callable[[Play, Any], str]] = MappingProxyType(
    {
        "look_up": documents.look_up,
        "sign": documents.sign,
        "send": messages.send,
        "fetch": messages.fetch,
        "judge": documents.judge,
        "remove_card": world.remove_card,
        "insert_card": world.insert_card,
        "set_pin": world.set_pin,
        "type_pin": pin_pads.type_pin,
        "set_fault": world.set_fault,
        "set_clock": world.set_clock,
        "wait": world.wait,
    }
)


def perform(play: Play, step: Step) -> str:
    """Do *step* and return what happened, one German line.

    Raises StepFailed; the name under which the step should have left something then holds why.
    """
    try:
        return ACTIONS[step.keyword](play, step.action)
    except ControlError as error:
        failure = StepFailed(str(error))
    except StepFailed as error:
        failure = error
    if name := getattr(step.action, "name", None):
        play.artifacts[name] = Missing(str(failure))
    raise failure
