"""The file of checks that are known to fail: a pipeline stays green, and says so when one holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..checks.catalogue import RULES, rules_of
from ..scenario.model import CheckUse, Scenario
from ..yaml_files import yaml_source
from .scenario_file import shipped_scenarios, short_name

_Text = Annotated[str, Field(min_length=1, max_length=200)]


class ExpectedFailure(BaseModel):
    """A check that fails for a known reason: ``rule`` of ``scenario``, on ``of`` if given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scenario: _Text
    rule: _Text
    reason: _Text
    of: _Text | None = None

    def concerns(self, scenario: str, rule: str, use: CheckUse) -> bool:
        """Tell whether the check of *rule* that *use* asks for is meant."""
        return (self.scenario, self.rule) == (scenario, rule) and self.of in (None, use.of)


class ExpectedFailures(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expected_failures: tuple[ExpectedFailure, ...] = ()

    def reason(self, scenario: str, rule: str, use: CheckUse) -> str | None:
        """Return why the check of *rule* is known to fail, None if it is to hold."""
        found = (e.reason for e in self.expected_failures if e.concerns(scenario, rule, use))
        return next(found, None)


def read_expected_failures(
    path: Path, scenarios: Sequence[tuple[str, Scenario]]
) -> ExpectedFailures:
    """Read the file for a run of *scenarios* (short name, scenario).

    Entries for shipped scenarios that do not run now are passed over. Raises InputError
    ``FILE:LINE: …`` for an entry that nothing answers to: no such scenario, no such rule, or a
    rule that the scenario does not judge by.
    """
    source = yaml_source.read(path)
    found = source.validate(ExpectedFailures)
    known = {short_name(file) for file in shipped_scenarios()} | {name for name, _ in scenarios}
    for number, entry in enumerate(found.expected_failures):
        place = ("expected_failures", number)
        if entry.scenario not in known:
            raise source.error((*place, "scenario"), f"kein Szenario heißt {entry.scenario}")
        if entry.rule not in RULES:
            raise source.error((*place, "rule"), f"keine Prüfung heißt {entry.rule}")
        running = [scenario for name, scenario in scenarios if name == entry.scenario]
        if running and not any(_judges(scenario, entry) for scenario in running):
            on = f" an {entry.of}" if entry.of else ""
            raise source.error((*place, "rule"), f"{entry.scenario} prüft {entry.rule}{on} nicht")
    return found


def _judges(scenario: Scenario, entry: ExpectedFailure) -> bool:
    return any(
        entry.concerns(entry.scenario, rule.name, use)
        for use in scenario.checks
        for rule in rules_of(use.rule)
    )
