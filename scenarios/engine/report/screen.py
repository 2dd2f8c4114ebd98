"""Progress on the screen, in German, for testers and trainers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from ..checks.rule import Status
from ..endpoints.contract import Endpoints
from ..endpoints.table import endpoint_table
from .results import NOTICE, CheckResult, ScenarioResult, StepResult, Way

MARKS = {
    Status.PASSED: "ok",
    Status.FAILED: "FEHLER",
    Status.NOT_APPLICABLE: "–",
    Status.EXPECTED_FAILURE: "bekannt",
}
HIDDEN = "\N{REPLACEMENT CHARACTER}"


class Screen:
    """Writes lines to *out* as things happen; *total* is how many scenarios there will be."""

    def __init__(self, out: TextIO, total: int = 1) -> None:
        self._out = out
        self._total = total
        self._begun = 0

    def world_started(
        self, title: str, endpoints: Endpoints, seconds: float, notes: Sequence[str] = ()
    ) -> None:
        """Show the endpoints of the world that was started, and what is to be known of it."""
        self._say(endpoint_table(title, endpoints))
        for note in notes:
            self._say(f"Hinweis: {note}")
        self._say(f"\nbereit nach {seconds:.1f} s")

    def scenario_started(self, result: ScenarioResult) -> None:
        """Say which scenario begins."""
        self._begun += 1
        place = f"{self._begun}/{self._total} " if self._total > 1 else ""
        self._say(f"\n=== {place}{result.title}  [{result.name}, Seed {result.seed}]")
        for used in result.konnektors:
            self._say(f"    Konnektor {used.site}: {used}")
        self._say("")

    def step_done(self, step: StepResult) -> None:
        """Say what a step did."""
        mark = " " if step.ok else "!"
        self._say(f"{mark} {step.number:2}. {step.keyword:11} {step.text}  ({step.seconds:.2f} s)")

    def check_done(self, check: CheckResult) -> None:
        """Say what a check came to."""
        self._say(f"  {MARKS[check.verdict.status]:7} {_told(check)}")

    def scenario_ended(self, result: ScenarioResult) -> None:
        """Show the way of each message and the outcome, and once more what it failed by."""
        for way in result.ways:
            self._way(way)
        for one in result.deviations:
            times = f"{one.count}-mal" if one.count > 1 else "einmal"
            self._say(f"  Abweichung ({times}): {one.process} {one.step}: {one.text}")
        held = sum(check.ok for check in result.checks)
        outcome = "BESTANDEN" if result.ok else "NICHT BESTANDEN"
        self._say(
            f"\n{outcome}: {result.title} ({held} von {len(result.checks)} Prüfungen, "
            f"{result.seconds:.1f} s)"
        )
        for line in _failures(result):
            self._say(f"  {line}")

    def ended(self, results: list[ScenarioResult]) -> None:
        """Sum up."""
        good = sum(result.ok for result in results)
        self._say(f"\n{good} von {len(results)} Szenarien bestanden.\n{NOTICE}")

    def _way(self, way: Way) -> None:
        self._say(f"\n  Weg der Nachricht {way.name} {way.message_id}")
        for hop in way.hops:
            peer = f" ↔ {hop.peer}" if hop.peer else ""
            took = f" ({hop.took:.0f} ms)" if hop.took is not None else ""
            facts = f"  {hop.facts}" if hop.data else ""
            self._say(f"  {hop.after:8.1f} ms  {hop.process:28} {hop.step}{peer}{took}{facts}")

    def _say(self, text: str) -> None:
        # Evidence quotes foreign mails: nothing in them may steer the terminal.
        plain = "".join(
            c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text
        )
        self._out.write(f"{plain}\n")
        self._out.flush()


def _told(check: CheckResult) -> str:
    rule = check.rule
    return f"{rule.requirement:17} {rule.title} ({check.of}): {check.verdict.evidence}"


def _failures(result: ScenarioResult) -> list[str]:
    """Return the step that failed, else the checks: after a failed step they miss its result."""
    steps = [f"Schritt {s.number} {s.keyword}: {s.text}" for s in result.steps if not s.ok]
    return steps or [_told(check) for check in result.checks if not check.ok]
