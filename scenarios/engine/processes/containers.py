"""Settings of a world for containers: every process on a host of its own, fixed ports."""

from __future__ import annotations

from pathlib import Path

from simulators.process.errors import InputError, reason

from ..endpoints.of_world import endpoints_of, write_environment
from ..world.file import load_world
from ..world.parts import fixed_ports
from ..world.places import Places
from .launcher import prepare
from .run_directory import RunDirectory


def write_settings(file: Path, directory: Path, seed: int | None) -> tuple[str, ...]:
    """Write what the containers of the world *file* read into the volume *directory*.

    The processes find each other by their names; ``endpoints.json`` says where the same ports
    are published on the machine that runs the containers. Raises InputError when the world has
    a contradiction or the directory is in use. Returns what is to be known of the world.
    """
    world = load_world(file)
    owned = RunDirectory(directory)
    owned.take()
    try:
        wiring = prepare(world, owned.path, seed, Places(fixed_ports(world), containers=True))
        endpoints = endpoints_of(wiring)
        write_environment(endpoints, owned.path)
        endpoints.write(owned.path)
        owned.hand_over()
        return wiring.notes
    except OSError as error:
        raise InputError(f"{directory}: nicht beschreibbar: {reason(error)}") from None
    finally:
        owned.release()
