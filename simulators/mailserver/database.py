"""SQLite behind two threads: one that writes, many jobs to a transaction, and one that reads."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

MAX_BATCH = 64
PAGE_SIZE = 16_384


@dataclass(slots=True)
class _Entry:
    job: Job[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Database:
    """A SQLite file in WAL mode with ``synchronous=FULL``.

    ``write`` returns when the job's changes are on the disk: what a protocol acknowledges after
    it survives ``kill -9`` and a power cut. Jobs that wait at the same time share a transaction,
    so the cost of the disk is shared, and a job that fails undoes only itself.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        connection = _open(path)
        connection.executescript(schema)
        connection.close()
        self._writer = _Thread("store-write", path, _run_in_one_transaction)
        self._reader = _Thread("store-read", path, _run_each)

    async def write(self, job: Job[T]) -> T:
        """Run *job* in the writing thread; return its result once it is durable."""
        return await self._writer.submit(job)

    async def read(self, job: Job[T]) -> T:
        """Run *job*, which changes nothing, in the reading thread."""
        return await self._reader.submit(job)

    async def close(self) -> None:
        """Finish what waits and end the threads."""
        await self._reader.close()
        await self._writer.close()


Run = Callable[[sqlite3.Connection, list[_Entry]], None]


class _Thread:
    def __init__(self, name: str, path: Path, run: Run) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._run = run
        self._thread = threading.Thread(target=self._work, args=(path,), name=name, daemon=True)
        self._thread.start()

    async def submit(self, job: Job[T]) -> T:
        entry = _Entry(job, self._loop.create_future())
        self._queue.put(entry)
        result: T = await entry.future
        return result

    async def close(self) -> None:
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self, path: Path) -> None:
        connection = _open(path)
        last = False
        while not last:
            first = self._queue.get()
            if first is None:
                break
            batch = [first]
            while len(batch) < MAX_BATCH:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    last = True
                    break
                batch.append(following)
            self._run(connection, batch)
            self._loop.call_soon_threadsafe(_settle, batch)
        connection.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA page_size={PAGE_SIZE}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _run_in_one_transaction(connection: sqlite3.Connection, batch: list[_Entry]) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
        for entry in batch:
            connection.execute("SAVEPOINT job")
            try:
                entry.result = entry.job(connection)
            except Exception as error:  # it belongs to the one who waits for this job
                entry.error = error
                connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
        connection.execute("COMMIT")
    except sqlite3.Error as error:  # disk full, file gone: nobody's change is durable
        for entry in batch:
            entry.error = entry.error or error
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _run_each(connection: sqlite3.Connection, batch: list[_Entry]) -> None:
    for entry in batch:
        try:
            entry.result = entry.job(connection)
        except Exception as error:  # it belongs to the one who waits for this job
            entry.error = error


def _settle(batch: list[_Entry]) -> None:
    for entry in batch:
        if entry.future.done():  # the one who waited has gone; the change stands
            continue
        if entry.error is None:
            entry.future.set_result(entry.result)
        else:
            entry.future.set_exception(entry.error)
