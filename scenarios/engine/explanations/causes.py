"""Cause and remedy of a code, by its catalogue, and what a requirement asks for, in German."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType


@dataclass(frozen=True)
class Cause:
    """Why a code comes, and what to do about it."""

    cause: str
    remedy: str


def of_konnektor(code: str) -> Cause | None:
    """Return cause and remedy of a Konnektor's code: its own row, or that of its group."""
    found = _konnektor()
    if code in found:
        return found[code]
    for codes, cause in found.items():
        first, _, last = codes.partition("-")
        if last and first <= code <= last and len(code) == len(first):
            return cause
    return None


def of_kim(kind: str, code: str) -> Cause | None:
    """Return those of a *kind* (fehlermeldung, entschluesselung, integritaet, kasse)."""
    return _kim().get((kind, code))


def of_reply(name: str) -> Cause | None:
    """Return those of a reply of the client module, by its name in that one's catalogue."""
    return _client_module().get(name)


def of_requirement(requirement: str, release: str) -> str | None:
    """Return what a *requirement* (id with revision) asks for from *release* on, in German."""
    return _requirements().get((requirement, release))


@cache
def _requirements() -> Mapping[tuple[str, str], str]:
    rows = _rows("requirements")
    return MappingProxyType({(row["id"], row["release"]): row["meaning"] for row in rows})


@cache
def _konnektor() -> Mapping[str, Cause]:
    return MappingProxyType({row["code"]: _cause(row) for row in _rows("konnektor")})


@cache
def _kim() -> Mapping[tuple[str, str], Cause]:
    return MappingProxyType({(row["kind"], row["code"]): _cause(row) for row in _rows("kim")})


@cache
def _client_module() -> Mapping[str, Cause]:
    return MappingProxyType({row["name"]: _cause(row) for row in _rows("client_module")})


def _cause(row: Mapping[str, str]) -> Cause:
    return Cause(row["cause"], row["remedy"])


def _rows(table: str) -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath(f"{table}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
