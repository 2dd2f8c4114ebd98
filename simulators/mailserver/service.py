"""The role ``mailserver``: how its parts are put together, started and ended."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from simulators.process.errors import InputError
from simulators.process.resolver import Resolver
from simulators.process.role import Process, Role

from . import out_of_office
from .account_limit import AccountLimit
from .account_manager.service import account_manager
from .accounts import ANNOUNCEMENT, Accounts
from .control import MailboxControl
from .database import StoreError
from .delivery import Delivery
from .faults import EFFECTS
from .kas.service import serve_kas
from .listening import TlsListener
from .out_of_office import OutOfOffice
from .pop3 import MAX_LINE, Pop3Session
from .provider import Provider
from .relay import Relay
from .reports import Reports
from .rest import Rest
from .retention import Retention
from .routing import Routing
from .service_information import ServiceInformation
from .settings import MailserverSettings
from .smtp import MailSession
from .store import Store

FINISH_SECONDS = 0.5
HASHING_AFTER_SECONDS = 3.0
"""The accounts of the settings work at once; their slow hashes wait until the world is up."""
SWITCH_INTERVAL = 0.0005
"""How long a busy event loop may keep the storing thread from going on, in seconds."""


@asynccontextmanager
async def serve(process: Process[MailserverSettings]) -> AsyncIterator[None]:
    """Run one provider's mail server until the block is left."""
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # the library logs what clients send
    sys.setswitchinterval(SWITCH_INTERVAL)
    settings = process.settings
    async with AsyncExitStack() as stack:
        file = settings.data_dir / "mail.sqlite3"
        url = settings.database
        try:
            store = Store(file if url is None else url.get_secret_value(), settings.domain)
            stack.push_async_callback(store.close)
            accounts = Accounts(process, store)
            await accounts.load()
            queued = await store.take_over()
        except StoreError as error:
            if url is not None:
                raise InputError(f"database: cannot be used: {error}") from None
            raise InputError(
                f"{file}: cannot be used as store of the mails: {error}; "
                "move it away or start in another run directory"
            ) from None
        resolver = None if settings.names is None else Resolver(settings.names, process.clock)
        provider = Provider(process, store, accounts, Routing(settings, resolver))
        stack.push_async_callback(provider.finish, FINISH_SECONDS)
        reports = Reports(provider)
        relay = Relay(provider, reports)
        MailboxControl(provider, relay).add_routes()
        stack.push_async_callback(relay.stop)
        absence = OutOfOffice(provider)
        await absence.load()
        process.control.on_reset(absence.reset)
        delivery = Delivery(provider, relay, reports, absence)
        _listen_smtp(provider, delivery, stack)
        retention = Retention(provider)
        keeping = asyncio.get_running_loop().create_task(retention.run())
        stack.callback(keeping.cancel)
        _listen_pop3(provider, retention, stack)
        await _listen_rest(provider, absence, stack)
        relay.offer(queued)
        _share(provider, relay, absence, stack)
        hashing = asyncio.get_running_loop().call_later(
            HASHING_AFTER_SECONDS, lambda: provider.spawn(accounts.hash_passwords())
        )
        stack.callback(hashing.cancel)
        yield


def _share(provider: Provider, relay: Relay, absence: OutOfOffice, stack: AsyncExitStack) -> None:
    """Work beside other processes on the same database: one knows what another one does."""
    database = provider.store.database
    if not database.shared:
        return
    database.on_announcement(ANNOUNCEMENT, lambda: provider.spawn(provider.accounts.load()))
    database.on_announcement(out_of_office.ANNOUNCEMENT, lambda: provider.spawn(absence.load()))
    taking_over = asyncio.get_running_loop().create_task(relay.take_over())
    stack.callback(taking_over.cancel)


async def _listen_rest(provider: Provider, absence: OutOfOffice, stack: AsyncExitStack) -> None:
    rest = Rest(provider)
    AccountLimit(provider).add_to(rest)
    ServiceInformation(provider).add_to(rest)
    await serve_kas(provider, rest, stack)
    settings = provider.settings
    if settings.account_manager is not None:
        manager = account_manager(provider, settings.account_manager, rest, absence)
        await stack.enter_async_context(manager)
    await rest.start()
    stack.push_async_callback(rest.stop)


def _listen_smtp(provider: Provider, delivery: Delivery, stack: AsyncExitStack) -> None:
    sessions: set[MailSession] = set()

    def session() -> MailSession:
        return MailSession(provider, delivery, sessions)

    required = provider.settings.require_client_certificate
    listener = TlsListener(provider, "smtp", session, require_client=required)
    listener.start()

    def stop() -> None:
        listener.stop()
        for open_session in list(sessions):
            open_session.shut_down()

    stack.callback(stop)


def _listen_pop3(provider: Provider, retention: Retention, stack: AsyncExitStack) -> None:
    sessions: set[asyncio.Task[None]] = set()

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        sessions.add(task)
        task.add_done_callback(sessions.discard)
        await Pop3Session(provider, retention, reader, writer).run()

    def connected() -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=MAX_LINE), session)

    required = provider.settings.require_client_certificate
    listener = TlsListener(provider, "pop3", connected, require_client=required)
    listener.start()

    async def stop() -> None:
        listener.stop()
        for task in list(sessions):
            task.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    stack.push_async_callback(stop)


ROLE = Role(name="mailserver", settings=MailserverSettings, serve=serve, effects=EFFECTS)
