"""A world under measurement: started by the command as a user would, looked at from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

COMMAND = (sys.executable, "-m", "scenarios.engine.command")
SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class RunningWorld:
    """A started world: its run directory, its endpoints, and how long it took to be ready."""

    directory: Path
    endpoints: dict[str, Any]
    ready_seconds: float

    def processes(self) -> list[psutil.Process]:
        """Return the supervisor and all its children."""
        mine = str(self.directory)
        supervisors = [
            process
            for process in psutil.process_iter(["cmdline", "ppid"])
            if mine in (process.info["cmdline"] or [])
        ]
        found = {p.pid: p for s in supervisors for p in (s, *s.children(recursive=True))}
        return list(found.values())

    def memory_mb(self) -> float:
        """Return the sum of the processes' proportional set sizes, in MB (10^6 bytes)."""
        return sum(process.memory_full_info().pss for process in self.processes()) / 1e6

    def resident_mb(self, name: str) -> float:
        """Return the resident memory of the process whose log is *name*, in MB (10^6 bytes)."""
        return psutil.Process(self.process(name)).memory_info().rss / 1e6

    def process(self, name: str) -> int:
        """Return the id of the process whose log is *name*."""
        return next(p.pid for p in self.processes() if _log_name(p) == name)

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time used so far, by role (the name of the process's log)."""
        used: dict[str, float] = {}
        for process in self.processes():
            name = _log_name(process)
            times = process.cpu_times()
            used[name] = used.get(name, 0.0) + times.user + times.system
        return used


def _log_name(process: psutil.Process) -> str:
    try:
        return Path(f"/proc/{process.pid}/fd/2").readlink().stem
    except OSError:
        return str(process.pid)


@contextmanager
def running_world(name: str) -> Iterator[RunningWorld]:
    """Start the world *name* in a directory of its own and end it with the block."""
    with tempfile.TemporaryDirectory(prefix="kimulator-bench-") as parent:
        directory = Path(parent) / "run"
        started = time.perf_counter()
        subprocess.run(
            [*COMMAND, "up", name, "--run-dir", str(directory), "--detach"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        ready_seconds = time.perf_counter() - started
        try:
            endpoints = json.loads((directory / "endpoints.json").read_text(encoding="utf-8"))
            yield RunningWorld(directory, endpoints, ready_seconds)
        finally:
            subprocess.run([*COMMAND, "down", "--run-dir", str(directory)], check=True)
