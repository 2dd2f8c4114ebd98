"""The three logs of the client module: flow, performance, errors (KOM-LE-A_2079 to 2090).

One entry is one line of fields separated by tabs. Entries hold operation number, times and what
was done; never names, addresses, content, passwords or keys (KOM-LE-A_2080).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from simulators.process.clock import Clock

FLOW, PERFORMANCE, ERRORS = "flow", "performance", "error"
SUFFIX = ".log"
PARTS = 16
"""How many files share the space for logs at least, so that little is lost with the oldest."""
LONGEST = 1000
"""Characters of a field: an entry stays one line that can be read."""
_KINDS = (FLOW, PERFORMANCE, ERRORS)


@dataclass(slots=True)
class _Open:
    """A file that is being written."""

    path: Path
    descriptor: int
    size: int


class Logs:
    """The log files below *directory*, readable by the owner only (KOM-LE-A_2082).

    Each kind has its own, a new one each day and whenever one has its share of *space*, all with
    the same kind of lines (KOM-LE-A_2081); they are only ever appended to, so that copies can be
    made at any time (KOM-LE-A_2083). Files older than *days* are deleted, the oldest also when
    all together take more than *space* bytes (KOM-LE-A_2085). Without *performance* or *steps*
    that log is not written (KOM-LE-A_2084).
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        *,
        days: float,
        space: int,
        performance: bool,
        steps: bool = True,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._days = days
        self._space = space
        self._kinds = {ERRORS} | ({PERFORMANCE} if performance else set())
        self._kinds |= {FLOW} if steps else set()
        self._day = 0
        self._files: dict[str, _Open] = {}
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
        start = _time(end - timedelta(milliseconds=milliseconds))
        self._write(PERFORMANCE, end, number, action, start, written, f"{milliseconds:.3f}")

    def error(self, number: str, details: str) -> None:
        """Write what failed (KOM-LE-A_2090)."""
        now = self._clock.now()
        self._write(ERRORS, now, number, _time(now), details)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            os.close(file.descriptor)
        self._files.clear()

    def _write(self, kind: str, now: datetime, *fields: str) -> None:
        if kind in self._kinds:
            line = "\t".join(" ".join(field.split())[:LONGEST] for field in fields) + "\n"
            file = self._file(kind, now)
            file.size += os.write(file.descriptor, line.encode())

    def _file(self, kind: str, now: datetime) -> _Open:
        """Return the file to append to: every entry is written at once, by itself."""
        if now.toordinal() != self._day:
            self.close()  # also of kinds that nothing is written to: theirs may be deleted
            self._delete_old(now)
            self._day = now.toordinal()
        file = self._files.get(kind)
        if file is not None and file.size < self._space // PARTS:
            return file
        if file is not None:
            os.close(self._files.pop(kind).descriptor)
            self._delete_old(now)
        file = self._files[kind] = self._opened(kind, now)
        return file

    def _opened(self, kind: str, now: datetime) -> _Open:
        """Open the newest file of today, or one more if that is full."""
        today = f"{now:%Y-%m-%d}"
        parts = [path for path in log_files(self._directory, kind) if _day(path) == today]
        part = int(parts[-1].stem[-4:]) if parts else 1
        size = parts[-1].stat().st_size if parts else 0
        if size >= self._space // PARTS:
            part, size = part + 1, 0
        path = self._directory / f"{kind}-{today}-{part:04}{SUFFIX}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return _Open(path, os.open(path, flags, 0o600), size)

    def _delete_old(self, now: datetime) -> None:
        """Delete what is too old, and the oldest of what leaves no room for three more files."""
        oldest = (now - timedelta(days=self._days)).strftime("%Y-%m-%d")
        in_use = {file.path for file in self._files.values()}
        kept = []
        for path in log_files(self._directory):
            if path in in_use:
                continue
            if _day(path) < oldest:
                path.unlink(missing_ok=True)
            else:
                kept.append((path, path.stat().st_size))
        room = self._space - len(_KINDS) * (self._space // PARTS)
        taken = sum(size for _, size in kept)
        for path, size in kept:
            if taken <= room:
                break
            path.unlink(missing_ok=True)
            taken -= size


def log_files(directory: Path, kind: str = "*") -> list[Path]:
    """Return the log files below *directory*, of one *kind* or all, the oldest first."""
    found = directory.glob(f"{kind}-????-??-??-????{SUFFIX}")
    return sorted(found, key=lambda path: (path.stem[-15:], path.name))


def _day(path: Path) -> str:
    return path.stem[-15:-5]


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
