"""Links of received mails: they lead to a KAS or are not followed."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import pytest

from clientmodule.discovery import Discovery, HttpResolver
from clientmodule.kas.links import kas_address
from clientmodule.settings import ClientModuleSettings, KonnektorAccess
from simulators.process.clock import Clock

KAS = "https://kas.eins.kim.telematik-test:8443/attachments/v2.4"


def made(**settings: Any) -> ClientModuleSettings:
    return ClientModuleSettings(
        name="clientmodule",
        ca=Path("ca.pem"),
        client_tls=False,
        konnektors={
            "default": KonnektorAccess(
                service_directory="http://k", ldap="ldap://k", authentication="none"
            )
        },
        data_dir=Path(),
        **settings,
    )


def allowed(link: str, **settings: Any) -> bool:
    known = made(**settings)
    return asyncio.run(kas_address(link, known, Discovery(known, Clock()))) is not None


@pytest.mark.requirement("A_19370-04")
@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (f"{KAS}/attachment/1", True),
        ("https://KAS.eins.kim.telematik-test:8443/anderswo/1", True),
        ("https://kas.eins.kim.telematik-test/attachment/1", False),
        ("https://kas.zwei.kim.telematik-test:8443/attachment/1", False),
        ("http://kas.eins.kim.telematik-test:8443/attachment/1", False),
        ("https://kas.eins.kim.telematik-test:8443@127.0.0.1/1", False),
        ("https://kas.eins.kim.telematik-test:99999/1", False),
        ("https://[::1/1", False),
        ("", False),
    ],
)
def test_places_of_the_settings(link: str, expected: bool) -> None:
    assert allowed(link, kas={"eins.kim.telematik-test": KAS}) is expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://kas.zwei.kim.telematik-test/1", True),
        ("https://127.0.0.1/1", False),
        ("https://kas.example.de/1", False),
        ("https://kim.telematik-test.example.de/1", False),
        ("https://kas.eins.kim.telematik/1", False),
    ],
)
def test_without_any_known_the_domains_decide(link: str, expected: bool) -> None:
    assert allowed(link) is expected


def test_hosts_of_the_real_ti_are_refused() -> None:
    real = "https://kas.eins.kim.telematik/attachments/v2.4"
    assert not allowed(f"{real}/attachment/1", kas={"eins.kim.telematik-test": real})


class ChangingNames(asyncio.DatagramProtocol):
    """A DNS server at which every host has another address each time it is asked for."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        asked = query.question[0]
        if asked.to_text().endswith(" A"):
            address = f"127.0.0.{next(self._numbers)}"
            reply.answer.append(dns.rrset.from_text(asked.name, 0, "IN", "A", address))
        self._transport.sendto(reply.to_wire(), addr)


@pytest.mark.requirement("A_19370-04")
def test_the_address_that_was_looked_at_is_the_one_connected_to() -> None:
    """A name that the sender owns may lead elsewhere a moment later."""

    async def follow() -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            ChangingNames, local_addr=("127.0.0.1", 0)
        )
        try:
            names = f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
            known = made(names=names, kas={"eins.kim.telematik-test": "https://127.0.0.1:8443"})
            discovery = Discovery(known, Clock())
            address = await kas_address("https://fremd.example:8443/1", known, discovery)
            assert address == "127.0.0.1"
            (found,) = await HttpResolver(discovery, address).resolve("fremd.example", 8443)
            assert found["host"] == address
            assert await kas_address("https://fremd.example:8443/1", known, discovery) is None
        finally:
            transport.close()

    asyncio.run(follow())
