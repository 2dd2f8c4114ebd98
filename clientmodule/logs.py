"""The three logs of the client module: flow, performance, errors (KOM-LE-A_2079 to 2090).

One entry is one line of fields separated by tabs. Entries hold operation number, times and what
was done; never names, addresses, content, passwords or keys (KOM-LE-A_2080).
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from io import TextIOWrapper
from pathlib import Path

from simulators.process.clock import Clock

FLOW, PERFORMANCE, ERRORS = "flow", "performance", "error"
SUFFIX = ".log"


class Logs:
    """The log files below *directory*, one of each kind a day, readable by the owner only.

    Files older than *days* are deleted (KOM-LE-A_2085); without *performance* that log is not
    written (KOM-LE-A_2084).
    """

    def __init__(self, directory: Path, clock: Clock, *, days: float, performance: bool) -> None:
        self._directory = directory
        self._clock = clock
        self._days = days
        self._performance = performance
        self._day = 0
        self._files: dict[str, TextIOWrapper] = {}
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def flow(self, number: str, description: str) -> None:
        """Write what is done now (KOM-LE-A_2087)."""
        now = self._clock.now()
        self._write(FLOW, now, number, _time(now), description)

    def performance(self, number: str, action: str, milliseconds: float) -> None:
        """Write how long *action*, which ends now, took (KOM-LE-A_2088)."""
        if not self._performance:
            return
        end = self._clock.now()
        start = end - timedelta(milliseconds=milliseconds)
        fields = (number, action, _time(start), _time(end), f"{milliseconds:.3f}")
        self._write(PERFORMANCE, end, *fields)

    def error(self, number: str, details: str) -> None:
        """Write what failed (KOM-LE-A_2090)."""
        now = self._clock.now()
        self._write(ERRORS, now, number, _time(now), " ".join(details.split()))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _write(self, kind: str, now: datetime, *fields: str) -> None:
        file = self._file(kind, now)
        file.write("\t".join(fields) + "\n")
        file.flush()

    def _file(self, kind: str, now: datetime) -> TextIOWrapper:
        if now.toordinal() != self._day:
            self.close()  # also of kinds that nothing is written to: theirs may be deleted
            self._delete_old(now)
            self._day = now.toordinal()
        if kind not in self._files:
            path = self._directory / f"{kind}-{now:%Y-%m-%d}{SUFFIX}"
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            self._files[kind] = open(descriptor, "a", encoding="utf-8")  # noqa: SIM115
        return self._files[kind]

    def _delete_old(self, now: datetime) -> None:
        oldest = (now - timedelta(days=self._days)).strftime("%Y-%m-%d")
        for path in self._directory.glob(f"*-????-??-??{SUFFIX}"):
            if path.stem[-10:] < oldest:
                path.unlink(missing_ok=True)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
