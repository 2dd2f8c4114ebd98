"""What is stored of mails and of the queue: the tables, and their rows as the parts see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

SCHEMA = """
CREATE TABLE IF NOT EXISTS content(
    id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT, size INTEGER NOT NULL, head BLOB,
    coming INTEGER);
CREATE TABLE IF NOT EXISTS part(
    content INTEGER NOT NULL REFERENCES content(id) ON DELETE CASCADE,
    number INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS part_content ON part(content, number);
CREATE TABLE IF NOT EXISTS mail(
    id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox TEXT NOT NULL,
    content INTEGER NOT NULL REFERENCES content(id),
    size INTEGER NOT NULL, received REAL NOT NULL, prefix BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS mail_mailbox ON mail(mailbox, id, size);
CREATE INDEX IF NOT EXISTS mail_content ON mail(content);
CREATE TABLE IF NOT EXISTS relay(
    id INTEGER PRIMARY KEY AUTOINCREMENT, content INTEGER NOT NULL REFERENCES content(id),
    domain TEXT NOT NULL, envelope TEXT NOT NULL, attempts INTEGER NOT NULL,
    due REAL NOT NULL, arrived REAL NOT NULL, worker INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS relay_content ON relay(content);
CREATE INDEX IF NOT EXISTS content_coming ON content(coming) WHERE coming IS NOT NULL;
"""
"""``coming`` and ``worker`` are numbers of processes: which one takes a content in, which one
relays."""


@dataclass(frozen=True)
class NewDelivery:
    """A mailbox that gets the mail, and the lines put in front of it (Return-Path).

    ``room`` is how many bytes the mailbox may hold with it, None for any number.
    """

    mailbox: str
    prefix: bytes
    room: int | None = None


@dataclass(frozen=True)
class NewRelay:
    """Recipients of one other domain; ``envelope`` is JSON of the relay's own."""

    domain: str
    envelope: str


@dataclass
class NewMail:
    """One content and where it goes. ``content`` names parts that were stored while it came in.

    ``received`` in seconds since the epoch, virtual time.
    """

    head: bytes
    message_id: str | None
    received: float
    size: int | None = None
    content: int | None = None
    deliveries: list[NewDelivery] = field(default_factory=list)
    relays: list[NewRelay] = field(default_factory=list)


@dataclass(frozen=True)
class StoredMail:
    """A mail in a mailbox; ``size`` in octets as POP3 counts them."""

    id: int
    content: int
    size: int
    received: float
    message_id: str | None

    @property
    def uid(self) -> str:
        """The unique id of UIDL (KOM-LE-A_2152), never used again, not even by another world."""
        return f"{self.id:x}-{int(self.received * 1000):x}"


def described(mail: StoredMail) -> dict[str, object]:
    """Return *mail* as the control port shows it."""
    return {
        "uid": mail.uid,
        "size": mail.size,
        "message_id": mail.message_id,
        "received": datetime.fromtimestamp(mail.received, UTC).isoformat(timespec="milliseconds"),
    }


@dataclass(frozen=True)
class StoredContent:
    """A content: ``head`` is all of it or its first part, in which all headers are."""

    head: bytes
    size: int
    message_id: str | None


@dataclass(frozen=True)
class QueuedRelay:
    """Recipients of one domain that wait for the relay; times in virtual epoch seconds."""

    id: int
    content: int
    domain: str
    envelope: str
    attempts: int
    due: float
    arrived: float
