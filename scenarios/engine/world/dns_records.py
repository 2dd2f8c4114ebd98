"""What the DNS server of a world knows: mail servers of the providers and their services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulators.process.guardrails import TEST_DOMAIN

from .certificates import host_name
from .model import World
from .parts import LOOPBACK, provider_part
from .places import Places

ZONE = TEST_DOMAIN.removeprefix(".")
ACCOUNT_MANAGER, KAS = f"_accmgr._tcp.{ZONE}", f"_kas._tcp.{ZONE}"
"""The names of these services are unconfirmed; the client module's settings have them too."""


def dns_records(world: World, places: Places) -> list[dict[str, Any]]:
    """Return the resource records as the DNS server's settings take them.

    Every provider has MX, the address of its server, and the ports of SMTP and POP3, which the
    system gives in a world (SRV); its Account Manager and its KAS are found by service discovery
    (PTR, SRV, TXT; no base path stands before the paths of the OpenAPI). The addresses are those
    that everybody on this machine uses.
    """
    return [
        {"name": name, "type": kind, "data": data}
        for domain in world.providers
        for name, kind, data in _of_provider(domain, places)
    ]


def _of_provider(domain: str, places: Places) -> Iterator[tuple[str, str, str]]:
    host, part = host_name(domain), provider_part(domain)
    yield domain, "MX", f"10 {host}."
    yield host, "A", LOOPBACK
    yield f"_smtps._tcp.{host}", "SRV", f"0 0 {places.ports[part, 'smtp']} {host}."
    yield f"_pop3s._tcp.{host}", "SRV", f"0 0 {places.ports[part, 'pop3']} {host}."
    for service in (ACCOUNT_MANAGER, KAS):
        instance = f"{part}.{service}"
        yield service, "PTR", f"{instance}."
        yield instance, "SRV", f"0 0 {places.ports[part, 'rest']} {host}."
        yield instance, "TXT", '"txtvers=1"'
