"""Everything that a running client module knows, in one place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from simulators.process.clock import Clock
from simulators.process.role import Process

from .background import Background
from .discovery import Discovery
from .kas.client import Kas
from .key_store import KeyStore
from .konnektor.konnektor import Konnektor, tls_contexts
from .konnektor.system_time import SystemTime
from .limits import Limits
from .logged_in import LoggedIn, LoginListener
from .logs import Logs
from .operation import Operation
from .provider import Provider
from .sending.own_version import OwnVersion
from .sending.report_delivery import Reports
from .settings import DEFAULT_KONNEKTOR, ClientModuleSettings
from .user_name import UserName, UserNameError

P = ParamSpec("P")
R = TypeVar("R")
SMALL = 64 << 10


class Installation:
    """Konnektoren, provider, limits and logs that all dialogues share."""

    def __init__(self, process: Process[ClientModuleSettings]) -> None:
        settings = process.settings
        self.process = process
        self.settings = settings
        self.clock = process.clock
        self.logs = Logs(
            settings.data_dir / "logs",
            process.clock,
            days=settings.ttl_prots_days,
            space=settings.prot_space_mib << 20,
            performance=settings.prot_perf,
            steps=settings.prot_flow,
        )
        self.discovery = Discovery(settings, process.clock)
        self.keys = KeyStore(
            settings.data_dir / "keys", settings.key_store_password, settings.accounts
        )
        self.provider = Provider(process, self.discovery, self.keys)
        self.limits = Limits(
            self.provider,
            self.discovery,
            process.clock,
            settings.account_limit,
            lifetime=timedelta(hours=settings.limits_hours),
        )
        self.kas = Kas(
            self.provider, self.discovery, settings.kas, idle_seconds=settings.cm_kas_timeout
        )
        self.reports = Reports(mail_from=settings.report_mail_from)
        self.own_version = OwnVersion(settings.release, process.clock)
        self.background = Background()
        self._keeping_time = Background()
        self.konnektors: dict[str, Konnektor] = {}
        self.system_time = _system_time(settings, process.clock)
        self._login_listeners: list[LoginListener] = []

    async def open(self) -> None:
        """Load the keys for the Konnektoren. Raises InputError for a file that cannot be used."""
        await self.provider.check_trust()
        self.background.start(self.provider.check_accounts())
        for name, access in self.settings.konnektors.items():
            contexts = await self.process.in_thread(tls_contexts, access)
            self.konnektors[name] = Konnektor(
                access, self.settings, self.clock, contexts, self.process.in_thread
            )
        if self.system_time is not None:
            self._keeping_time.start(self.system_time.keep(self.operation()))

    async def close(self) -> None:
        """Close all connections and the logs."""
        await self._keeping_time.close()
        await self.background.close()
        for konnektor in self.konnektors.values():
            await konnektor.close()
        self.logs.close()

    def forget(self) -> None:
        """Empty every cache; connections stay."""
        self.discovery.forget()
        self.limits.forget()
        self.provider.forget()
        self.own_version.forget()
        for konnektor in self.konnektors.values():
            konnektor.forget()

    def reset(self) -> None:
        """Begin anew: without caches, work under way, reports that wait."""
        self.forget()
        self.reports.forget()
        self.background.cancel()
        if self.system_time is not None:
            self.system_time.ask_again()

    def on_login(self, listener: LoginListener) -> None:
        """Have *listener* told of every login that a provider accepts."""
        self._login_listeners.append(listener)

    def logged_in(self, who: LoggedIn) -> None:
        """Tell that *who* has logged in."""
        for listener in self._login_listeners:
            listener(who)

    def operation(self) -> Operation:
        """Return a new operation with a random number (KOM-LE-A_2086)."""
        return Operation(self.logs, self.process.journal)

    def konnektor(self, user: UserName) -> Konnektor:
        """Return the Konnektor that *user* names (A_21457, A_21517).

        Raises UserNameError for an unknown KonnektorId, and for an address outside the domains
        of this client module: nobody shall reach the real TI with it.
        """
        domain = user.address.rpartition("@")[2].lower()
        if not any(f".{domain}".endswith(ending.lower()) for ending in self.settings.domains):
            raise UserNameError("user name: the address is outside the configured domains")
        try:
            return self.konnektors[user.konnektor or DEFAULT_KONNEKTOR]
        except KeyError:
            raise UserNameError("user name: unknown KonnektorId") from None

    async def compute(
        self, size: int, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Call *function* on content of *size* bytes: in a thread if that could be felt."""
        if size <= SMALL:
            return function(*args, **kwargs)
        return await self.process.in_thread(function, *args, **kwargs)


def _system_time(settings: ClientModuleSettings, clock: Clock) -> SystemTime | None:
    """Return what keeps *clock* at the Konnektor's time, None without an NTP server."""
    place = settings.konnektors[DEFAULT_KONNEKTOR].ntp
    if place is None:
        return None
    return SystemTime(place, clock, seconds=settings.konnektor_timeout)
