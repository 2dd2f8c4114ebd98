"""SQLite behind two threads: one that writes, many jobs to a transaction, and one that reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from .jobs import Conflict, Connection, Entry, Job, StoreError, T, Worker, in_transactions

PAGE_SIZE = 16_384
OWN_NUMBER = 1


class SqliteDatabase:
    """A SQLite file in WAL mode with ``synchronous=FULL``, of one process alone.

    ``write`` returns when the job's changes are on the disk: what a protocol acknowledges after
    it survives ``kill -9`` and a power cut. Jobs that wait at the same time share a transaction,
    so the cost of the disk is shared, and a job that fails undoes only itself.
    """

    shared = False
    number = OWN_NUMBER

    def __init__(self, path: Path, schema: str) -> None:
        try:
            path.touch(mode=0o600)
            connection = _open(path)
            connection.executescript(schema)
            connection.close()
        except (OSError, sqlite3.Error) as error:
            raise _error(error) from error
        # Each connection is opened here and used in its thread only.
        self._writing, self._reading = _open(path), _open(path)
        self._writer = Worker("store-write", self._run_together, self._writing.close)
        self._reader = Worker("store-read", self._run_each, self._reading.close)
        self._taken: set[str] = set()

    async def write(self, job: Job[T]) -> T:
        """Run *job* in the writing thread; return its result once it is durable."""
        return await self._writer.submit(job)

    async def read(self, job: Job[T]) -> T:
        """Run *job*, which changes nothing, in the reading thread."""
        return await self._reader.submit(job)

    def living(self, _: Connection) -> set[int]:
        """Return no number: what is found at the start was left by a process that has ended."""
        return set()

    async def show_life(self) -> None:
        """Do nothing: there is nobody to see it."""

    def announce(self, _connection: Connection, _topic: str) -> None:
        """Tell nobody: there is no other process."""

    def on_announcement(self, _topic: str, _listener: Callable[[], object]) -> None:
        """Do nothing: there is nobody who could tell."""

    async def take(self, name: str) -> bool:
        """Take *name*; False when it is taken."""
        if name in self._taken:
            return False
        self._taken.add(name)
        return True

    async def give_back(self, name: str) -> None:
        """Let it be taken again."""
        self._taken.discard(name)

    async def close(self) -> None:
        """Finish what waits and end the threads."""
        await self._reader.close()
        await self._writer.close()

    def _run_together(self, batch: list[Entry]) -> None:
        in_transactions(batch, self._in_one_transaction)

    def _in_one_transaction(self, batch: list[Entry]) -> bool:
        connection = self._writing
        try:
            connection.execute("BEGIN IMMEDIATE")
            for entry in batch:
                entry.result = entry.job(connection)
            connection.execute("COMMIT")
        except Exception as error:  # it belongs to the one who waits for this job
            for entry in batch:
                entry.result, entry.error = None, _error(error)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return False
        return True

    def _run_each(self, batch: list[Entry]) -> None:
        for entry in batch:
            try:
                entry.result = entry.job(self._reading)
            except Exception as error:  # it belongs to the one who waits for this job
                entry.error = _error(error)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA page_size={PAGE_SIZE}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _error(error: Exception) -> Exception:
    """Return *error* as those who wait for jobs know it."""
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(str(error))
    return StoreError(str(error)) if isinstance(error, (sqlite3.Error, OSError)) else error
