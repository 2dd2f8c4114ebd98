"""The Account Manager as a part of the provider: put together, started, ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiohttp

from simulators.process.tls import client_context

from ..out_of_office import OutOfOffice
from ..provider import Provider
from ..rest import Rest
from .authentication import Authentication
from .client_certificates import ClientCertificates
from .control import AccountControl
from .directory import Directory
from .interface import Interface
from .one_time_passwords import OneTimePasswords
from .porting import Porting
from .registration import Registration
from .settings import AccountManagerSettings, DirectorySettings
from .turns import Turns

LONGEST_WAIT = 60.0


@asynccontextmanager
async def account_manager(
    provider: Provider,
    settings: AccountManagerSettings,
    rest: Rest,
    out_of_office: OutOfOffice,
) -> AsyncIterator[None]:
    """Add the operations to *rest*; inside the block accounts end when their time is over."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(_session(None))
        directory = None
        if settings.directory is not None:
            to_directory = await stack.enter_async_context(_session((provider, settings.directory)))
            directory = Directory(provider, settings.directory, to_directory)
        passwords = OneTimePasswords(provider.store)
        turns = Turns()
        registration = Registration(provider, settings, directory, out_of_office, turns)
        for kept in (passwords, registration.begun):
            await kept.load()
            provider.process.control.on_reset(kept.reset)
        authority = settings.authority
        Interface(
            provider,
            settings,
            authentication=Authentication(provider, settings, session),
            registration=registration,
            porting=Porting(provider, settings, directory, passwords, registration),
            certificates=None
            if authority is None
            else ClientCertificates(authority, settings.certificate_days),
            out_of_office=out_of_office,
            turns=turns,
        ).add_to(rest)
        AccountControl(provider, settings, turns).add_routes()
        ending = asyncio.create_task(_look_after(provider, registration))
        try:
            yield
        finally:
            ending.cancel()
            with suppress(asyncio.CancelledError):
                await ending


@asynccontextmanager
async def _session(
    of: tuple[Provider, DirectorySettings] | None,
) -> AsyncIterator[aiohttp.ClientSession]:
    """Offer a client of the directory, to which the provider shows its certificate, or of OCSP."""
    context = None if of is None else client_context(of[1].ca, of[0].settings.tls)
    connector = aiohttp.TCPConnector() if context is None else aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        yield session


async def _look_after(provider: Provider, registration: Registration) -> None:
    """End deregistered accounts when the virtual time comes; put right what was cut off."""
    look_again = asyncio.Event()
    provider.process.clock.on_change(look_again.set)
    while True:
        look_again.clear()
        try:
            await registration.begun.settle()
            await registration.end_what_is_over()
        except Exception:
            provider.process.log.exception("accounts cannot be looked after")
        end = registration.next_end()
        wait = LONGEST_WAIT
        if end is not None:
            wait = min(wait, max(1.0, end - provider.process.clock.now().timestamp()))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await look_again.wait()
