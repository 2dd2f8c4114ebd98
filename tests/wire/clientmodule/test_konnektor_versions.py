"""The version of the client module beside komLeData of who sends with it (A_21387-01)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from simulators.formats.dsn import read_report
from simulators.process.ldap import LdapClient
from tests.clientmodule_process import Module, settings_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World
    from tests.conftest import RunningRole

SECONDS = 20


@pytest.mark.requirement("A_21387-01", "A_20650-05")
def test_an_outdated_client_module_is_told_of(
    kim: World, start_role: Callable[[str, dict[str, Any]], RunningRole]
) -> None:
    """4017 to the sender, once for both mails, in clear; the mails are sent all the same."""
    settings = settings_of(kim, "clientmodule-praxis")
    module = Module(kim, start_role("clientmodule", {**settings, "release": "1.0.2"}))
    with module.smtp() as smtp:
        smtp.login(*kim.user("praxis"))
        mail = kim.mail("praxis", "kasse")
        smtp.send_message(mail)
        smtp.send_message(kim.mail("praxis", "kasse"))
    kim.stored("kasse", 2)
    (dsn,) = kim.stored("praxis")
    report = read_report(dsn)
    assert report is not None
    assert report.headers.get_all("X-KIM-Fehlermeldung") == ["4017"]
    assert report.headers.get("X-KOM-LE-Version") is None
    assert "Clientmodul-Version ist veraltet" in report.text
    assert [(r.address, r.action) for r in report.reports] == [(kim.address("kasse"), "relayed")]
    assert report.in_reply_to == mail["Message-ID"]


def listed(kim: World, address: str) -> list[bytes]:
    """Return komLeData of *address* as the directory has it now."""
    assert kim.endpoints.vzd is not None

    async def search() -> list[bytes]:
        async with LdapClient(kim.endpoints.vzd.ldap, kim.context) as ldap:  # type: ignore[union-attr]
            found = await ldap.search("dc=data,dc=vzd", f"(mail={address})", ("komLeData",))
        values = [value for entry in found for value in entry.values("komLeData")]
        return [value for value in values if value.endswith(b"," + address.encode())]

    return asyncio.run(search())


def written(kim: World) -> list[dict[str, Any]]:
    """Return the calls of setAccount, waited for: nobody tells that the work behind is done."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        events = kim.journal(kim.module("praxis"))  # the sites share it
        if any(event["step"] == "VersionWritten" for event in events):
            break
        time.sleep(0.02)
    return [event for event in events if event["step"] == "setAccount"]


@pytest.mark.requirement("A_21387-01")
def test_a_newer_version_is_written_into_the_directory(kim: World) -> None:
    """By setAccount in the name of the account's card, once."""
    address = kim.address("erste")
    assert listed(kim, address) == [f"1.0,{address}".encode()]
    kim.send("erste", "kasse")
    written(kim)
    assert listed(kim, address) == [f"1.5,{address}".encode()]
    kim.send("erste", "kasse")
    kim.stored("kasse", 2)
    kim.stored("erste", 0)
    assert [event["data"]["status"] for event in written(kim)] == [204]
    other = kim.address("praxis")
    assert listed(kim, other) == [f"1.5,{other}".encode()]


@pytest.mark.requirement("A_21387-01")
def test_what_cannot_be_written_keeps_no_mail_from_being_sent(kim: World) -> None:
    provider = kim.provider("erste")
    kim.fault(provider, "REST.setAccount", kind="drop")
    kim.send("erste", "kasse")
    kim.stored("kasse", 1)
    assert kim.ask(provider, "GET", f"/mailboxes/{quote(kim.address('zweite'))}") == []


@pytest.mark.requirement("A_21387-01")
def test_an_hba_writes_the_version_when_it_fetches(kim: World) -> None:
    """Only user names of POP3 have the UserId without which no HBA can be used."""
    address = kim.address("alt")
    kim.send("alt", "alt")
    assert listed(kim, address) == [f"1.0,{address}".encode()]
    assert kim.fetch("alt")
    assert [event["data"]["status"] for event in written(kim)] == [204]
    assert listed(kim, address) == [f"1.5,{address}".encode()]
