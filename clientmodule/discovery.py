"""Where a provider's services are, by DNS service discovery (A_19361-01, RFC 6763)."""

from __future__ import annotations

import re
import socket
from contextlib import suppress

from aiohttp.abc import AbstractResolver, ResolveResult

from simulators.process.clock import Clock
from simulators.process.resolver import (
    NamesUnavailable,
    NoSuchName,
    Resolver,
    is_address,
)

from .settings import ClientModuleSettings, MailServers

PATH = "path"
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class Discovery:
    """Asks the DNS server of the settings; without one it knows nothing and resolves nothing."""

    def __init__(self, settings: ClientModuleSettings, clock: Clock) -> None:
        self._settings = settings
        self._resolver = None if settings.names is None else Resolver(settings.names, clock)

    async def account_manager(self, domain: str) -> str | None:
        """Return ``https://host:port[/path]`` of the Account Manager of *domain*, None if unknown.

        Raises NamesUnavailable.
        """
        return await self._of_domain(self._settings.account_manager_service, domain)

    async def kas(self, domain: str) -> str | None:
        """Return ``https://host:port[/path]`` of the KAS of *domain*, None if unknown.

        Raises NamesUnavailable.
        """
        return await self._of_domain(self._settings.kas_service, domain)

    async def kas_places(self) -> list[tuple[str, int]]:
        """Return host and port of the KAS of every provider. Raises NamesUnavailable."""
        if self._resolver is None:
            return []
        try:
            instances = await self._resolver.instances(self._settings.kas_service)
        except NoSuchName:
            return []
        return [(instance.host, instance.port) for instance in instances]

    async def domains(self) -> tuple[str, ...]:
        """Return the domains of the providers that can be chosen (A_19456-02).

        They are what follows the host name of each Account Manager found (unconfirmed), and those
        of the settings. Raises NamesUnavailable.
        """
        known = dict.fromkeys(self._settings.account_manager)
        if self._resolver is not None:
            with suppress(NoSuchName):
                service = self._settings.account_manager_service
                for instance in await self._resolver.instances(service):
                    known[instance.host.partition(".")[2].lower()] = None
        return tuple(known)

    async def mail_servers(self, domain: str) -> MailServers:
        """Return where *domain* takes and gives mail: of the settings, or MX with SRV.

        Without SRV the ports are 465 and 995. Raises NoSuchName, NamesUnavailable.
        """
        given = self._settings.mail_servers.get(domain.lower())
        if given is not None:
            return given
        if self._resolver is None:
            raise NoSuchName(f"{domain}: no DNS server is configured")
        host = (await self._resolver.mail_servers(domain))[0]
        smtp = await self._place(self._resolver, "_smtps._tcp", host, 465)
        pop3 = await self._place(self._resolver, "_pop3s._tcp", host, 995)
        return MailServers(smtp=smtp, pop3=pop3)

    async def _place(self, resolver: Resolver, service: str, host: str, port: int) -> str:
        with suppress(NoSuchName):
            host, port = await resolver.place(f"{service}.{host}")
        return f"{host}:{port}"

    async def _of_domain(self, service: str, domain: str) -> str | None:
        """Return the place of the instance of *service* whose host stands in *domain*."""
        if self._resolver is None:
            return None
        try:
            instances = await self._resolver.instances(service)
        except NoSuchName:
            return None
        found = next((i for i in instances if stands_in(i.host, domain)), None)
        if found is None:
            return None
        path = found.text.get(PATH, "").strip("/")
        return f"https://{found.host}:{found.port}{'/' if path else ''}{path}"

    async def address(self, host: str) -> str:
        """Return the address of *host*; without a DNS server it is left to the system.

        Raises OSError, as connecting does, when the name cannot be resolved.
        """
        if self._resolver is None or is_address(host):
            return host
        try:
            return await self._resolver.address(host)
        except (NoSuchName, NamesUnavailable) as error:
            raise OSError(str(error)) from None

    def forget(self) -> None:
        """Have everything asked again."""
        if self._resolver is not None:
            self._resolver.forget()


class HttpResolver(AbstractResolver):
    """Lets aiohttp find hosts by *discovery*; the host at *address* is found already."""

    def __init__(self, discovery: Discovery, address: str | None = None) -> None:
        self._discovery = discovery
        self._address = address

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 (names one address)
    ) -> list[ResolveResult]:
        """Return the address of *host*. Raises OSError."""
        address = self._address or await self._discovery.address(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def stands_in(host: str, domain: str) -> bool:
    """Tell whether *host* stands in *domain*, and can stand in a URL without saying more."""
    return _HOST.fullmatch(host) is not None and f".{host}".lower().endswith(f".{domain.lower()}")
