"""A world for a run of tests: started beside it and ended with it, or one that runs already."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simulators.process.errors import InputError

from ..endpoints.contract import FILE, read_endpoints
from .kim_world import KimWorld

START_SECONDS = 120.0
END_SECONDS = 5.0
READY = b"\nbereit"
PREFIX = "kimulator: "


@dataclass(frozen=True)
class Wanted:
    """The world that is started: a shipped one's name or a file, None for the world's own seed."""

    world: str = "demo"
    seed: int | None = None


@contextmanager
def started_world(wanted: Wanted, directory: Path) -> Iterator[KimWorld]:
    """Start a world with free ports in a process beside this one; it ends with the block.

    It also ends when this process is killed. *directory* is to be an own one: the run directory
    lies in it. Raises InputError when the world does not start.
    """
    run = directory / "run"
    # -P: what lies in the directory where the tests are run is not meant by our imports.
    line = [sys.executable, "-P", "-m", "scenarios.engine.command", "up", wanted.world]
    line += ["--run-dir", str(run), "--until-stdin-closes"]
    line += [] if wanted.seed is None else ["--seed", str(wanted.seed)]
    complaints = directory / "stderr"
    with complaints.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 (this interpreter)
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for the tests: the world ends after them
        )
    try:
        if not _is_ready(process):
            raise InputError(_last_line(complaints) or "die Welt startet nicht")
        yield KimWorld(read_endpoints(run), lambda: _last_line(complaints))
    finally:
        _end(process)


@contextmanager
def joined_world(directory: Path) -> Iterator[KimWorld]:
    """Use the world that runs in the run directory *directory*, alone: it is reset by tests.

    Raises InputError when none runs there or other tests use it.
    """
    endpoints = read_endpoints(directory)
    with (directory / FILE).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"{directory}: andere Tests benutzen diese Welt; nebeneinander (pytest-xdist) "
                "braucht jeder Prozess eine eigene: ohne --kim-run-dir bekommt er sie"
            ) from None
        world = KimWorld(endpoints)
        world.reset()
        yield world


def _is_ready(process: subprocess.Popen[bytes]) -> bool:
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    said = b""
    while READY not in said:
        left = max(0.0, deadline - time.monotonic())
        if not select.select([process.stdout], [], [], left)[0]:
            return False
        part = os.read(process.stdout.fileno(), 65536)
        if not part:
            process.wait(END_SECONDS)
            return False
        said += part
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _last_line(complaints: Path) -> str:
    lines = complaints.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "").removeprefix(PREFIX)
