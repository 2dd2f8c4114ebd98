"""The performance log of a client module, read as others would (KOM-LE-A_2081, 2088)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clientmodule.logs import PERFORMANCE, log_files


@dataclass(frozen=True, slots=True)
class Performance:
    """What took how long in which operation."""

    number: str
    action: str
    start: datetime
    end: datetime
    milliseconds: float


def performance(directory: Path) -> Iterator[Performance]:
    """Yield the entries of the performance logs below *directory*, the oldest file first."""
    for path in log_files(directory, PERFORMANCE):
        for line in path.read_text(encoding="utf-8").splitlines():
            number, action, start, end, milliseconds = line.split("\t")
            times = datetime.fromisoformat(start), datetime.fromisoformat(end)
            yield Performance(number, action, *times, float(milliseconds))
