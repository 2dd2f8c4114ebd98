"""The three logs of the client module: flow, performance, errors (KOM-LE-A_2079 to 2090).

One entry is one line of fields separated by tabs. Entries hold operation number, times and what
was done; never names, addresses, content, passwords or keys (KOM-LE-A_2080).
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
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
        self._files: dict[str, int] = {}
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def flow(self, number: str, description: str) -> None:
        """Write what is done now (KOM-LE-A_2087)."""
        now = self._clock.now()
        self._write(FLOW, now, number, _time(now), description)

    def done(self, number: str, action: str, milliseconds: float) -> None:
        """Write that *action* ends now, and how long it took (KOM-LE-A_2087, 2088)."""
        end = self._clock.now()
        written = _time(end)
        self._write(FLOW, end, number, written, action)
        if self._performance:
            start = _time(end - timedelta(milliseconds=milliseconds))
            self._write(PERFORMANCE, end, number, action, start, written, f"{milliseconds:.3f}")

    def error(self, number: str, details: str) -> None:
        """Write what failed (KOM-LE-A_2090)."""
        now = self._clock.now()
        self._write(ERRORS, now, number, _time(now), " ".join(details.split()))

    def close(self) -> None:
        """Close the files."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def _write(self, kind: str, now: datetime, *fields: str) -> None:
        os.write(self._file(kind, now), ("\t".join(fields) + "\n").encode())

    def _file(self, kind: str, now: datetime) -> int:
        """Return the descriptor of today's file: every entry is written at once, by itself."""
        if now.toordinal() != self._day:
            self.close()  # also of kinds that nothing is written to: theirs may be deleted
            self._delete_old(now)
            self._day = now.toordinal()
        if kind not in self._files:
            path = self._directory / f"{kind}-{now:%Y-%m-%d}{SUFFIX}"
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._files[kind] = os.open(path, flags, 0o600)
        return self._files[kind]

    def _delete_old(self, now: datetime) -> None:
        oldest = (now - timedelta(days=self._days)).strftime("%Y-%m-%d")
        for path in self._directory.glob(f"*-????-??-??{SUFFIX}"):
            if path.stem[-10:] < oldest:
                path.unlink(missing_ok=True)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
