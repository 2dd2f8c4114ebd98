"""FHIR packages (``.tgz``) as rows: what a user supplies instead of the shipped table.

Only what a rule needs is read: StructureDefinitions with the differential, ValueSets, CodeSystems.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.process.errors import InputError, one_line, reason

from .rows import Row

KBV = "https://fhir.kbv.de/StructureDefinition/"
MAX_PACKAGES = 50
MAX_FILES = 5000
MAX_FILE = 4 << 20
MAX_TOTAL = 256 << 20
_PRIMITIVE = re.compile(r"(fixed|pattern)(Uri|Url|Code|String|Canonical|Boolean|Id|Integer)")

Codes = Mapping[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Packages:
    """Rules read from packages: rows, value sets, and the FHIRPath of each constraint."""

    rows: tuple[Row, ...]
    codes: Codes
    expressions: Mapping[str, str]


def short(profile: str) -> str:
    """Return the name by which rows call a profile: without version, and without KBV's address."""
    return profile.partition("|")[0].removeprefix(KBV)


def read_packages(directory: Path) -> Packages:
    """Read every package in *directory*; of several versions of a definition the newest counts.

    Raises InputError (one German line) for a directory without packages, and for what is none.
    """
    try:
        found = sorted(directory.glob("*.tgz"))[: MAX_PACKAGES + 1]
    except OSError as error:
        raise InputError(f"{directory}: nicht lesbar: {reason(error)}") from None
    if not found or len(found) > MAX_PACKAGES:
        raise InputError(
            f"{directory}: {len(found)} Pakete (*.tgz), erlaubt sind 1 bis {MAX_PACKAGES}"
        )
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for path in found:
        for definition in _definitions(path):
            key = (definition["resourceType"], definition["url"])
            known = newest.get(key)
            if known is None or _version(known) <= _version(definition):
                newest[key] = definition
    profiles = [
        one
        for (kind, url), one in sorted(newest.items())
        if kind == "StructureDefinition" and url.startswith(KBV) and "differential" in one
    ]
    if not profiles:
        raise InputError(f"{directory}: kein Profil der KBV in den Paketen")
    try:
        return _read(profiles, newest)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        what = one_line(f"{type(error).__name__} {error}", 120)
        raise InputError(f"{directory}: eine Definition ist unvollständig: {what}") from None


def _read(
    profiles: list[dict[str, Any]], definitions: Mapping[tuple[str, str], dict[str, Any]]
) -> Packages:
    codes = {
        short_codes(url): members
        for (kind, url), one in definitions.items()
        if kind == "ValueSet"
        if (members := _members(one, definitions)) is not None
    }
    rows = tuple(row for one in profiles for row in _profile_rows(one))
    return Packages(rows, codes, dict(_expressions(profiles)))


def short_codes(url: str) -> str:
    """Return the name of a value set: the end of its address."""
    return url.partition("|")[0].rpartition("/")[2]


def _definitions(path: Path) -> Iterator[dict[str, Any]]:
    total = 0
    try:
        with tarfile.open(path, "r:gz") as archive:
            for number, member in enumerate(archive):
                total += member.size
                if number > MAX_FILES or member.size > MAX_FILE or total > MAX_TOTAL:
                    raise InputError(f"{path}: das Paket ist größer als erlaubt")
                if not (member.isfile() and re.fullmatch(r"package/[^/]+\.json", member.name)):
                    continue
                file = archive.extractfile(member)
                content = json.loads(file.read()) if file is not None else None
                if isinstance(content, dict) and _is_definition(content):
                    yield content
    except (OSError, EOFError, tarfile.TarError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: kein FHIR-Paket: {one_line(str(error), 120)}") from None


def _is_definition(content: dict[str, Any]) -> bool:
    kinds = ("StructureDefinition", "ValueSet", "CodeSystem")
    return content.get("resourceType") in kinds and isinstance(content.get("url"), str)


def _version(definition: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(definition.get("version", "")))[:4])


def _profile_rows(definition: Mapping[str, Any]) -> Iterator[Row]:
    profile = short(definition["url"])
    forbidden: dict[str, list[str]] = {}
    rows = {"": Row(profile, "", types=(definition["type"],))}
    for element in definition["differential"]["element"]:
        path = element["id"].partition(".")[2]
        if element.get("max") == "0" and ":" not in path.rpartition(".")[2]:
            parent, _, child = path.rpartition(".")
            forbidden.setdefault(parent, []).append(child)
            continue
        for row in _element_rows(profile, path, element):
            rows[row.path] = rows[row.path].merged(row) if row.path in rows else row
    for path, children in forbidden.items():
        row = Row(profile, path, without=tuple(children))
        rows[path] = rows[path].merged(row) if path in rows else row
    yield from (row for row in rows.values() if row != Row(profile, row.path))


def _element_rows(profile: str, path: str, element: Mapping[str, Any]) -> Iterator[Row]:
    maximum = element.get("max")
    binding = element.get("binding", {})
    required = binding.get("strength") == "required" and "valueSet" in binding
    slicing = element.get("slicing")
    fixed, parts = _fixed(element)
    yield Row(
        profile,
        path,
        element.get("min"),
        int(maximum) if maximum is not None and maximum != "*" else None,
        maximum == "*",
        tuple(one for type_ in element.get("type", []) for one in _types(type_)),
        fixed,
        short_codes(binding["valueSet"]) if required else None,
        element.get("maxLength"),
        _discriminator(slicing) if slicing else None,
        tuple(constraint["key"].lstrip("-") for constraint in element.get("constraint", [])),
    )
    for name, value in parts:
        yield Row(profile, f"{path}.{name}", fixed=value)


def _types(type_: Mapping[str, Any]) -> Iterator[str]:
    code = type_["code"]
    if "profile" in type_:
        yield f"{code}={short(type_['profile'][0])}"
    elif "targetProfile" in type_:
        yield f"{code}>{short(type_['targetProfile'][0])}"
    else:
        yield code


def _fixed(element: Mapping[str, Any]) -> tuple[str | None, list[tuple[str, str]]]:
    """Return a fixed primitive, and of a fixed structure what it says about its parts."""
    for name, value in element.items():
        if _PRIMITIVE.fullmatch(name):
            return (str(value).lower() if isinstance(value, bool) else str(value)), []
        if name.startswith(("fixed", "pattern")) and isinstance(value, dict):
            return None, list(_parts(value))
    return None, []


def _parts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _parts(child, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for child in value:
            yield from _parts(child, path)
    else:
        yield path, str(value)


def _discriminator(slicing: Mapping[str, Any]) -> str:
    found = slicing.get("discriminator") or [{"type": "value", "path": "url"}]
    kind, where = str(found[0]["type"]), str(found[0]["path"])
    if kind == "profile":
        where = "resource.meta.profile"
    elif kind == "type":
        where = "type()"
    return where + ("" if slicing["rules"] == "closed" else "+")


def _members(
    value_set: Mapping[str, Any], definitions: Mapping[tuple[str, str], Mapping[str, Any]]
) -> frozenset[tuple[str, str]] | None:
    """Return the codes of *value_set*; None if a code system is not in the packages."""
    found: set[tuple[str, str]] = set()
    for part in value_set.get("compose", {}).get("include", []):
        system = part.get("system", "")
        concepts = part.get("concept")
        if concepts is None:
            concepts = definitions.get(("CodeSystem", system), {}).get("concept")
        if concepts is None:
            return None
        found |= {(system, code) for code in _codes(concepts)}
    return frozenset(found)


def _codes(concepts: list[Mapping[str, Any]]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _codes(concept.get("concept", []))


def _expressions(profiles: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield profile and key of each constraint as one word, and its FHIRPath."""
    for definition in profiles:
        for element in definition["differential"]["element"]:
            path = element["id"].partition(".")[2]
            for constraint in element.get("constraint", []):
                key = constraint["key"].lstrip("-")
                yield f"{short(definition['url'])}:{path}:{key}", constraint["expression"]
