"""What TA-eAU demands beyond the profiles, and which version a mail of a day may carry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from lxml import etree

from scenarios.engine.profiles.validator import MAX_ELEMENTS, Validator

FHIR = "{http://hl7.org/fhir}"
TODAY = date(2026, 11, 24)
Example = Callable[[str], etree._Element]


def put(root: etree._Element, path: str, value: str) -> etree._Element:
    for one in root.iterfind(path, {"f": FHIR[1:-1]}):
        one.set("value", value)
    return root


def dated(root: etree._Element, found: str, until: str, since: str | None = None) -> etree._Element:
    condition = ".//f:Condition/f:extension/f:valueDateTime"
    put(put(root, condition, found), ".//f:onsetPeriod/f:end", until)
    return put(root, ".//f:onsetPeriod/f:start", since or found)


@pytest.mark.requirement("P310-04")
@pytest.mark.parametrize(
    ("dates", "rule"),
    [
        (("2026-11-23", "2026-12-24"), None),
        (("2026-11-23", "2026-12-25"), "P310-04 bis"),
        (("2026-11-24", "2026-11-30"), None),
        (("2026-11-25", "2026-11-30"), "P310-04 festgestellt"),
        (("2026-11-23", "2026-11-21", "2026-11-22"), "P310-04 Zeitraum"),
    ],
)
def test_the_dates_of_a_certificate(
    example: Example, by_tables: Validator, dates: tuple[str, ...], rule: str | None
) -> None:
    root = dated(example("_3-eAU"), *dates)
    findings = by_tables.judge(root, TODAY)
    assert [one.rule for one in findings] == ([] if rule is None else [rule])
    assert all(one.line > 0 and one.remedy for one in findings)


@pytest.mark.requirement("P310-14", "P310-10", "P310-05", "P310-07", "P310-11")
@pytest.mark.parametrize(
    ("name", "change", "rule"),
    [
        (
            "_3-eAU",
            ("f:identifier/f:value", "96d6a790-afc2-4556-ab73-301e51a7bf30"),
            "P310-14 UUID",
        ),
        ("Storno", ("f:identifier/f:value", "urn:uuid:1"), "P310-10 UUID"),
        ("Storno", (".//f:item/f:identifier/f:value", "urn:uuid:1"), "P310-11 UUID"),
        ("_3-eAU", (".//f:code/f:coding[f:version]/f:code", "J06.9!"), "P310-05 ICD"),
        ("_3-eAU", (".//f:code/f:coding/f:version", "26"), "P310-05 ICD-Version"),
        ("_11-eAU", (".//f:ServiceRequest/f:code/f:coding/f:code", "sonstige"), "P310-07 sonstige"),
        ("_3-eAU", (".//f:Coverage/f:id", "anders"), "P310-01 fullUrl"),
    ],
)
def test_what_no_profile_says(
    example: Example, by_tables: Validator, name: str, change: tuple[str, str], rule: str
) -> None:
    root = put(example(name), *change)
    assert rule in [one.rule for one in by_tables.judge(root, TODAY)]


@pytest.mark.requirement("P5-08")
@pytest.mark.parametrize(
    ("version", "day", "valid"),
    [
        ("1.2", date(2026, 11, 24), True),
        ("1.2", date(2025, 9, 30), False),
        ("1.1.0", date(2026, 3, 31), True),
        ("1.1.0", date(2026, 4, 1), False),
        ("1.0.2", date(2026, 4, 1), False),
        ("9.9", date(2026, 11, 24), False),
    ],
)
def test_the_version_of_the_day(
    example: Example, by_tables: Validator, version: str, day: date, valid: bool
) -> None:
    root = example("_3-eAU")
    for profile in root.iter(f"{FHIR}profile"):
        profile.set("value", profile.get("value", "").replace("|1.2", f"|{version}"))
    rules = [one.rule for one in by_tables.judge(root, day)]
    assert ("Version" not in rules) == valid


@pytest.mark.parametrize(
    "xml",
    [
        "<Patient xmlns='http://hl7.org/fhir'/>",
        "<a/>",
        "<Bundle xmlns='http://hl7.org/fhir'/>",
        "<OperationOutcome xmlns='http://hl7.org/fhir'/>",
        "<Bundle xmlns='http://hl7.org/fhir'><entry/><entry><resource/></entry></Bundle>",
        "<Bundle xmlns='http://hl7.org/fhir'><meta><profile value='http://x|1'/></meta></Bundle>",
        "<Bundle xmlns='http://hl7.org/fhir'><entry><resource><x xmlns='y'/></resource></entry>"
        "</Bundle>",
        "<Bundle xmlns='http://hl7.org/fhir'>" + "<entry/>" * (MAX_ELEMENTS + 1) + "</Bundle>",
        "<Bundle xmlns='http://hl7.org/fhir'>" + "<entry/>" * 3000 + "</Bundle>",
        "<Bundle xmlns='http://hl7.org/fhir'><entry><resource><Bundle/></resource></entry></Bundle>",
    ],
)
def test_what_is_no_eau_is_a_bounded_number_of_findings(by_tables: Validator, xml: str) -> None:
    findings = by_tables.judge(etree.fromstring(xml), TODAY)
    assert 0 < len(findings) <= 400
    assert all("\n" not in one.text() for one in findings)
