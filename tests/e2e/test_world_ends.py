"""However the end of a world comes, no process and no port is left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.printed import one_line

END_SECONDS = 10
READY_SECONDS = 30


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


def test_a_world_ends_with_the_program_that_holds_it(
    kimulator: Any, look_at: Any, small_world: Path, tmp_path: Path
) -> None:
    held = ("up", small_world, "--until-stdin-closes", "--run-dir", tmp_path / "run")
    process = kimulator.start(*held, stdin=subprocess.PIPE)
    world = look_at(tmp_path / "run")
    process.stdin.write("what is written ends nothing\n")
    process.stdin.flush()
    assert kimulator("ready", "--run-dir", tmp_path / "run").returncode == 0
    _, errors = process.communicate(timeout=END_SECONDS)  # closes it
    assert (process.returncode, errors) == (0, "")
    assert world.gone()


def test_a_world_is_not_held_by_what_nobody_can_close(
    kimulator: Any, small_world: Path, tmp_path: Path
) -> None:
    process = kimulator(
        *("up", small_world, "--until-stdin-closes", "--run-dir", tmp_path / "run"),
        stdin=subprocess.DEVNULL,
    )
    assert process.returncode == 2
    assert "keine Pipe" in one_line(process.stderr)


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
