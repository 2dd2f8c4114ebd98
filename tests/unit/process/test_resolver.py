"""What the resolver believes and remembers of answers, the hostile ones too."""

import asyncio
import struct
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import dns.flags
import dns.message
import dns.rrset
import pytest

from simulators.process.clock import Clock
from simulators.process.resolver import NamesUnavailable, NoSuchName, Resolver

HOST = "mail.kim.telematik-test"
Answer = Callable[[dns.message.Message], list[bytes]]


class Server(asyncio.DatagramProtocol):
    """Answers a datagram with the datagrams that ``answer`` gives; counts what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        query = dns.message.from_wire(data)
        self.asked.append(query.question[0].to_text())
        for reply in self.answer(query):
            self.transport.sendto(reply, addr)


def reply_to(query: dns.message.Message, *records: str, **changes: int) -> bytes:
    """Return an answer with *records* as they stand in a zone file."""
    reply = dns.message.make_response(query)
    for record in records:
        name, ttl, rdtype, data = record.split(" ", 3)
        reply.answer.append(dns.rrset.from_text(name, int(ttl), "IN", rdtype, data))
    reply.id = changes.get("id", reply.id)
    return reply.to_wire()


def plain(*records: str) -> Answer:
    """Return an answer that holds, of *records*, those of the type asked for, and aliases."""

    def answer(query: dns.message.Message) -> list[bytes]:
        asked = query.question[0]
        kinds = (asked.to_text().split()[-1], "CNAME")
        fitting = [r for r in records if r.split()[2] in kinds]
        at_name = [r for r in fitting if r.startswith(f"{asked.name} ") or "CNAME" in kinds[:1]]
        aliased = any(" CNAME " in r for r in at_name)
        return [reply_to(query, *(fitting if aliased else at_name))]

    return answer


@asynccontextmanager
async def asking(answer: Answer, clock: Clock | None = None, seconds: float = 5.0):
    """Yield the server and a resolver that asks it."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Server(answer), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    try:
        yield server, Resolver(f"127.0.0.1:{port}", clock or Clock(), seconds=seconds)
    finally:
        transport.close()


def test_wrong_ids_and_wrong_names_are_passed_over():
    def answer(query):
        forged = f"{HOST}. 60 A 6.6.6.6"
        other = dns.message.make_query("other.kim.telematik-test", "A", id=query.id)
        return [
            reply_to(query, forged, id=query.id ^ 1),
            reply_to(other, "other.kim.telematik-test. 60 A 6.6.6.6"),
            query.to_wire(),
            b"\0" * 11,
            reply_to(query, f"{HOST}. 60 A 127.0.0.1"),
        ]

    async def test():
        async with asking(answer) as (_, resolver):
            assert await resolver.address(HOST) == "127.0.0.1"

    asyncio.run(test())


def test_records_of_other_names_beside_the_answer_are_not_believed():
    async def test():
        answer = plain(f"{HOST}. 60 A 127.0.0.1", "victim.kim.telematik-test. 60 A 6.6.6.6")
        async with asking(answer) as (server, resolver):
            await resolver.address(HOST)
            server.answer = plain()
            with pytest.raises(NoSuchName):
                await resolver.address("victim.kim.telematik-test")

    asyncio.run(test())


@pytest.mark.parametrize("aliases", [17, 300])
def test_a_chain_of_aliases_ends(aliases):
    chain = [f"a{i}.x. 60 CNAME a{i + 1}.x." for i in range(aliases)]

    async def test():
        async with asking(plain(*chain, f"a{aliases}.x. 60 A 127.0.0.1")) as (_, resolver):
            with pytest.raises((NoSuchName, NamesUnavailable)):
                await resolver.address("a0.x")

    asyncio.run(test())


def test_a_loop_of_aliases_ends():
    async def test():
        async with asking(plain("a.x. 60 CNAME b.x.", "b.x. 60 CNAME a.x.")) as (_, resolver):
            with pytest.raises((NoSuchName, NamesUnavailable)):
                await resolver.address("a.x")

    asyncio.run(test())


def test_an_alias_is_remembered_no_longer_than_it_holds():
    """RFC 1034, 3.6.2: the target's TTL does not prolong that of the alias."""

    async def test():
        answer = plain("a.x. 0 CNAME b.x.", "b.x. 3600 A 127.0.0.1")
        async with asking(answer) as (server, resolver):
            await resolver.address("a.x")
            server.answer = plain("a.x. 60 CNAME c.x.", "c.x. 60 A 127.0.0.2")
            assert await resolver.address("a.x") == "127.0.0.2"

    asyncio.run(test())


@pytest.mark.parametrize("seconds", [2**31 - 1, 604_800])
def test_nothing_is_remembered_for_more_than_a_day(seconds):
    async def test():
        clock = Clock()
        async with asking(plain(f"{HOST}. {seconds} A 127.0.0.1"), clock) as (server, resolver):
            await resolver.address(HOST)
            await resolver.address(HOST)
            assert len(server.asked) == 1
            clock.set(clock.now() + timedelta(days=1))
            await resolver.address(HOST)
            assert len(server.asked) == 2

    asyncio.run(test())


def test_a_ttl_with_the_highest_bit_is_none():
    """RFC 2181, 8."""

    def answer(query):
        wire = reply_to(query, f"{HOST}. 60 A 127.0.0.1")
        return [wire.replace(struct.pack("!IH", 60, 4), struct.pack("!IH", 2**31, 4))]

    async def test():
        async with asking(answer) as (server, resolver):
            await resolver.address(HOST)
            await resolver.address(HOST)
            assert len(server.asked) == 2

    asyncio.run(test())


def test_a_clock_set_back_makes_nothing_last_longer():
    async def test():
        clock = Clock(timedelta(days=365))
        async with asking(plain(f"{HOST}. 60 A 127.0.0.1"), clock) as (server, resolver):
            await resolver.address(HOST)
            clock.reset()
            server.answer = plain(f"{HOST}. 60 A 127.0.0.2")
            assert await resolver.address(HOST) == "127.0.0.2"

    asyncio.run(test())


def test_an_instance_without_a_place_does_not_hide_the_others():
    kind = "_kas._tcp.kim.telematik-test"

    async def test():
        answer = plain(
            f"{kind}. 60 PTR gone.{kind}.",
            f"{kind}. 60 PTR here.{kind}.",
            f"here.{kind}. 60 SRV 0 0 8443 {HOST}.",
        )
        async with asking(answer) as (_, resolver):
            (found,) = await resolver.instances(kind)
            assert (found.host, found.port) == (HOST, 8443)

    asyncio.run(test())


def test_a_tcp_answer_that_never_ends_is_given_up():
    def truncated(query):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.TC
        return [reply.to_wire()]

    async def trickle(reader, writer):
        writer.write(struct.pack("!H", 65_535))
        while not writer.is_closing():
            writer.write(b"\0")
            await writer.drain()
            if not await reader.read(4096):
                break
        writer.close()

    async def test():
        async with asking(truncated, seconds=0.3) as (server, resolver):
            _, port = server.transport.get_extra_info("sockname")
            tcp = await asyncio.start_server(trickle, "127.0.0.1", port)
            with pytest.raises(NamesUnavailable):
                await resolver.address(HOST)
            tcp.close()

    asyncio.run(test())
