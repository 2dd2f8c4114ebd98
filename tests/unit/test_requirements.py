"""Every requirement of the client module: known, implemented, proved."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.engine.explain import explanation
from simulators.formats.requirements import find, in_force, requirements
from tests.requirements.proofs import ROOT, proofs
from tests.requirements.sources import named
from tests.requirements.table import COMMAND, TABLE, not_applicable, rows, text

COUNT = 197


def test_these_are_all(spec: Callable[[str], Path]) -> None:
    with spec("requirements.csv").open(encoding="utf-8") as file:
        official = [(row["id"], row["document"]) for row in csv.DictReader(file)]
    assert list(dict.fromkeys((row.id, row.document) for row in rows())) == official


def test_tests_of_the_client_module_name_known_requirements_only() -> None:
    known = {row.id for row in requirements()}
    assert len(known) == COUNT
    assert not set(not_applicable()) - known
    unknown = {test: i for i, tests in proofs().items() if i not in known for test in tests}
    ours = ("tests/unit/clientmodule/", "tests/unit/formats/", "tests/wire/clientmodule/")
    assert not {test: i for test, i in unknown.items() if test.startswith(ours)}


def test_each_is_implemented_and_proved_or_does_not_apply() -> None:
    assert {row.id: row.open for row in rows() if row.open} == {}


def test_the_table_is_what_code_and_tests_say() -> None:
    assert TABLE.read_text(encoding="utf-8") == text(), f"{COMMAND} writes it anew"


def test_each_is_explained() -> None:
    for row in rows():
        told = explanation(row.id.lower())
        assert any(line.startswith(f"Anforderung {row.id} (gemS") for line in told), told


def test_a_requirement_is_found_without_its_revision() -> None:
    (found,) = find("a_21391")
    assert (found.id, found.name, found.revision) == ("A_21391-02", "A_21391", 2)


def test_a_later_release_replaces_what_it_changes() -> None:
    before, after = in_force("1.5.2-8"), in_force("1.5.2-9")
    assert len(before) == len(after) == COUNT
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"KOM-LE-A_2020", "KOM-LE-A_2022"}
    assert not in_force("1.0")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("as KOM-LE-A_2024-01 asks", ["KOM-LE-A_2024-01"]),
        ("(KOM-LE-A_2079 to 2081, 2184)", [f"KOM-LE-A_{n}" for n in (2079, 2080, 2081, 2184)]),
        ("(KOM-LE-A_2024-01, 2192-01)", ["KOM-LE-A_2024-01", "KOM-LE-A_2192-01"]),
        ("KOM-LE-A_2074, A_22348", ["KOM-LE-A_2074", "A_22348"]),
        ("KOM-LE-A_2030 and 2031", ["KOM-LE-A_2030", "KOM-LE-A_2031"]),
        ("KOM-LE-A_20301, A_2031, RFC 2821, 2822", []),
    ],
)
def test_docstrings_are_read(text: str, ids: list[str]) -> None:
    assert list(named(text, [row.id for row in requirements()])) == ids


PROOFS = """
import pytest

def test_given(): pass

@pytest.mark.parametrize("n", [1, 2])
def test_left_out(n):
    if n == 2: pytest.skip(REASON)
"""


@pytest.mark.parametrize(
    ("workers", "proving", "reason", "told"),
    [
        (1, ["given", "left_out"], "no tool", "test_left_out was skipped: Skipped: no tool"),
        (0, ["given", "gone"], "no tool", "test_gone is in the table and was not run"),
        (0, ["given", "left_out"], "no specification files at /", None),
    ],
)
def test_a_proof_that_is_not_given_fails_the_run(
    tmp_path: Path, workers: int, proving: list[str], reason: str, told: str | None
) -> None:
    names = {f"tests/test_proofs.py::test_{name}" for name in proving}
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_proofs.py").write_text(f"REASON = {reason!r}\n{PROOFS}")
    (tests / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.requirements.outcomes import Outcomes\n"
        f"def pytest_configure(config): Outcomes.watch(config, frozenset({names!r}))\n"
    )
    distributed = ["-n", str(workers)] if workers else ["-p", "no:xdist"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:schemathesis", *distributed],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == (0 if told is None else 1), done.stdout + done.stderr
    assert (told is None) == ("requirements without proof" not in done.stdout), done.stdout
    assert told is None or told in done.stdout
