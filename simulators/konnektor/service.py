"""The Konnektor as a process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import ClientSession

from simulators.process import tls
from simulators.process.role import Process, Role

from .cards.terminal_control import TerminalControl
from .control import CardControl
from .events.control import EventControl
from .konnektor import Konnektor
from .ldap_proxy import LdapProxy
from .on_purpose import EFFECTS, PLACES
from .services import all_services
from .settings import KonnektorSettings
from .signatures.control import SignatureControl
from .soap.http_server import HttpServer


@asynccontextmanager
async def serve(process: Process[KonnektorSettings]) -> AsyncIterator[None]:
    """Serve SOAP, service directory and, where a directory is known, the LDAP proxy."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(ClientSession())
        konnektor = Konnektor(process, session)
        stack.push_async_callback(konnektor.events.stop)
        stack.callback(konnektor.pdfs.close)
        CardControl(konnektor).add_to(process.control)
        TerminalControl(konnektor).add_to(process.control)
        EventControl(konnektor).add_to(process.control)
        SignatureControl(konnektor).add_to(process.control)
        server = HttpServer(konnektor, all_services())
        await server.start()
        stack.push_async_callback(server.stop)
        proxy = ldap_proxy(konnektor)
        if proxy is not None:
            await proxy.start()
            stack.push_async_callback(proxy.stop)
        konnektor.expiry.start()
        stack.callback(konnektor.expiry.stop)
        konnektor.boot.announce()
        yield


def ldap_proxy(konnektor: Konnektor) -> LdapProxy | None:
    """Return the LDAP proxy that the settings ask for; it uses TLS where SOAP does.

    With client certificates at the SOAP port they are asked for here too, but not required
    (ANCL_CAUT_LDAP).
    """
    process, settings = konnektor.process, konnektor.settings
    if settings.vzd is None:
        return None
    upstream = settings.vzd.url.lower().startswith("ldaps:")
    context = None
    if settings.authentication != "none":
        assert settings.tls is not None
        mutual = settings.authentication == "certificate"
        context = tls.server_context(settings.tls, settings.client_ca if mutual else None)
    return LdapProxy(
        process,
        directory=settings.vzd.url,
        directory_tls=tls.client_context(settings.vzd.ca) if upstream else None,
        tls=context,
        is_online=lambda: konnektor.operational_state.is_online and not konnektor.boot.under_way,
    )


ROLE = Role(
    name="konnektor",
    settings=KonnektorSettings,
    serve=serve,
    effects=EFFECTS,
    places=PLACES,
)
