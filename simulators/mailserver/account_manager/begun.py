"""Changes of the directory that were begun: what a killed process left half done is put right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .. import faults
from ..database import Connection
from ..faults import RestRefused
from ..provider import Provider
from .directory import Directory, Listing
from .turns import Turns

TABLE = (
    "CREATE TABLE IF NOT EXISTS begun_listing("
    " address TEXT NOT NULL, telematik_id TEXT NOT NULL, process INTEGER NOT NULL,"
    " PRIMARY KEY(address, telematik_id))"
)


class BegunListings:
    """Which addresses may stand in the directory otherwise than accounts are stored.

    The directory is written before the store. So each change of it is noted first, and forgotten
    in the transaction that stores the account; what is noted still after that is put right by
    ``settle``: the directory then says what the store says.
    """

    def __init__(self, provider: Provider, directory: Directory | None, turns: Turns) -> None:
        self._provider = provider
        self._directory = directory
        self._turns = turns
        self._resets = 0
        self._settling = asyncio.Lock()

    async def load(self) -> None:
        """Make the table."""
        await self._provider.store.database.write(_make_table)

    async def note(self, address: str, *telematik_ids: str) -> None:
        """Note that *address* is about to change in the entries of *telematik_ids*.

        To be called in the turn of *address*.
        """
        if self._directory is None:
            return
        database = self._provider.store.database
        rows = [(address, telematik_id, database.number) for telematik_id in telematik_ids]

        def job(connection: Connection) -> None:
            connection.executemany(
                "INSERT INTO begun_listing(address, telematik_id, process) VALUES (?,?,?)"
                " ON CONFLICT(address, telematik_id) DO UPDATE SET process=excluded.process",
                rows,
            )

        await database.write(job)

    async def settle(self) -> None:
        """Put right what this process or one that has ended left; what is refused stays noted."""
        if self._directory is None:
            return
        database = self._provider.store.database
        select = "SELECT address, telematik_id, process FROM begun_listing"

        def read(connection: Connection) -> list[tuple[str, str]]:
            others = database.living(connection) - {database.number}
            rows = connection.execute(select).fetchall()
            return [(row[0], row[1]) for row in rows if row[2] not in others]

        resets = self._resets
        for address, telematik_id in await database.write(read):
            try:
                async with self._turns.of(address), self._settling:
                    if resets != self._resets:
                        return
                    await self._settle(self._directory, address, telematik_id)
            except RestRefused as refused:
                self._provider.process.log.warning(
                    "%s cannot be put right in the directory yet: %s", address, refused
                )

    async def _settle(self, directory: Directory, address: str, telematik_id: str) -> None:
        account = self._provider.accounts.receiver(address)
        if account is None or account.telematik_id != telematik_id:
            await directory.remove(telematik_id, address)
        else:
            listing = Listing(account.shown, account.kim_version, not account.in_directory)
            try:
                await directory.put(telematik_id, listing)
            except RestRefused as refused:
                if refused.error.status != faults.REST_ENTRY_INACTIVE.status:
                    raise  # but of an inactive entry nothing was changed, then or now
        await self._provider.store.database.write(forgotten(address, telematik_id))
        self._provider.process.journal.record("directory.settled", peer="vzd", user=address)

    async def reset(self) -> None:
        """Forget all; nothing is written to the directory on account of it any more."""
        self._resets += 1
        async with self._settling:
            await self._provider.store.database.write(_clear)


def forgotten(address: str, *telematik_ids: str) -> Callable[[Connection], None]:
    """Return what forgets the changes of *address*, as a part of the one that completes them."""

    def job(connection: Connection) -> None:
        connection.executemany(
            "DELETE FROM begun_listing WHERE address=? AND telematik_id=?",
            [(address, telematik_id) for telematik_id in telematik_ids],
        )

    return job


def _make_table(connection: Connection) -> None:
    connection.execute(TABLE)


def _clear(connection: Connection) -> None:
    connection.execute("DELETE FROM begun_listing")
