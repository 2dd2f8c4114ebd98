"""PostgreSQL behind three threads: one writes, one reads, one holds what is taken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

from .announcements import Announcements
from .jobs import (
    Conflict,
    Connection,
    Cursor,
    Entry,
    Job,
    StoreError,
    T,
    Unreachable,
    Value,
    Worker,
    in_transactions,
)

CONNECT_SECONDS = 10
IDLE_MILLISECONDS = 30_000
"""How long a process that is stopped in a transaction may hold up the others."""
_LOST = ("080", "57P")
"""SQLSTATE of connections that are lost (08) and of a server that ends them (57P)."""
_SPELLINGS = (
    ("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    ("INTEGER", "BIGINT"),
    ("BLOB", "BYTEA"),
    ("REAL", "DOUBLE PRECISION"),
)
"""The few words of a schema that the two databases spell differently."""


class Translated:
    """A connection as jobs know it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._statements: dict[str, bytes] = {}

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Cursor:
        """Carry out one statement; truth values become 0 and 1."""
        return self._connection.execute(self._known(statement), _plain(values), binary=True)

    def executemany(self, statement: str, rows: Sequence[Sequence[Value]], /) -> object:
        """Carry out one statement for each of *rows*."""
        with self._connection.cursor() as cursor:
            cursor.executemany(self._known(statement), [_plain(values) for values in rows])
        return None

    def _known(self, statement: str) -> bytes:
        known = self._statements.get(statement)
        if known is None:
            text = statement
            if statement.startswith("CREATE "):
                for ours, theirs in _SPELLINGS:
                    text = text.replace(ours, theirs)
            known = text.replace("%", "%%").replace("?", "%s").encode()
            self._statements[statement] = known
        return known


class PostgresDatabase:
    """The tables of one domain in a PostgreSQL database, in a schema named after the domain.

    Several processes may work with them. Writers take turns (an advisory lock to the end of the
    transaction), so a job sees nobody else's half-done work, as with SQLite; jobs that wait in
    one process share a transaction. A number and the names that a process has taken are advisory
    locks of one connection: they end with it, whatever ends the process.
    """

    shared = True

    def __init__(self, url: str, domain: str, schema: str) -> None:
        self._url = url
        self._domain = domain
        self._taken: set[str] = set()
        self._turn, self._class = _key(domain, "writers"), _key(domain, "processes") & 0xFFFFFFFF
        self._write, self._read, self._hold = (_Line(self._connect) for _ in range(3))
        try:
            self._make_tables(schema)
            self.number = self._new_number()
        except psycopg.Error as error:
            raise _error(error) from error
        self._announcements = Announcements(self._connect, channel(domain), self.number)
        self._writer = Worker("store-write", self._run_together, self._write.close)
        self._reader = Worker("store-read", self._run_each(self._read), self._read.close)
        self._holder = Worker("store-hold", self._run_each(self._hold), self._hold.close)

    async def write(self, job: Job[T]) -> T:
        """Run *job* in the writing thread; return its result once it is durable."""
        return await self._writer.submit(job)

    async def read(self, job: Job[T]) -> T:
        """Run *job*, which changes nothing, in the reading thread."""
        return await self._reader.submit(job)

    def living(self, connection: Connection) -> set[int]:
        """Return the numbers of the processes whose connections stand, and of this one."""
        found = connection.execute(
            "SELECT CAST(objid AS BIGINT) FROM pg_locks WHERE locktype='advisory' AND objsubid=2"
            " AND granted AND CAST(classid AS BIGINT)=?"
            " AND database=(SELECT oid FROM pg_database WHERE datname=current_database())",
            (self._class,),
        )
        return {self.number, *(row[0] for row in found)}

    async def show_life(self) -> None:
        """Open the connection again that holds what this process has taken, if it was lost."""
        await self._holder.submit(lambda c: c.execute("SELECT 1"))

    def announce(self, connection: Connection, topic: str) -> None:
        """Tell other processes of *topic*, with the end of the transaction."""
        connection.execute(
            "SELECT pg_notify(?, ?)", (self._announcements.channel, f"{self.number} {topic}")
        )

    def on_announcement(self, topic: str, listener: Callable[[], object]) -> None:
        """Have *listener* called in the event loop when another process has told of *topic*."""
        self._announcements.listeners.setdefault(topic, []).append(listener)

    async def take(self, name: str) -> bool:
        """Take *name* among all processes; False when one of them has it."""
        if name in self._taken:
            return False
        self._taken.add(name)
        try:
            key = _key(self._domain, name)
            taken: bool = await self._holder.submit(
                lambda c: c.execute("SELECT pg_try_advisory_lock(?)", (key,)).fetchone()[0]
            )
        except BaseException:
            self._taken.discard(name)
            raise
        if not taken:
            self._taken.discard(name)
        return taken

    async def give_back(self, name: str) -> None:
        """Let it be taken again."""
        key = _key(self._domain, name)
        self._taken.discard(name)
        with suppress(StoreError):  # a lost connection holds nothing
            await self._holder.submit(lambda c: c.execute("SELECT pg_advisory_unlock(?)", (key,)))

    async def close(self) -> None:
        """Finish what waits, close the connections; what was taken is free then."""
        self._announcements.close()
        for worker in (self._reader, self._writer, self._holder):
            await worker.close()

    def _run_together(self, batch: list[Entry]) -> None:
        in_transactions(batch, self._in_one_transaction)

    def _in_one_transaction(self, batch: list[Entry]) -> bool:
        try:
            connection = self._write.begin(self._turn)
        except psycopg.Error as error:  # no job can do better alone, it would only wait again
            for entry in batch:
                entry.error = _error(error)
            self._write.undo()
            return True
        try:
            for entry in batch:
                entry.result = entry.job(connection)
            self._write.end("COMMIT")
        except Exception as error:  # it belongs to the one who waits for this job
            for entry in batch:
                entry.result, entry.error = None, _error(error)
            self._write.undo()
            return False
        return True

    def _run_each(self, line: _Line) -> Callable[[list[Entry]], None]:
        def run(batch: list[Entry]) -> None:
            for entry in batch:
                try:
                    entry.result = line.carry_out(entry.job)
                except Exception as error:  # it belongs to the one who waits for this job
                    entry.error = _error(error)

        return run

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_SECONDS)
        path = sql.SQL("SET search_path TO {}").format(sql.Identifier(self._domain))
        connection.execute(path)
        connection.execute(f"SET idle_in_transaction_session_timeout TO {IDLE_MILLISECONDS}")
        return connection

    def _make_tables(self, schema: str) -> None:
        name = sql.Identifier(self._domain)
        connection = self._write.begin(self._turn)
        self._write.plain().execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        for statement in schema.split(";"):
            if statement.strip():
                connection.execute(statement.strip())
        connection.execute("CREATE SEQUENCE IF NOT EXISTS process AS INTEGER CYCLE")
        self._write.end("COMMIT")

    def _new_number(self) -> int:
        row = self._hold.connection().execute("SELECT CAST(nextval('process') AS INTEGER)")
        number: int = row.fetchone()[0]
        self._hold.always = lambda connection: self._take_again(connection, number)
        self._take_again(self._hold.connection(), number)
        return number

    def _take_again(self, connection: Connection, number: int) -> None:
        """Take the locks of this process, on the first connection and on one after a loss.

        What another process has taken meanwhile stays with it: at worst a mail is relayed twice
        or two sessions see the same mailbox, and nothing is lost.
        """
        lock = "SELECT pg_try_advisory_lock(CAST(? AS INTEGER), CAST(? AS INTEGER))"
        connection.execute(lock, (_signed(self._class), number))
        for name in tuple(self._taken):
            key = _key(self._domain, name)
            connection.execute("SELECT pg_try_advisory_lock(?)", (key,))


class _Line:
    """One connection, opened when it is needed and again when it was lost."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._connect = connect
        self._open: psycopg.Connection[Any] | None = None
        self._translated: Translated | None = None
        self.always: Callable[[Connection], None] = lambda _: None

    def plain(self) -> psycopg.Connection[Any]:
        """Return the connection itself."""
        if self._open is None or self._open.closed:
            self._open = self._connect()
            self._translated = Translated(self._open)
            self.always(self._translated)
        return self._open

    def connection(self) -> Translated:
        """Return the connection for jobs."""
        self.plain()
        assert self._translated is not None
        return self._translated

    def carry_out(self, job: Job[T]) -> T:
        """Run *job*, which may run twice: again when the connection turns out to be lost."""
        try:
            return job(self.connection())
        except psycopg.OperationalError:
            self.close()
            return job(self.connection())

    def begin(self, turn: int) -> Translated:
        """Begin a transaction when it is this process's *turn* to write."""
        start = f"BEGIN; SELECT pg_advisory_xact_lock({turn})"
        try:
            self.plain().execute(start)
        except psycopg.OperationalError:  # the server was restarted: nothing was done yet
            self.close()
            self.plain().execute(start)
        return self.connection()

    def end(self, how: str) -> None:
        """End the transaction."""
        self.plain().execute(how)

    def undo(self) -> None:
        """End the transaction without a trace, at worst with the connection."""
        try:
            if self._open is not None and not self._open.closed:
                self._open.execute("ROLLBACK")
        except psycopg.Error:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open.close()


def _plain(values: Sequence[Value]) -> list[Value]:
    return [int(value) if isinstance(value, bool) else value for value in values]


def channel(domain: str) -> str:
    """Return the channel of a domain's announcements; its name is bounded in PostgreSQL."""
    return f"kimulator_{_key(domain, 'announcements') & 0xFFFFFFFFFFFFFFFF:x}"


def _key(domain: str, name: str) -> int:
    """Return the number under which PostgreSQL locks *name*."""
    content = f"{domain}\0{name}".encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), signed=True)


def _signed(number: int) -> int:
    return number - (1 << 32) if number >> 31 else number


def _error(error: Exception) -> Exception:
    """Return *error* as those who wait for jobs know it, in one line."""
    if not isinstance(error, psycopg.Error):
        return error
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, psycopg.IntegrityError):
        return Conflict(text)
    state = error.sqlstate or ""
    lost = isinstance(error, psycopg.OperationalError) and state[:3] in ("", *_LOST)
    return Unreachable(text) if lost else StoreError(text)
