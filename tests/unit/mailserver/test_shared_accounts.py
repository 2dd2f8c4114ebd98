"""Accounts on a shared database: what one process changes, the others know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from simulators.mailserver.accounts import ANNOUNCEMENT, Accounts
from simulators.mailserver.passwords import hash_password
from simulators.mailserver.service import ROLE
from simulators.mailserver.settings import MailserverSettings
from simulators.mailserver.store import Store
from simulators.process.role import Process
from tests.postgres_server import running_postgres

DOMAIN = "kv.dox.kim.telematik-test"
GIVEN, ADDED = f"gegeben@{DOMAIN}", f"neu@{DOMAIN}"


def settings(path: Path) -> MailserverSettings:
    return MailserverSettings.model_validate(
        {
            "name": "kv",
            "data_dir": path,
            "domain": DOMAIN,
            "host_name": "mail",
            "tls": {"certificate": "c", "key": "k"},
            "ca": "ca",
            "client_ca": "ca",
            "accounts": [{"address": GIVEN, "password": "alt", "telematik_id": "1-2"}],
        }
    )


def test_other_process_hears_of_registration_change_and_end(
    tool: Callable[[str], str], tmp_path: Path
) -> None:
    with running_postgres(tool) as url:
        asyncio.run(_check(url, tmp_path))


async def _check(url: str, path: Path) -> None:
    stores = [Store(url, DOMAIN) for _ in range(2)]
    processes = [Process(ROLE, settings(path)) for _ in stores]
    here, there = (Accounts(p, s) for p, s in zip(processes, stores, strict=True))
    await here.load()
    await there.load()
    told = asyncio.Event()
    stores[1].database.on_announcement(ANNOUNCEMENT, told.set)
    own = asyncio.Event()
    stores[0].database.on_announcement(ANNOUNCEMENT, own.set)

    async def heard() -> None:
        async with asyncio.timeout(10):
            await told.wait()
        told.clear()
        await there.load()

    given = here.find(GIVEN)
    assert given is not None
    new = replace(given, address=ADDED, password=hash_password("geheim"))
    await here.add(new, "registered")
    await heard()
    assert await there.log_in(ADDED, "geheim") is not None
    await here.change(replace(new, password=hash_password("anders")))
    await heard()
    assert await there.log_in(ADDED, "geheim") is None
    assert await there.log_in(ADDED, "anders") is not None
    await here.change(replace(given, password=hash_password("neu")))
    await heard()
    assert await there.log_in(GIVEN, "alt") is None
    assert await there.log_in(GIVEN, "neu") is not None
    await here.end(new)
    await heard()
    assert there.find(ADDED) is None
    assert there.is_taken(ADDED, "1-2", for_ever=True)
    await here.reset()
    await heard()
    assert await there.log_in(GIVEN, "alt") is not None
    assert not there.is_taken(ADDED, "1-2", for_ever=True)
    assert not own.is_set(), "nobody is told of what it did itself"
    for store, process in zip(stores, processes, strict=True):
        await store.close()
        process.close()
