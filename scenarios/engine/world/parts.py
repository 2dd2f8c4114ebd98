"""The parts of a world: its processes, their listeners and the ports they get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from simulators.process.guardrails import TEST_DOMAIN

from .model import World
from .values import Ports

RoleName = Literal["pki", "vzd", "mailserver", "konnektor", "clientmodule", "names"]
Location = tuple[str, ...]
LOOPBACK = "127.0.0.1"

LISTENERS: Mapping[RoleName, tuple[str, ...]] = {
    "pki": ("control", "ocsp"),
    "vzd": ("control", "ldap", "rest"),
    "mailserver": ("control", "smtp", "pop3", "rest"),
    "konnektor": ("control", "soap", "ldap"),
    "clientmodule": ("control", "smtp", "pop3"),
    "names": ("control", "dns"),
}
DATAGRAMS = frozenset({("names", "dns")})
"""Listeners that are served over UDP too, on the same port."""
MODULES: Mapping[RoleName, str] = {
    "pki": "simulators.pki",
    "vzd": "simulators.vzd",
    "mailserver": "simulators.mailserver",
    "konnektor": "simulators.konnektor",
    "clientmodule": "clientmodule",
    "names": "simulators.names",
}


@dataclass(frozen=True)
class Part:
    """A process of a world.

    ``name`` is that of the process in journal, logs and settings, and its host name inside
    containers; ``of`` the provider's domain or the site; ``ports`` those that the world fixes,
    ``location`` where in the world file they stand.
    """

    role: RoleName
    name: str
    of: str
    ports: Ports
    location: Location


def provider_part(domain: str) -> str:
    """Return the process name of the provider of *domain*."""
    return "mailserver-" + domain.removesuffix(TEST_DOMAIN).replace(".", "-")


def konnektor_part(owner: str) -> str:
    """Return the process name of the Konnektor of site *owner*."""
    return f"konnektor-{owner}"


def clientmodule_part(owner: str) -> str:
    """Return the process name of the client module of site *owner*."""
    return f"clientmodule-{owner}"


def parts(world: World) -> list[Part]:
    """Return the processes of *world* in the order in which they are started and ended."""
    found = [
        Part("pki", "pki", "", world.pki_ports, ("pki_ports",)),
        Part("vzd", "vzd", "", world.vzd_ports, ("vzd_ports",)),
    ]
    for domain, provider in world.providers.items():
        location = ("providers", domain, "ports")
        found.append(Part("mailserver", provider_part(domain), domain, provider.ports, location))
    for owner in world.owners():
        site = world.sites[owner]
        place = ("sites", owner)
        found.append(
            Part(
                *("konnektor", konnektor_part(owner), owner),
                *(site.konnektor.ports, (*place, "konnektor", "ports")),
            )
        )
        if site.clientmodule is not None:
            found.append(
                Part(
                    *("clientmodule", clientmodule_part(owner), owner),
                    *(site.clientmodule.ports, (*place, "clientmodule", "ports")),
                )
            )
    found.append(Part("names", "names", "", world.names_ports, ("names_ports",)))
    return found


def fixed_ports(world: World) -> dict[tuple[str, str], int]:
    """Return the port of every listener by process and listener name, as the world fixes them.

    Listeners without a port of their own are numbered on from ``base_port``.
    """
    given = {port for part in parts(world) for port in part.ports.values()}
    free = (port for port in _from(world.base_port) if port not in given)
    return {
        (part.name, listener): part.ports.get(listener) or next(free)
        for part in parts(world)
        for listener in LISTENERS[part.role]
    }


def _from(port: int) -> Iterator[int]:
    while True:
        yield port
        port += 1
