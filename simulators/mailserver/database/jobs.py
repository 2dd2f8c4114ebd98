"""What both databases share: jobs, what they work with, and the threads that carry them out."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Value = str | bytes | int | float | None
MAX_BATCH = 64


class StoreError(Exception):
    """The database did not do what a job asked: no room, no connection, a broken file."""


class Unreachable(StoreError):
    """The database is not there now, later it may be."""


class Conflict(StoreError):
    """A rule of the tables is against a job: a key that is taken, a content that is not there."""


class Cursor(Protocol):
    """The rows that a statement found."""

    @property
    def rowcount(self) -> int:
        """How many rows a statement changed."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """What a job works with: SQL that SQLite and PostgreSQL both know.

    Placeholders are ``?``; new numbers come back by ``RETURNING``, a row that is there already is
    met by ``ON CONFLICT``; sums are cast to BIGINT. Truth values are stored as 0 and 1.
    """

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Cursor:
        """Carry out one statement."""

    def executemany(self, statement: str, rows: Sequence[Sequence[Value]], /) -> object:
        """Carry out one statement for each of *rows*."""


Job = Callable[[Connection], T]


class Database(Protocol):
    """A database: SQLite in a file, or PostgreSQL, which several processes may share.

    A job runs alone: those that write take turns, also with those of other processes. It may be
    run once more when another one of its transaction has failed, so it changes nothing but rows.
    """

    shared: bool
    """Whether other processes work with the same tables."""
    number: int
    """The number of this process: what it has under way carries it."""

    async def write(self, job: Job[T]) -> T:
        """Run *job*; when this returns its changes are durable.

        Raises StoreError, then nothing is changed, and what *job* raises.
        """

    async def read(self, job: Job[T]) -> T:
        """Run *job*, which changes nothing. Raises StoreError and what *job* raises."""

    def living(self, connection: Connection) -> set[int]:
        """Return the numbers of the processes that work with the tables now, in a job."""

    async def show_life(self) -> None:
        """See to it that other processes count this one among the living. Raises StoreError."""

    def announce(self, connection: Connection, topic: str) -> None:
        """Tell other processes of *topic* when the job's changes are durable."""

    def on_announcement(self, topic: str, listener: Callable[[], object]) -> None:
        """Have *listener* called in the event loop when another process has told of *topic*."""

    async def take(self, name: str) -> bool:
        """Take *name* for this process's exclusive use; False when somebody has it."""

    async def give_back(self, name: str) -> None:
        """Let others take *name*; it is given back by itself when the process ends."""

    async def close(self) -> None:
        """Finish what waits and close the connections."""


@dataclass(slots=True)
class Entry:
    """A job that waits, and what came of it."""

    job: Job[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Worker:
    """A thread that carries out jobs, those that wait together as one batch.

    ``run`` gets a batch and fills in results and errors; ``end`` is called last, in the thread.
    """

    def __init__(
        self, name: str, run: Callable[[list[Entry]], None], end: Callable[[], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._run = run
        self._end = end
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def submit(self, job: Job[T]) -> T:
        """Have *job* done; return its result or raise its error."""
        entry = Entry(job, self._loop.create_future())
        self._queue.put(entry)
        result: T = await entry.future
        return result

    async def close(self) -> None:
        """Finish what waits and end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
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
            self._run(batch)
            self._loop.call_soon_threadsafe(_settle, batch)
        self._end()


def in_transactions(batch: list[Entry], attempt: Callable[[list[Entry]], bool]) -> None:
    """Carry out *batch* in one transaction; where that fails, every job in one of its own.

    *attempt* fills in what came of the jobs; False when its transaction left no trace and others
    may do better.
    """
    if attempt(batch) or len(batch) == 1:
        return
    for entry in batch:
        entry.result, entry.error = None, None
        attempt([entry])


def _settle(batch: list[Entry]) -> None:
    for entry in batch:
        if entry.future.done():  # the one who waited has gone; the change stands
            continue
        if entry.error is None:
            entry.future.set_result(entry.result)
        else:
            entry.future.set_exception(entry.error)
