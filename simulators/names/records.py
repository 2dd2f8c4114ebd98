"""The records of the zones, by name and type."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from simulators.process.errors import InputError, one_line

from .settings import RecordSettings

NAME_SERVER_TTL = 60


class Records:
    """An authoritative answer to every question about names in *zones*.

    Each zone has this server as its name server (NS, RFC 1035 3.3.11), ``ns`` below the zone, at
    *host* where that is one address and *records* say nothing of it.

    Raises InputError that names a record which is none, or stands outside of the zones.
    """

    def __init__(
        self, zones: Iterable[str], records: Iterable[RecordSettings], host: str | None = None
    ) -> None:
        self._zones = [_name(zone) for zone in zones]
        self._known: dict[dns.name.Name, dict[dns.rdatatype.RdataType, dns.rrset.RRset]] = {
            zone: {} for zone in self._zones
        }
        for zone in self._zones:
            self._known[zone][dns.rdatatype.NS] = _record(
                zone, dns.rdatatype.NS, name_server(zone).to_text()
            )
            self._known[name_server(zone)] = {}
        for record in records:
            self._add(record)
        for zone in self._zones:
            self._add_address(name_server(zone), host)

    def zone_of(self, name: dns.name.Name) -> dns.name.Name | None:
        """Return the zone that *name* is in, the closest one; None outside of all."""
        found = [zone for zone in self._zones if name.is_subdomain(zone)]
        return max(found, key=len, default=None)

    def at(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
        """Return the records of one type at *name*, upper and lower case alike."""
        return self._known.get(name.canonicalize(), {}).get(rdtype)

    def exists(self, name: dns.name.Name) -> bool:
        """Tell whether there is anything at *name*, or below it (RFC 8020)."""
        wanted = name.canonicalize()
        return wanted in self._known

    def _add_address(self, server: dns.name.Name, host: str | None) -> None:
        """Add the address of a name server of which the settings say nothing."""
        address = _address(host)
        if address is not None and not self._known[server]:
            rdtype = dns.rdatatype.A if address.version == 4 else dns.rdatatype.AAAA
            self._known[server][rdtype] = _record(server, rdtype, str(address))

    def _add(self, record: RecordSettings) -> None:
        try:
            name = _name(record.name)
            rdtype = dns.rdatatype.from_text(record.type)
            data = dns.rdata.from_text(
                dns.rdataclass.IN, rdtype, record.data, origin=dns.name.root, relativize=False
            )
        except (dns.exception.DNSException, ValueError) as error:
            reason = one_line(str(error), 120) or type(error).__name__
            raise InputError(f"record {record.name} {record.type}: {reason}") from None
        zone = self.zone_of(name)
        if zone is None:
            raise InputError(f"record {record.name}: stands in none of the zones")
        at_name = self._known.setdefault(name, {})
        is_alias, others = rdtype == dns.rdatatype.CNAME, set(at_name) - {rdtype}
        if (is_alias and at_name) or (others and dns.rdatatype.CNAME in others):
            raise InputError(f"record {record.name}: an alias (CNAME) stands alone (RFC 1034)")
        if rdtype in at_name:
            at_name[rdtype].add(data)
        else:
            at_name[rdtype] = dns.rrset.from_rdata(name, record.ttl, data)
        parent = name
        while parent != zone:  # what lies between is there too, without records of its own
            parent = parent.parent()
            self._known.setdefault(parent, {})


def name_server(zone: dns.name.Name) -> dns.name.Name:
    """Return the name of the server of *zone*."""
    return dns.name.from_text("ns", origin=zone)


def _record(name: dns.name.Name, rdtype: dns.rdatatype.RdataType, data: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(name, NAME_SERVER_TTL, dns.rdataclass.IN, rdtype, data)


def _address(host: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return *host* as an address; None for a name, and for all addresses of a machine."""
    try:
        address = None if host is None else ipaddress.ip_address(host)
    except ValueError:
        return None
    return None if address is None or address.is_unspecified else address


def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(text).canonicalize()
