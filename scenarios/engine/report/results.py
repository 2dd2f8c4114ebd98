"""What a run came to: steps, checks and the way of the messages, ready for every report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..checks.rule import Rule, Status, Verdict
from ..endpoints.contract import Endpoints
from ..xray.node import Node

NOTICE = (
    "Dies ist eine Probe in einer simulierten Umgebung (TEST-ONLY), "
    "keine Bestätigung durch gematik oder KBV."
)


@dataclass(frozen=True)
class StepResult:
    """A step: its keyword, what happened (or why not), seconds."""

    number: int
    keyword: str
    text: str
    seconds: float
    ok: bool


@dataclass(frozen=True)
class CheckResult:
    """A rule and its verdict; ``of`` is what it was judged on."""

    rule: Rule
    of: str
    verdict: Verdict

    @property
    def ok(self) -> bool:
        """Whether the verdict lets the scenario hold."""
        return self.verdict.status is not Status.FAILED


@dataclass(frozen=True)
class Hop:
    """A step of a message's way, from a process's journal.

    ``after`` is milliseconds since the first step, ``took`` how long it lasted if it says so.
    """

    after: float
    process: str
    step: str
    peer: str | None
    took: float | None
    data: dict[str, Any]

    @property
    def facts(self) -> str:
        """What else the journal says about the step, in one line."""
        return ", ".join(f"{name}: {_plain(value)}" for name, value in self.data.items())


@dataclass(frozen=True)
class Way:
    """The way of one message through the world, in the order of time."""

    name: str
    message_id: str
    hops: tuple[Hop, ...]


@dataclass(frozen=True)
class XRay:
    """What a message consists of; ``where`` says in which state it was looked at."""

    name: str
    where: str
    root: Node


@dataclass(frozen=True)
class KonnektorUsed:
    """The Konnektor of a site: make, generation, and the seed of what it does by chance."""

    site: str
    make: str
    generation: str
    seed: int

    def __str__(self) -> str:
        return f"{self.make}, {self.generation}, Seed {self.seed}"


def konnektors(endpoints: Endpoints) -> tuple[KonnektorUsed, ...]:
    """Return the Konnektoren of a world by site; sites that share one name it both."""
    return tuple(
        KonnektorUsed(
            name,
            site.konnektor.make or "unbekannt",
            site.konnektor.generation or "unbekannt",
            endpoints.seed,
        )
        for name, site in endpoints.sites.items()
        if site.konnektor is not None
    )


@dataclass(frozen=True)
class Deviation:
    """What a caller did otherwise than the rules want and a lenient Konnektor swallowed."""

    process: str
    step: str
    text: str
    count: int


@dataclass
class ScenarioResult:
    """One scenario's run."""

    name: str
    title: str
    world: str
    seed: int
    steps: list[StepResult] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    seconds: float = 0.0
    konnektors: tuple[KonnektorUsed, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    xrays: tuple[XRay, ...] = ()
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def ok(self) -> bool:
        """Whether every step was done and every check holds, and there was something to judge."""
        return (
            all(step.ok for step in self.steps)
            and all(check.ok for check in self.checks)
            and any(check.verdict.status is Status.PASSED for check in self.checks)
        )


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return str(value)
