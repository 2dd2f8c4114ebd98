"""A world that cannot be started, and one that is not there: one line says what and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.engine.processes.run_directory import RunDirectory
from scenarios.engine.world.file import load_world
from scenarios.engine.world.parts import fixed_ports
from simulators.process.role import bind
from simulators.process.settings import Listener
from tests.printed import one_line


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
