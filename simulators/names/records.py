"""The records of the zones, by name and type."""

from __future__ import annotations

from collections.abc import Iterable

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from simulators.process.errors import InputError, one_line

from .settings import RecordSettings


class Records:
    """An authoritative answer to every question about names in *zones*.

    Raises InputError that names a record which is none, or stands outside of the zones.
    """

    def __init__(self, zones: Iterable[str], records: Iterable[RecordSettings]) -> None:
        self._zones = [_name(zone) for zone in zones]
        self._known: dict[dns.name.Name, dict[dns.rdatatype.RdataType, dns.rrset.RRset]] = {
            zone: {} for zone in self._zones
        }
        for record in records:
            self._add(record)

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


def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(text).canonicalize()
