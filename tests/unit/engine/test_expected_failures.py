"""The file of known failures names checks that exist, and why they fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.engine.run.expected_failures import read_expected_failures
from scenarios.engine.run.scenario_file import load_scenario, scenario_path
from simulators.process.errors import InputError

NAME = "kim/mail-mit-dsn"


def read(tmp_path: Path, entry: str) -> object:
    file = tmp_path / "bekannt.yaml"
    file.write_text(f"expected_failures:\n  - {entry}\n", encoding="utf-8")
    return read_expected_failures(file, [(NAME, load_scenario(scenario_path(NAME)))])


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{scenario: kim/fehlt, rule: accepted, reason: x}", "kein Szenario heißt kim/fehlt"),
        (f"{{scenario: {NAME}, rule: gibt-es-nicht, reason: x}}", "keine Prüfung heißt"),
        (f"{{scenario: {NAME}, rule: qes-valid, reason: x}}", "prüft qes-valid nicht"),
        (f"{{scenario: {NAME}, rule: accepted, of: nichts, reason: x}}", "an nichts nicht"),
        (f"{{scenario: {NAME}, rule: accepted}}", "reason"),
        (f"{{scenario: {NAME}, rule: accepted, reson: x}}", "gemeint ist vielleicht reason"),
    ],
)
def test_an_entry_that_nothing_answers_to_is_told_with_its_line(
    tmp_path: Path, entry: str, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, entry)
    assert ":2: " in str(caught.value)
    assert told in str(caught.value)


def test_entries_for_scenarios_that_do_not_run_now_are_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "{scenario: eau/lieferung, rule: qes-valid, reason: x}")
