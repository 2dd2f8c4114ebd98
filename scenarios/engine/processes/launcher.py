"""Starts a world: ports first, then certificates and settings, then one fork for each process."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from simulators.pki.issue import cache_directory, issue
from simulators.process.errors import InputError, one_line, reason
from simulators.process.role import AnyRole, bind, bind_datagram, datagram
from simulators.process.settings import Listener, ProcessSettings

from ..endpoints.contract import Endpoints, write_private
from ..endpoints.of_world import endpoints_of, write_certificates, write_environment
from ..world.certificates import pki_request
from ..world.directory_entries import directory_entries
from ..world.file import load_world
from ..world.identities import Identities
from ..world.model import World
from ..world.own_files import OwnArguments, has_own_files, with_arguments
from ..world.parts import (
    DATAGRAMS,
    LISTENERS,
    LOOPBACK,
    MODULES,
    Part,
    RoleName,
    fixed_ports,
    parts,
)
from ..world.places import Places
from ..world.wiring import ENTRIES_FILE, Wiring
from ..yaml_files import yaml_source
from .process_group import Launch, ProcessGroup
from .run_directory import OWN_CARDS, RunDirectory
from .selftest import run_self_test

if TYPE_CHECKING:
    from ..world.own_cards import OwnTestCards

READY_SECONDS = 30.0
UDP_ATTEMPTS = 20
WARM = "simulators.process.control"  # imported late by every process
# What takes longest to start goes first: it starts while the parent imports the next role.
START_ORDER: tuple[RoleName, ...] = (
    *("konnektor", "clientmodule", "mailserver"),
    *("vzd", "names", "pki"),
)

Sockets = dict[tuple[str, str], socket.socket]
PortChoice = Literal["auto", "fixed"]


@dataclass(frozen=True)
class Start:
    """How a world is started: its file, the run directory, the seed (None: the world's own).

    ``own`` are own test cards from the command line, besides those of the world's file. Without
    ``self_test`` the world counts as ready when every process answers.
    """

    world: Path
    directory: Path
    seed: int | None = None
    ports: PortChoice = "auto"
    self_test: bool = True
    own: OwnArguments = field(default_factory=OwnArguments)


class RunningWorld:
    """A started world; ``endpoints`` says where. To be ended with ``stop``.

    ``notes`` are lines for the screen: what a tester has to know of this world.
    """

    def __init__(
        self, wiring: Wiring, endpoints: Endpoints, directory: RunDirectory, group: ProcessGroup
    ) -> None:
        self.title = wiring.world.title
        self.notes = wiring.notes
        self.endpoints = endpoints
        self.directory = directory
        self._group = group

    @property
    def pids(self) -> dict[str, int]:
        """The process ids by process name."""
        return self._group.pids

    def wait(self, also: socket.socket | int | None = None) -> None:
        """Wait until a process dies (raises ProcessDied) or *also* becomes readable."""
        self._group.wait_for_death(also)

    def stop(self) -> None:
        """End every process within two seconds and give the run directory free."""
        self._group.stop()
        self.directory.release()


@contextmanager
def running_world(start: Start) -> Iterator[RunningWorld]:
    """Start a world, ready inside the block, ended after it. Raises what ``start_world`` does."""
    world = start_world(start)
    try:
        yield world
    finally:
        world.stop()


def start_world(start: Start, foreign: Iterable[int] = ()) -> RunningWorld:
    """Start the world and return when it is ready.

    *foreign* are open descriptors of the caller that no process of the world may keep.

    Raises InputError for what a person can mend (a contradiction in the world, a port that is
    taken, a run directory in use), ProcessDied when a process ends during the start. Nothing is
    left running then.
    """
    world = with_arguments(load_world(start.world), start.own)
    directory = RunDirectory(start.directory)
    directory.take()
    try:
        return _start(start, world, directory, [directory.lock_descriptor, *foreign])
    except BaseException:
        directory.release()
        raise


def prepare(world: World, directory: Path, seed: int | None, places: Places) -> Wiring:
    """Make certificates and the files that the processes of *world* read; return the wiring.

    The settings of each process are in ``DIR/settings/NAME.json``, as ``python -m`` takes them.
    """
    chosen = world.seed if seed is None else seed
    own = _own_cards(world)
    world = world if own is None else own.world
    identities = Identities(world, chosen)
    tree = issue(pki_request(world, identities), _key_cache())
    if own is not None:
        tree = own.added_to(tree, identities, directory.absolute() / OWN_CARDS)
    wiring = Wiring(
        *(world, identities, places, tree, directory.absolute(), chosen),
        notes=() if own is None else own.notes,
        unfit=frozenset() if own is None else own.unfit,
    )
    entries = directory_entries(world, identities, tree)
    write_private(directory / ENTRIES_FILE, json.dumps(entries, ensure_ascii=False))
    write_certificates(wiring, directory)
    for part in parts(world):
        content = json.dumps(wiring.settings(part), indent=1, ensure_ascii=False)
        write_private(directory / "settings" / f"{part.name}.json", content)
    return wiring


def _own_cards(world: World) -> OwnTestCards | None:
    """Read own test cards; what that needs is imported only where a world has some."""
    if not has_own_files(world):
        return None
    from ..world.own_cards import read_own_cards

    return read_own_cards(world)


def _key_cache() -> Path:
    """Return the directory that keeps keys for the next start. Raises InputError if none can."""
    cache = cache_directory()
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        why = None if os.access(cache, os.W_OK | os.X_OK) else "der Zugriff ist nicht erlaubt"
    except OSError as error:
        why = reason(error)
    if why is not None:
        raise InputError(
            f"{cache}: hier können keine Schlüssel aufbewahrt werden: {why}; "
            "die Variable KIMULATOR_CACHE wählt ein anderes Verzeichnis"
        )
    return cache


def _start(start: Start, world: World, directory: RunDirectory, foreign: list[int]) -> RunningWorld:
    sockets = _bind_all(world, start.ports)
    group = ProcessGroup(sockets.values(), foreign)
    try:
        ports = {key: bound.getsockname()[1] for key, bound in sockets.items()}
        wiring = prepare(world, directory.path, start.seed, Places(ports))
        _start_processes(wiring, sockets, group, directory, start.world)
        group.wait_ready(READY_SECONDS)
        endpoints = endpoints_of(wiring)
        if start.self_test:
            run_self_test(wiring.world, endpoints, group, wiring.unfit)
        write_environment(endpoints, directory.path)
        endpoints.write(directory.path)
    except BaseException:
        group.stop()
        raise
    return RunningWorld(wiring, endpoints, directory, group)


def _start_processes(
    wiring: Wiring, sockets: Sockets, group: ProcessGroup, directory: RunDirectory, file: Path
) -> None:
    """Import one role after the other and fork its processes, which start meanwhile."""
    for name in START_ORDER:
        role = _import_role(name)
        group.start(
            [
                Launch(
                    role=role,
                    settings=_settings(role, wiring, part, file),
                    sockets={
                        listener: bound
                        for (process, listener), bound in sockets.items()
                        if process == part.name
                    },
                    log=directory.log(part.name),
                )
                for part in parts(wiring.world)
                if part.role == name
            ]
        )


def _bind_all(world: World, choice: PortChoice) -> Sockets:
    """Bind the listeners of all processes before anything is started.

    Raises InputError that names the port which is taken.
    """
    wanted = fixed_ports(world) if choice == "fixed" else {}
    sockets: Sockets = {}
    try:
        for part in parts(world):
            for name in LISTENERS[part.role]:
                port = wanted.get((part.name, name), 0)
                try:
                    sockets |= _bind(part, name, port)
                except OSError as error:
                    raise InputError(
                        f"Port {port} ist nicht frei ({part.name}, {name}): {reason(error)}; "
                        "--ports auto wählt freie Ports"
                    ) from None
    except BaseException:
        for bound in sockets.values():
            bound.close()
        raise
    return sockets


def _bind(part: Part, name: str, port: int) -> Sockets:
    """Bind one listener, by UDP too where it is served so. Raises OSError when it is taken.

    Where the system chooses the port, UDP's may be taken: another one is tried then.
    """
    attempts = itertools.count(1)
    while True:
        stream = bind(Listener(host=LOOPBACK, port=port))
        if (part.role, name) not in DATAGRAMS:
            return {(part.name, name): stream}
        place = Listener(host=LOOPBACK, port=stream.getsockname()[1])
        try:
            return {
                (part.name, name): stream,
                (part.name, datagram(name)): bind_datagram(place),
            }
        except OSError:
            stream.close()
            if port or next(attempts) == UDP_ATTEMPTS:
                raise


def _import_role(role: RoleName) -> AnyRole:
    """Import a role by name: the engine knows processes, not their code."""
    importlib.import_module(WARM)
    found: AnyRole = importlib.import_module(f"{MODULES[role]}.service").ROLE
    return found


def _settings(role: AnyRole, wiring: Wiring, part: Part, file: Path) -> ProcessSettings:
    """Return the settings of *part* as its role's model checks them."""
    try:
        checked: ProcessSettings = role.settings.model_validate(wiring.settings(part))
    except ValidationError as error:
        first = error.errors()[0]
        raise yaml_source.read(file).error(
            _written_at(part, first["loc"]), f"{part.name}: {one_line(first['msg'])}"
        ) from None
    return checked


def _written_at(part: Part, location: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return where in the world file the setting *location* of *part* comes from."""
    if part.role == "konnektor":
        return ("sites", part.of, "konnektor", *location)
    if part.role == "clientmodule":
        return ("sites", part.of, "clientmodule", "parameters", *location)
    return (*part.location[:-1], *location)
