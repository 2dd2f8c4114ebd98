"""Invariants within one resource: numbers and their form, dates, insurance, addresses.

Each judge returns the element that breaks the invariant, or that should hold what is missing;
None if it holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from .document import Document, at, extensions, first, value, values
from .packages import KBV

Element = etree._Element
Judge = Callable[[Element, Document], Element | None]

QUALIFICATION = "https://fhir.kbv.de/CodeSystem/KBV_CS_FOR_Qualification_Type"
GKV_EXTENSION = "http://fhir.de/StructureDefinition/gkv/"
HL7 = "http://hl7.org/fhir/StructureDefinition/"
STREET, HOUSE = f"{HL7}iso21090-ADXP-streetName", f"{HL7}iso21090-ADXP-houseNumber"
ADDITION, POST_BOX = f"{HL7}iso21090-ADXP-additionalLocator", f"{HL7}iso21090-ADXP-postBox"
WHOLE_DAY = len("2026-01-01")
COVERED = frozenset({"GKV", "BG", "SKT", "UK", "PKV"})
NO_NUMBER = "N/A"


def kind_of_payer(coverage: Element) -> str:
    """Return GKV, PKV, BG, …; empty if *coverage* does not say."""
    return next(iter(values(coverage, "type.coding.code")), "")


def qualifications(persons: list[Element]) -> set[str]:
    """Return the types of qualification of *persons*: 00 doctor, 01 dentist, 02 midwife, …"""
    codings = (coding for one in persons for coding in at(one, "qualification.code.coding"))
    types = (coding for coding in codings if values(coding, "system") == [QUALIFICATION])
    return {code for coding in types for code in values(coding, "code")}


def qualified(persons: list[Element], allowed: frozenset[str]) -> bool:
    """Say whether *persons* are qualified, and only as one of *allowed*."""
    found = qualifications(persons)
    return bool(found) and found <= allowed


def whole_days(path: str, extension: str | None = None) -> Judge:
    """Return who judges that the dates at *path*, in *extension* if given, are whole days."""

    def judge(element: Element, _: Document) -> Element | None:
        holders = [element] if extension is None else extensions(element, extension)
        dates = (found for one in holders for found in at(one, path))
        return first(one for one in dates if len(value(one) or "") != WHOLE_DAY)

    return judge


def causes_once(element: Element, _: Document) -> Element | None:
    """Judge that no cause is named twice."""
    seen: set[tuple[str, ...]] = set()
    for cause in extensions(element, f"{HL7}condition-dueTo"):
        codes = tuple(values(cause, "valueCodeableConcept.coding.code"))
        if codes in seen:
            return cause
        seen.add(codes)
    return None


def date_only_with(extension: str, *codes: str) -> Judge:
    """Return who judges that *extension* is there for the steps *codes* only."""

    def judge(element: Element, _: Document) -> Element | None:
        found, given = (
            first(extensions(element, f"{KBV}{extension}")),
            values(element, "code.coding.code"),
        )
        return None if not given or set(given) & set(codes) else found

    return judge


def no_text(element: Element, _: Document) -> Element | None:
    """Judge that only other steps are described in words."""
    codes = {"d_arzt", "reha", "wiedereingliederung", "stationaere_heilbehandlung"}
    return first(at(element, "text")) if set(values(element, "coding.code")) & codes else None


def covered(extension: str) -> Judge:
    """Return who judges that insurance says *extension*."""

    def judge(element: Element, _: Document) -> Element | None:
        missing = not extensions(element, f"{GKV_EXTENSION}{extension}")
        return element if missing and kind_of_payer(element) in COVERED else None

    return judge


def payer_identified(element: Element, _: Document) -> Element | None:
    """Judge that the insurer's IK is given."""
    if at(element, "payor.identifier") or kind_of_payer(element) not in COVERED:
        return None
    return first(at(element, "payor"))


def other_payer(element: Element, _: Document) -> Element | None:
    """Judge that a second IK is given for BG and UK only."""
    if kind_of_payer(element) not in {"GKV", "SKT", "SEL", "PKV"}:
        return None
    holders = at(element, "payor.identifier")
    url = f"{KBV}KBV_EX_FOR_Alternative_IK"
    return first(found for one in holders for found in extensions(one, url))


def identified_as(code: str, *kinds: str) -> Judge:
    """Return who judges that persons qualified as *kinds*, if identified, are so by *code*."""

    def judge(element: Element, _: Document) -> Element | None:
        identifiers = at(element, "identifier")
        if not identifiers or not qualified([element], frozenset(kinds)):
            return None
        given = (one for each in identifiers for one in values(each, "type.coding.code"))
        return None if code in given else identifiers[0]

    return judge


def one_of(*codes: str) -> Judge:
    """Return who judges that exactly one identifier is of the kinds *codes*, if there are any."""

    def judge(element: Element, _: Document) -> Element | None:
        identifiers = at(element, "identifier")
        known = [one for one in identifiers if set(values(one, "type.coding.code")) & set(codes)]
        return None if not identifiers or len(known) == 1 else identifiers[-1]

    return judge


def midwife_unidentified(element: Element, _: Document) -> Element | None:
    """Judge that a midwife has no number."""
    return first(at(element, "identifier")) if qualified([element], frozenset({"02"})) else None


def like(pattern: str) -> Judge:
    """Return who judges that a value matches *pattern*."""
    compiled = re.compile(pattern, re.ASCII)

    def judge(element: Element, _: Document) -> Element | None:
        given = value(element)
        return element if given is not None and compiled.search(given) is None else None

    return judge


def line_reads(element: Element, _: Document) -> Element | None:
    """Judge that street and number together, with blanks between, are the first line."""
    for line in _lines(element)[:1]:
        street, house = _part(line, STREET), _part(line, HOUSE)
        if street is None or house is None or house == NO_NUMBER:
            return None
        pattern = rf"{re.escape(street)} +{re.escape(house)}"
        return None if re.fullmatch(pattern, value(line) or "") else line
    return None


def line_is(url: str, *, line: int = 0, beside: str | None = None) -> Judge:
    """Return who judges that the part *url*, if it is there without *beside*, is the whole line."""

    def judge(element: Element, _: Document) -> Element | None:
        for found in _lines(element)[line : line + 1]:
            part = _part(found, url)
            alone = beside is None or _part(found, beside) is None
            return found if part is not None and alone and part != value(found) else None
        return None

    return judge


def additions_read(element: Element, document: Document) -> Element | None:
    """Judge that an addition is the whole of its line, in both lines."""
    judges = (line_is(ADDITION), line_is(ADDITION, line=1))
    return first(one for judge in judges if (one := judge(element, document)) is not None)


def street_without_number(element: Element, _: Document) -> Element | None:
    """Judge that the first line is the street where the number is given as not available."""
    for line in _lines(element)[:1]:
        street = _part(line, STREET)
        if street is not None and _part(line, HOUSE) == NO_NUMBER:
            return None if street == value(line) else line
    return None


def has_parts(*urls: str) -> Judge:
    """Return who judges that the first line has all parts *urls*."""

    def judge(element: Element, _: Document) -> Element | None:
        for line in _lines(element)[:1]:
            return None if all(_part(line, url) is not None for url in urls) else line
        return first(at(element, "address")) if at(element, "address") else None

    return judge


def number_with_street(element: Element, _: Document) -> Element | None:
    """Judge that the first line has no house number without a street."""
    for line in _lines(element)[:1]:
        return line if _part(line, HOUSE) is not None and _part(line, STREET) is None else None
    return None


def first_without_addition(element: Element, _: Document) -> Element | None:
    """Judge that the first line is no addition."""
    return first(one for one in _lines(element)[:1] if _part(one, ADDITION) is not None)


def street_without_addition(element: Element, _: Document) -> Element | None:
    """Judge that street or number do not share the first line with an addition."""
    for line in _lines(element)[:1]:
        street = _part(line, STREET) is not None or _part(line, HOUSE) is not None
        return line if street and _part(line, ADDITION) is not None else None
    return None


def second_is_addition(element: Element, _: Document) -> Element | None:
    """Judge that the second line is an addition and nothing else."""
    for line in _lines(element)[1:2]:
        other = _part(line, STREET) is not None or _part(line, HOUSE) is not None
        return line if other or _part(line, ADDITION) is None else None
    return None


def second_after_street(*, whole: bool) -> Judge:
    """Return who judges that a second line follows street and number (or one, if not *whole*)."""

    def judge(element: Element, _: Document) -> Element | None:
        lines = _lines(element)
        if len(lines) < 2:
            return None
        has = [_part(lines[0], url) is not None for url in (STREET, HOUSE)]
        fine = (all(has) if whole else any(has)) and _part(lines[0], ADDITION) is None
        return None if fine else lines[0]

    return judge


def _lines(element: Element) -> list[Element]:
    return at(element, "address.line")


def _part(line: Element, url: str) -> str | None:
    return next(
        (one for part in extensions(line, url) for one in values(part, "valueString")), None
    )
