"""The client module as a process of the world: both gateways around one installation."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from simulators.process import tls
from simulators.process.role import Process, Role
from simulators.process.settings import TlsIdentity

from . import faults
from .administration.renewal import Renewal
from .control import add_routes
from .gateway import Gateway
from .installation import Installation
from .lines import LineStream
from .pop3_gateway import Pop3Dialogue
from .sending import version_check
from .settings import Account, ClientModuleSettings
from .smtp_gateway import SmtpDialogue


@asynccontextmanager
async def serve(process: Process[ClientModuleSettings]) -> AsyncIterator[None]:
    """Serve SMTP and POP3 to client systems while the block runs."""
    tls.keep_connections_small()
    settings = process.settings
    installation = Installation(process)
    context = _tls_context(settings)

    async def smtp(client: LineStream) -> None:
        await SmtpDialogue(installation, client).run()

    async def pop3(client: LineStream) -> None:
        await Pop3Dialogue(installation, client).run()

    gateways = (
        Gateway(
            installation,
            listener="smtp",
            dialogue=smtp,
            busy=faults.TOO_MANY_CONNECTIONS.line(),
        ),
        Gateway(installation, listener="pop3", dialogue=pop3, busy=faults.POP3_TOO_MANY),
    )
    renewal = Renewal(installation)
    installation.on_login(renewal.consider)
    installation.on_login(partial(version_check.consider, installation))
    add_routes(process.control, installation, renewal)
    try:
        await installation.open()
        await gateways[0].start(context, seconds=settings.smtp_timeout_client)
        await gateways[1].start(context, seconds=settings.pop3_timeout_client)
        yield
    finally:
        await asyncio.gather(*(gateway.stop() for gateway in gateways))
        await installation.close()


def _tls_context(settings: ClientModuleSettings) -> ssl.SSLContext | None:
    """Return the context towards client systems (KOM-LE-A_2065 to 2067, 2181, 2301-02)."""
    identity = settings.tls
    if not settings.client_tls or identity is None:
        return None
    pem = identity if isinstance(identity, TlsIdentity) else None
    context = tls.server_context(pem, settings.client_ca, require_client=True)
    if isinstance(identity, Account):
        tls.load_pkcs12(context, identity.pkcs12, identity.password)
    return context


ROLE = Role(name="clientmodule", settings=ClientModuleSettings, serve=serve)
