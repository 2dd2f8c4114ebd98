"""A rule that a run is judged by, and the verdict about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..play import Play
from ..pvs.control import ControlError
from ..scenario.failure import StepFailed
from ..scenario.model import CheckUse


class Status(Enum):
    """What a check came to; the value is what testers read."""

    PASSED = "bestanden"
    FAILED = "nicht bestanden"
    NOT_APPLICABLE = "nicht anwendbar"
    EXPECTED_FAILURE = "erwartet nicht bestanden"


@dataclass(frozen=True)
class Verdict:
    """A status and what it rests on: the evidence, one German line."""

    status: Status
    evidence: str


def passed(evidence: str) -> Verdict:
    """Return that the rule holds."""
    return Verdict(Status.PASSED, evidence)


def failed(evidence: str) -> Verdict:
    """Return that the rule is broken."""
    return Verdict(Status.FAILED, evidence)


def not_applicable(evidence: str) -> Verdict:
    """Return that the rule says nothing about this case."""
    return Verdict(Status.NOT_APPLICABLE, evidence)


def verdict(holds: bool, evidence: str) -> Verdict:
    """Return passed or failed with the same evidence."""
    return passed(evidence) if holds else failed(evidence)


class Broken(Exception):
    """The rule is broken; the message is the evidence."""


def demand(holds: bool, evidence: str) -> None:
    """Raise Broken with *evidence* unless the part of the rule holds."""
    if not holds:
        raise Broken(evidence)


@dataclass(frozen=True)
class Case:
    """What a rule is asked about: the run, the artifact, and how the scenario uses the rule."""

    play: Play
    subject: Any
    use: CheckUse

    def against(self, kind: type[Any]) -> Any:
        """Return the artifact to compare with. Raises StepFailed when it is missing."""
        if self.use.against is None:
            raise StepFailed("against fehlt")
        return self.play.artifact(self.use.against, kind)

    @property
    def expected(self) -> str:
        """The expected value. Raises StepFailed when the scenario gives none."""
        if self.use.expect is None:
            raise StepFailed("expect fehlt")
        return self.use.expect


@dataclass(frozen=True)
class Rule:
    """A rule: ``name`` as scenarios use it, the requirement it proves, what it judges.

    ``needs`` are the keys of a check beyond rule and of that it cannot do without.
    """

    name: str
    requirement: str
    title: str
    subject: type[Any]
    judge: Callable[[Case], Verdict]
    needs: tuple[str, ...] = ()

    @property
    def meaning(self) -> str:
        """What the rule demands, from the judging function's docstring."""
        return " ".join((self.judge.__doc__ or self.title).split())

    def apply(self, play: Play, use: CheckUse) -> Verdict:
        """Judge the run. A missing artifact is a failure with the reason why it is missing."""
        try:
            found = self.judge(Case(play, play.artifact(use.of, self.subject), use))
        except (Broken, StepFailed) as error:
            found = failed(str(error))
        except ControlError as error:
            found = failed(f"nicht prüfbar: {error}")
        if use.expected_failure is None:
            return found
        if found.status is Status.PASSED:
            return failed(f"unerwartet bestanden (erwartet: {use.expected_failure})")
        if found.status is Status.FAILED:
            evidence = f"{found.evidence} (bekannt: {use.expected_failure})"
            return Verdict(Status.EXPECTED_FAILURE, evidence)
        return found
