"""``kimulator list`` and ``explain``: what there is, and what a rule or a code means."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.resources import files

from simulators.formats import kim_codes, requirements
from simulators.makes.profiles import names, profile
from simulators.process.errors import InputError

from .checks.catalogue import GROUPS, RULES, of_requirement, rules_of
from .checks.rule import Rule
from .documents import error_codes
from .explanations import causes, replies
from .explanations.causes import Cause
from .profiles import invariants
from .run.scenario_file import load_scenario, shipped_scenarios, short_name
from .services import description
from .services.registry import Registry, shipped
from .world.file import shipped_worlds
from .xray.node import visible

MAX_SUBJECT = 200
NEAR = 0.6
"""How alike two subjects must be for one to be taken for the other (difflib)."""
_DUTIES = {"MUST": "MUSS", "MUST NOT": "DARF NICHT", "SHOULD": "SOLL", "MAY": "KANN"}
_KIM_CATALOGUES = (
    ("X-KIM-Fehlermeldung", "fehlermeldung", kim_codes.FEHLERMELDUNG),
    ("X-KIM-DecryptionResult", "entschluesselung", kim_codes.DECRYPTION_RESULT),
    ("X-KIM-IntegrityCheckResult", "integritaet", kim_codes.INTEGRITY_CHECK_RESULT),
)


def overview(registry: Registry | None = None) -> Iterator[str]:
    """Yield the lines of ``kimulator list``; *registry* if not the shipped Dienstkennungen."""
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
    yield "\nDienstkennungen (was von ihnen bekannt ist: kimulator explain DIENSTKENNUNG)"
    for entry in (registry or shipped()).entries:
        yield f"  {entry.dienstkennung:55} {description.worth(entry):22} {entry.title}"


def explanation(subject: str, registry: Registry | None = None) -> list[str]:
    """Return what is known about *subject*, with cause and remedy where it is an error.

    A check, a requirement id, a code of Konnektor, KIM or insurer, a reply of the client module,
    a Dienstkennung (of *registry*, if not the shipped ones), a make. Raises InputError, with what
    was perhaps meant, when nothing is.
    """
    wanted = " ".join(subject.split())
    lines = [
        *_requirements(wanted),
        *(_rule(rule) for rule in (*rules_of(wanted), *of_requirement(wanted))),
        *_invariants(wanted),
        *_kim_codes(wanted),
        *_insurer_codes(wanted),
        *_konnektor_codes(wanted),
        *_replies(wanted),
        *_services(wanted, registry or shipped()),
        *_make(wanted),
    ]
    if not lines:
        subjects = {name.casefold(): name for name in _subjects()}
        near = get_close_matches(wanted[:MAX_SUBJECT].casefold(), subjects, n=5, cutoff=NEAR)
        named = ", ".join(subjects[one] for one in near)
        meant = f"; gemeint ist vielleicht {named}" if near else ""
        raise InputError(
            f"{visible(wanted, 60)}: weder Prüfung noch Anforderung, Code, Antwort, "
            f"Dienstkennung oder Hersteller{meant} (kimulator list)"
        )
    return lines


def _requirements(wanted: str) -> Iterator[str]:
    for row in requirements.find(wanted):
        since = f"{row.document}, ab KIM {row.release}, {_DUTIES.get(row.duty, row.duty)}"
        meaning = causes.of_requirement(row.id, row.release) or row.text
        yield f"Anforderung {row.id} ({since}): {meaning}"


def _rule(rule: Rule) -> str:
    return f"Prüfung {rule.name} ({rule.requirement}), {rule.title}: {rule.meaning}"


def _invariants(key: str) -> Iterator[str]:
    known = invariants.catalogue().get(key)
    if known is not None:
        yield f"Bedingung {key} der Profile (kimulator validate): erwartet {known.expected}"
        yield f"  Abhilfe: {known.remedy}"


def _kim_codes(code: str) -> Iterator[str]:
    for header, kind, catalogue in _KIM_CATALOGUES:
        if code in catalogue:
            found = catalogue[code]
            yield f"{header} {code}: {found.text} ({found.requirement}, {found.source})"
            yield from _told(causes.of_kim(kind, code))


def _insurer_codes(code: str) -> Iterator[str]:
    for known in error_codes.ALL:
        if known.code == code:
            yield f"eAU;Fehler-Kasse {code}: {known.display} (KBV_CS_SFHIR_EAU_AU_ERROR_KASSE)"
            yield from _told(causes.of_kim("kasse", code))


def _konnektor_codes(code: str) -> Iterator[str]:
    rows = [row for row in _konnektor_catalogue() if row["code"] == code]
    for row in rows:
        kind = f"{row['error_type']}, {row['severity']}"
        where = f" bei {row['operation']}" if row["operation"] else ""
        yield f"Konnektor {code}{where}: {row['text']} ({kind}; {row['source']})"
    if rows:
        yield from _told(causes.of_konnektor(code))


def _konnektor_catalogue() -> list[dict[str, str]]:
    """Read the Konnektor's catalogue, a data file: no role is imported."""
    catalogue = files("simulators") / "konnektor" / "fault_codes.csv"
    if not catalogue.is_file():
        return []
    return list(csv.DictReader(catalogue.read_text(encoding="utf-8").splitlines()))


def _replies(subject: str) -> Iterator[str]:
    for reply in replies.find(subject):
        protocol = "POP3" if reply.name.startswith("POP3_") else "SMTP"
        yield f"Antwort des Clientmoduls ({protocol}): {reply.line}"
        yield from _told(causes.of_reply(reply.name))


def _told(found: Cause | None) -> Iterator[str]:
    if found is not None:
        yield f"  Ursache: {found.cause}"
        yield f"  Abhilfe: {found.remedy}"


def _services(subject: str, registry: Registry) -> Iterator[str]:
    """Yield the entries of the register of Dienstkennungen that *subject* names."""
    exact = registry.find(subject)
    for entry in [exact] if exact is not None else registry.named(subject):
        yield from description.lines(entry)


def _subjects() -> Iterator[str]:
    """Yield everything that can be explained, to find what was meant."""
    yield from RULES
    yield from GROUPS
    yield from (row.id for row in requirements.requirements())
    yield from (rule.requirement for rule in RULES.values())
    for _, _, catalogue in _KIM_CATALOGUES:
        yield from catalogue
    yield from (known.code for known in error_codes.ALL)
    yield from (row["code"] for row in _konnektor_catalogue())
    for reply in replies.replies():
        yield from filter(None, (reply.code, reply.status, reply.text))
    yield from (entry.dienstkennung for entry in shipped().entries)
    yield from names()


def _make(name: str) -> Iterator[str]:
    """Yield what a profile sets, and of each trait where it was seen, or that it is unconfirmed."""
    if name not in names():
        return
    found = profile(name)
    yield f"Hersteller {name} (erfunden): {found.title}"
    for trait, value in found.make.items():
        source = found.observed.get(trait, "unbestätigt")
        yield f"  {trait}: {value} ({source})"
