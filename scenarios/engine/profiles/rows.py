"""Rules as rows: what a profile says about one element, from a table or from a FHIR package.

A row belongs to a profile and to the id of an element in it (``type.coding:Art_eAU.system``,
empty for the profile itself). A table is CSV; facts stand in it, no text of anybody.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from io import StringIO

COLUMNS = (
    *("profile", "path", "card", "types", "fixed", "codes", "length", "slicing"),
    *("constraints", "without"),
)


@dataclass(frozen=True)
class Row:
    """What a profile says about one element; None and empty say nothing.

    ``types`` are FHIR types, ``Extension=KBV_EX_…`` with the profile of an extension or resource,
    ``Reference>KBV_PR_…`` with the profile of the target. ``slicing`` is the discriminator's path,
    with ``+`` behind it when elements outside the slices are allowed. ``without`` are children
    that must not occur.
    """

    profile: str
    path: str
    minimum: int | None = None
    maximum: int | None = None
    unbounded: bool = False
    types: tuple[str, ...] = ()
    fixed: str | None = None
    codes: str | None = None
    length: int | None = None
    slicing: str | None = None
    constraints: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def merged(self, other: Row) -> Row:
        """Return this row with what *other* says besides; *other* wins."""
        said = {
            name: value
            for name in ("minimum", "maximum", "fixed", "codes", "length", "slicing")
            if (value := getattr(other, name)) is not None
        }
        return replace(
            self,
            **said,
            unbounded=self.unbounded or other.unbounded,
            types=other.types or self.types,
            constraints=tuple(dict.fromkeys(self.constraints + other.constraints)),
            without=tuple(dict.fromkeys(self.without + other.without)),
        )


def merge(*layers: Iterable[Row]) -> tuple[Row, ...]:
    """Return the rows of all *layers*, those of the same element as one."""
    found: dict[tuple[str, str], Row] = {}
    for row in (row for layer in layers for row in layer):
        key = (row.profile, row.path)
        found[key] = found[key].merged(row) if key in found else row
    return tuple(found.values())


def read_table(name: str) -> tuple[Row, ...]:
    """Return the rows of the shipped table *name*; an empty profile is the one above."""
    return tuple(_rows((files(__package__) / name).read_text(encoding="utf-8")))


def _rows(text: str) -> Iterator[Row]:
    profile = ""
    for line in csv.DictReader(StringIO(text)):
        profile = line["profile"] or profile
        least, _, most = line["card"].partition("..")
        yield Row(
            profile,
            line["path"],
            int(least) if least else None,
            int(most) if most and most != "*" else None,
            most == "*",
            tuple(line["types"].split()),
            line["fixed"] or None,
            line["codes"] or None,
            int(line["length"]) if line["length"] else None,
            line["slicing"] or None,
            tuple(line["constraints"].split()),
            tuple(line["without"].split()),
        )


def written(rows: Iterable[Row]) -> str:
    """Return *rows* as a table."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    profile = None
    for row in rows:
        least = "" if row.minimum is None else str(row.minimum)
        most = "*" if row.unbounded else "" if row.maximum is None else str(row.maximum)
        writer.writerow(
            [
                "" if row.profile == profile else row.profile,
                row.path,
                f"{least}..{most}" if least or most else "",
                " ".join(row.types),
                row.fixed or "",
                row.codes or "",
                "" if row.length is None else row.length,
                row.slicing or "",
                " ".join(row.constraints),
                " ".join(row.without),
            ]
        )
        profile = row.profile
    return text.getvalue()


def read_codes(name: str) -> dict[str, frozenset[tuple[str, str]]]:
    """Return the value sets of the shipped table *name*: pairs of system and code."""
    found: dict[str, frozenset[tuple[str, str]]] = {}
    text = (files(__package__) / name).read_text(encoding="utf-8")
    for line in csv.DictReader(StringIO(text)):
        pairs = frozenset((line["system"], code) for code in line["codes"].split())
        found[line["set"]] = found.get(line["set"], frozenset()) | pairs
    return found
