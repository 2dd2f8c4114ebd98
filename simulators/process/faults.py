"""Faults on purpose: rules ``where / when / what`` that make a role misbehave."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Place:
    """Operations that rules can name, by which facts their calls are told apart, what can happen
    to them, and for some kinds which ``code`` is one.
    """

    operations: frozenset[str]
    facts: frozenset[str]
    kinds: frozenset[str]
    codes: Mapping[str, Callable[[int], bool]] = field(default_factory=dict)


@dataclass
class _Active:
    rule: Rule
    seen: int = 0
    fired: int = 0


class Faults:
    """The active rules of a process.

    *places* say what rules can name, so that a misspelt word is told; without any it would be a
    rule that never holds.
    """

    def __init__(
        self, effects: Iterable[str], randomness: Randomness, places: Iterable[Place] = ()
    ) -> None:
        self.effects = COMMON_EFFECTS | frozenset(effects)
        self._places = tuple(places)
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
            wrong = self._wrong_in(rule)
            if wrong is None and any(rule.id == known.id for known in checked):
                wrong = f"id: {rule.id!r:.60} is another rule's, too"
            if wrong is not None:
                raise InputError(f"faults[{index}].{wrong}")
            checked.append(rule)
        self._active = [_Active(rule) for rule in checked]
        return checked

    def _wrong_in(self, rule: Rule) -> str | None:
        """Return the key of *rule* that can never hold and what was expected, None if all can."""
        kind = rule.effect.kind
        if kind not in self.effects:
            return f"effect.kind: {_none_of(kind, self.effects)}"
        if kind == DELAY and rule.effect.seconds is None:
            return "effect.seconds: how long shall the delay be?"
        return self._misplaced(rule) if self._places else None

    def _misplaced(self, rule: Rule) -> str | None:
        """Return what no place has that *rule* names, None if there is one for it."""
        kind = rule.effect.kind
        places = [
            place
            for place in self._places
            if any(fnmatchcase(name, rule.operation) for name in place.operations)
        ]
        if not places:
            known = frozenset[str]().union(*(place.operations for place in self._places))
            return f"operation: {_none_of(rule.operation, known)}"
        fitting = [place for place in places if kind in place.kinds]
        if not fitting:
            possible = frozenset[str]().union(*(place.kinds for place in places))
            return f"effect.kind: {_none_of(kind, possible)}"
        facts = frozenset[str]().union(*(place.facts for place in fitting))
        for name in rule.match:
            if name not in facts:
                return f"match: {_none_of(name, facts)}"
        code = rule.effect.code
        if code is not None and not any(
            kind not in place.codes or place.codes[kind](code) for place in fitting
        ):
            return f"effect.code: {code} is no code for {kind}"
        return None

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


def _none_of(word: str, known: Iterable[str]) -> str:
    """Return that *word* is none of the *known*, and which one may have been meant."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    meant = f"; perhaps {near[0]}?" if near else ""
    return f"{word!r:.60} is none of {', '.join(sorted(known)) or 'these: nothing'}{meant}"


async def delay(effect: Effect | None) -> Effect | None:
    """Wait as long as *effect* says; a mere delay is over then, any other effect handed back."""
    if effect is None:
        return None
    if effect.seconds:
        await asyncio.sleep(effect.seconds)
    return None if effect.kind == DELAY else effect
