"""The DNS server as a process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from simulators.process.role import Process, Role

from .control import NamesControl
from .dns_server import DnsServer
from .faults import EFFECTS
from .records import Records
from .settings import NamesSettings


@asynccontextmanager
async def serve(process: Process[NamesSettings]) -> AsyncIterator[None]:
    """Serve DNS and the control routes while the block runs."""
    settings = process.settings
    records = Records(settings.zones, settings.records, settings.listeners.dns.host)
    server = DnsServer(process, records)
    NamesControl(process, server)
    await server.start()
    try:
        yield
    finally:
        await server.stop()


ROLE = Role(name="names", settings=NamesSettings, serve=serve, effects=EFFECTS)
