"""The provider's accounts: who has a mailbox, and whether a password is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from simulators.process.role import Process

from . import account_tables
from .account import Account
from .account_tables import Event
from .database import Connection
from .guessing import Guessing
from .passwords import Verifier, hash_password, matches
from .settings import AccountSettings, MailserverSettings
from .store import Store

ANNOUNCEMENT = "accounts"
"""What the processes on one database tell each other when accounts have changed."""

Change = Callable[[Connection], None]
Usage = Callable[[str], Awaitable[int]]
"""Tells how many bytes an account, by its address, holds somewhere."""
Forget = Callable[[Connection, str], None]
"""Removes what an account, by its address, has in the database."""


class Accounts:
    """Accounts from the settings and those that were registered, in this run or an earlier one."""

    def __init__(self, process: Process[MailserverSettings], store: Store) -> None:
        self._process = process
        self._store = store
        self._accounts: dict[str, Account] = {}
        self._former: dict[str, str] = {}
        self._verifier = Verifier()
        self._guessing = Guessing(process.settings.failed_logins)
        self._changes = 0
        self._uses: list[Usage] = []
        self._endings: list[tuple[Forget, Callable[[], None]]] = []

    async def load(self) -> None:
        """Read the stored accounts and make those of the settings known at once.

        Called again whenever another process on the same database has changed accounts.
        """
        await self._store.database.write(account_tables.make_tables)
        stored, taken = await self._read()
        before, self._accounts = self._accounts, dict(stored)
        for address, account in stored.items():
            if address in before and before[address].password != account.password:
                self._verifier.forget(address)
        for given in taken:
            known = stored.get(given.address.lower())
            self._take(given, None if known is None else known.password)

    async def _read(self) -> tuple[dict[str, Account], list[AccountSettings]]:
        """Return what is stored, and the accounts that are as the settings have them."""
        while True:
            changes = self._changes
            stored, self._former = await self._store.database.read(account_tables.read)
            taken = [
                given
                for given in self._process.settings.accounts
                if not await self._stays(given, stored.get(given.address.lower()))
            ]
            if changes == self._changes:  # nothing was written meanwhile
                return stored, taken

    async def _stays(self, given: AccountSettings, known: Account | None) -> bool:
        """Tell whether an account of the settings is not to be as they have it.

        It was changed since by its owner, or its time is over.
        """
        if known is None:
            return given.address.lower() in self._former
        if known.given is None:
            return False
        return await self._process.in_thread(matches, _as_text(given), known.given)

    def _take(self, given: AccountSettings, password: bytes | None) -> None:
        address = given.address.lower()
        self._verifier.remember(address, given.password.get_secret_value())
        self._accounts[address] = Account(
            address,
            given.telematik_id,
            password,
            given.data_time_to_live,
            given.max_mail_size,
            given.quota,
            given.kim_version,
            in_directory=given.in_directory,
            certified=True,
            spelling=given.address,
        )

    async def hash_passwords(self) -> None:
        """Store the accounts of the settings with their hashes; runs beside the first logins."""
        in_thread = self._process.in_thread
        for given in self._process.settings.accounts:
            address = given.address.lower()
            account = self._accounts.get(address)
            if account is None or account.given is not None:
                continue
            password, stored = given.password.get_secret_value(), account.password
            if stored is None or not await in_thread(matches, password, stored):
                stored = await in_thread(hash_password, password)
            now = self._accounts.get(address)
            if now is not None and now.given is None:  # nobody changed it meanwhile
                await self._save(replace(now, password=stored), unless_changed=True)

    async def add(self, account: Account, event: str, also: Change | None = None) -> None:
        """Store a new account together with *also*; *event* is logged (KOM-LE-A_2158).

        Raises Conflict when the address is taken.
        """
        await self._save(account, event=event, also=also, new=True)

    async def change(
        self, account: Account, *, event: str | None = None, also: Change | None = None
    ) -> None:
        """Store *account*, changed by its owner, together with *also* in one transaction."""
        before = self._accounts.get(account.address)
        given = self._of_settings(account.address) if account.given is None else None
        if given is not None:
            account = await self._detached(account, given, before)
        await self._save(account, event=event, also=also)
        if before is None or before.password != account.password:
            self._verifier.forget(account.address)

    async def _detached(
        self, account: Account, given: AccountSettings, before: Account | None
    ) -> Account:
        """Return an account of the settings as one that keeps what its owner changes."""
        in_thread = self._process.in_thread
        password = given.password.get_secret_value()
        stored = account.password
        if before is None or before.password == stored:  # its hash may not be made yet
            known = stored is not None and await in_thread(matches, password, stored)
            stored = stored if known else await in_thread(hash_password, password)
        return replace(
            account, password=stored, given=await in_thread(hash_password, _as_text(given))
        )

    async def end(self, account: Account, also: Change | None = None) -> None:
        """Remove an account whose time is over; its address is known as a former one."""
        now = self._process.clock.now().timestamp()

        def job(connection: Connection) -> None:
            account_tables.end(connection, account, now)
            self._store.database.announce(connection, ANNOUNCEMENT)
            for forget, _ in self._endings:
                forget(connection, account.address)
            if also is not None:
                also(connection)

        await self._store.database.write(job)
        self._changes += 1
        self._accounts.pop(account.address, None)
        self._former[account.address] = account.telematik_id
        self._verifier.forget(account.address)
        for _, forgotten in self._endings:
            forgotten()

    async def reset(self) -> None:
        """Forget what was registered, changed and ended: as after the first start."""

        def job(connection: Connection) -> None:
            account_tables.clear(connection)
            self._store.database.announce(connection, ANNOUNCEMENT)

        hashes = {a.address: a.password for a in self._accounts.values() if a.given is None}
        await self._store.database.write(job)
        self._changes += 1
        self._accounts, self._former, self._verifier = {}, {}, Verifier()
        self._guessing = Guessing(self._process.settings.failed_logins)
        for given in self._process.settings.accounts:
            self._take(given, hashes.get(given.address.lower()))

    async def log(self) -> list[Event]:
        """Return the logged events (KOM-LE-A_2158), oldest first."""
        return await self._store.database.read(account_tables.read_log)

    def find(self, address: str) -> Account | None:
        """Return the account with *address*; case carries no meaning.

        A deregistered account is there until its last day is over.
        """
        account = self._accounts.get(address.lower())
        return None if account is None or self.is_over(account) else account

    def receiver(self, address: str) -> Account | None:
        """Return the account with *address* if it gets mail (KOM-LE-A_2149)."""
        account = self.find(address)
        return None if account is None or account.deregistered is not None else account

    def is_over(self, account: Account) -> bool:
        """Tell whether the time of a deregistered account is over."""
        return (
            account.deregistered is not None
            and self._process.clock.now().timestamp() >= account.deregistered
        )

    def is_taken(self, address: str, telematik_id: str, *, for_ever: bool) -> bool:
        """Tell whether the owner of *telematik_id* cannot have *address*.

        It is an account's, or has been one's: of another owner or, *for_ever*, of whomever.
        """
        address = address.lower()
        if address in self._accounts:
            return True
        former = self._former.get(address)
        return former is not None and (for_ever or former != telematik_id)

    def all(self) -> list[Account]:
        """Return all accounts, by address."""
        return [self._accounts[address] for address in sorted(self._accounts)]

    async def log_in(self, address: str, password: str) -> Account | None:
        """Return the account if *password* is its password (KOM-LE-A_2148, 2169), else None."""
        await self._guessing.wait(address.lower())
        account, right = self.find(address), None
        while right is None:
            if account is None or account.locked:
                return None
            right = self._verifier.check(account.address, password)
            if right is None:
                if account.password is None:
                    return None
                right = await self._process.in_thread(matches, password, account.password)
                now = self.find(address)
                if now is None or now.locked or now.password != account.password:
                    account, right = now, None  # changed meanwhile: what holds now decides
                elif right:
                    self._verifier.remember(account.address, password)
        assert account is not None  # only of one that is there something is right
        self._guessing.note(account.address, right=right)
        return account if right else None

    async def remaining(self, account: Account) -> int | None:
        """Return how many bytes of the account's quota are left; None when it has no quota."""
        room = await self.room_for_mails(account.address)
        return None if room is None else max(0, room - await self._store.used(account.address))

    async def room_for_mails(self, address: str) -> int | None:
        """Return how much of its quota all else leaves an account; None without a quota."""
        account = self.find(address)
        if account is None or account.quota is None:
            return None
        return max(0, account.quota - sum([await use(account.address) for use in self._uses]))

    def also_used(self, usage: Usage) -> None:
        """Count what *usage* tells against the quota, beside the mails."""
        self._uses.append(usage)

    def on_end(self, forget: Forget, forgotten: Callable[[], None]) -> None:
        """Have *forget* remove what ended accounts leave behind; *forgotten* is called then."""
        self._endings.append((forget, forgotten))

    async def room_beside_mails(self, account: Account) -> int | None:
        """Return how much of the quota the mails leave; None when the account has no quota."""
        if account.quota is None:
            return None
        return max(0, account.quota - await self._store.used(account.address))

    def _of_settings(self, address: str) -> AccountSettings | None:
        for given in self._process.settings.accounts:
            if given.address.lower() == address:
                return given
        return None

    async def _save(
        self,
        account: Account,
        *,
        event: str | None = None,
        also: Change | None = None,
        new: bool = False,
        unless_changed: bool = False,
    ) -> None:
        """Store and know *account*; *unless_changed* by its owner, whose writing may be waiting."""
        now = self._process.clock.now().timestamp()

        def job(connection: Connection) -> bool:
            if not account_tables.write(
                connection, account, new=new, unless_changed=unless_changed
            ):
                return False
            self._store.database.announce(connection, ANNOUNCEMENT)
            if event is not None:
                account_tables.note(connection, now, event, account)
            if also is not None:
                also(connection)
            return True

        # Shielded: what is written becomes known even if the one who asked has gone.
        await asyncio.shield(self._written(job, account))

    async def _written(self, job: Callable[[Connection], bool], account: Account) -> None:
        if not await self._store.database.write(job):
            return
        self._changes += 1
        self._accounts[account.address] = account


def _as_text(given: AccountSettings) -> str:
    """Return all that the settings say of an account as one text, to be hashed."""
    return "\n".join((given.model_dump_json(), given.password.get_secret_value()))
