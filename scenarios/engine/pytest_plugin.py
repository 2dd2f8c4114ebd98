"""The pytest plugin: a KIM world around the software under test.

It is loaded with every run of pytest where kimulator is installed, so it imports nothing before
a test asks for a world.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing.kim_world import KimWorld
    from .testing.practice import Practice

WORLD_OPTION, DIRECTORY_OPTION, SEED_OPTION = "--kim-world", "--kim-run-dir", "--kim-seed"
KEPT = "kim_kept"
_RUNNING = pytest.StashKey["KimWorld"]()
_FRESH = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the ini keys of the same meaning."""
    group = parser.getgroup("kimulator", "KIM-Welt (kimulator)")
    group.addoption(
        WORLD_OPTION, metavar="NAME|FILE", help="the world that is started (ini: kim_world; demo)"
    )
    group.addoption(
        DIRECTORY_OPTION, metavar="DIR", type=Path, help="use the world that runs in this directory"
    )
    group.addoption(SEED_OPTION, metavar="N", type=int, help="instead of the world's own seed")
    parser.addini("kim_world", "the world that is started: a shipped one's name, or a file", None)
    parser.addini("kim_practice", "the participant that is kim_practice", None)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{KEPT}: the KIM world is not reset before the test, which goes on from others"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Reset a running world before a test that uses it, and before the test's own fixtures."""
    world = item.config.stash.get(_RUNNING, None)
    if world is not None and "kim_world" in getattr(item, "fixturenames", ()):
        _refresh(item, world)


@pytest.fixture(scope="session")
def kim_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KimWorld]:
    """A running KIM world, for each pytest-xdist worker its own; reset before each test."""
    from simulators.process.errors import InputError

    from .testing.held_world import Wanted, joined_world, started_world

    config = request.config
    directory = config.getoption(DIRECTORY_OPTION)
    if directory is None:
        wanted = Wanted(_world(config), config.getoption(SEED_OPTION))
        running = started_world(wanted, tmp_path_factory.mktemp("kimulator"))
    else:
        running = joined_world(config.invocation_params.dir / directory)
    with ExitStack() as stack:
        try:
            world = stack.enter_context(running)
        except InputError as error:
            pytest.fail(f"kimulator: {error}", pytrace=False)
        config.stash[_RUNNING] = world
        yield world
        del config.stash[_RUNNING]


@pytest.fixture
def kim_practice(kim_world: KimWorld, request: pytest.FixtureRequest) -> Practice:
    """The practice under test: ini ``kim_practice``, else the first of the world."""
    from simulators.process.errors import InputError

    _refresh(request.node, kim_world)
    try:
        return kim_world.practice(request.config.getini("kim_practice") or None)
    except InputError as error:
        pytest.fail(f"kimulator: {error}", pytrace=False)


def _refresh(item: pytest.Item, world: KimWorld) -> None:
    """Reset *world* once for the test *item*, unless the test goes on from others."""
    if item.stash.get(_FRESH, False) or item.get_closest_marker(KEPT) is not None:
        return
    item.stash[_FRESH] = True
    from simulators.process.errors import InputError

    try:
        world.reset()
    except InputError as error:
        pytest.fail(f"kimulator: {error}", pytrace=False)


def _world(config: pytest.Config) -> str:
    """Return the world that is wanted; a file is looked for where it was named."""
    for name, beside in (
        (config.getoption(WORLD_OPTION), config.invocation_params.dir),
        (config.getini("kim_world"), config.rootpath),
    ):
        if name:
            file = beside / name
            return str(file) if file.is_file() else str(name)
    return "demo"
