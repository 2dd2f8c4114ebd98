"""Out-of-office notes and how the mail server answers with them (KOM-LE-A_2223, 2277, 2278)."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from simulators.formats.headers import Headers, encoded

from .database import Connection
from .envelope import Envelope, Recipient, dump
from .provider import Provider
from .stored import NewDelivery, NewMail, NewRelay

TABLES = (
    "CREATE TABLE IF NOT EXISTS out_of_office("
    " address TEXT PRIMARY KEY, start_at REAL NOT NULL, end_at REAL NOT NULL,"
    " message TEXT NOT NULL, active INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS out_of_office_told("
    " address TEXT NOT NULL, sender TEXT NOT NULL, PRIMARY KEY(address, sender))",
)
ANNOUNCEMENT = "out_of_office"
"""What the processes on one database tell each other when a note has changed."""
_AUTOMATIC_SENDERS = re.compile(r"(owner-.*|.*-request|mailer-daemon|.*-bounces?)@", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_PRECEDENCE = frozenset({"bulk", "list", "junk"})


@dataclass(frozen=True)
class Note:
    """The note of an account: from ``start`` to ``end`` its mails are answered with ``message``."""

    start: datetime
    end: datetime
    message: str
    active: bool


@dataclass(frozen=True)
class Told:
    """A sender who is told of an absence: the owner of the note, the sender, the answer."""

    address: str
    sender: str
    mail: NewMail


class OutOfOffice:
    """The notes of a provider's accounts, and the answers to mails that come in meanwhile.

    Answers are neither signed nor encrypted (KOM-LE-A_2277). Nobody answers what was sent
    automatically (RFC 3834 2): mails without sender, DSN, lists, other answers.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._notes: dict[str, Note] = {}
        self._told: dict[str, set[str]] = {}

    async def load(self) -> None:
        """Read the notes of earlier runs.

        Called again whenever another process on the same database has changed one.
        """
        database = self._provider.store.database
        await database.write(_make_tables)
        notes = "SELECT address, start_at, end_at, message, active FROM out_of_office"
        told = "SELECT address, sender FROM out_of_office_told"
        found, senders = await database.read(
            lambda c: (c.execute(notes).fetchall(), c.execute(told).fetchall())
        )
        self._notes, self._told = {}, {}
        for address, start, end, message, active in found:
            first, last = (datetime.fromtimestamp(seconds, UTC) for seconds in (start, end))
            self._notes[address] = Note(first, last, message, bool(active))
        for address, sender in senders:
            self._told.setdefault(address, set()).add(sender)

    def note(self, address: str) -> Note | None:
        """Return the note of *address*, None if it never had one."""
        return self._notes.get(address)

    async def set(self, address: str, note: Note) -> None:
        """Store the note of *address*; all senders are told anew."""
        values = (
            address,
            note.start.timestamp(),
            note.end.timestamp(),
            note.message,
            int(note.active),
        )
        database = self._provider.store.database

        def job(connection: Connection) -> None:
            forget_note(connection, address)
            database.announce(connection, ANNOUNCEMENT)
            connection.execute(
                "INSERT INTO out_of_office(address, start_at, end_at, message, active)"
                " VALUES (?,?,?,?,?)",
                values,
            )

        await database.write(job)
        self._notes[address] = note
        self._told.pop(address, None)

    def forget(self, address: str) -> None:
        """Know no note of *address* any more; its rows are deleted by ``forget_note``."""
        self._notes.pop(address, None)
        self._told.pop(address, None)

    async def reset(self) -> None:
        """Forget all notes."""
        await self._provider.store.database.write(_clear)
        self._notes, self._told = {}, {}

    def answers(
        self,
        sender: str,
        headers: Headers,
        message_id: str | None,
        recipients: Iterable[str],
    ) -> list[Told]:
        """Return the answers to a mail that is stored for *recipients* of this provider now.

        They are to be stored together with ``remember``; ``take_back`` when that fails.
        """
        if not self._notes or not sender or is_automatic(sender, headers):
            return []
        now = self._provider.process.clock.now()
        found = []
        for address in recipients:
            key = address.lower()
            note = self._notes.get(key)
            if note is None or not note.active or not note.start <= now <= note.end:
                continue
            if key == sender.lower() or self._was_told(key, sender.lower()):
                continue
            owner = self._provider.accounts.find(key)
            shown = address if owner is None else owner.shown
            mail = self._answer(shown, note, sender, message_id, now)
            if mail is not None:
                self._told.setdefault(key, set()).add(sender.lower())
                found.append(Told(key, sender.lower(), mail))
        return found

    def take_back(self, answers: Sequence[Told]) -> None:
        """Forget that these senders were told: the store failed."""
        for told in answers:
            self._told.get(told.address, set()).discard(told.sender)

    def sent(self, answers: Sequence[Told], message_id: str | None) -> None:
        """Note in the journal that answers are on their way."""
        for told in answers:
            self._provider.process.journal.record(
                "out_of_office.sent",
                message_id=message_id,
                answer=told.mail.message_id,
                mailbox=told.address,
                recipient=told.sender,
            )

    def _was_told(self, address: str, sender: str) -> bool:
        once = self._provider.settings.out_of_office.once_per_sender
        return once and sender in self._told.get(address, ())

    def _answer(
        self, address: str, note: Note, sender: str, message_id: str | None, now: datetime
    ) -> NewMail | None:
        """Return the answer for the sender's mailbox or provider; None without a way there."""
        process, settings = self._provider.process, self._provider.settings
        own = process.randomness.uuid("out-of-office")
        own_id = f"<{own.hex}.{int(now.timestamp() * 1000):x}@{settings.host_name}>"
        mail = NewMail(b"", own_id, now.timestamp())
        domain = sender.rpartition("@")[2].lower()
        account = self._provider.accounts.receiver(sender)
        if account is not None:
            mail.deliveries.append(NewDelivery(account.address, b"Return-Path: <>\r\n"))
        elif domain != settings.domain and self._provider.routing.may_know(domain):
            never = Recipient(sender, frozenset({"NEVER"}))
            mail.relays.append(NewRelay(domain, dump(Envelope(""), [never])))
        else:
            return None
        headers = Headers()
        headers.append("Date", format_datetime(now))
        headers.append("From", f"<{address}>")
        headers.append("To", f"<{sender}>")
        headers.append("Subject", encoded(settings.out_of_office.subject))
        headers.append("Message-ID", own_id)
        if message_id is not None and _MESSAGE_ID.fullmatch(message_id):
            headers.append("In-Reply-To", message_id)
            headers.append("References", message_id)
        mail.head = _written(headers, note.message)
        return mail


def remember(connection: Connection, answers: Iterable[Told]) -> None:
    """Keep who was told, in the transaction that stores the answers."""
    connection.executemany(
        "INSERT INTO out_of_office_told(address, sender) VALUES (?,?) ON CONFLICT DO NOTHING",
        [(told.address, told.sender) for told in answers],
    )


def forget_note(connection: Connection, address: str) -> None:
    """Delete the note of *address* as a part of another change."""
    for table in ("out_of_office", "out_of_office_told"):
        connection.execute(f"DELETE FROM {table} WHERE address=?", (address,))  # noqa: S608


def is_automatic(sender: str, headers: Headers) -> bool:
    """Tell whether nobody wrote this mail, so that no program may answer it (RFC 3834 2)."""
    submitted = (headers.get("Auto-Submitted") or "no").partition(";")[0].strip().lower()
    precedence = (headers.get("Precedence") or "").strip().lower()
    content = (headers.get("Content-Type") or "").strip().lower()
    return (
        submitted != "no"
        or precedence in _PRECEDENCE
        or content.startswith(("multipart/report", "message/disposition-notification"))
        or any(name.lower().startswith("list-") for name in headers.names())
        or _AUTOMATIC_SENDERS.match(sender) is not None
    )


def _written(headers: Headers, message: str) -> bytes:
    """Return the answer as RFC 3834 3 wants it, with *message* as its only text."""
    headers.append("Auto-Submitted", "auto-replied")
    headers.append("MIME-Version", "1.0")
    headers.append("Content-Type", "text/plain; charset=utf-8")
    headers.append("Content-Transfer-Encoding", "quoted-printable")
    lines = "\n".join(message.splitlines()) + "\n"
    body = quopri.encodestring(lines.encode(), quotetabs=False).replace(b"\n", b"\r\n")
    return headers.to_bytes() + b"\r\n" + body


def _make_tables(connection: Connection) -> None:
    for statement in TABLES:
        connection.execute(statement)


def _clear(connection: Connection) -> None:
    for table in ("out_of_office", "out_of_office_told"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 (names of ours)
