"""A world from ``up`` to its end, however the end comes: no process and no port is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from scenarios.engine.processes.readiness import is_ready
from scenarios.engine.processes.run_directory import RunDirectory
from scenarios.engine.world.file import load_world, shipped_worlds
from scenarios.engine.world.parts import LISTENERS, MODULES, fixed_ports, parts
from simulators.process.role import bind
from simulators.process.settings import Listener

END_SECONDS = 10
READY_SECONDS = 30


def one_line(text: str) -> str:
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(
    kimulator: Any, look_at: Any, small_world: Path, tmp_path: Path, number: signal.Signals
) -> None:
    process = kimulator.start("up", small_world, "--run-dir", tmp_path / "run")
    world = look_at(tmp_path / "run")
    process.send_signal(number)
    _, errors = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 0
    assert errors == ""
    assert world.gone()


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


def test_a_killed_process_ends_the_others(
    kimulator: Any, look_at: Any, small_world: Path, tmp_path: Path
) -> None:
    victim = "konnektor-praxis"
    directory = tmp_path / "run"
    process = kimulator.start("up", small_world, "--run-dir", directory)
    world = look_at(directory)
    log = directory / "logs" / f"{victim}.log"
    _process_that_writes(log, world.processes).kill()
    _, errors = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 2
    message = one_line(errors)
    assert f"{victim} wurde durch das Signal SIGKILL beendet" in message
    assert str(log) in message
    assert world.gone()


def test_a_detached_world_that_died_is_asked_why(
    kimulator: Any, look_at: Any, small_world: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    up = kimulator("up", small_world, "--detach", "--run-dir", directory)
    assert up.returncode == 0, up.stderr
    world = look_at(directory)
    _process_that_writes(directory / "logs" / "vzd.log", world.processes).kill()
    assert world.gone()
    for command in ("ready", "status"):
        answer = kimulator(command, "--run-dir", directory)
        assert answer.returncode == 2
        assert "vzd wurde durch das Signal SIGKILL beendet" in one_line(answer.stderr)
    assert "SIGKILL" in one_line(kimulator("down", "--run-dir", directory).stdout)
    assert "Traceback" not in (directory / "logs" / "supervisor.log").read_text(encoding="utf-8")


def _process_that_writes(log: Path, processes: list[psutil.Process]) -> psutil.Process:
    return next(p for p in processes if Path(f"/proc/{p.pid}/fd/1").resolve() == log.resolve())


def test_a_killed_supervisor_leaves_nothing(
    kimulator: Any, look_at: Any, small_world: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    process = kimulator.start("up", small_world, "--run-dir", directory)
    world = look_at(directory)
    process.kill()
    process.communicate(timeout=END_SECONDS)
    assert world.gone()
    stale = kimulator("ready", "--run-dir", directory)
    assert stale.returncode == 2
    assert "läuft nicht mehr" in one_line(stale.stderr)
    assert kimulator("down", "--run-dir", directory).returncode == 0
    # What a dead world left does not keep the next one from starting.
    again = kimulator("up", small_world, "--detach", "--run-dir", directory)
    assert again.returncode == 0, again.stderr


def test_a_port_that_is_taken(kimulator: Any, small_world: Path, tmp_path: Path) -> None:
    world = load_world(small_world)
    port = fixed_ports(world)["mailserver-kv-dox", "smtp"]
    with bind(Listener(port=port)):
        up = kimulator("up", small_world, "--ports", "fixed", "--run-dir", tmp_path / "run")
    assert up.returncode == 2
    assert f"Port {port} ist nicht frei (mailserver-kv-dox, smtp)" in one_line(up.stderr)
    up = kimulator("up", small_world, "--ports", "fixed", "--detach", "--run-dir", tmp_path / "run")
    assert up.returncode == 0, up.stderr
    assert f"127.0.0.1:{port}" in up.stdout


@pytest.mark.parametrize("directory", ["/proc/kimulator", "/dev/null/run"])
def test_no_write_permission(kimulator: Any, directory: str) -> None:
    up = kimulator("up", "--run-dir", directory)
    assert up.returncode == 2
    assert "nicht beschreibbar" in one_line(up.stderr)


def test_no_place_for_keys(kimulator: Any, small_world: Path, tmp_path: Path) -> None:
    kimulator.environment["KIMULATOR_CACHE"] = "/dev/null/keys"
    up = kimulator("up", small_world, "--run-dir", tmp_path / "run")
    assert up.returncode == 2
    said = one_line(up.stderr)
    assert said.startswith("kimulator: /dev/null/keys: hier können keine Schlüssel aufbewahrt")
    assert "KIMULATOR_CACHE" in said


def test_a_world_with_a_contradiction(kimulator: Any, small_world: Path, tmp_path: Path) -> None:
    text = small_world.read_text(encoding="utf-8").replace("{site: praxis,", "{site: praksis,")
    small_world.write_text(text, encoding="utf-8")
    for extra in ([], ["--detach"]):
        up = kimulator("up", small_world, "--run-dir", tmp_path / "run", *extra)
        assert up.returncode == 2
        assert one_line(up.stderr).startswith(f"kimulator: {small_world}:9: participants.praxis.")


def test_a_setting_that_the_role_refuses(kimulator: Any, small_world: Path, tmp_path: Path) -> None:
    text = small_world.read_text(encoding="utf-8").replace(
        "{name: Praxis Ahorn}",
        "\n    name: Praxis Ahorn\n    clientmodule:\n      parameters: {konnektor_timeout: nie}",
    )
    small_world.write_text(text, encoding="utf-8")
    up = kimulator("up", small_world, "--run-dir", tmp_path / "run")
    assert up.returncode == 2
    assert ":9: sites.praxis.clientmodule.parameters.konnektor_timeout" in one_line(up.stderr)


def test_nothing_runs_here(kimulator: Any, tmp_path: Path) -> None:
    for command in ("ready", "status", "down"):
        answer = kimulator(command, "--run-dir", tmp_path)
        assert answer.returncode == 2
        assert "keine Welt" in one_line(answer.stderr)


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


@pytest.mark.parametrize("command", ["ready", "status"])
def test_a_world_that_starts_is_not_ready_yet(kimulator: Any, tmp_path: Path, command: str) -> None:
    """Whoever waits for a world asks again: the addresses come when the self-test is through."""
    directory = RunDirectory(tmp_path)
    directory.take()
    try:
        answer = kimulator(command, "--run-dir", tmp_path)
    finally:
        directory.release()
    assert answer.returncode == 1
    assert "startet" in one_line(answer.stdout)


def test_an_output_that_nobody_reads_ends_the_world(
    kimulator: Any, small_world: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    kimulator.directories.append(directory)
    line = [sys.executable, "-m", "scenarios.engine.command", "up", str(small_world)]
    up = subprocess.Popen(
        [*line, "--run-dir", str(directory)],
        env=kimulator.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert up.stdout is not None
    up.stdout.close()
    up.wait(READY_SECONDS)
    assert not (directory / "endpoints.json").exists()
    assert kimulator("down", "--run-dir", directory).stdout == "die Welt lief nicht mehr\n"
    up.communicate(timeout=END_SECONDS)
