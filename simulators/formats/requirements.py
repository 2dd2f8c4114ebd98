"""The requirements of the client module and of its S/MIME profile, as data.

``requirements.csv`` has a row for each id and release: the specification, the release of KIM from
which on the row holds, the duty, and what is asked in our own words. A later release adds rows for
what it changes and leaves the others alone.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

FORM = re.compile(r"(?:KOM-LE-)?A_\d{4,5}(?:-\d{2})?")
_NUMBER = re.compile(r"\d+")
_REVISION = re.compile(r"-\d{2}$")


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one id asks for from ``release`` on; ``duty`` is MUST, MUST NOT, SHOULD or MAY."""

    id: str
    document: str
    release: str
    duty: str
    text: str

    @property
    def name(self) -> str:
        """The id without its revision, under which later ones supersede it."""
        return _REVISION.sub("", self.id)

    @property
    def revision(self) -> int:
        """How often the requirement was revised: the suffix of the id, 0 without one."""
        suffix = _REVISION.search(self.id)
        return int(suffix.group()[1:]) if suffix else 0


@cache
def requirements() -> tuple[Requirement, ...]:
    """Return every row in the order of the specifications; the table is read once."""
    file = resources.files(__package__).joinpath("requirements.csv")
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return tuple(Requirement(**row) for row in rows)


def in_force(release: str) -> Mapping[str, Requirement]:
    """Return what holds in *release*, by the name of the requirement: of each its newest row."""
    wanted = _numbers(release)
    newest: dict[str, Requirement] = {}
    for row in requirements():
        known = newest.get(row.name)
        later = known is None or _age(row) >= _age(known)
        if _numbers(row.release) <= wanted and later:
            newest[row.name] = row
    return MappingProxyType(newest)


def find(subject: str) -> tuple[Requirement, ...]:
    """Return the rows that *subject* names, with or without revision, compared without case."""
    wanted = subject.casefold()
    return tuple(
        row for row in requirements() if wanted in (row.id.casefold(), row.name.casefold())
    )


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, _NUMBER.findall(release)))


def _age(row: Requirement) -> tuple[tuple[int, ...], int]:
    return _numbers(row.release), row.revision
