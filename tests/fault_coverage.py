"""Which test reaches which code of the Konnektor by its real cause, or why no service says it.

The table ``fault_coverage.csv`` has every code of the specification's tables once, with ``test``
(the id of a test that gets the code from a service for its real cause, no fault on purpose) or
``reason``. A named test fails when it runs and does not get its codes.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".csv")
FOLDER = "tests/wire/konnektor/"


@dataclass(frozen=True)
class Row:
    """A code and the id of its test below ``FOLDER``, or the reason why there is none."""

    code: int
    test: str
    reason: str


@cache
def rows() -> tuple[Row, ...]:
    """Return the table."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Row(int(row["code"]), row["test"], row["reason"]) for row in csv.DictReader(file)
        )


@cache
def reached_by(nodeid: str) -> frozenset[int]:
    """Return the codes that the test with the id *nodeid* must get."""
    return frozenset(row.code for row in rows() if row.test and nodeid == FOLDER + row.test)
