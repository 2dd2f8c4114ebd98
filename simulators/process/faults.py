"""Faults on purpose: rules ``where / when / what`` that make a role misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pydantic import Field, ValidationError

from .errors import InputError, one_line
from .randomness import Randomness
from .settings import Settings

DELAY = "delay"
DROP = "drop"
COMMON_EFFECTS = frozenset({DELAY, DROP})


class Effect(Settings):
    """What happens: ``kind`` and the parameters that this kind takes.

    Every role knows ``delay`` (``seconds``, which may stand beside any other kind, too) and
    ``drop`` (the connection is closed without an answer); the others are the role's own and
    listed by ``GET /faults``.
    """

    kind: str
    seconds: float | None = Field(default=None, ge=0, le=600)
    code: int | None = None
    text: str | None = None
    header: str | None = None
    value: str | None = None


class Rule(Settings):
    """One rule: ``operation`` and ``match`` say where, ``nth``/``times``/``probability`` when.

    ``operation`` and the values of ``match`` are shell patterns (``*``, ``?``) compared with the
    operation and its facts. Without ``nth`` and ``probability`` the rule holds for every matching
    call, at most ``times`` times.
    """

    id: str
    operation: str
    match: dict[str, str] = {}
    nth: int | None = Field(default=None, ge=1)
    times: int | None = Field(default=None, ge=1)
    probability: float | None = Field(default=None, ge=0, le=1)
    effect: Effect


@dataclass
class _Active:
    rule: Rule
    seen: int = 0
    fired: int = 0


class Faults:
    """The active rules of a process."""

    def __init__(self, effects: Iterable[str], randomness: Randomness) -> None:
        self.effects = COMMON_EFFECTS | frozenset(effects)
        self._random = randomness
        self._active: list[_Active] = []

    def replace(self, rules: Any) -> list[Rule]:
        """Replace all rules by *rules* (a list of JSON objects); counting starts again.

        Raises InputError that names the rule, the key and what was expected.
        """
        if not isinstance(rules, list):
            raise InputError("faults: expected a list of rules")
        checked: list[Rule] = []
        for index, content in enumerate(rules):
            try:
                rule = Rule.model_validate(content)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                raise InputError(f"faults[{index}].{where}: {one_line(first['msg'])}") from None
            if rule.effect.kind not in self.effects:
                known = ", ".join(sorted(self.effects))
                raise InputError(
                    f"faults[{index}].effect.kind: {rule.effect.kind!r} is none of {known}"
                )
            checked.append(rule)
        self._active = [_Active(rule) for rule in checked]
        return checked

    @property
    def active(self) -> bool:
        """Whether there is any rule at all: without one nothing need be found out for rules."""
        return bool(self._active)

    def clear(self) -> None:
        """Remove all rules."""
        self._active = []

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules with how often each matched and fired."""
        return [
            {**a.rule.model_dump(exclude_none=True), "seen": a.seen, "fired": a.fired}
            for a in self._active
        ]

    def pick(
        self, operation: str, kinds: frozenset[str] | None = None, /, **facts: str | None
    ) -> Effect | None:
        """Return the effect for this call of *operation*, or None. Counts the call.

        The first rule that holds wins; later rules are counted all the same. With *kinds*, only
        rules with such effects concern this operation: others neither hold nor count it.
        """
        chosen: Effect | None = None
        for active in self._active:
            rule = active.rule
            if kinds is not None and rule.effect.kind not in kinds:
                continue
            if not fnmatchcase(operation, rule.operation):
                continue
            if not all(
                fnmatchcase(facts.get(name) or "", pattern) for name, pattern in rule.match.items()
            ):
                continue
            active.seen += 1
            if rule.nth is not None and active.seen != rule.nth:
                continue
            if rule.times is not None and active.fired >= rule.times:
                continue
            if (
                rule.probability is not None
                and self._random.stream(f"fault/{rule.id}").random() >= rule.probability
            ):
                continue
            if chosen is None:
                active.fired += 1
                chosen = rule.effect
        return chosen


async def delay(effect: Effect | None) -> Effect | None:
    """Wait as long as *effect* says; a mere delay is over then, any other effect handed back."""
    if effect is None:
        return None
    if effect.seconds:
        await asyncio.sleep(effect.seconds)
    return None if effect.kind == DELAY else effect
