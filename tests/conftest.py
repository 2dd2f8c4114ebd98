"""Fixtures for all layers: the specification's files, foreign tools, processes of a role."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.requirements.outcomes import Outcomes
from tests.requirements.proofs import proving
from tests.warm_processes import WarmProcess

ROOT = Path(__file__).resolve().parent.parent
SPEC = Path(os.environ.get("KIM_SPEC_DIR") or ROOT.parent / "shared" / "spec")
START_SECONDS = 30
STOP_SECONDS = 3


def pytest_configure(config: pytest.Config) -> None:
    """Have a run fail when a proof of a requirement is left out."""
    Outcomes.watch(config, proving())


@pytest.fixture(scope="session")
def spec() -> Callable[[str], Path]:
    """Return a function from a path below the specification's files to the real path.

    The files are gematik's and the KBV's and no part of the project. Where the whole directory
    is absent a test skips; where it is present, a missing file is a failure.
    """

    def find(name: str) -> Path:
        if not SPEC.is_dir():
            pytest.skip(f"no specification files at {SPEC}; KIM_SPEC_DIR names their directory")
        path = SPEC / name
        if not path.exists():
            pytest.fail(f"{path} is missing, although the specification files are here")
        return path

    return find


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Return a function from a program's name to its path; a missing one skips.

    Where CI has installed them all (KIMULATOR_TOOLS_EXPECTED), a missing one fails.
    """

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            reason = f"{name} is not installed (Debian has it as a package)"
            if os.environ.get("KIMULATOR_TOOLS_EXPECTED"):
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return find


@pytest.fixture(scope="session")
def pki_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the key cache of this test run: the user's own stays untouched."""
    given = os.environ.get("KIMULATOR_TEST_CACHE")
    return Path(given) if given else tmp_path_factory.mktemp("pki-cache")


@dataclass
class RunningRole:
    """A process of a role under test: ``python -m MODULE --settings FILE``.

    With ``warm`` the same is forked from a parent that has imported the role.
    """

    module: str
    settings: dict[str, Any]
    directory: Path
    warm: bool = False
    process: subprocess.Popen[bytes] | WarmProcess = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start the process and wait until it says that it is ready."""
        file = self.directory / "settings.json"
        file.write_text(json.dumps(self.settings, default=str), encoding="utf-8")
        if self.warm:
            self.process = WarmProcess(self.module, file, self.directory / "log", ROOT)
            self._wait(self.process.ready.fileno())
            self.process.ready.close()
            return
        readable, writable = os.pipe()
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", self.module, "--settings", str(file)),
                    *("--ready-fd", str(writable)),
                ],
                pass_fds=[writable],
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        os.close(writable)
        try:
            self._wait(readable)
        finally:
            os.close(readable)

    def _wait(self, ready: int) -> None:
        if os.read(ready, 1) != b"R":
            self.process.wait(START_SECONDS)
            raise AssertionError(f"{self.module} did not start:\n{self.log()}")

    def address(self, listener: str) -> tuple[str, int]:
        """Return host and port of *listener*; the settings must give the port."""
        content = self.settings["listeners"][listener]
        return content["host"], content["port"]

    @property
    def control(self) -> str:
        """Return the base URL of the control port."""
        host, port = self.address("control")
        return f"http://{host}:{port}"

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request to the control port; return status and body."""
        connection = http.client.HTTPConnection(urlsplit(self.control).netloc, timeout=10)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def journal(self) -> list[dict[str, Any]]:
        """Return the events that the process recorded so far."""
        _, body = self.ask("GET", "/journal")
        return [json.loads(line) for line in body.splitlines()]

    def log(self) -> str:
        """Return what the process printed and logged."""
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> int:
        """End the process by SIGTERM and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.module} ignored SIGTERM:\n{self.log()}") from None

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start the process again with the same settings, after stop or kill."""
        self.start()


class Ports:
    """Hands out ports that nobody else has: neither a server, nor another run of the tests.

    They lie below the range from which systems take those of outgoing connections. A run owns
    blocks of them, each by a name in the abstract namespace of sockets, which ends with it.
    """

    FIRST, BLOCK, BLOCKS = 12_000, 50, 360

    def __init__(self) -> None:
        self._owned: list[socket.socket] = []
        self._left: list[int] = []
        numbers = range(self.BLOCKS)
        start = os.getpid() * 7 % self.BLOCKS
        self._blocks = iter((*numbers[start:], *numbers[:start]))

    def __call__(self, *, following: int = 0) -> int:
        """Return a port nobody listens on, never the same twice; so are *following* ones."""
        from simulators.process.role import bind
        from simulators.process.settings import Listener

        while True:
            if len(self._left) <= following:
                self._left = self._block()
            wanted, self._left = self._left[: following + 1], self._left[following + 1 :]
            with contextlib.suppress(OSError), contextlib.ExitStack() as tried:
                for port in wanted:
                    tried.enter_context(bind(Listener(port=port)))
                return wanted[0]

    def _block(self) -> list[int]:
        for number in self._blocks:
            mine = socket.socket(socket.AF_UNIX)
            try:
                mine.bind(f"\0kimulator-test-ports-{number}")
            except OSError:
                mine.close()
                continue
            self._owned.append(mine)
            first = self.FIRST + number * self.BLOCK
            return list(range(first, first + self.BLOCK))
        raise AssertionError("no free port")


@pytest.fixture(scope="session")
def free_port() -> Ports:
    """Return what names a port nobody listens on."""
    return Ports()


@pytest.fixture(scope="session")
def start_role(
    tmp_path_factory: pytest.TempPathFactory, free_port: Ports
) -> Iterator[Callable[[str, dict[str, Any]], RunningRole]]:
    """Return a function that starts a role's process; all are ended with the test run.

    Listeners of ``settings`` whose port is 0 or missing get a free one; ``data_dir`` and
    ``name`` are filled in when missing.
    """
    started: list[RunningRole] = []

    def start(module: str, settings: dict[str, Any]) -> RunningRole:
        directory = tmp_path_factory.mktemp(module.rsplit(".", 1)[-1])
        listeners: dict[str, Any] = dict(settings.get("listeners", {}))
        listeners.setdefault("control", {})
        for name, listener in listeners.items():
            listeners[name] = {
                "host": listener.get("host", "127.0.0.1"),
                "port": listener.get("port") or free_port(),
            }
        complete = {
            "name": module.rsplit(".", 1)[-1],
            "data_dir": str(directory / "data"),
            **settings,
            "listeners": listeners,
        }
        role = RunningRole(module, complete, directory, warm=True)
        started.append(role)
        return role

    yield start
    statuses = {role.directory.name: role.stop() for role in started if role.process.poll() is None}
    assert all(status == 0 for status in statuses.values()), statuses
