"""Runs scenarios: on a fresh world each scenario finds reset, or on one that runs already."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from simulators.process.errors import InputError

from ..checks.catalogue import rules_of
from ..documents.reading import EauDocument, read_file
from ..endpoints.contract import Endpoints, read_endpoints
from ..play import Play
from ..pvs.control import ControlError
from ..pvs.reset import reset_all
from ..report.results import CheckResult, ScenarioResult, StepResult, konnektors
from ..report.screen import Screen
from ..report.ways import deviations, journals, ways
from ..report.xrays import keep_copies, xrays
from ..scenario.failure import StepFailed
from ..scenario.model import Scenario
from ..steps import perform
from ..steps.messages import remove_what_was_sent
from ..world.file import world_path
from ..world.own_files import OwnArguments
from .expected_failures import ExpectedFailures, read_expected_failures
from .scenario_file import load_scenario, scenario_path, short_name


@dataclass(frozen=True)
class Plan:
    """A scenario to run, the documents given for it, and which of its checks are to fail."""

    path: Path
    scenario: Scenario
    inputs: Mapping[str, EauDocument] = field(default_factory=dict)
    expected: ExpectedFailures = field(default_factory=ExpectedFailures)

    @property
    def name(self) -> str:
        """Short name: the shipped scenario's path, or the file's."""
        return short_name(self.path)


def plan(
    names: Sequence[str],
    inputs: Sequence[str],
    *,
    fresh: bool = True,
    expected: Path | None = None,
) -> list[Plan]:
    """Read the scenarios *names* and the inputs ``NAME=FILE``; *fresh*: worlds will be started.

    *expected* is the file of the checks that are known to fail.
    Raises InputError for a file that cannot be used, before anything is started or sent.
    """
    paths = [scenario_path(name) for name in names]
    given = dict(_input(text) for text in inputs)
    plans = [Plan(path, load_scenario(path, with_world=fresh)) for path in paths]
    for name in given:
        if not any(name in one.scenario.inputs for one in plans):
            known = sorted({known for one in plans for known in one.scenario.inputs})
            raise InputError(
                f"--input {name}: kein Szenario nimmt diese Eingabe "
                f"(möglich: {', '.join(known) or 'keine'})"
            )
    documents = {name: read_file(file) for name, file in given.items()}
    failing = ExpectedFailures()
    if expected is not None:
        failing = read_expected_failures(expected, [(one.name, one.scenario) for one in plans])
    return [
        Plan(
            one.path,
            one.scenario,
            {name: doc for name, doc in documents.items() if name in one.scenario.inputs},
            failing,
        )
        for one in plans
    ]


def run_plans(
    plans: Sequence[Plan],
    screen: Screen,
    *,
    seed: int | None,
    against: Path | None,
    own: OwnArguments = OwnArguments(),  # noqa: B008 (immutable)
    xrayed: bool = False,
) -> list[ScenarioResult]:
    """Run the scenarios in their order; *own* are own test cards for the worlds that are started.

    With *xrayed* the results hold the X-ray of every message. Raises InputError when a world
    cannot be used.
    """
    if against is not None:
        endpoints = read_endpoints(against)
        return [_run(one, endpoints, seed, screen, xrayed) for one in plans]
    results: list[ScenarioResult] = []
    for world, group in groupby(plans, key=lambda one: one.scenario.world):
        with _fresh_world(world, seed, screen, own) as endpoints:
            for index, one in enumerate(group):
                if index:
                    _reset(endpoints)
                results.append(_run(one, endpoints, seed, screen, xrayed))
    return results


@contextmanager
def _fresh_world(
    world: str, seed: int | None, screen: Screen, own: OwnArguments
) -> Iterator[Endpoints]:
    """Start *world* in a directory of its own and end it after the block."""
    from ..processes.launcher import Start, running_world  # only here are worlds started
    from ..processes.process_group import ProcessDied

    # The directory holds keys: it must not stay behind, however the run is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="kimulator-") as directory:
        began = time.monotonic()
        run = Path(directory) / "run"
        start = Start(world=world_path(world), directory=run, seed=seed, own=own)
        try:
            with running_world(start) as running:
                screen.world_started(
                    running.title, running.endpoints, time.monotonic() - began, running.notes
                )
                _reset(running.endpoints)
                yield running.endpoints
        except ProcessDied as error:
            raise InputError(str(error)) from None


def _reset(endpoints: Endpoints) -> None:
    """Put every process back to its start. Raises InputError when one is gone."""
    try:
        reset_all(endpoints.controls().values())
    except ControlError as error:
        raise InputError(f"die Welt antwortet nicht mehr: {error}") from None


def _run(
    one: Plan, endpoints: Endpoints, seed: int | None, screen: Screen, xrayed: bool
) -> ScenarioResult:
    chosen = endpoints.seed if seed is None else seed
    result = ScenarioResult(
        one.name, one.scenario.title, one.scenario.world, chosen, konnektors=konnektors(endpoints)
    )
    screen.scenario_started(result)
    began, started = time.monotonic(), time.time()
    try:
        play = Play(one.scenario, one.name, endpoints, chosen, one.inputs)
    except StepFailed as error:
        raise InputError(f"{one.path}: {error}") from None
    try:
        _do_steps(play, result, screen)
        remove_what_was_sent(play)
        _do_checks(play, one.expected, result, screen)
        recorded = journals(play)
        result.ways = ways(play, recorded)
        result.deviations = deviations(recorded, started)
        if xrayed:
            keep_copies(play)
    finally:
        play.finish()
    if xrayed:
        result.xrays = xrays(play)
    result.seconds = time.monotonic() - began
    screen.scenario_ended(result)
    return result


def _do_steps(play: Play, result: ScenarioResult, screen: Screen) -> None:
    """Do the steps in order; the first that fails ends them."""
    for number, step in enumerate(play.scenario.steps, 1):
        began = time.monotonic()
        try:
            text, ok = perform(play, step), True
        except StepFailed as error:
            text, ok = str(error), False
        done = StepResult(number, step.keyword, text, time.monotonic() - began, ok)
        result.steps.append(done)
        screen.step_done(done)
        if not ok:
            return


def _do_checks(
    play: Play, expected: ExpectedFailures, result: ScenarioResult, screen: Screen
) -> None:
    for use in play.scenario.checks:
        for rule in rules_of(use.rule):
            reason = expected.reason(result.name, rule.name, use) or use.expected_failure
            known = use.model_copy(update={"expected_failure": reason})
            judged = CheckResult(rule, use.of, rule.apply(play, known))
            result.checks.append(judged)
            screen.check_done(judged)


def _input(text: str) -> tuple[str, Path]:
    name, separator, file = text.partition("=")
    if not separator or not name or not file:
        raise InputError(f"--input {text}: erwartet wird NAME=DATEI")
    return name, Path(file)
