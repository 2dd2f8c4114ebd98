"""Judging an eAU, a Storno or an insurer's error message by the profiles of package 1.2.1.

The rules are shipped as tables, or read from FHIR packages; what the packages leave to their
parents (FHIR R4, kbv.basis) is always ours. Read once, then a few milliseconds for a document.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from lxml import etree

from simulators.process.errors import one_line

from . import plausibility
from .document import Document, at, line_of, name_of, profile_of
from .finding import Finding, shown
from .invariants import judged_by_code
from .packages import KBV, read_packages, short
from .rows import Row, merge, read_codes, read_table
from .shapes import BASE, Shapes
from .structure import MAX_FINDINGS, Codes, Condition, Structure
from .tree import Rule, trees

VERSION = "1.2"
MAX_ELEMENTS = 20_000
# Requirements of TA-eAU that bring in each profile; P04 are those of KBV's handbook for all forms
REQUIREMENTS: Mapping[str, str] = MappingProxyType(
    {
        "KBV_PR_EAU_Bundle": "P310-14",
        "KBV_PR_EAU_Composition": "P310-08",
        "KBV_PR_EAU_Condition_AU": "P310-04",
        "KBV_PR_EAU_Condition_ICD": "P310-05",
        "KBV_PR_EAU_Condition_Text": "P310-06",
        "KBV_PR_EAU_ServiceRequest_steps": "P310-07",
        "KBV_PR_EAU_Storno_Bundle": "P310-10",
        "KBV_PR_EAU_Storno": "P310-11",
        "KBV_PR_EAU_Storno_Composition": "P310-12",
        "KBV_PR_EAU_health_insurance_Practitioner": "KP310-13",
        "KBV_PR_FOR_Practitioner": "P04-01",
        "KBV_PR_FOR_PractitionerRole": "P04-02",
        "KBV_PR_FOR_Organization": "P04-03",
        "KBV_PR_FOR_Coverage": "P04-04",
        "KBV_PR_FOR_Patient": "P04-05",
    }
)
_DOCUMENTS = ("KBV_PR_EAU_Bundle", "KBV_PR_EAU_Storno_Bundle")
_ERROR = "KBV_PR_EAU_health_insurance_Practitioner"


@dataclass(frozen=True)
class Validator:
    """Rules that were read once: profiles, value sets, and who judges invariants."""

    roots: Mapping[str, Rule]
    shapes: Shapes
    codes: Codes
    condition: Condition

    def judge(self, root: etree._Element, day: date) -> list[Finding]:
        """Return every broken rule of the document *root* in a mail of *day*, by line.

        *root* is a Bundle or an OperationOutcome; anything else is one finding.
        """
        wrong = plausibility.version_finding(root, day)
        if wrong is not None and profile_of(root).startswith(KBV):
            return [wrong]
        if (refused := self._refused(root)) is not None:
            return [refused]
        implausible = islice(plausibility.findings(Document(root), day), MAX_FINDINGS)
        found = [*self.profile_findings(root), *implausible]
        return sorted(found, key=lambda finding: finding.line)

    def profile_findings(self, root: etree._Element) -> list[Finding]:
        """Return what the profile that *root* claims objects to: structure and invariants.

        Of another version than ours only the entries of the Bundle are judged: they are the same.
        """
        refused, profile = self._refused(root), self._profile(root)
        if refused is not None or profile is None:
            return [] if refused is None else [refused]
        if profile_of(root).partition("|")[2] not in ("", VERSION):
            entries = f"{profile}:entry"
            found = self._structure(_as_ours(root), profile)
            return [one for one in found if one.rule.startswith(entries)]
        return self._structure(root, profile)

    def _structure(self, root: etree._Element, profile: str) -> list[Finding]:
        judging = Structure(self.shapes, self.codes, REQUIREMENTS, Document(root), self.condition)
        judging.resource(root, (self.roots[profile],), name_of(root))
        return judging.findings

    def _refused(self, root: etree._Element) -> Finding | None:
        """Return why *root* is not judged by any profile: another kind, another's, too large."""
        claimed = profile_of(root)
        if self._profile(root) is None or (claimed and not claimed.startswith(KBV)):
            wanted = "ein Bundle oder OperationOutcome mit einem Profil der KBV"
            return _whole(root, wanted, claimed or name_of(root))
        elements = sum(1 for _ in root.iter("*"))
        if elements > MAX_ELEMENTS:
            return _whole(root, f"höchstens {MAX_ELEMENTS} Elemente", f"{elements}")
        return None

    def _profile(self, root: etree._Element) -> str | None:
        """Return by which profile to judge *root*: the one it claims, else what it looks like."""
        kind = name_of(root)
        if kind == "OperationOutcome":
            return _ERROR
        if kind != "Bundle":
            return None
        claimed = short(profile_of(root))
        if claimed in _DOCUMENTS:
            return claimed
        return _DOCUMENTS[1 if Document(root).resources("List") else 0]


@cache
def shipped() -> Validator:
    """Return the validator by the rules that are shipped."""
    rows = merge(read_table("kbv_basis.csv"), read_table("kbv_profiles.csv"))
    codes = {**read_codes("basis_codes.csv"), **read_codes("kbv_codes.csv")}
    return _validator(rows, codes, judged_by_code)


def from_packages(directory: Path) -> Validator:
    """Return the validator by the FHIR packages in *directory*.

    Raises InputError (one German line) for a directory that has none, and for broken ones.
    """
    from .fhirpath import Expressions  # brings a parser: only where packages are given

    packages = read_packages(directory)
    rows = merge(read_table("kbv_basis.csv"), packages.rows)
    codes = {**read_codes("basis_codes.csv"), **read_codes("kbv_codes.csv"), **packages.codes}
    validator = _validator(rows, codes, judged_by_code)
    return replace(validator, condition=Expressions(packages.expressions, validator.shapes).judge)


def _validator(rows: tuple[Row, ...], codes: Codes, condition: Condition) -> Validator:
    roots = trees(rows)
    return Validator(roots, Shapes(roots), codes, condition)


def _as_ours(root: etree._Element) -> etree._Element:
    """Return a copy of *root* that claims the version of our rules."""
    copy = deepcopy(root)
    for claim in (*at(copy, "meta.profile"), *at(copy, "entry.resource.meta.profile")):
        claim.set("value", f"{claim.get('value', '').partition('|')[0]}|{VERSION}")
    return copy


def _whole(root: etree._Element, expected: str, found: str) -> Finding:
    return Finding(
        BASE,
        "P310-01",
        one_line(name_of(root), 80),
        line_of(root),
        expected,
        shown(found),
        "eine eAU, ein Storno oder eine Fehlernachricht angeben",
    )
