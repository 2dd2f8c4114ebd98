"""Every code of ``eAU;Fehler-Kasse`` comes from its cause: without it the scenario fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.engine.checks.catalogue import rules_of
from scenarios.engine.checks.rule import Status
from scenarios.engine.documents.error_codes import ALL
from scenarios.engine.endpoints.contract import Endpoints
from scenarios.engine.play import Play
from scenarios.engine.run.scenario_file import SCENARIOS, load_scenario
from scenarios.engine.scenario.failure import StepFailed
from scenarios.engine.steps import perform
from scenarios.engine.steps.messages import remove_what_was_sent

Judge = Callable[[str], list[tuple[str, Status]]]

EAU_ALONE, STORNO_ALONE = "stornierung", "lieferung"
"""The lines with this word are left out, so that one of two messages is played alone."""

SEND = "  - send: {actor: arzt, mail: eau-lieferung, to: [kasse], document: "
SECOND = f"{SEND}erste-signatur, name: zweite"
ANOTHER = f"  - sign: {{actor: arzt, document: schlecht, name: andere}}\n{SEND}andere, name: zweite"

CAUSES = [
    ("fehler-100", "", "insured: [schaumberg]", "insured: [althaus]"),
    ("fehler-101-102", EAU_ALONE, ", without: [Coverage]", ""),
    ("fehler-101-102", STORNO_ALONE, ", without: [List]", ""),
    ("virus", EAU_ALONE, ", eicar: true", ""),
    ("virus", STORNO_ALONE, ", eicar: true", ""),
    ("fehler-103-104", EAU_ALONE, ", encoding: utf-8-bom", ""),
    ("fehler-103-104", STORNO_ALONE, ", encoding: iso-8859-1", ""),
    ("fehler-105", "", ", without: [Coverage]", ""),
    ("fehler-201-203", EAU_ALONE, ", flaw: foreign-certificate", ""),
    ("fehler-201-203", STORNO_ALONE, ", flaw: foreign-certificate", ""),
    ("fehler-202-204", EAU_ALONE, ", flaw: altered", ""),
    ("fehler-202-204", STORNO_ALONE, ", flaw: altered", ""),
    ("fehler-301-307", EAU_ALONE, ", module_flaw: wrong-encryption", ""),
    ("fehler-301-307", STORNO_ALONE, ", module_flaw: wrong-encryption", ""),
    ("fehler-303-309", EAU_ALONE, ", module_flaw: unsigned", ""),
    ("fehler-303-309", STORNO_ALONE, ", module_flaw: unsigned", ""),
    ("fehler-304-310", EAU_ALONE, "broken-signature", "altered"),
    ("fehler-304-310", STORNO_ALONE, "broken-signature", "altered"),
    ("fehler-305-311", EAU_ALONE, "altered", "unsigned"),
    ("fehler-305-311", STORNO_ALONE, "altered", "unsigned"),
    ("fehler-313-314", EAU_ALONE, ", module_flaw: foreign-key", ""),
    ("fehler-313-314", STORNO_ALONE, ", module_flaw: foreign-key", ""),
    ("dubletten", "(dritte|vierte)", SECOND, ANOTHER),
    ("uuid-zweimal", "", ", uuid_of: erste", ""),
    ("uuid-zweimal", "", "participant: kasse", "participant: kasse, insurer: {uuid_reuse: note}"),
    ("reply-to", "zweite", "reply_to: facharzt", "reply_to: arzt"),
    ("abruf", "", "poll_minutes: 10", "poll_minutes: 30"),
    ("abruf", "", "{poll_minutes: 10}", "{}"),
    ("uebergang", "(dritte|vierte|fuenfte)", "2026-02-02", "2026-04-01"),
    ("uebergang", "(zweite|alte|vierte|fuenfte)", ", service: eAU;Lieferung;V1.1", ""),
    ("uebergang", "(zweite|alte|dritte|fuenfte)", ", profile_version: 1.1.0", ""),
]  # fmt: skip


@pytest.fixture
def judge(world: Endpoints, tmp_path: Path) -> Judge:
    """Return a function that plays a scenario's text and judges it, without writing a report."""

    def call(text: str) -> list[tuple[str, Status]]:
        path = tmp_path / "anders.yaml"
        path.write_text(text, encoding="utf-8")
        scenario = load_scenario(path)
        play = Play(scenario, "anders", world, world.seed)
        try:
            for step in scenario.steps:
                perform(play, step)
        except StepFailed:
            pass  # the checks tell what is missing
        try:
            return [
                (f"{use.rule} {use.of}", rule.apply(play, use).status)
                for use in scenario.checks
                for rule in rules_of(use.rule)
            ]
        finally:
            remove_what_was_sent(play)
            play.finish()

    return call


@pytest.mark.parametrize(
    ("name", "left_out", "old", "new"), CAUSES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CAUSES)]
)
def test_without_its_cause_a_code_does_not_come(
    judge: Judge, name: str, left_out: str, old: str, new: str
) -> None:
    text = shipped(name, left_out)
    assert old in text
    changed = text.replace(old, new)
    changed = re.sub(r"(answer_to: [a-z]+),", r"\1, within: 0.1,", changed)
    found = judge(changed)
    assert Status.FAILED in [status for _, status in found], found


def test_every_code_has_a_scenario() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (SCENARIOS / "eau").glob("*.yaml"))
    expected = set(re.findall(r'rule: error-outcome, of: [a-z-]+, expect: "([0-9]{3})"', text))
    assert expected == {code.code for code in ALL}


def shipped(name: str, left_out: str) -> str:
    """Return the shipped scenario without the lines of steps and checks that hold *left_out*."""
    text = (SCENARIOS / "eau" / f"{name}.yaml").read_text(encoding="utf-8")
    head, mark, steps = text.partition("\nsteps:\n")
    kept = [line for line in steps.splitlines() if not left_out or not re.search(left_out, line)]
    return "\n".join((head + mark.rstrip("\n"), *kept, ""))
