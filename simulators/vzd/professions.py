"""Kinds of entries by professionOID (A_22224: a table that can be changed)."""

from __future__ import annotations

from collections.abc import Iterable

_PREFIX = "1.2.276.0.76.4."
_ENTRY_TYPES: dict[str, tuple[range, ...]] = {
    "1": (range(30, 49), range(178, 179), range(232, 242)),  # profession
    "2": (range(49, 50),),  # insured person
    "3": (range(50, 58), range(245, 255)),  # care provider institution
    "4": (  # organisation
        range(58, 59),
        range(187, 188),
        range(190, 191),
        range(210, 211),
        range(223, 232),
        range(242, 245),
        range(255, 258),
        range(262, 272),
    ),
    "5": (range(59, 60),),  # insurer
    "6": (range(273, 274),),  # insurer's ePA access
}
PERSON = "1"


def entry_type(profession_oids: Iterable[str]) -> str | None:
    """Return the entryType that the first known of *profession_oids* has, or None."""
    for oid in profession_oids:
        last = oid.removeprefix(_PREFIX)
        if last == oid or not last.isdecimal():
            continue
        for kind, ranges in _ENTRY_TYPES.items():
            if any(int(last) in numbers for numbers in ranges):
                return kind
    return None
