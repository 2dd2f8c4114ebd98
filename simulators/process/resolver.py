"""Names of the world: mail servers, services and addresses, asked of its DNS server."""

from __future__ import annotations

import ipaddress
import re
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from .clock import Clock

REMEMBERED = 1_000
LONGEST_TTL = 86_400
SECONDS = 5.0
MAX_INSTANCES = 100
_PLACE = re.compile(r"^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$")

RecordData = tuple[Any, ...]


class NoSuchName(Exception):
    """There is no such name, or nothing of the kind that was asked for."""


class NamesUnavailable(Exception):
    """The DNS server did not answer in time, or said that it cannot; later it may."""


@dataclass(frozen=True)
class ServiceInstance:
    """A service found by DNS service discovery (RFC 6763); ``text`` are its TXT attributes."""

    name: str
    host: str
    port: int
    text: Mapping[str, str]


@dataclass(frozen=True)
class _Known:
    """What was answered; it holds from ``since`` on, for a clock may also be set back."""

    since: datetime
    until: datetime
    data: RecordData


class Resolver:
    """Asks one DNS server, ``host:port``, and remembers answers for their TTL (virtual clock).

    The TTL is the shortest of an answer and the aliases that lead to it (RFC 1034, 3.6.2), a day
    at most. What is not there is asked for again each time. Its methods raise NoSuchName and
    NamesUnavailable.
    """

    def __init__(self, server: str, clock: Clock, *, seconds: float = SECONDS) -> None:
        host, port = read_place(server)
        self._clock = clock
        self._known: OrderedDict[tuple[dns.name.Name, str], _Known] = OrderedDict()
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.nameservers = [host]
        self._resolver.port = port
        self._resolver.lifetime = seconds
        self._resolver.cache = None

    def forget(self) -> None:
        """Have everything asked again."""
        self._known.clear()

    async def address(self, host: str) -> str:
        """Return the address of *host*, IPv4 before IPv6; an address is returned as it is."""
        if is_address(host):
            return host
        try:
            data = await self._records(host, "A")
        except NoSuchName:
            data = await self._records(host, "AAAA")
        return str(data[0].address)

    async def mail_servers(self, domain: str) -> list[str]:
        """Return the hosts that take mail for *domain*, the preferred one first (RFC 5321, 5.1).

        Without MX it is the host of that name. A "null MX" (RFC 7505) is NoSuchName.
        """
        try:
            data = await self._records(domain, "MX")
        except NoSuchName:
            await self.address(domain)
            return [domain]
        ordered = sorted(data, key=lambda mx: mx.preference)
        if ordered[0].exchange == dns.name.root:
            raise NoSuchName(f"{domain} takes no mail")
        return [_text(mx.exchange) for mx in ordered]

    async def place(self, service: str) -> tuple[str, int]:
        """Return host and port of *service* (``_service._tcp.name``) by SRV (RFC 2782)."""
        data = await self._records(service, "SRV")
        best = min(data, key=lambda srv: (srv.priority, -srv.weight))
        if best.target == dns.name.root:
            raise NoSuchName(f"{service} is not offered")
        return _text(best.target), best.port

    async def instances(self, kind: str) -> list[ServiceInstance]:
        """Return the instances of a *kind* of service (``_kas._tcp.…``): PTR, then SRV and TXT.

        One without a place is left out, for the others can be used.
        """
        found = []
        for pointer in (await self._records(kind, "PTR"))[:MAX_INSTANCES]:
            name = _text(pointer.target)
            with suppress(NoSuchName):
                host, port = await self.place(name)
                found.append(ServiceInstance(name, host, port, await self._attributes(name)))
        return found

    async def _attributes(self, name: str) -> dict[str, str]:
        try:
            (first, *_) = await self._records(name, "TXT")
        except NoSuchName:
            return {}
        pairs = (part.decode("utf-8", "replace").partition("=") for part in first.strings)
        return {key.lower(): value for key, _, value in pairs if key}

    async def _records(self, name: str, kind: str) -> RecordData:
        try:
            asked = dns.name.from_text(name).canonicalize()
        except (dns.exception.DNSException, UnicodeError):
            raise NoSuchName(f"{name!r:.80} is no name") from None
        key = (asked, kind)
        known = self._known.get(key)
        if known is not None and known.since <= self._clock.now() < known.until:
            return known.data
        try:
            answer = await self._resolver.resolve(asked, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            raise NoSuchName(f"{name}: no {kind}") from None
        except (dns.exception.DNSException, OSError) as error:
            raise NamesUnavailable(f"{name}: {type(error).__name__}") from None
        assert answer.rrset is not None  # resolve raises NoAnswer otherwise
        data = tuple(answer.rrset)
        now, seconds = self._clock.now(), min(answer.chaining_result.minimum_ttl, LONGEST_TTL)
        self._known[key] = _Known(now, now + timedelta(seconds=seconds), data)
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return data


def read_place(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port``. Raises ValueError for anything else."""
    matched = _PLACE.match(text)
    if matched is None or not 0 < int(matched[2]) < 65536:
        raise ValueError(f"expected host:port, got {text!r:.80}")
    return matched[1].strip("[]"), int(matched[2])


def is_address(host: str) -> bool:
    """Tell whether *host* is an IP address, or this machine."""
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)
