"""``kimulator list`` and ``explain``: what there is, and what a rule or a code means."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files

from simulators.formats import kim_codes, requirements
from simulators.makes.profiles import names, profile
from simulators.process.errors import InputError

from .checks.catalogue import GROUPS, RULES, of_requirement, rules_of
from .checks.rule import Rule
from .documents import error_codes
from .run.scenario_file import load_scenario, shipped_scenarios, short_name
from .world.file import shipped_worlds


def overview() -> Iterator[str]:
    """Yield the lines of ``kimulator list``."""
    yield "Welten"
    yield from (f"  {name}" for name in shipped_worlds())
    yield "\nHersteller von Konnektoren (make: {profile: NAME}; die Namen sind erfunden)"
    yield from (f"  {name:24} {profile(name).title}" for name in names())
    yield "\nSzenarien"
    for path in shipped_scenarios():
        yield f"  {short_name(path):40} {load_scenario(path).title}"
    yield "\nPrüfungen"
    for rule in RULES.values():
        yield f"  {rule.name:24} {rule.requirement:17} {rule.title}"
    for name, rules in GROUPS.items():
        yield f"  {name:24} {'':17} {len(rules)} Prüfungen zusammen"


def explanation(subject: str) -> list[str]:
    """Return what is known about *subject*: a check, a requirement id or a code.

    Raises InputError when nothing is.
    """
    wanted = subject.strip()
    lines = [
        *_requirements(wanted),
        *(_rule(rule) for rule in (*rules_of(wanted), *of_requirement(wanted))),
        *_kim_codes(wanted),
        *_insurer_codes(wanted),
        *_konnektor_codes(wanted),
        *_make(wanted),
    ]
    if not lines:
        raise InputError(
            f"{subject}: weder Prüfung noch Anforderung, Code oder Hersteller (kimulator list)"
        )
    return lines


def _requirements(wanted: str) -> Iterator[str]:
    for row in requirements.find(wanted):
        since = f"{row.document}, ab KIM {row.release}, {row.duty}"
        yield f"Anforderung {row.id} ({since}): {row.text}"


def _rule(rule: Rule) -> str:
    return f"Prüfung {rule.name} ({rule.requirement}), {rule.title}: {rule.meaning}"


def _kim_codes(code: str) -> Iterator[str]:
    for header, catalogue in (
        ("X-KIM-Fehlermeldung", kim_codes.FEHLERMELDUNG),
        ("X-KIM-DecryptionResult", kim_codes.DECRYPTION_RESULT),
        ("X-KIM-IntegrityCheckResult", kim_codes.INTEGRITY_CHECK_RESULT),
    ):
        if code in catalogue:
            found = catalogue[code]
            yield f"{header} {code}: {found.text} ({found.requirement}, {found.source})"


def _insurer_codes(code: str) -> Iterator[str]:
    for known in error_codes.ALL:
        if known.code == code:
            yield f"eAU;Fehler-Kasse {code}: {known.display} (KBV_CS_SFHIR_EAU_AU_ERROR_KASSE)"


def _konnektor_codes(code: str) -> Iterator[str]:
    """Yield the Konnektor's entry from its catalogue, a data file: no role is imported."""
    catalogue = files("simulators") / "konnektor" / "fault_codes.csv"
    if not catalogue.is_file():
        return
    with catalogue.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["code"] == code:
                kind = f"{row['error_type']}, {row['severity']}"
                where = f" bei {row['operation']}" if row["operation"] else ""
                yield f"Konnektor {code}{where}: {row['text']} ({kind}; {row['source']})"


def _make(name: str) -> Iterator[str]:
    """Yield what a profile sets, and of each trait where it was seen, or that it is unconfirmed."""
    if name not in names():
        return
    found = profile(name)
    yield f"Hersteller {name} (erfunden): {found.title}"
    for trait, value in found.make.items():
        source = found.observed.get(trait, "unbestätigt")
        yield f"  {trait}: {value} ({source})"
