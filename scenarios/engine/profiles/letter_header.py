"""The header of an eArztbrief's CDA: what has to stand in it, as a table of paths.

VHitG guide 1.50 and the KBV's catalogue for the eArztbrief; a schema of CDA is not at hand, so
the order of elements and their data types are not judged.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from lxml import etree

from .document import line_of
from .finding import Finding, shown

HL7 = "urn:hl7-org:v3"
OPTIONAL = frozenset({"Versicherten-ID"})
"""Stands there only where the patient has one (AF-eAB)."""


@dataclass(frozen=True)
class Demand:
    """What has to stand at *path* below *parent*, and how it has to look."""

    rule: str
    requirement: str
    parent: str
    path: str
    pattern: str
    expected: str

    def findings(self, root: etree._Element) -> Iterator[Finding]:
        """Yield what is missing or wrong; below a missing parent nothing more is said."""
        for parent in _select(root, self.parent):
            if not isinstance(parent, etree._Element):
                continue
            given = [str(one) for one in _select(parent, self.path) if str(one)]
            fitting = [one for one in given if re.fullmatch(self.pattern, one)]
            if fitting or (not given and self.rule in OPTIONAL):
                return
            yield Finding(
                f"CDA:{self.rule}",
                self.requirement,
                _plain(f"ClinicalDocument/{self.parent}/{self.path}").replace("/./", "/"),
                line_of(parent),
                self.expected,
                shown(given[0]) if given else "es fehlt",
                "im CDA-Header ergänzen oder berichtigen",
            )
            return


def findings(root: etree._Element) -> list[Finding]:
    """Return what the header of the ClinicalDocument *root* lacks, by line."""
    found = (finding for demand in demands() for finding in demand.findings(root))
    return sorted(found, key=lambda finding: finding.line)


@cache
def demands() -> tuple[Demand, ...]:
    """Return the table."""
    with (files(__package__) / "letter_header.csv").open(encoding="utf-8") as file:
        return tuple(Demand(**line) for line in csv.DictReader(file))


def _select(element: etree._Element, path: str) -> list[object]:
    found = element.xpath(path, namespaces={"h": HL7})
    return list(found) if isinstance(found, list) else [found]


def _plain(path: str) -> str:
    """Return a path of the table without prefixes and functions, for display."""
    return re.sub(r"h:|/text\(\)|name\(|\)", "", path)
