"""The client: one connection for many searches, a new one when it dies, errors that say why."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from simulators.pki.tree import PkiTree
from simulators.process.errors import InputError
from simulators.process.ldap import (
    FilterError,
    LdapClient,
    LdapRefused,
    LdapUnreachable,
    ber,
    messages,
)
from simulators.process.tls import client_context
from tests.vzd_site import BASE, DOMAIN

Run = Callable[[Callable[[LdapClient], Awaitable[Any]]], Any]


def url(role: Any) -> str:
    host, port = role.address("ldap")
    return f"ldaps://{host}:{port}"


@pytest.fixture
def run(vzd: Any, vzd_certificates: PkiTree) -> Run:
    """Return a function that runs a coroutine function with a client of the directory."""

    def start(use: Callable[[LdapClient], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            async with LdapClient(url(vzd), client_context(vzd_certificates.ca)) as client:
                return await use(client)

        return asyncio.run(whole())

    return start


def test_entries_come_with_bytes_and_texts(run: Run) -> None:
    (entry,) = run(lambda client: client.search(BASE, f"(mail=kasse@{DOMAIN})"))
    assert entry.dn == f"uid=kasse,{BASE}"
    assert entry.text("DISPLAYNAME") == "Krankenkasse Süd"
    assert entry.values("userCertificate")[0][:1] == b"\x30"
    assert entry.text("title") is None


def test_a_partial_result_says_so(run: Run) -> None:
    found = run(lambda client: client.search(BASE, "(displayName=Viele*)"))
    assert (len(found), found.truncated) == (100, True)
    found = run(lambda client: client.search(BASE, "(displayName=Viele*)", size_limit=7))
    assert (len(found), found.truncated) == (7, True)
    found = run(lambda client: client.search(BASE, "(uid=kasse)", ["mail"]))
    assert (list(found[0].attributes), found.truncated) == (["mail"], False)


def test_no_such_base_finds_nothing(run: Run) -> None:
    assert not run(lambda client: client.search("dc=de", "(cn=*)"))


def test_what_is_no_filter_is_not_sent(vzd: Any, run: Run) -> None:
    with pytest.raises(FilterError):
        run(lambda client: client.search(BASE, "mail=x"))
    assert vzd.journal() == []


def test_a_result_code_is_an_error_with_its_name(vzd: Any, run: Run) -> None:
    effect = {"kind": "result", "code": 51, "text": "bitte warten"}
    vzd.ask("PUT", "/faults", [{"id": "busy", "operation": "*", "effect": effect}])
    with pytest.raises(LdapRefused, match=r"busy \(51\): bitte warten"):
        run(lambda client: client.search(BASE, "(cn=*)"))


def test_searches_do_not_wait_for_each_other(vzd: Any, run: Run) -> None:
    slow = {"kind": "delay", "seconds": 600}
    rule = {"id": "slow", "operation": "*", "match": {"filter": "(uid=praxis)"}, "effect": slow}
    vzd.ask("PUT", "/faults", [rule])

    async def use(client: LdapClient) -> int:
        waiting = asyncio.create_task(client.search(BASE, "(uid=praxis)"))
        found = await asyncio.gather(*(client.search(BASE, "(uid=kasse)") for _ in range(20)))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return sum(map(len, found)) + len(await client.search(BASE, "(uid=kasse)"))

    assert run(use) == 21
    results = [event["data"]["result"] for event in vzd.journal()]
    assert sorted(set(results)) == ["abandoned", "success"]  # a cancelled search is abandoned


def test_a_dead_connection_is_replaced(vzd: Any, run: Run) -> None:
    drop = {"id": "drop", "operation": "*", "nth": 2, "effect": {"kind": "drop"}}
    vzd.ask("PUT", "/faults", [drop])

    async def use(client: LdapClient) -> list[int]:
        return [len(await client.search(BASE, "(uid=kasse)")) for _ in range(3)]

    assert run(use) == [1, 1, 1]


def test_a_connection_that_dies_twice_is_an_error(vzd: Any, run: Run) -> None:
    vzd.ask("PUT", "/faults", [{"id": "drop", "operation": "*", "effect": {"kind": "drop"}}])
    with pytest.raises(LdapUnreachable, match="closed"):
        run(lambda client: client.search(BASE, "(uid=kasse)"))
    assert len(vzd.journal()) == 2


def test_closing_ends_searches_under_way_for_good(vzd: Any, run: Run) -> None:
    slow = {"id": "slow", "operation": "*", "effect": {"kind": "delay", "seconds": 600}}
    vzd.ask("PUT", "/faults", [slow])

    async def use(client: LdapClient) -> list[Any]:
        waiting = [asyncio.create_task(client.search(BASE, "(cn=*)")) for _ in range(2)]
        while b'"seen": 2' not in (await asyncio.to_thread(vzd.ask, "GET", "/faults"))[1]:
            pass
        await client.close()
        return [*await asyncio.gather(*waiting, return_exceptions=True)]

    assert [type(error) for error in run(use)] == [LdapUnreachable] * 2
    assert len(vzd.journal()) == 2  # not tried again


def test_closing_ends_a_connection_just_being_opened(vzd: Any, run: Run) -> None:
    async def use(client: LdapClient) -> Any:
        waiting = asyncio.create_task(client.search(BASE, "(cn=*)"))
        await asyncio.sleep(0)
        await client.close()
        return await asyncio.gather(waiting, return_exceptions=True)

    (error,) = run(use)
    assert isinstance(error, LdapUnreachable)


def test_a_restarted_server_is_found_again(
    start_vzd: Callable[..., Any], vzd_certificates: PkiTree
) -> None:
    vzd = start_vzd()

    async def use() -> list[int]:
        async with LdapClient(url(vzd), client_context(vzd_certificates.ca)) as client:
            first = len(await client.search(BASE, "(uid=kasse)"))
            await asyncio.to_thread(vzd.kill)
            with pytest.raises(LdapUnreachable):
                await client.search(BASE, "(uid=kasse)")
            await asyncio.to_thread(vzd.restart)
            return [first, len(await client.search(BASE, "(uid=kasse)"))]

    assert asyncio.run(use()) == [1, 1]


def test_an_untrusted_server_is_refused(vzd: Any) -> None:
    async def use() -> None:
        async with LdapClient(url(vzd), ssl.create_default_context()) as client:
            await client.search(BASE, "(cn=*)")

    with pytest.raises(LdapUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
        asyncio.run(use())


@pytest.mark.parametrize("wrong", ["", "http://x", "ldap://", "ldaps://x:port", "ldaps://x"])
def test_an_address_that_is_none_is_an_input_error(wrong: str) -> None:
    with pytest.raises(InputError):
        LdapClient(wrong)


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[LdapClient]:
    """Serve *answer* to whoever connects, without TLS; offer a client of it."""
    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = LdapClient(f"ldap://127.0.0.1:{port}", answer_seconds=0.5)
    try:
        yield client
    finally:
        await client.close()
        listening.close()


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x84\x7f\xff\xff\xff",
        messages.envelope(1, ber.element(0x64, b"\x04\x7f")),
        messages.disconnection_bytes(messages.Result(52)),
        b"",
    ],
)
def test_a_server_that_speaks_no_ldap_is_given_up(content: bytes) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        writer.close()

    async def use() -> None:
        async with server(answer) as client:
            await client.search(BASE, "(cn=*)")

    with pytest.raises(LdapUnreachable, match="closed"):
        asyncio.run(use())


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def use() -> None:
        async with server(answer) as client:
            await client.search(BASE, "(cn=*)")

    with pytest.raises(LdapUnreachable, match=r"no answer within 0\.5 s"):
        asyncio.run(use())
