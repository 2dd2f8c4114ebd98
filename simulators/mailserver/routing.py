"""Where mail for another domain goes: a route of the settings, else MX by DNS."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.process.resolver import NamesUnavailable, NoSuchName, Resolver

from .settings import MailserverSettings, route

MAX_HOPS = 5


@dataclass(frozen=True)
class NextHop:
    """A server to hand mail to: its name, which its certificate must carry, and its place."""

    host: str
    address: str
    port: int


class Routing:
    """Finds the servers of other domains.

    Port 465 is the rule between providers (KOM-LE-A_2142). The ports of a world are given by the
    system, so a record SRV ``_smtps._tcp.<host of the MX>`` may name another one: an addition of
    this simulator, as MX has no room for it.
    """

    def __init__(self, settings: MailserverSettings, resolver: Resolver | None) -> None:
        self._settings = settings
        self._resolver = resolver

    async def next_hops(self, domain: str) -> list[NextHop]:
        """Return the servers for *domain*, the preferred one first.

        Raises NoSuchName when there is no way to it, NamesUnavailable when nobody can say.
        """
        configured = route(self._settings, domain)
        if configured is not None:
            host, port = configured
            return [NextHop(host, host, port)]
        if self._resolver is None:
            raise NoSuchName(f"{domain}: no route")
        hosts = await self._resolver.mail_servers(domain)
        return await self._hops(self._resolver, hosts[:MAX_HOPS])

    async def is_known(self, domain: str) -> bool:
        """Tell whether there is a way to *domain*; while nobody can say, there may be one."""
        try:
            await self.next_hops(domain)
        except NoSuchName:
            return False
        except NamesUnavailable:
            return True
        return True

    def may_know(self, domain: str) -> bool:
        """Tell whether it is worth a try, without asking anybody."""
        return self._resolver is not None or route(self._settings, domain) is not None

    def forget(self) -> None:
        """Have DNS asked again."""
        if self._resolver is not None:
            self._resolver.forget()

    async def _hops(self, resolver: Resolver, hosts: list[str]) -> list[NextHop]:
        """Return those of *hosts* that can be found; raise what hides the last one if none can."""
        found: list[NextHop] = []
        hidden: list[NoSuchName | NamesUnavailable] = []
        for host in hosts:
            try:
                found.append(await self._hop(resolver, host))
            except (NoSuchName, NamesUnavailable) as error:
                hidden.append(error)
        if not found:
            unavailable = (error for error in hidden if isinstance(error, NamesUnavailable))
            raise next(unavailable, hidden[-1])
        return found

    async def _hop(self, resolver: Resolver, host: str) -> NextHop:
        try:
            _, port = await resolver.place(f"{self._settings.port_service}.{host}")
        except NoSuchName:
            port = self._settings.mail_port
        return NextHop(host, await resolver.address(host), port)
