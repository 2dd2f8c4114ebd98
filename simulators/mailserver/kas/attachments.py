"""What the KAS knows of each upload: owner, recipients, size, hash, when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..database import Connection, Database

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS attachment(
    id TEXT PRIMARY KEY, state TEXT NOT NULL, process INTEGER NOT NULL, owner TEXT NOT NULL,
    size BIGINT NOT NULL, created DOUBLE PRECISION NOT NULL, expires DOUBLE PRECISION,
    message_id TEXT, sha256 TEXT)""",
    "CREATE INDEX IF NOT EXISTS attachment_owner ON attachment(owner, size)",
    "CREATE INDEX IF NOT EXISTS attachment_expires ON attachment(expires)",
    """CREATE TABLE IF NOT EXISTS attachment_recipient(
    attachment TEXT NOT NULL REFERENCES attachment(id) ON DELETE CASCADE,
    number INTEGER NOT NULL, address TEXT NOT NULL,
    downloads INTEGER NOT NULL, latest DOUBLE PRECISION NOT NULL,
    PRIMARY KEY(attachment, address))""",
)
UPLOADING, STORED, GONE = "uploading", "stored", "gone"
"""A link exists only in the second state; a blob may exist in all three."""
_COLUMNS = "id, owner, size, created, expires, message_id, sha256"


@dataclass(frozen=True)
class Attachment:
    """Mail data under a link; times in seconds since the epoch, virtual time."""

    id: str
    owner: str
    size: int
    created: float
    expires: float
    message_id: str
    sha256: str
    recipients: tuple[str, ...] = ()
    downloads: int = 0


class Attachments:
    """The uploads of a provider, beside its mails.

    An upload is entered before its first byte is stored and leaves after its last is deleted,
    so whatever a killed process left behind is found again by name.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self) -> None:
        """Make the tables."""

        def job(connection: Connection) -> None:
            for statement in SCHEMA:
                connection.execute(statement)

        await self._database.write(job)

    async def give_up_abandoned(self, *, starting: bool) -> None:
        """Give up the unfinished uploads of processes that are no more.

        Those under this process's own number are another one's while it is *starting* (SQLite
        gives every process the same), its own from then on.
        """

        def job(connection: Connection) -> None:
            unfinished = "SELECT DISTINCT process FROM attachment WHERE state=?"
            found = {row[0] for row in connection.execute(unfinished, (UPLOADING,)).fetchall()}
            own = set[int]() if starting else {self._database.number}
            connection.executemany(
                "UPDATE attachment SET state=? WHERE state=? AND process=?",
                [
                    (GONE, UPLOADING, dead)
                    for dead in found - own - self._database.living(connection)
                ],
            )

        await self._database.write(job)

    async def reserve(
        self, id_: str, owner: str, size: int, *, now: float, room: int | None, capacity: int | None
    ) -> bool:
        """Enter an upload of *size* bytes; False when it has no room.

        *room* is what the quota of *owner* has beside its mails, *capacity* bounds all accounts.
        Uploads that are still running count, so that those at the same time share the room.
        """

        def job(connection: Connection) -> bool:
            if room is not None and _used(connection, owner) + size > room:
                return False
            if capacity is not None and _used(connection, None) + size > capacity:
                return False
            connection.execute(
                "INSERT INTO attachment(id, state, process, owner, size, created)"
                " VALUES (?,?,?,?,?,?)",
                (id_, UPLOADING, self._database.number, owner, size, now),
            )
            return True

        return await self._database.write(job)

    async def publish(self, attachment: Attachment) -> None:
        """Make the link exist: its blob is durable. Raises LookupError if it was given up."""

        def job(connection: Connection) -> None:
            changed = connection.execute(
                "UPDATE attachment SET state=?, size=?, expires=?, message_id=?, sha256=?"
                " WHERE id=? AND state=?",
                (
                    STORED,
                    attachment.size,
                    attachment.expires,
                    attachment.message_id,
                    attachment.sha256,
                    attachment.id,
                    UPLOADING,
                ),
            )
            if changed.rowcount != 1:
                raise LookupError(attachment.id)
            connection.executemany(
                "INSERT INTO attachment_recipient VALUES (?,?,?,0,0)",
                [
                    (attachment.id, number, address)
                    for number, address in enumerate(attachment.recipients)
                ],
            )

        await self._database.write(job)

    async def find(self, id_: str, now: float) -> Attachment | None:
        """Return what lies under a link that exists at *now*."""
        job = partial(_stored, condition="id=? AND expires>?", values=(id_, now))
        found = await self._database.read(job)
        return found[0] if found else None

    async def all(self) -> list[Attachment]:
        """Return everything that lies under a link, oldest first."""
        return await self._database.read(partial(_stored, condition="1=1", values=()))

    async def count_download(
        self, id_: str, recipient: str, now: float, *, most: int, window: float
    ) -> bool:
        """Count a download; False when *recipient* has had *most* of them within *window*."""

        def job(connection: Connection) -> bool:
            key = (id_, recipient)
            row = connection.execute(
                "SELECT downloads, latest FROM attachment_recipient"
                " WHERE attachment=? AND address=?",
                key,
            ).fetchone()
            if row is None:  # the sender
                return True
            downloads = row[0] if abs(now - row[1]) <= window else 0
            if downloads >= most:
                return False
            connection.execute(
                "UPDATE attachment_recipient SET downloads=?, latest=?"
                " WHERE attachment=? AND address=?",
                (downloads + 1, now, *key),
            )
            return True

        return await self._database.write(job)

    async def used(self, owner: str) -> int:
        """Return how many bytes the uploads of *owner* hold, those that still run included."""
        return await self._database.read(partial(_used, owner=owner))

    async def give_up(self, ids: Sequence[str]) -> None:
        """Make links cease to exist; their blobs are still there."""

        def job(connection: Connection) -> None:
            connection.executemany(
                "UPDATE attachment SET state=? WHERE id=?", [(GONE, id_) for id_ in ids]
            )

        await self._database.write(job)

    @staticmethod
    def give_up_of(connection: Connection, owner: str) -> None:
        """Make all links of *owner* cease to exist, in a transaction of the caller's."""
        connection.execute(
            "UPDATE attachment SET state=? WHERE state=? AND owner=?", (GONE, STORED, owner)
        )

    async def gone(self) -> list[str]:
        """Return the uploads whose blobs are to be deleted."""
        statement = "SELECT id FROM attachment WHERE state=?"
        return await self._database.read(
            lambda c: [row[0] for row in c.execute(statement, (GONE,))]
        )

    async def forget(self, id_: str) -> None:
        """Remove an upload whose blob is deleted."""

        def job(connection: Connection) -> None:
            connection.execute("DELETE FROM attachment WHERE id=?", (id_,))

        await self._database.write(job)

    async def expired(self, now: float) -> list[Attachment]:
        """Return what must be deleted by *now*."""
        return await self._database.read(partial(_stored, condition="expires<=?", values=(now,)))

    async def next_expiry(self) -> float | None:
        """Return when the next upload ends."""
        statement = "SELECT min(expires) FROM attachment WHERE state=?"
        row = await self._database.read(lambda c: c.execute(statement, (STORED,)).fetchone())
        found: float | None = row[0]
        return found


def _stored(
    connection: Connection, condition: str, values: tuple[str | float, ...]
) -> list[Attachment]:
    statement = (
        f"SELECT {_COLUMNS} FROM attachment WHERE state=? AND {condition}"  # noqa: S608 (ours)
        " ORDER BY created, id"
    )
    rows = connection.execute(statement, (STORED, *values)).fetchall()
    return [_attachment(connection, row) for row in rows]


def _attachment(connection: Connection, row: tuple[Any, ...]) -> Attachment:
    id_, owner, size, created, expires, message_id, sha256 = row
    statement = (
        "SELECT address, downloads FROM attachment_recipient WHERE attachment=? ORDER BY number"
    )
    recipients = connection.execute(statement, (id_,)).fetchall()
    return Attachment(
        id_,
        owner,
        size,
        created,
        expires,
        message_id,
        sha256,
        recipients=tuple(address for address, _ in recipients),
        downloads=sum(downloads for _, downloads in recipients),
    )


def _used(connection: Connection, owner: str | None) -> int:
    statement, values = (
        "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM attachment WHERE state<>?",
        (GONE,),
    )
    if owner is None:
        return int(connection.execute(statement, values).fetchone()[0])
    return int(connection.execute(f"{statement} AND owner=?", (*values, owner)).fetchone()[0])
