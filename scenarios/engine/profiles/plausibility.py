"""What TA-eAU demands beyond the profiles: dates, names of documents, versions by date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from .bundle_invariants import conditions
from .document import (
    Document,
    at,
    extensions,
    first,
    line_of,
    name_of,
    path_of,
    profile_of,
    value,
    values,
)
from .finding import Finding, shown
from .packages import short
from .resource_invariants import HL7, Element

YEAR = re.compile(r"20[0-9]{2}", re.ASCII)
LONGEST = timedelta(days=31)
URN = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
ICD = re.compile(r"[A-Z][0-9]{2}(\.[0-9-]{1,2})?", re.ASCII)


@dataclass(frozen=True)
class Version:
    """A version of the profiles: first and last day on which a mail may carry it."""

    name: str
    first: date
    last: date | None


# P5-08 for the end of 1.1; meta.profile names no patch, so 1.2 stands for 1.2.0 and 1.2.1
VERSIONS = (
    Version("1.0.2", date(2021, 1, 1), date(2023, 12, 31)),
    Version("1.1.0", date(2023, 7, 1), date(2026, 3, 31)),
    Version("1.1", date(2023, 7, 1), date(2026, 3, 31)),
    Version("1.2", date(2025, 10, 1), None),
)


def version_finding(root: Element, day: date) -> Finding | None:
    """P5-08: judge that a mail of *day* may carry the version that the document claims."""
    profile = first(at(root, "meta.profile"))
    claimed = (value(profile) or "").partition("|")[2]
    valid = [
        one.name for one in VERSIONS if one.first <= day and (one.last is None or day <= one.last)
    ]
    if not claimed or profile is None or claimed in valid:
        return None
    return Finding(
        "Version",
        "P5-08",
        f"{name_of(root)}.meta.profile",
        line_of(profile),
        f"am {day:%d.%m.%Y} Version {' oder '.join(valid)}",
        shown(claimed),
        "mit der gültigen Version erstellen",
    )


def findings(document: Document, day: date) -> Iterator[Finding]:
    """Yield what is implausible in *document*, sent on *day*."""
    root = document.root
    if name_of(root) == "Bundle":
        yield from _identifier(root, "P310-10" if _is_storno(document) else "P310-14")
        yield from _unique(root)
        yield from _named_alike(root)
    for condition in conditions(document, "KBV_PR_EAU_Condition_AU"):
        yield from _dates(condition, day)
    for condition in conditions(document, "KBV_PR_EAU_Condition_ICD"):
        yield from _diagnosis(condition)
    for request in document.resources("ServiceRequest"):
        for code in at(request, "code.coding.code"):
            if value(code) == "sonstige" and not at(request, "code.text"):
                text = "ein Text zu sonstigen Maßnahmen"
                yield _finding("P310-07", "sonstige", code, text, "code.text einfügen")
    for listed in document.resources("List"):
        for identifier in at(listed, "entry.item.identifier.value"):
            if URN.fullmatch(value(identifier) or "") is None:
                text = "urn:uuid:… der stornierten eAU"
                yield _finding("P310-11", "UUID", identifier, text, "identifier übernehmen")


def _diagnosis(condition: Element) -> Iterator[Finding]:
    """P310-05 (3a, 3d): a code without cross, star or exclamation mark, of a year's catalogue."""
    for code in at(condition, "code.coding.code"):
        if ICD.fullmatch(value(code) or "") is None:
            text = "ein ICD-10-GM-Code ohne Zusatzzeichen"
            yield _finding("P310-05", "ICD", code, text, "Code wie J06.9 schreiben")
    for year in at(condition, "code.coding.version"):
        if YEAR.fullmatch(value(year) or "") is None:
            text = "das Jahr des ICD-10-GM"
            yield _finding("P310-05", "ICD-Version", year, text, "Jahr wie 2026 schreiben")


def _is_storno(document: Document) -> bool:
    return "Storno" in short(profile_of(document.root))


def _identifier(root: Element, requirement: str) -> Iterator[Finding]:
    """P310-14 (7), P310-10 (1a): a UUID as URN; its version is not judged by receivers."""
    for found in at(root, "identifier.value"):
        if URN.fullmatch(value(found) or "") is None:
            text = "urn:uuid: und eine UUID"
            yield _finding(requirement, "UUID", found, text, "UUID als URN schreiben")


def _unique(root: Element) -> Iterator[Finding]:
    """FHIR (bdl-7): no two entries have the same fullUrl."""
    seen: set[str] = set()
    for url in at(root, "entry.fullUrl"):
        if (given := url.get("value", "")) in seen:
            text = "fullUrl nur einmal im Bundle"
            yield _finding("P310-01", "fullUrl", url, text, "eigene fullUrl vergeben")
        seen.add(given)


def _named_alike(root: Element) -> Iterator[Finding]:
    """FHIR (Bundle.entry.fullUrl): it ends with the id of the resource."""
    for entry in at(root, "entry"):
        for url in at(entry, "fullUrl"):
            ids = [one for resource in at(entry, "resource") for one in values(resource, "id")]
            if ids and re.split("[/:]", value(url) or "")[-1] != ids[0]:
                text = f"eine fullUrl, die mit der id {ids[0]} der Ressource endet"
                yield _finding("P310-01", "fullUrl", url, text, "fullUrl oder id angleichen")


def _dates(condition: Element, day: date) -> Iterator[Finding]:
    """P310-04 (3b, 4): found not in the future, not longer than 31 days from then.

    Of what was found before the profiles' version was in force nothing is said: dates of such
    documents are those of samples (the KBV's example 14 certifies two years).
    """
    asserted = first(
        one
        for extension in extensions(condition, f"{HL7}condition-assertedDate")
        for one in at(extension, "valueDateTime")
    )
    end, start = first(at(condition, "onsetPeriod.end")), first(at(condition, "onsetPeriod.start"))
    found, until, since = _day(asserted), _day(end), _day(start)
    if found is not None and found < VERSIONS[-1].first:
        return
    if asserted is not None and found is not None and found > day:
        text = f"„festgestellt am“ nicht nach dem {day:%d.%m.%Y}"
        yield _finding("P310-04", "festgestellt", asserted, text, "Datum berichtigen")
    if end is not None and found is not None and until is not None and until > found + LONGEST:
        text = f"„voraussichtlich bis“ höchstens {found + LONGEST:%d.%m.%Y} (31 Tage)"
        yield _finding("P310-04", "bis", end, text, "kürzer bescheinigen")
    if end is not None and since is not None and until is not None and until < since:
        text = f"„voraussichtlich bis“ nicht vor dem {since:%d.%m.%Y}"
        yield _finding("P310-04", "Zeitraum", end, text, "Zeitraum berichtigen")


def _day(element: Element | None) -> date | None:
    try:
        return date.fromisoformat((value(element) or "")[:10])
    except ValueError:
        return None


def _finding(requirement: str, rule: str, element: Element, expected: str, remedy: str) -> Finding:
    return Finding(
        f"{requirement} {rule}",
        requirement,
        path_of(element),
        line_of(element),
        expected,
        shown(value(element)),
        remedy,
    )
