"""What the directory holds, and what of it was changed since the world began.

The entries of the world are read anew at each start; changes and the log of them lie in
``directory.sqlite`` and are stored before they are acknowledged.
"""

from __future__ import annotations

import base64
import gc
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .certificates import parse_certificate
from .entries import Entry, Unseen, make_entry
from .index import Directory

FILE = "directory.sqlite"
MAX_LOG = 100_000
_MANY = 10_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS changes (uid TEXT PRIMARY KEY, content TEXT);
CREATE TABLE IF NOT EXISTS log (
  number INTEGER PRIMARY KEY AUTOINCREMENT, client TEXT NOT NULL, at TEXT NOT NULL,
  uid TEXT NOT NULL, telematik_id TEXT NOT NULL, operation TEXT NOT NULL, unchanged INTEGER NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A change, as readLog tells it; ``at`` in RFC 3339, ``unchanged`` for the same data again."""

    client: str
    at: str
    uid: str
    telematik_id: str
    operation: str
    unchanged: bool = False


class Store:
    """The directory and the file of its changes.

    *world* gives the entries of the world. ``put``, ``remove`` and ``reset`` wait for the disk:
    they run in a worker thread. The directory itself is changed by ``apply`` and ``forget``, in
    the loop's thread.
    """

    def __init__(
        self, folder: Path, base: str, world: Callable[[], Iterable[Entry]], now: datetime
    ) -> None:
        self._base = base
        self._world = world
        self._lock = threading.Lock()
        self._database = sqlite3.connect(folder / FILE, check_same_thread=False)
        self._database.executescript(_SCHEMA)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self.directory = _loaded(world())
        for uid, content in self._database.execute("SELECT uid, content FROM changes"):
            if content is None:
                self.directory.remove(uid)
            else:
                self.directory.put(_read(uid, json.loads(content), base, now))

    def save(self, entry: Entry, note: LogEntry | None = None) -> None:
        """Store *entry* as changed or new, and *note* in the log."""
        self._write(entry.uid, json.dumps(_content(entry)), note)

    def delete(self, uid: str, note: LogEntry | None = None) -> None:
        """Store that there is no entry *uid* any more, and *note* in the log."""
        self._write(uid, None, note)

    def note(self, note: LogEntry) -> None:
        """Store *note* in the log: an operation that changed nothing."""
        with self._lock, self._database:
            self._add(note)

    def _write(self, uid: str, content: str | None, note: LogEntry | None) -> None:
        with self._lock, self._database:
            self._database.execute("INSERT OR REPLACE INTO changes VALUES (?, ?)", (uid, content))
            if note is not None:
                self._add(note)

    def _add(self, note: LogEntry) -> None:
        self._database.execute(
            "INSERT INTO log (client, at, uid, telematik_id, operation, unchanged) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (note.client, note.at, note.uid, note.telematik_id, note.operation, note.unchanged),
        )
        self._database.execute(
            "DELETE FROM log WHERE number <= (SELECT max(number) FROM log) - ?", (MAX_LOG,)
        )

    def log(self) -> list[LogEntry]:
        """Return what was changed, the oldest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT client, at, uid, telematik_id, operation, unchanged FROM log "
                "ORDER BY number"
            ).fetchall()
        return [
            LogEntry(client, at, uid, telematik_id, operation, bool(unchanged))
            for client, at, uid, telematik_id, operation, unchanged in rows
        ]

    def reset(self) -> None:
        """Forget every change and the log; the directory is that of the world again."""
        with self._lock, self._database:
            self._database.execute("DELETE FROM changes")
            self._database.execute("DELETE FROM log")
        self.directory = _loaded(self._world())

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def _loaded(entries: Iterable[Entry]) -> Directory:
    """Return the directory of *entries*.

    What it holds is no garbage for as long as it is used: looking at two million objects again
    and again would double the time, and stop the searches later.
    """
    gc.disable()
    try:
        directory = Directory(entries)
        if len(directory) > _MANY:
            directory.prepare(("displayname", "cn"))
        gc.freeze()
        return directory
    finally:
        gc.enable()


def _content(entry: Entry) -> dict[str, Any]:
    unseen = entry.unseen
    return {
        "attributes": {name: entry.attributes[key] for key, name in entry.names.items()},
        "certificates": [base64.b64encode(c.der).decode() for c in entry.certificates],
        "active": unseen.active,
        "meta": unseen.meta,
        "fads": sorted(unseen.fads),
        "descriptions": unseen.descriptions,
    }


def _read(uid: str, content: dict[str, Any], base: str, now: datetime) -> Entry:
    return make_entry(
        uid,
        content["attributes"],
        [parse_certificate(text) for text in content["certificates"]],
        base=base,
        now=now,
        unseen=Unseen(
            content["active"],
            tuple(content["meta"]),
            frozenset(content["fads"]),
            tuple((name, text) for name, text in content["descriptions"]),
        ),
    )
