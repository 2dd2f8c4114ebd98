"""One demo world for all scenario tests, started by the command as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenarios.engine.command import main
from scenarios.engine.endpoints.contract import Endpoints, read_endpoints
from scenarios.engine.play import Play
from scenarios.engine.run.scenario_file import load_scenario, scenario_path
from scenarios.engine.scenario.model import Scenario
from scenarios.engine.steps import perform

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 60


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, pki_cache: Path) -> Iterator[Endpoints]:
    """Return the endpoints of a running demo world."""
    directory = tmp_path_factory.mktemp("demo") / "run"

    def command(*arguments: str) -> None:
        line = [sys.executable, "-m", "scenarios.engine.command", *arguments]
        environment = {**os.environ, "KIMULATOR_CACHE": str(pki_cache)}
        done = subprocess.run(
            [*line, "--run-dir", str(directory)],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    command("up", "demo", "--detach")
    yield read_endpoints(directory)
    command("down")


@pytest.fixture
def run(world: Endpoints) -> Callable[..., int]:
    """Return ``kimulator run`` against the shared world, in this process."""

    def call(*arguments: str | Path) -> int:
        return main(["run", "--against", str(world.directory), *map(str, arguments)])

    return call


@pytest.fixture(scope="session")
def played(world: Endpoints) -> Iterator[Callable[[str], Play]]:
    """Return a function that plays a shipped scenario once and keeps what it left."""
    plays: dict[str, Play] = {}

    def play(name: str) -> Play:
        if name not in plays:
            scenario: Scenario = load_scenario(scenario_path(name))
            plays[name] = Play(scenario, name, world, world.seed)
            for step in scenario.steps:
                perform(plays[name], step)
            for use in scenario.checks:  # asks the providers for their copies now
                plays[name].artifact(use.of, object)
        return plays[name]

    yield play
    for one in plays.values():
        one.finish()
