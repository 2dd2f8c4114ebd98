"""Each mandatory element removed, each fixed value, code and length altered: the rule is named.

The places are found by XPath from the tables of rules, without the engine that judges them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import date
from importlib.resources import files
from itertools import zip_longest

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


def rounds(
    examples: Examples, rows: list[Row], find: Callable[[etree._Element, Row], Found]
) -> Iterator[tuple[etree._Element, list[tuple[Row, Found]]]]:
    """Yield copies of examples with rows to break in each, and their places there.

    A row is tried in the first example that has its place; a copy has one row of each profile, as
    those do not touch each other. Rows of a Bundle, which holds the others, have their own copies.
    """
    first: dict[int, dict[str, list[Row]]] = {}
    roots = list(examples.values())
    for row in rows:
        number = next((n for n, root in enumerate(roots) if find(root, row)), None)
        if number is not None:
            first.setdefault(number, {}).setdefault(row.profile, []).append(row)
    for number, profiles in first.items():
        alone = [[row] for name in list(profiles) if "Bundle" in name for row in profiles.pop(name)]
        for batch in (*alone, *zip_longest(*profiles.values())):
            copy = deepcopy(roots[number])
            yield copy, [(row, find(copy, row)) for row in batch if row is not None]


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
    for root, batch in rounds(examples, rows, standing):
        for _, found in batch:
            parent = found[0].getparent()
            assert parent is not None
            for one in [one for one in found if one.getparent() is parent]:
                parent.remove(one)
        findings = by_tables.profile_findings(root)
        for row, _ in batch:
            if row.path.endswith(".resource"):  # of an empty entry nobody knows what it was to be
                assert any(one.path.endswith(".resource") for one in findings), label(row)
            else:
                assert names(findings, label(row)), (label(row), [one.text() for one in findings])
        tried += len(batch)
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
    for root, batch in rounds(examples, rows, standing):
        for row, found in batch:
            found[0].set("value", "false" if row.fixed == "true" else f"{row.fixed}x")
        findings = by_tables.judge(root, TODAY)
        for row, found in batch:
            tail = path_of(found[0]).rpartition(".")[2].partition("[")[0]
            told = any(tail in one.path and one.line == found[0].sourceline for one in findings)
            assert names(findings, label(row)) or told, (label(row), [x.text() for x in findings])
        tried += len(batch)
    assert tried >= 100


def test_a_code_outside_its_value_set_is_named(examples: Examples, by_tables: Validator) -> None:
    rows = [row for row in ROWS if row.codes is not None]
    tried = 0
    for root, batch in rounds(examples, rows, standing):
        for _, found in batch:
            next(x for x in found[0].iter(f"{FHIR}code") if x.get("value")).set("value", "XYZ")
        findings = by_tables.profile_findings(root)
        assert [label(row) for row, _ in batch if not names(findings, label(row))] == []
        tried += len(batch)
    assert tried >= 14


def test_a_text_that_is_too_long_is_named(examples: Examples, by_tables: Validator) -> None:
    rows = [row for row in ROWS if row.length is not None]
    tried = 0
    for root, batch in rounds(examples, rows, standing):
        for more in (0, 1):
            for row, found in batch:
                found[0].set("value", "x" * ((row.length or 0) + more))
            findings = by_tables.profile_findings(root)
            assert [names(findings, label(row)) for row, _ in batch] == [bool(more)] * len(batch)
        tried += len(batch)
    assert tried >= 20


def test_an_element_that_is_forbidden_is_named(examples: Examples, by_tables: Validator) -> None:
    rows = [row for row in ROWS if row.without and not row.without[-1].endswith("[x]")]
    tried = 0
    for root, batch in rounds(examples, rows, within):
        for row, found in batch:
            etree.SubElement(found[0], f"{FHIR}{row.without[-1]}", {"value": "x"})
        rules = [one.rule for one in by_tables.profile_findings(root)]
        for row, _ in batch:
            wanted, child = label(row).rstrip(":."), row.without[-1]
            assert {f"{wanted}.{child}", f"{wanted}:{child}"} & set(rules), (row, rules)
        tried += len(batch)
    assert tried >= 100
