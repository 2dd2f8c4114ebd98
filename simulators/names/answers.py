"""From a question to its answer: authoritative, with aliases and the addresses of targets."""

from __future__ import annotations

from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .records import Records, name_server

MAX_QUERY = 1024
_HEADER = 12
CLASSIC_UDP = 512
LARGEST_UDP = 1232
LARGEST_TCP = 65_535
ALIASES = 8
_REFUSED_TYPES = frozenset(
    (dns.rdatatype.AXFR, dns.rdatatype.IXFR, dns.rdatatype.ANY, dns.rdatatype.MAILB)
)
_ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)


@dataclass(frozen=True)
class Question:
    """A query that can be answered: its message, and what it asks for."""

    query: dns.message.Message
    name: dns.name.Name
    rdtype: dns.rdatatype.RdataType

    @property
    def udp_size(self) -> int:
        """How many bytes an answer over UDP may have (RFC 6891: EDNS tells, else 512)."""
        if self.query.edns < 0:
            return CLASSIC_UDP
        return min(max(self.query.payload, CLASSIC_UDP), LARGEST_UDP)


class NoQuestion(Exception):
    """The message cannot be answered out of the records; ``reply`` says why, None: no answer."""

    def __init__(self, reply: bytes | None) -> None:
        super().__init__()
        self.reply = reply


def read_query(data: bytes) -> Question:
    """Return the question of a message.

    Raises NoQuestion: FORMERR for what cannot be read, NOTIMP for another opcode, BADVERS for EDNS
    beyond 0, REFUSED for another class than IN and for transfers. A response is never answered.
    """
    if len(data) < _HEADER or data[2] & 0x80:
        raise NoQuestion(None)
    if len(data) > MAX_QUERY:
        raise NoQuestion(_refusal(data, dns.rcode.FORMERR))
    if (data[2] >> 3) & 0xF != dns.opcode.QUERY:
        raise NoQuestion(_refusal(data, dns.rcode.NOTIMP))
    try:
        query = dns.message.from_wire(data)
        (asked,) = query.question
    except (dns.exception.DNSException, ValueError):
        raise NoQuestion(_refusal(data, dns.rcode.FORMERR)) from None
    if query.edns > 0:
        raise NoQuestion(_reply(query, dns.rcode.BADVERS).to_wire())
    if asked.rdclass != dns.rdataclass.IN or asked.rdtype in _REFUSED_TYPES:
        raise NoQuestion(_reply(query, dns.rcode.REFUSED).to_wire())
    return Question(query, asked.name, asked.rdtype)


def failure(question: Question, rcode: dns.rcode.Rcode) -> dns.message.Message:
    """Return the answer that says *rcode* and nothing else."""
    return _reply(question.query, rcode)


def empty(question: Question) -> dns.message.Message:
    """Return an authoritative answer without records."""
    reply = _reply(question.query, dns.rcode.NOERROR)
    reply.flags |= dns.flags.AA
    return reply


def answer(question: Question, records: Records, negative_ttl: int) -> dns.message.Message:
    """Return the answer out of *records*; REFUSED for a name outside of the zones.

    Where there is nothing, SOA says how long that may be remembered (RFC 2308).
    """
    zone = records.zone_of(question.name)
    if zone is None:
        return failure(question, dns.rcode.REFUSED)
    reply = empty(question)
    name, found = question.name, records.at(question.name, question.rdtype)
    for _ in range(ALIASES):
        alias = None if found is not None else records.at(name, dns.rdatatype.CNAME)
        if alias is None:
            break
        reply.answer.append(alias)
        name = alias[0].target
        found = records.at(name, question.rdtype)
    if found is None and (name, question.rdtype) == (zone, dns.rdatatype.SOA):
        reply.answer.append(_soa(zone, negative_ttl))
    elif found is not None:
        shown = dns.rrset.from_rdata_list(
            question.name if name == question.name else name, found.ttl, list(found)
        )
        reply.answer.append(shown)
        _add_addresses(reply, found, records)
    elif records.zone_of(name) is not None:
        if not records.exists(name):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        reply.authority.append(_soa(zone, negative_ttl))
    return reply


def encode(question: Question, reply: dns.message.Message, *, udp: bool) -> bytes:
    """Return the message; one that is too large for UDP goes out truncated (TC), without records.

    Truncated answers are asked again over TCP. What is too large even there is SERVFAIL.
    """
    try:
        return reply.to_wire(max_size=question.udp_size if udp else LARGEST_TCP)
    except dns.exception.TooBig:
        other = truncated(question) if udp else failure(question, dns.rcode.SERVFAIL)
        return other.to_wire()


def truncated(question: Question) -> dns.message.Message:
    """Return the answer that only says: ask again over TCP."""
    reply = empty(question)
    reply.flags |= dns.flags.TC
    return reply


def _refusal(data: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """Return the answer to a message of which only the header can be trusted."""
    flags = 0x80 | (data[2] & 0x79)  # QR, opcode and RD as they came
    return data[:2] + bytes((flags, int(rcode) & 0xF)) + bytes(8)


def _reply(query: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    reply = dns.message.make_response(query, our_payload=LARGEST_UDP)
    reply.set_rcode(rcode)
    return reply


def _add_addresses(reply: dns.message.Message, found: dns.rrset.RRset, records: Records) -> None:
    """Append the addresses of the hosts that SRV, MX and NS name (RFC 2782, 1035)."""
    added: set[dns.name.Name] = set()
    for data in found:
        target = getattr(data, "target", getattr(data, "exchange", None))
        if target is None or target in added or found.rdtype == dns.rdatatype.CNAME:
            continue
        added.add(target)
        for rdtype in _ADDRESSES:
            addresses = records.at(target, rdtype)
            if addresses is not None:
                reply.additional.append(addresses)


def _soa(zone: dns.name.Name, negative_ttl: int) -> dns.rrset.RRset:
    text = f"{name_server(zone)} hostmaster.{zone} 1 3600 600 86400 {negative_ttl}"
    return dns.rrset.from_text(zone, negative_ttl, dns.rdataclass.IN, dns.rdatatype.SOA, text)
