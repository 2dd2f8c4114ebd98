"""The provider's accounts: who has a mailbox, and whether a password is theirs."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from simulators.process.role import Process

from .passwords import Verifier, hash_password, matches
from .settings import MailserverSettings
from .store import Store


@dataclass(frozen=True)
class Account:
    """An account; ``address`` in lower case is its key and the name of its mailbox.

    ``data_time_to_live`` in days, ``max_mail_size`` and ``quota`` in bytes; ``password`` is the
    salted hash, None only until it is computed after the start.
    """

    address: str
    telematik_id: str
    password: bytes | None
    data_time_to_live: int
    max_mail_size: int
    quota: int | None


class Accounts:
    """Accounts from the settings and those that earlier runs stored."""

    def __init__(self, process: Process[MailserverSettings], store: Store) -> None:
        self._process = process
        self._store = store
        self._accounts: dict[str, Account] = {}
        self._verifier = Verifier()

    async def load(self) -> None:
        """Read the stored accounts and make those of the settings known at once."""
        columns = "address, telematik_id, password, data_time_to_live, max_mail_size, quota"
        for row in await self._store.database.read(
            lambda c: c.execute(f"SELECT {columns} FROM account").fetchall()  # noqa: S608
        ):
            account = Account(*row)
            self._accounts[account.address] = account
        for given in self._process.settings.accounts:
            address = given.address.lower()
            stored = self._accounts.get(address)
            self._verifier.remember(address, given.password.get_secret_value())
            self._accounts[address] = Account(
                address,
                given.telematik_id,
                stored.password if stored else None,
                given.data_time_to_live,
                given.max_mail_size,
                given.quota,
            )

    async def hash_passwords(self) -> None:
        """Store the accounts of the settings with their hashes; runs beside the first logins."""
        in_thread = self._process.in_thread
        for given in self._process.settings.accounts:
            account = self._accounts[given.address.lower()]
            password, stored = given.password.get_secret_value(), account.password
            if stored is None or not await in_thread(matches, password, stored):
                stored = await in_thread(hash_password, password)
            await self._save(
                Account(
                    account.address,
                    account.telematik_id,
                    stored,
                    account.data_time_to_live,
                    account.max_mail_size,
                    account.quota,
                )
            )

    async def _save(self, account: Account) -> None:
        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO account VALUES (?,?,?,?,?,?)",
                (
                    account.address,
                    account.telematik_id,
                    account.password,
                    account.data_time_to_live,
                    account.max_mail_size,
                    account.quota,
                ),
            )

        await self._store.database.write(job)
        self._accounts[account.address] = account

    def find(self, address: str) -> Account | None:
        """Return the account with *address*; case carries no meaning."""
        return self._accounts.get(address.lower())

    def all(self) -> list[Account]:
        """Return all accounts, by address."""
        return [self._accounts[address] for address in sorted(self._accounts)]

    async def log_in(self, address: str, password: str) -> Account | None:
        """Return the account if *password* is its password (KOM-LE-A_2148, 2169), else None."""
        account = self.find(address)
        if account is None:
            return None
        right = self._verifier.check(account.address, password)
        if right is None:
            if account.password is None:
                return None
            right = await self._process.in_thread(matches, password, account.password)
            if right:
                self._verifier.remember(account.address, password)
        return account if right else None

    async def remaining(self, account: Account) -> int | None:
        """Return how many bytes of the account's quota are left; None when it has no quota."""
        if account.quota is None:
            return None
        return max(0, account.quota - await self._store.used(account.address))
