"""Scenario files: found, read, and every reference in them resolved."""

from __future__ import annotations

from pathlib import Path

from simulators.process.errors import InputError
from simulators.process.settings import DIRECTORY

from ..scenario.model import Scenario
from ..world.file import load_world, world_path
from ..yaml_files import yaml_source
from .references import check_participants, check_references
from .registered import check_services

SCENARIOS = Path(__file__).resolve().parents[2]


def scenario_path(name: str) -> Path:
    """Return the file of the scenario *name*: a path, or a shipped one such as eau/lieferung.

    Raises InputError when there is none.
    """
    given = Path(name)
    shipped = SCENARIOS / name
    for path in (given, shipped, shipped.with_name(f"{shipped.name}.yaml")):
        if path.is_file():
            return path
    raise InputError(f"{name}: kein Szenario (kimulator list zeigt die vorhandenen)")


def shipped_scenarios() -> list[Path]:
    """Return the files of the scenarios that come with the package."""
    return sorted(path for path in SCENARIOS.glob("*/*.yaml") if path.parent.name != "worlds")


def short_name(path: Path) -> str:
    """Return how the scenario of *path* is called: eau/lieferung if shipped, else its file."""
    whole = path.resolve()
    shown = whole.relative_to(SCENARIOS) if whole.is_relative_to(SCENARIOS) else Path(path.name)
    return str(shown.with_suffix(""))


def load_scenario(path: Path, *, with_world: bool = False) -> Scenario:
    """Read and check the scenario file *path*; *with_world*: also against the world it names.

    Raises InputError ``FILE:LINE: key: expected`` for an unknown key, a wrong type, or a name
    that nothing defines.
    """
    source = yaml_source.read(path)
    scenario = source.validate(Scenario, {DIRECTORY: path.parent})
    check_references(scenario, source)
    check_services(scenario, source)
    if with_world:
        try:
            world = world_path(scenario.world)
        except InputError as error:
            raise source.error(("world",), str(error)) from None
        check_participants(scenario, source, load_world(world).participants)
    return scenario
