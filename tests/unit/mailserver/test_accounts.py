from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulators.mailserver.accounts import Accounts
from simulators.mailserver.passwords import hash_password, matches
from simulators.mailserver.service import ROLE
from simulators.mailserver.settings import MailserverSettings
from simulators.mailserver.store import Store
from simulators.process.role import Process

ADDRESS, PASSWORD = "Praxis@kv.dox.kim.telematik-test", "Geheim-1"


def process(directory: Path, **account: Any) -> Process[MailserverSettings]:
    accounts = [{"address": ADDRESS, "telematik_id": "1-2", **account}] if account else []
    settings = MailserverSettings.model_validate(
        {
            "name": "kv",
            "data_dir": directory,
            "domain": "kv.dox.kim.telematik-test",
            "host_name": "mail",
            "tls": {"certificate": "c", "key": "k"},
            "ca": "ca",
            "client_ca": "ca",
            "accounts": accounts,
        }
    )
    return Process(ROLE, settings)


def test_stored_hash_alone_lets_the_owner_in(tmp_path: Path) -> None:
    async def check() -> None:
        first, second = process(tmp_path, password=PASSWORD), process(tmp_path)
        store = Store(tmp_path / "mail.sqlite3")
        accounts = Accounts(first, store)
        await accounts.load()
        assert await accounts.log_in(ADDRESS.upper(), PASSWORD) is not None, "before it is hashed"
        await accounts.hash_passwords()
        assert await accounts.log_in(ADDRESS, PASSWORD) is not None
        assert await accounts.log_in(ADDRESS, "falsch") is None
        assert await accounts.log_in("wer@kv.dox.kim.telematik-test", PASSWORD) is None
        later = Accounts(second, store)
        await later.load()
        for _ in range(2):  # by the hash, then by what the run remembers
            assert await later.log_in(ADDRESS, "falsch") is None
            assert await later.log_in(ADDRESS, PASSWORD) is not None
        await store.close()
        first.close()
        second.close()

    asyncio.run(check())
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert PASSWORD.encode() not in files
    assert ADDRESS.lower().encode() in files


def test_changed_password_of_the_settings_replaces_the_stored_one(tmp_path: Path) -> None:
    async def check() -> None:
        store = Store(tmp_path / "mail.sqlite3")
        for password in (PASSWORD, "Neu-2"):
            running = process(tmp_path, password=password)
            accounts = Accounts(running, store)
            await accounts.load()
            await accounts.hash_passwords()
            running.close()
        running = process(tmp_path)
        accounts = Accounts(running, store)
        await accounts.load()
        assert await accounts.log_in(ADDRESS, PASSWORD) is None
        assert await accounts.log_in(ADDRESS, "Neu-2") is not None
        await store.close()
        running.close()

    asyncio.run(check())


@pytest.mark.parametrize("change", [{"password": hash_password("Neu-2")}, {"locked": True}])
def test_login_is_refused_if_the_account_changes_while_the_hash_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    async def check() -> None:
        running = process(tmp_path, password=PASSWORD)
        store = Store(tmp_path / "mail.sqlite3")
        accounts = Accounts(running, store)
        await accounts.load()
        await accounts.hash_passwords()
        account = accounts.find(ADDRESS)
        assert account is not None
        own = replace(account, given=b"changed by its owner")
        await accounts.change(replace(own, password=hash_password("Alt-3")))
        in_thread = running.in_thread

        async def and_then_changed(function: Any, *values: Any) -> Any:
            right = await in_thread(function, *values)
            if function is matches:
                await accounts.change(replace(own, **change))
            return right

        with monkeypatch.context() as patch:
            patch.setattr(running, "in_thread", and_then_changed)
            assert await accounts.log_in(ADDRESS, "Alt-3") is None
        assert await accounts.log_in(ADDRESS, "Alt-3") is None
        await store.close()
        running.close()

    asyncio.run(check())


def test_hash_of_the_settings_overwrites_no_change_that_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        running = process(tmp_path, password=PASSWORD)
        store = Store(tmp_path / "mail.sqlite3")
        accounts = Accounts(running, store)
        await accounts.load()
        account = accounts.find(ADDRESS)
        assert account is not None
        changed = replace(account, given=b"changed by its owner", kim_version="1.5+")
        in_thread, changing = running.in_thread, []

        async def and_then_changing(function: Any, *values: Any) -> Any:
            result = await in_thread(function, *values)
            changing.append(asyncio.create_task(accounts.change(changed)))
            await asyncio.sleep(0)
            return result

        monkeypatch.setattr(running, "in_thread", and_then_changing)
        await accounts.hash_passwords()
        await asyncio.gather(*changing)
        stored = Accounts(process(tmp_path), store)
        await stored.load()
        for seen in (accounts, stored):
            found = seen.find(ADDRESS)
            assert found is not None
            assert found.kim_version == "1.5+"
        await store.close()
        running.close()

    asyncio.run(check())


def test_quota_counts_down_to_nothing(tmp_path: Path) -> None:
    async def check() -> None:
        running = process(tmp_path, password=PASSWORD, quota=5)
        store = Store(tmp_path / "mail.sqlite3")
        accounts = Accounts(running, store)
        await accounts.load()
        account = accounts.find(ADDRESS)
        assert account is not None
        assert await accounts.remaining(account) == 5
        assert [found.address for found in accounts.all()] == [ADDRESS.lower()]
        await store.close()
        running.close()

    asyncio.run(check())


def test_guessing_becomes_slow_and_the_right_password_sets_it_back(tmp_path: Path) -> None:
    async def check() -> None:
        running = process(tmp_path, password=PASSWORD)
        store = Store(tmp_path / "mail.sqlite3")
        accounts = Accounts(running, store)
        await accounts.load()
        guessing = accounts._guessing
        address = ADDRESS.lower()
        for _ in range(running.settings.failed_logins.free):
            assert guessing.delay(address) == 0
            assert await accounts.log_in(ADDRESS, "falsch") is None
        assert guessing.delay(address) == 0.25
        guessing.note(address, right=False)
        assert guessing.delay(address) == 0.5
        for _ in range(100):
            guessing.note(address, right=False)
        assert guessing.delay(address) == 5
        assert guessing.delay("wer@kv.dox.kim.telematik-test") == 0
        looked_at = asyncio.create_task(accounts.log_in(ADDRESS, PASSWORD))
        await asyncio.sleep(0)
        assert not looked_at.done(), "right ones wait, too"
        looked_at.cancel()
        guessing.note(address, right=True)
        assert await accounts.log_in(ADDRESS, PASSWORD) is not None
        assert guessing.delay(address) == 0
        await store.close()
        running.close()

    asyncio.run(check())
