"""Where the listeners of a world are: bound, seen by its processes, seen from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .parts import LISTENERS, LOOPBACK, Part

ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 (inside a container; published on loopback only)


@dataclass(frozen=True)
class Places:
    """The ports of all listeners, by process and listener name.

    In ``containers`` every process has a host of its own, named like the process, and listens on
    all its addresses; outside, the same ports are published on the loopback address.
    """

    ports: Mapping[tuple[str, str], int]
    containers: bool = False

    def settings(self, part: Part) -> dict[str, Any]:
        """Return the settings of the listeners of *part*."""
        host = ALL_ADDRESSES if self.containers else LOOPBACK
        listeners = {
            name: {"host": host, "port": self.ports[part.name, name]}
            for name in LISTENERS[part.role]
        }
        return {"listeners": listeners, "allow_all_addresses": self.containers}

    def inside(self, process: str, listener: str) -> str:
        """Return ``host:port`` of a listener for the other processes of the world."""
        host = process if self.containers else LOOPBACK
        return f"{host}:{self.ports[process, listener]}"

    def outside(self, process: str, listener: str) -> str:
        """Return ``host:port`` of a listener for everybody on this machine."""
        return f"{LOOPBACK}:{self.ports[process, listener]}"
