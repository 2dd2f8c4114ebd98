"""Mailboxes and the relay's queue: what the provider must not lose."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

from .arrivals import ANNOUNCEMENT, Arrivals
from .database import Connection, Value, open_database
from .stored import (
    SCHEMA,
    NewMail,
    QueuedRelay,
    StoredContent,
    StoredMail,
)

PART_SIZE = 320 << 10
"""Contents are kept in parts of about this size, so that memory stays bounded."""
HEAD_BYTES = 64 << 10
HEADS_AT_ONCE = 16


class NoRoom(Exception):
    """A mailbox would hold more than it may; nothing was stored."""

    def __init__(self, mailbox: str) -> None:
        super().__init__(mailbox)
        self.mailbox = mailbox


class Store:
    """Mail of one provider: an SQLite file, or PostgreSQL by URL for one or more processes."""

    def __init__(self, place: Path | str, domain: str = "") -> None:
        self.database = open_database(place, domain, SCHEMA)
        self.arrivals = Arrivals()

    async def close(self) -> None:
        """Finish what waits and close the database."""
        await self.database.close()

    async def take_over(self) -> list[QueuedRelay]:
        """Take over what processes that have ended left behind; return what is to be relayed.

        Contents whose reception was cut off are dropped. To be called at the start, and from
        time to time where the database is shared.
        """
        database = self.database

        def job(connection: Connection) -> list[QueuedRelay]:
            living = database.living(connection)
            for number in _others(connection, "content", "coming", living):
                connection.execute("DELETE FROM content WHERE coming=?", (number,))
            queued = []
            for number in _others(connection, "relay", "worker", living):
                queued += _queued(connection, "WHERE worker=? ORDER BY id", (number,))
                statement = "UPDATE relay SET worker=? WHERE worker=?"
                connection.execute(statement, (database.number, number))
            return queued

        await database.show_life()
        return await database.write(job)

    async def open_mailbox(self, mailbox: str) -> bool:
        """Take *mailbox* for one session (RFC 1939 4); False when another one has it."""
        return await self.database.take(f"mailbox {mailbox}")

    async def close_mailbox(self, mailbox: str) -> None:
        """Let the next session have *mailbox*."""
        await self.database.give_back(f"mailbox {mailbox}")

    async def open_content(self) -> int:
        """Make room for a content that is too large to be held; its parts follow."""
        statement = "INSERT INTO content(size, coming) VALUES (0, ?) RETURNING id"
        number = self.database.number
        return await self.database.write(lambda c: _id(c, statement, number))

    async def add_part(self, content: int, number: int, data: bytes) -> None:
        """Append a part to an opened content; numbers count from 0."""
        statement = "INSERT INTO part(content, number, data) VALUES (?,?,?)"
        await self._execute(statement, content, number, data)

    async def discard(self, content: int) -> None:
        """Drop an opened content, because its mail is refused."""
        await self._execute("DELETE FROM content WHERE id=?", content)

    async def _execute(self, statement: str, *values: int | bytes) -> None:
        def job(connection: Connection) -> None:
            connection.execute(statement, values)

        await self.database.write(job)

    async def add(
        self,
        mails: Sequence[NewMail],
        done: QueuedRelay | None = None,
        also: Callable[[Connection], None] | None = None,
    ) -> list[QueuedRelay]:
        """Store *mails* all or none; when this returns they are durable.

        *done* leaves the queue in the same transaction, *also* is carried out in it. Returns what
        the relay has to do. Raises NoRoom; room is looked for in the transaction, so that mails
        that come at the same time share it.
        """
        number = self.database.number

        def job(connection: Connection) -> list[QueuedRelay]:
            queued = self._inserted(connection, mails, number)
            if done is not None:
                connection.execute("DELETE FROM relay WHERE id=?", (done.id,))
                _collect(connection, {done.content})
            if also is not None:
                also(connection)
            return queued

        queued = await self.database.write(job)
        self.arrivals.came(_mailboxes(mails))
        return queued

    def _inserted(
        self, connection: Connection, mails: Sequence[NewMail], worker: int
    ) -> list[QueuedRelay]:
        """Insert *mails* and tell other processes with the end of the transaction."""
        if _mailboxes(mails):
            self.database.announce(connection, ANNOUNCEMENT)
        return [relay for mail in mails for relay in _insert(connection, mail, worker)]

    async def postpone(
        self, relay: QueuedRelay, reports: Sequence[NewMail], *, envelope: str, due: float
    ) -> list[QueuedRelay]:
        """Leave the recipients of *envelope* in the queue until *due*, and store *reports*.

        Returns the postponed entry first, then what the reports add.
        """
        number = self.database.number

        def job(connection: Connection) -> list[QueuedRelay]:
            connection.execute(
                "UPDATE relay SET envelope=?, attempts=attempts+1, due=? WHERE id=?",
                (envelope, due, relay.id),
            )
            queued = _queued(connection, "WHERE id=?", (relay.id,))
            return queued + self._inserted(connection, reports, number)

        postponed = await self.database.write(job)
        self.arrivals.came(_mailboxes(reports))
        return postponed

    async def mails(self, mailbox: str) -> list[StoredMail]:
        """Return the mails of *mailbox*, oldest first."""
        statement = (
            "SELECT mail.id, content, mail.size, received, message_id FROM mail"
            " JOIN content ON content.id=mail.content WHERE mailbox=? ORDER BY mail.id"
        )
        return await self.database.read(
            lambda c: [StoredMail(*row) for row in c.execute(statement, (mailbox,))]
        )

    async def heads(self, mailbox: str, after: int) -> list[tuple[StoredMail, bytes]]:
        """Return the next mails of *mailbox* after number *after* with how they begin.

        Oldest first, at most ``HEADS_AT_ONCE``, of each at most ``HEAD_BYTES``.
        """
        statement = (
            "SELECT mail.id, content, mail.size, received, message_id, prefix,"
            " substr(head, 1, ?) FROM mail JOIN content ON content.id=mail.content"
            " WHERE mailbox=? AND mail.id>? ORDER BY mail.id LIMIT ?"
        )
        values = (HEAD_BYTES, mailbox, after, HEADS_AT_ONCE)
        rows = await self.database.read(lambda c: c.execute(statement, values).fetchall())
        return [(StoredMail(*row[:5]), bytes(row[5]) + bytes(row[6] or b"")) for row in rows]

    async def used(self, mailbox: str) -> int:
        """Return how many bytes *mailbox* holds."""
        return await self.database.read(lambda c: _used(c, mailbox))

    async def counts(self) -> dict[str, tuple[int, int]]:
        """Return number and bytes of the mails of every mailbox that holds any."""
        statement = "SELECT mailbox, count(*), CAST(sum(size) AS BIGINT) FROM mail GROUP BY mailbox"
        return await self.database.read(
            lambda c: {row[0]: (row[1], row[2]) for row in c.execute(statement)}
        )

    async def oldest(self) -> dict[str, float]:
        """Return when the oldest mail of every mailbox came that holds any."""
        statement = "SELECT mailbox, min(received) FROM mail GROUP BY mailbox"
        return await self.database.read(lambda c: dict(c.execute(statement).fetchall()))

    async def mail_parts(self, mail: StoredMail) -> AsyncIterator[bytes]:
        """Yield the bytes of a mail as POP3 hands it out; nothing if it was deleted meanwhile."""
        statement = (
            "SELECT prefix, head FROM mail JOIN content ON content.id=mail.content WHERE mail.id=?"
        )
        row = await self.database.read(lambda c: c.execute(statement, (mail.id,)).fetchone())
        if row is None:
            return
        first: bytes = row[0] + row[1]
        yield first
        if len(first) < mail.size:
            async for part in self.parts(mail.content):
                yield part

    async def content_parts(self, content: int) -> AsyncIterator[bytes]:
        """Yield the bytes of a content as it came in, without a mailbox's own lines."""
        stored = await self.content(content)
        yield stored.head
        if len(stored.head) < stored.size:
            async for part in self.parts(content):
                yield part

    async def content(self, content: int) -> StoredContent:
        """Return what is known of a content; empty when it was deleted meanwhile."""
        statement = "SELECT head, size, message_id FROM content WHERE id=?"
        row = await self.database.read(lambda c: c.execute(statement, (content,)).fetchone())
        return StoredContent(b"", 0, None) if row is None else StoredContent(*row)

    async def content_of(self, relay: QueuedRelay) -> StoredContent:
        """Return what is known of the content of *relay*.

        Empty when it has left the queue meanwhile, or another process has taken it over.
        """
        statement = (
            "SELECT head, size, message_id FROM relay JOIN content ON content.id=relay.content"
            " WHERE relay.id=? AND worker=?"
        )
        key = (relay.id, self.database.number)
        row = await self.database.read(lambda c: c.execute(statement, key).fetchone())
        return StoredContent(b"", 0, None) if row is None else StoredContent(*row)

    async def parts(self, content: int) -> AsyncIterator[bytes]:
        """Yield what follows the first part of a large content."""
        statement = "SELECT data FROM part WHERE content=? AND number=?"
        for number in itertools.count():
            key = (content, number)
            found = await self.database.read(partial(_first, statement=statement, values=key))
            if found is None:
                return
            yield found[0]

    async def delete(self, mailbox: str, ids: Sequence[int]) -> set[int]:
        """Delete mails of *mailbox*, all or none; return those that were still there."""

        def job(connection: Connection) -> set[int]:
            contents: set[int] = set()
            deleted: set[int] = set()
            for number in ids:
                row = connection.execute(
                    "DELETE FROM mail WHERE id=? AND mailbox=? RETURNING content", (number, mailbox)
                ).fetchone()
                if row is not None:
                    contents.add(row[0])
                    deleted.add(number)
            _collect(connection, contents)
            return deleted

        return await self.database.write(job)

    async def clear(self) -> None:
        """Empty all mailboxes and the queue; numbering goes on."""

        def job(connection: Connection) -> None:
            for table in ("mail", "relay", "part", "content"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 (names of ours)

        await self.database.write(job)


def _insert(connection: Connection, mail: NewMail, worker: int) -> list[QueuedRelay]:
    size = len(mail.head) if mail.size is None else mail.size
    if mail.content is None:
        statement = "INSERT INTO content(message_id, size, head) VALUES (?,?,?) RETURNING id"
        content = _id(connection, statement, mail.message_id, size, mail.head)
    else:
        content = mail.content
        connection.execute(
            "UPDATE content SET message_id=?, size=?, head=?, coming=NULL WHERE id=?",
            (mail.message_id, size, mail.head, content),
        )
    for to in mail.deliveries:
        if to.room is not None and _used(connection, to.mailbox) + size + len(to.prefix) > to.room:
            raise NoRoom(to.mailbox)
        connection.execute(
            "INSERT INTO mail(mailbox, content, size, received, prefix) VALUES (?,?,?,?,?)",
            (to.mailbox, content, size + len(to.prefix), mail.received, to.prefix),
        )
    statement = (
        "INSERT INTO relay(content, domain, envelope, attempts, due, arrived, worker)"
        " VALUES (?,?,?,0,?,?,?) RETURNING id"
    )
    queued = []
    for relay in mail.relays:
        when = (mail.received, mail.received)
        row = (content, relay.domain, relay.envelope, *when, worker)
        number = _id(connection, statement, *row)
        queued.append(QueuedRelay(number, content, relay.domain, relay.envelope, 0, *when))
    return queued


def _mailboxes(mails: Sequence[NewMail]) -> set[str]:
    return {to.mailbox for mail in mails for to in mail.deliveries}


def _used(connection: Connection, mailbox: str) -> int:
    statement = "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM mail WHERE mailbox=?"
    return int(connection.execute(statement, (mailbox,)).fetchone()[0])


def _others(connection: Connection, table: str, column: str, living: set[int]) -> list[int]:
    """Return whose work lies in *table* although its process has ended."""
    statement = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608 (names of ours)
    return [row[0] for row in connection.execute(statement) if row[0] not in living]


def _queued(connection: Connection, condition: str, values: tuple[int, ...]) -> list[QueuedRelay]:
    statement = (
        f"SELECT id, content, domain, envelope, attempts, due, arrived FROM relay {condition}"  # noqa: S608 (conditions of ours)
    )
    return [QueuedRelay(*row) for row in connection.execute(statement, values)]


def _first(connection: Connection, statement: str, values: tuple[int, ...]) -> tuple[bytes] | None:
    row: tuple[bytes] | None = connection.execute(statement, values).fetchone()
    return row


def _collect(connection: Connection, contents: set[int]) -> None:
    """Delete those of *contents* to which no mailbox and no queue entry refers any more."""
    for content in contents:
        connection.execute(
            "DELETE FROM content WHERE id=?"
            " AND NOT EXISTS (SELECT 1 FROM mail WHERE mail.content=content.id)"
            " AND NOT EXISTS (SELECT 1 FROM relay WHERE relay.content=content.id)",
            (content,),
        )


def _id(connection: Connection, statement: str, *values: Value) -> int:
    """Return the number that *statement* gives a new row."""
    number: int = connection.execute(statement, values).fetchone()[0]
    return number
