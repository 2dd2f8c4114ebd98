"""The directory as a process: its listeners, its control routes, its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime

from simulators.process.guardrails import refuse_real_domain
from simulators.process.ldap.server import LdapServer
from simulators.process.role import Process, Role

from .certificates import read_certificate
from .control import VzdControl
from .entries import Entry, rfc3339
from .entry_file import read_entries
from .faults import EFFECTS
from .generated.generator import Plan, generate
from .handshakes import listener_context
from .ldap_server import VzdService
from .rest.access import TOKEN_PATH, Providers, Tokens
from .rest.administration import Administration
from .rest.application_maintenance import ApplicationMaintenance
from .rest.changing import Changing
from .rest.reading import Reading
from .rest.server import RestServer
from .rest.views import Views
from .settings import VzdSettings
from .store import Store


@asynccontextmanager
async def serve(process: Process[VzdSettings]) -> AsyncIterator[None]:
    """Serve LDAPS, the maintenance interfaces and the control routes while the block runs."""
    settings = process.settings

    def world() -> Iterator[Entry]:
        now = process.clock.now()
        yield from read_entries(settings.entries, base=settings.base, now=now)
        if settings.generated is not None:
            yield from generate(generation_plan(settings, now))

    store = Store(settings.data_dir, settings.base, world, process.clock.now())
    VzdControl(process, store)
    ldap = LdapServer(
        VzdService(process, store),
        tls=listener_context(process, "ldap"),
        idle_seconds=settings.idle_seconds,
        log=process.log,
        at_once=True,
        max_sessions=settings.max_connections,
    )
    rest = maintenance(process, store)
    await ldap.start(process.socket("ldap"))
    await rest.start(listener_context(process, "rest"))
    try:
        yield
    finally:
        await rest.stop()
        await ldap.stop()
        store.close()


def generation_plan(settings: VzdSettings, now: datetime) -> Plan:
    """Return which entries *settings* have invented. Raises InputError for a certificate."""
    generated = settings.generated
    assert generated is not None  # asked for only where there are any
    return Plan(
        count=generated.count,
        seed=settings.seed,
        domains=[refuse_real_domain(domain) for domain in generated.domains],
        certificates={
            kind: [read_certificate(file) for file in files]
            for kind, files in generated.certificates.items()
        },
        base=settings.base,
        changed=rfc3339(now),
    )


def maintenance(process: Process[VzdSettings], store: Store) -> RestServer:
    """Return the server of both maintenance interfaces."""
    settings = process.settings
    providers = Providers(settings.providers)
    tokens = Tokens(settings, process.clock.now)
    views = Views(settings.base, providers.fad_of)
    reading = Reading(process, store, views)
    changing = Changing(process, store)
    server = RestServer(process)
    for interface in (
        ApplicationMaintenance(providers, reading, changing, views, settings),
        Administration(tokens, reading, changing, views, settings),
    ):
        server.add(interface.operations())
    server.add_plain(TOKEN_PATH, tokens.issue)
    return server


ROLE = Role(name="vzd", settings=VzdSettings, serve=serve, effects=EFFECTS)
