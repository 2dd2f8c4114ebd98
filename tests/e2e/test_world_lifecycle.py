"""A world from ``up`` to ``down``: it is ready when it says so, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scenarios.engine.processes.readiness import is_ready
from scenarios.engine.world.file import load_world, shipped_worlds
from scenarios.engine.world.parts import LISTENERS, MODULES, fixed_ports, parts
from tests.printed import one_line

END_SECONDS = 10


def mailboxes(endpoints: Any) -> list[object]:
    import http.client
    import json
    from urllib.parse import urlsplit

    found = []
    for provider in endpoints.providers.values():
        connection = http.client.HTTPConnection(urlsplit(provider.control).netloc, timeout=5)
        connection.request("GET", "/mailboxes")
        found.append(json.loads(connection.getresponse().read()))
        connection.close()
    return found


def test_the_demo_world_comes_and_goes(kimulator: Any, look_at: Any, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    up = kimulator("up", "--detach", "--run-dir", directory, "--seed", "3")
    assert up.returncode == 0, up.stderr
    assert "praxis.ahorn@kv.dox.kim.telematik-test#127.0.0.1:" in up.stdout
    world = look_at(directory)
    assert len(world.processes) == 14  # thirteen processes and their supervisor
    assert world.endpoints.seed == 3
    assert kimulator("ready", "--run-dir", directory).returncode == 0
    status = kimulator("status", "--run-dir", directory)
    assert status.returncode == 0
    assert status.stdout.count("bereit") == 13
    # The self-test's mail is gone, and nobody remembers it.
    assert "selbstpruefung" not in str(mailboxes(world.endpoints))
    in_use = kimulator("up", "--run-dir", directory)
    assert in_use.returncode == 2
    assert "hier läuft schon eine Welt" in one_line(in_use.stderr)
    # Who was refused took nothing away from the world that runs.
    assert kimulator("ready", "--run-dir", directory).returncode == 0
    assert kimulator("down", "--run-dir", directory).returncode == 0
    assert world.gone()
    assert not (directory / "endpoints.json").exists()
    assert kimulator("ready", "--run-dir", directory).returncode == 2


@pytest.mark.parametrize("name", sorted(set(shipped_worlds()) - {"demo"}))
def test_every_shipped_world_becomes_ready(kimulator: Any, tmp_path: Path, name: str) -> None:
    up = kimulator("up", name, "--detach", "--run-dir", tmp_path / "run")
    assert up.returncode == 0, up.stderr


def test_two_worlds_side_by_side(
    kimulator: Any, look_at: Any, small_world: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "erste", tmp_path / "zweite"
    for directory in (first, second):
        up = kimulator("up", small_world, "--detach", "--run-dir", directory)
        assert up.returncode == 0, up.stderr
    left, right = look_at(first), look_at(second)
    assert set(left.ports()).isdisjoint(right.ports())
    assert kimulator("down", "--run-dir", first).returncode == 0
    assert left.gone()
    assert kimulator("ready", "--run-dir", second).returncode == 0
    kimulator("down", "--run-dir", second)
    assert right.gone()


def test_the_commands_of_the_containers(kimulator: Any, small_world: Path, tmp_path: Path) -> None:
    """The processes of compose.yaml, on one machine: the same commands, the same settings.

    Names of containers do not resolve here, so only what each process does by itself is seen.
    """
    directory = tmp_path / "run"
    written = kimulator("settings", small_world, "--run-dir", directory)
    assert written.returncode == 0, written.stderr
    world = load_world(small_world)
    ports = fixed_ports(world)
    started: list[subprocess.Popen[bytes]] = []
    try:
        for part in parts(world):
            readable, writable = os.pipe()
            line = [sys.executable, "-m", MODULES[part.role], "--settings"]
            line += [str(directory / "settings" / f"{part.name}.json")]
            line += ["--ready-fd", str(writable)]
            started.append(subprocess.Popen(line, pass_fds=[writable], cwd=Path.cwd()))
            os.close(writable)
            with os.fdopen(readable, "rb") as ready:
                assert ready.read(1) == b"R", part.name
            url = f"http://localhost:{ports[part.name, 'control']}"
            assert is_ready(url)
            assert set(LISTENERS[part.role]) >= {"control"}
        answer = kimulator("ready", "--url", url)
        assert answer.returncode == 0
        answer = kimulator("ready", "--run-dir", directory)
        assert answer.returncode == 0, answer.stderr
    finally:
        for process in started:
            process.terminate()
        statuses = [process.wait(END_SECONDS) for process in started]
    assert statuses == [0] * len(started)
    answer = kimulator("ready", "--url", url)
    assert answer.returncode == 1
    answer = kimulator("status", "--run-dir", directory)
    assert answer.returncode == 1
    assert answer.stdout.count("nicht bereit") == len(started)
