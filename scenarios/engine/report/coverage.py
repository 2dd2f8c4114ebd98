"""Which requirements the checks of a run spoke about, and what they said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.formats import requirements

from ..checks.rule import Status
from ..explanations import causes
from .results import CheckResult, ScenarioResult


@dataclass(frozen=True)
class Covered:
    """A requirement id, what it asks for, the rules that judge it, how often they said what."""

    id: str
    document: str
    meaning: str
    titles: tuple[str, ...]
    passed: int
    failed: int
    expected_failures: int
    not_applicable: int

    @property
    def held(self) -> bool:
        """Whether a check proved it and none spoke against it."""
        return self.passed > 0 and self.failed == 0


def coverage(results: Sequence[ScenarioResult]) -> tuple[Covered, ...]:
    """Return every requirement that a check of the run is about, in the order of their ids."""
    by_id: dict[str, list[CheckResult]] = {}
    for result in results:
        for check in result.checks:
            by_id.setdefault(check.rule.requirement, []).append(check)
    return tuple(_covered(one, by_id[one]) for one in sorted(by_id))


def known() -> int:
    """Return how many requirements the client module's specifications have (without revisions)."""
    return len({row.name for row in requirements.requirements()})


def _covered(requirement: str, checks: list[CheckResult]) -> Covered:
    def count(status: Status) -> int:
        return sum(check.verdict.status is status for check in checks)

    rows = requirements.find(requirement)
    return Covered(
        requirement,
        rows[-1].document if rows else "",
        (causes.of_requirement(rows[-1].id, rows[-1].release) or "") if rows else "",
        tuple(dict.fromkeys(check.rule.title for check in checks)),
        count(Status.PASSED),
        count(Status.FAILED),
        count(Status.EXPECTED_FAILURE),
        count(Status.NOT_APPLICABLE),
    )
