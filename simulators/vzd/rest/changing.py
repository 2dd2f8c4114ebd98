"""Changes of entries: one at a time, stored before they are acknowledged, noted in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from simulators.process.errors import InputError
from simulators.process.ldap.filters import Equal
from simulators.process.role import Process

from ..certificates import Certificate
from ..entries import PLAIN, Entry, Unseen, make_entry, rfc3339
from ..schema import key_of
from ..settings import VzdSettings
from ..store import LogEntry, Store
from .errors import bad_request
from .server import Call

_DERIVED = ("cn", "personalEntry", "objectClass")


@dataclass(frozen=True)
class Change:
    """What becomes of an entry; what is None stays, an attribute without values goes.

    ``touches_base`` sets changeDateTime: not for application data.
    """

    attributes: Mapping[str, Sequence[str]]
    certificates: Sequence[Certificate] | None = None
    unseen: Unseen | None = None
    touches_base: bool = True


class Changing:
    """Changes entries of the store's directory."""

    def __init__(self, process: Process[VzdSettings], store: Store) -> None:
        self._process = process
        self._store = store
        self.lock = asyncio.Lock()

    def by_telematik_id(self, telematik_id: str) -> Iterator[Entry]:
        """Yield the entries with *telematik_id*: one, unless a tester wants more."""
        directory = self._store.directory
        asked = Equal("telematikID", telematik_id.encode("utf-8", "replace"))
        for ordinal in directory.exact(asked) or ():
            entry = directory.at(ordinal)
            if entry is not None:
                yield entry

    def get(self, uid: str) -> Entry | None:
        """Return the entry *uid*, or None."""
        return self._store.directory.get(uid)

    def all(self) -> Iterator[Entry]:
        """Yield all entries."""
        return iter(self._store.directory)

    def new_uid(self) -> str:
        """Return a uid that no entry has."""
        while True:
            uid = str(self._process.randomness.uuid("vzd/uid"))
            if self._store.directory.get(uid) is None:
                return uid

    def made(self, uid: str, entry: Entry | None, change: Change) -> Entry:
        """Return the entry *uid* after *change*. Raises RestError 400 for what cannot be kept."""
        attributes = {} if entry is None else _named(entry)
        replaced = {key_of(name) for name in (*change.attributes, *_DERIVED)}
        if change.touches_base:
            replaced.add("changedatetime")
        kept = {name: v for name, v in attributes.items() if key_of(name) not in replaced}
        certificates = () if entry is None else entry.certificates
        try:
            return make_entry(
                uid,
                kept | {name: list(values) for name, values in change.attributes.items()},
                certificates if change.certificates is None else change.certificates,
                base=self._process.settings.base,
                now=self._process.clock.now(),
                unseen=change.unseen or (PLAIN if entry is None else entry.unseen),
            )
        except InputError as error:
            raise bad_request("attribute", str(error)) from None

    async def put(self, call: Call, operation: str, entry: Entry) -> None:
        """Store *entry* and note *operation*; the same data again is noted as such."""
        before = self._store.directory.get(entry.uid)
        unchanged = before is not None and _same(before, entry)
        note = self._note(call, operation, entry, unchanged=unchanged)
        await self._process.in_thread(self._store.save, entry, note)
        self._store.directory.put(entry)

    async def remove(self, call: Call, operation: str, entry: Entry) -> None:
        """Delete *entry* and note *operation*."""
        note = self._note(call, operation, entry)
        await self._process.in_thread(self._store.delete, entry.uid, note)
        self._store.directory.remove(entry.uid)

    def _note(
        self, call: Call, operation: str, entry: Entry, *, unchanged: bool = False
    ) -> LogEntry:
        return LogEntry(
            call.caller.name,
            rfc3339(call.at),
            entry.uid,
            entry.value("telematikid"),
            operation,
            unchanged,
        )


def _named(entry: Entry) -> dict[str, Sequence[str]]:
    return {name: entry.attributes[key] for key, name in entry.names.items() if key != "uid"}


def _same(one: Entry, other: Entry) -> bool:
    def content(entry: Entry) -> dict[str, tuple[str, ...]]:
        return {key: v for key, v in entry.attributes.items() if key != "changedatetime"}

    return (
        content(one) == content(other)
        and one.certificates == other.certificates
        and one.unseen == other.unseen
    )
