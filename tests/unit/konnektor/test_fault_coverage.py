"""Every code of the specification's tables is reached by a test, or no service can answer it."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from simulators.konnektor.faults import catalogue
from tests.fault_coverage import FOLDER, Row, rows

ROOT = Path(__file__).resolve().parents[3]


def test_every_code_of_the_tables_stands_once() -> None:
    wanted = {code for code, entry in catalogue().items() if "TAB_KON" in entry.source}
    assert len(wanted) == 201
    assert Counter(row.code for row in rows()) == Counter(wanted)


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row.code))
def test_a_code_has_a_test_or_a_reason(row: Row) -> None:
    assert bool(row.test) != (len(row.reason) > 20), row


def test_the_named_tests_exist() -> None:
    """Their codes are held against the table when they run (tests/wire/konnektor/conftest.py)."""
    missing = []
    for row in rows():
        file, _, name = row.test.partition("::")
        if name and name.partition("[")[0] not in _functions(ROOT / FOLDER / file):
            missing.append(row.test)
    assert missing == []


def test_a_named_case_of_a_test_was_collected(request: pytest.FixtureRequest) -> None:
    """A case renamed is seen wherever the whole of its file was collected."""
    chosen = request.config.option
    if chosen.keyword or chosen.markexpr or any("::" in one for one in request.config.args):
        pytest.skip("only a part of the tests was chosen")
    collected = {item.nodeid for item in request.session.items}
    files = {nodeid.partition("::")[0] for nodeid in collected}
    named = {FOLDER + row.test for row in rows() if row.test}
    assert {one for one in named if one.partition("::")[0] in files} <= collected


def _functions(file: Path) -> set[str]:
    if not file.is_file():
        return set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
