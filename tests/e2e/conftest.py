"""Fixtures of the end-to-end tests: the command as a user calls it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from scenarios.engine.endpoints.contract import Endpoints, read_endpoints

START_SECONDS = 60
END_SECONDS = 10
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Command:
    """``kimulator`` with the key cache of this test run; ends what it left running."""

    environment: dict[str, str]
    foreground: list[subprocess.Popen[str]] = field(default_factory=list)
    directories: list[Path] = field(default_factory=list)

    def __call__(
        self, *arguments: str | Path, stdin: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        self._remember(arguments)
        return subprocess.run(
            self._line(arguments),
            env=self.environment,
            cwd=ROOT,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def start(self, *arguments: str | Path, stdin: int | None = None) -> subprocess.Popen[str]:
        """Start the command and return when it prints that the world is ready."""
        self._remember(arguments)
        process = subprocess.Popen(
            self._line(arguments),
            env=self.environment,
            cwd=ROOT,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.foreground.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("bereit"):
                return process
        raise AssertionError(f"not ready: {process.communicate()}")

    def _remember(self, arguments: tuple[str | Path, ...]) -> None:
        self.directories.extend(a for a in arguments if isinstance(a, Path) and a.suffix == "")

    def _line(self, arguments: tuple[str | Path, ...]) -> list[str]:
        return [sys.executable, "-m", "scenarios.engine.command", *map(str, arguments)]

    def end_all(self) -> None:
        """End what a failed test left running."""
        for process in self.foreground:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=END_SECONDS)
        for directory in set(self.directories):
            if (directory / "lock").is_file():
                self("down", "--run-dir", directory)


@pytest.fixture
def kimulator(pki_cache: Path) -> Iterator[Command]:
    """Return the command; worlds that it started end with the test."""
    command = Command({**os.environ, "KIMULATOR_CACHE": str(pki_cache)})
    yield command
    command.end_all()


def _wait_for_end(pid: int) -> bool:
    """Wait for the death of a process, even if nobody asks for its exit status yet."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], END_SECONDS)[0])
    finally:
        os.close(descriptor)


SMALL = """\
title: Zwei Standorte bei einem Anbieter
base_port: {base_port}
providers:
  kv.dox.kim.telematik-test: {{}}
sites:
  praxis: {{name: Praxis Ahorn}}
  klinik: {{kind: hospital, name: Klinikum Erle, shares: praxis}}
participants:
  praxis: {{site: praxis, address: praxis@kv.dox.kim.telematik-test}}
  klinik: {{site: klinik, address: klinik@kv.dox.kim.telematik-test}}
"""


@pytest.fixture
def small_world(tmp_path: Path, free_port: Callable[[], int]) -> Path:
    """Return a world file with five processes, quick to start."""
    path = tmp_path / "klein.yaml"
    path.write_text(SMALL.format(base_port=free_port(following=30)), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Traces:
    """What a world left on the machine: its processes, and its addresses."""

    processes: list[psutil.Process]
    endpoints: Endpoints

    @classmethod
    def of(cls, directory: Path) -> Traces:
        """Look at the running world in *directory*."""
        supervisor = psutil.Process(int((directory / "lock").read_text()))
        found = [supervisor, *supervisor.children(recursive=True)]
        return cls(found, read_endpoints(directory))

    def ports(self) -> list[int]:
        """Return the ports of all addresses."""
        return [int(control.rpartition(":")[2]) for control in self.endpoints.controls().values()]

    def gone(self) -> bool:
        """Wait for the end of all processes; say whether it came and the ports are free."""
        ended = all(_wait_for_end(process.pid) for process in self.processes)
        listening = {
            connection.laddr.port
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        return ended and listening.isdisjoint(self.ports())


@pytest.fixture
def look_at() -> Callable[[Path], Traces]:
    """Return a function that looks at the running world of a run directory."""
    return Traces.of
