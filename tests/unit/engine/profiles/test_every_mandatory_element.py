"""Each mandatory element removed, each fixed value, code and length altered: the rule is named.

The places are found by XPath from the tables of rules, without the engine that judges them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import date
from importlib.resources import files

import pytest
from lxml import etree

from scenarios.engine.profiles.document import path_of
from scenarios.engine.profiles.finding import Finding
from scenarios.engine.profiles.rows import Row
from scenarios.engine.profiles.validator import Validator
from tests.profile_places import by_place, parents, places, shipped_rows

TODAY = date(2026, 11, 24)
FHIR = "{http://hl7.org/fhir}"
ROWS = shipped_rows()
PLACES = by_place(ROWS)
Examples = Mapping[str, etree._Element]
Found = list[etree._Element]


def copies(
    examples: Examples, rows: list[Row], find: Callable[[etree._Element, Row], Found]
) -> Iterator[tuple[Row, etree._Element, Found]]:
    """Yield each row with a copy of the first example that has its place, and the places there."""
    for row in rows:
        root = next((one for one in examples.values() if find(one, row)), None)
        if root is not None:
            copy = deepcopy(root)
            yield row, copy, find(copy, row)


def standing(root: etree._Element, row: Row) -> Found:
    return places(root, row, PLACES)


def within(root: etree._Element, row: Row) -> Found:
    """Return where children of *row*'s element stand; primitives are none."""
    found = parents(root, Row(row.profile, f"{row.path}.x" if row.path else "x"), PLACES)
    return [one for one in found if one.get("value") is None]


def label(row: Row) -> str:
    return f"{row.profile}:{row.path}"


def names(findings: list[Finding], rule: str) -> bool:
    """Say whether *rule*, or a slice of the same element, is named."""
    return any(f"{one.rule}:".startswith(f"{rule}:") for one in findings)


@pytest.mark.requirement("P310-01", "P310-14", "P310-10", "P310-08", "P310-04", "P310-05")
def test_an_element_that_is_missing_is_named(examples: Examples, by_tables: Validator) -> None:
    rows = [row for row in ROWS if row.minimum and row.path]
    tried = 0
    for row, root, found in copies(examples, rows, standing):
        parent = found[0].getparent()
        assert parent is not None
        for one in [one for one in found if one.getparent() is parent]:
            parent.remove(one)
        findings = by_tables.profile_findings(root)
        if row.path.endswith(".resource"):  # of an empty entry nobody knows which it was to be
            assert any(one.path.endswith(".resource") for one in findings), label(row)
        else:
            assert names(findings, label(row)), (label(row), [one.text() for one in findings])
        tried += 1
    assert tried >= 400


def test_an_element_that_the_base_demands_is_named(
    examples: Examples, by_tables: Validator
) -> None:
    tried = 0
    with (files("scenarios.engine.profiles") / "fhir_r4.csv").open(encoding="utf-8") as file:
        demanded = [line["path"] for line in csv.DictReader(file) if line["card"].startswith("1")]
    for path in demanded:
        steps = "/".join(f"f:{step}" for step in path.split("."))
        for root in examples.values():
            copy = deepcopy(root)
            found = copy.xpath(f"//{steps}", namespaces={"f": FHIR[1:-1]})
            if not isinstance(found, list) or not found:
                continue
            assert isinstance(found[0], etree._Element)
            place, parent = path_of(found[0]), found[0].getparent()
            assert parent is not None
            for one in parent.findall(str(found[0].tag)):
                parent.remove(one)
            last = place.rpartition(".")[2].partition("[")[0]
            assert any(one.path.endswith(last) for one in by_tables.profile_findings(copy)), path
            tried += 1
            break
    assert tried >= 15


def test_a_fixed_value_that_is_altered_is_named(examples: Examples, by_tables: Validator) -> None:
    """Where a slice is told by the value, the place is named instead of the slice's rule."""
    rows = [row for row in ROWS if row.fixed is not None and not row.path.endswith("url")]
    tried = 0
    for row, root, found in copies(examples, rows, standing):
        place = path_of(found[0])
        found[0].set("value", "false" if row.fixed == "true" else f"{row.fixed}x")
        findings = by_tables.judge(root, TODAY)
        tail = place.rpartition(".")[2].partition("[")[0]
        told = any(tail in one.path and one.line == found[0].sourceline for one in findings)
        assert names(findings, label(row)) or told, (label(row), [one.text() for one in findings])
        tried += 1
    assert tried >= 100


def test_a_code_outside_its_value_set_is_named(examples: Examples, by_tables: Validator) -> None:
    rows = [row for row in ROWS if row.codes is not None]
    tried = 0
    for row, root, found in copies(examples, rows, standing):
        code = next(one for one in found[0].iter(f"{FHIR}code") if one.get("value"))
        code.set("value", "XYZ")
        assert names(by_tables.profile_findings(root), label(row)), label(row)
        tried += 1
    assert tried >= 14


def test_a_text_that_is_too_long_is_named(examples: Examples, by_tables: Validator) -> None:
    rows = [row for row in ROWS if row.length is not None]
    tried = 0
    for row, root, found in copies(examples, rows, standing):
        found[0].set("value", "x" * (row.length or 0))
        assert not names(by_tables.profile_findings(root), label(row)), label(row)
        found[0].set("value", "x" * ((row.length or 0) + 1))
        assert names(by_tables.profile_findings(root), label(row)), label(row)
        tried += 1
    assert tried >= 20


def test_an_element_that_is_forbidden_is_named(examples: Examples, by_tables: Validator) -> None:
    rows = [row for row in ROWS if row.without]
    tried = 0
    for row, root, found in copies(examples, rows, within):
        child = row.without[-1]
        if child.endswith("[x]"):
            continue
        etree.SubElement(found[0], f"{FHIR}{child}", {"value": "x"})
        wanted = f"{label(row).rstrip(':.')}"
        rules = [one.rule for one in by_tables.profile_findings(root)]
        assert any(rule in (f"{wanted}.{child}", f"{wanted}:{child}") for rule in rules), (
            row,
            rules,
        )
        tried += 1
    assert tried >= 100
