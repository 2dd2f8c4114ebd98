"""The KBV's 24 examples break no rule, and the shipped tables are what the packages say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from scenarios.engine.profiles.packages import read_packages
from scenarios.engine.profiles.rows import read_codes, read_table, written
from scenarios.engine.profiles.shapes import Shapes
from scenarios.engine.profiles.validator import Validator

Spec = Callable[[str], Path]
TODAY = date(2026, 11, 24)


@pytest.mark.requirement("P310-01", "P310-14", "P310-10", "KP310-13")
def test_no_example_breaks_a_rule(
    examples: Mapping[str, etree._Element], by_tables: Validator, by_packages: Validator
) -> None:
    for name, root in examples.items():
        for validator in (by_tables, by_packages):
            assert [one.text() for one in validator.judge(root, TODAY)] == [], name


def test_the_shipped_table_says_what_the_packages_say(spec: Spec) -> None:
    packages = read_packages(spec("eau/packages"))
    assert read_table("kbv_profiles.csv") == packages.rows
    assert read_codes("kbv_codes.csv") == packages.codes
    assert written(packages.rows).count("\n") == len(packages.rows) + 1


def test_the_table_of_base_types_is_that_of_another_implementation() -> None:
    """Names, order and bounds of every element, compared with fhir.resources (R4B)."""
    from fhir.resources.R4B import get_fhir_model_class

    shapes = Shapes({})
    for type_ in (
        *("Bundle", "Composition", "Condition", "Coverage", "List", "OperationOutcome"),
        *("Organization", "Patient", "Practitioner", "PractitionerRole", "ServiceRequest"),
        *("Identifier", "CodeableConcept", "Coding", "HumanName", "Address", "ContactPoint"),
        *("Period", "Reference", "Meta"),
    ):
        model = get_fhir_model_class(type_)
        ours = [tag for slot in shapes.of(type_, ()).slots for tag in slot.tags]
        theirs = [name for name in model.elements_sequence() if name != "id" or "id" in ours]
        assert [name for name in ours if name in theirs] == theirs, type_
        lists = {field.alias or name: field for name, field in model.model_fields.items()}
        for slot in shapes.of(type_, ()).slots:
            for tag in slot.tags:
                annotation = str(lists[tag].annotation) if tag in lists else ""
                assert not annotation or slot.repeats == ("List[" in annotation), (type_, tag)
