"""All entries and their indexes: which entries a filter can match, without looking at each.

Entries have ordinals, in the order in which they came. Every source of candidates gives ordinals
in ascending order, so that sources can be merged and a paged search goes on where it stopped.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence

from simulators.process.ldap.filters import And, Approximate, Equal, Filter, Or, Substrings

from .columns import END, Column, Hits, distinct
from .entries import Entry
from .filters import assertion_key, assertion_text, fold_fragments
from .schema import CERTIFICATE, in_schema, is_integer, key_of

_HASHED = frozenset(
    {
        "mail",
        "telematikid",
        "domainid",
        "lanr",
        "postalcode",
        "l",
        "professionoid",
        "specialization",
        "entrytype",
        "holder",
    }
)
"""What is looked up by whole values; of the others a ``Column`` finds them in a millisecond."""
_INDEXED = _HASHED | {"uid"}

MAX_TEXTS = 64
"""How many searches in columns may follow each other: each takes a millisecond at 50,000 entries,
in which nobody else is served. Those of a filter with more of them pause after each of its parts.
"""

Owners = int | list[int]
Source = list[int] | Hits


class Directory:
    """The entries, and the indexes over them."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[int, Entry] = {}
        self._ordinals: dict[str, int] = {}
        self._next = 0
        self._hashes: dict[str, dict[str, Owners]] = {key: {} for key in _HASHED}
        self._columns: dict[str, Column] = {}
        self._counts: dict[str, int] = {}
        for entry in entries:
            self.put(entry)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def get(self, uid: str) -> Entry | None:
        """Return the entry *uid*, in any case, or None."""
        ordinal = self.ordinal(uid)
        return None if ordinal is None else self._entries[ordinal]

    def ordinal(self, uid: str) -> int | None:
        """Return the ordinal of the entry *uid*, in any case, or None."""
        return self._ordinals.get(uid.lower())

    def at(self, ordinal: int) -> Entry | None:
        """Return the entry with *ordinal*, or None if it has been deleted."""
        return self._entries.get(ordinal)

    def knows(self, key: str) -> bool:
        """Whether the attribute *key* is in the schema or in any entry."""
        return in_schema(key) or key in self._counts

    def put(self, entry: Entry) -> bool:
        """Add *entry* or replace the one with its uid; return whether it is new."""
        uid = entry.uid.lower()
        ordinal = self._ordinals.get(uid)
        new = ordinal is None
        if ordinal is None:
            ordinal = self._next
            self._next += 1
            self._ordinals[uid] = ordinal
        else:
            self._forget(ordinal)
        self._entries[ordinal] = entry
        self._changed(entry, ordinal)
        for key in entry.attributes:
            self._counts[key] = self._counts.get(key, 0) + 1
            if key in self._hashes:
                for value in set(entry.folded(key)):
                    _add(self._hashes[key], value, ordinal)
        return new

    def remove(self, uid: str) -> bool:
        """Delete the entry *uid*; return whether there was one."""
        ordinal = self._ordinals.pop(uid.lower(), None)
        if ordinal is None:
            return False
        self._forget(ordinal)
        del self._entries[ordinal]
        return True

    def _forget(self, ordinal: int) -> None:
        entry = self._entries[ordinal]
        self._changed(entry, ordinal)
        for key in entry.attributes:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
            if key in self._hashes:
                for value in set(entry.folded(key)):
                    _remove(self._hashes[key], value, ordinal)

    def _changed(self, entry: Entry, ordinal: int) -> None:
        for key, column in self._columns.items():
            if key in entry.attributes:
                column.change(ordinal)

    def prepare(self, keys: Iterable[str]) -> None:
        """Make the columns of *keys* now rather than at the first search that needs them."""
        for key in keys:
            self._column(key)

    def candidates(self, content: Filter, start: int = 0) -> Iterator[int | None]:
        """Yield, ascending from *start*, ordinals among which are all that match *content*.

        None is a pause, in which others may be served.
        """
        if _texts(content) > MAX_TEXTS:
            return self._in_parts(content, start)
        source = self._source(content, start)
        return iter(range(start, self._next)) if source is None else _ordinals(source)

    def _in_parts(self, content: Filter, start: int) -> Iterator[int | None]:
        """Yield the candidates for *content*, with a pause after each part of it."""
        union: set[int] = set()
        best: Source | None = None
        for part in content.parts if isinstance(content, And | Or) else ():
            yield None
            source = None if _texts(part) > MAX_TEXTS else self._source(part, start)
            if isinstance(content, And):
                best = self._narrowest([best, source])
            elif source is None:
                break
            else:
                for ordinal in _ordinals(source):
                    union.add(ordinal)
                    yield None
        else:
            if isinstance(content, Or):
                best = sorted(union)
        yield from range(start, self._next) if best is None else _ordinals(best)

    def exact(self, content: Filter, start: int = 0) -> Sequence[int] | None:
        """Return, ascending from *start*, the ordinals of what matches *content*.

        None where the index does not tell: candidates have to be looked at then.
        """
        if not isinstance(content, Equal):
            return None
        key = assertion_key(content.attribute, self.knows)
        if key not in _INDEXED:
            return None
        text = assertion_text(key, content.value)
        return () if text is None else self._owners(key, text, start)

    def _source(self, content: Filter, start: int) -> Source | None:
        """Return candidates from an index, a list if they are counted; None if none helps."""
        match content:
            case Equal(attribute, value) | Approximate(attribute, value):
                return self._equal(attribute, value, start)
            case Substrings():
                return self._substrings(content, start)
            case And(parts):
                return self._narrowest([self._source(part, start) for part in parts])
            case Or(parts):
                sources = []
                for part in parts:
                    source = self._source(part, start)
                    if source is None:
                        return None
                    sources.append(source)
                return _merged(sources)
        return None

    def _equal(self, attribute: str, value: bytes, start: int) -> Source | None:
        key = assertion_key(attribute, self.knows)
        if key == CERTIFICATE:
            return None
        text = None if key is None else assertion_text(key, value)
        if key is None or text is None:
            return []
        if key not in _INDEXED:
            return self._column(key).search((END + text + END,), start)
        return self._owners(key, text, start)

    def _owners(self, key: str, text: str, start: int) -> list[int]:
        """Return the ordinals of entries, from *start* on, that have *text* as a *key*."""
        owners = (self._ordinals if key == "uid" else self._hashes[key]).get(text, [])
        if isinstance(owners, int):
            return [owners] if owners >= start else []
        return owners[bisect_left(owners, start) :]

    def _substrings(self, content: Substrings, start: int) -> Source | None:
        key = assertion_key(content.attribute, self.knows)
        fragments = fold_fragments(content)
        if key is None or fragments is None or key == CERTIFICATE or is_integer(key):
            return []
        initial, middle, final = fragments
        parts = [*middle]
        if initial:
            parts.append(END + initial)
        if final:
            parts.append(final + END)
        parts = [part for part in parts if part.strip()]
        return self._column(key).search(parts, start) if parts else None

    def _column(self, key: str) -> Column:
        column = self._columns.get(key)
        if column is None or column.worn:
            column = self._columns[key] = Column(
                (ordinal, value)
                for ordinal, entry in sorted(self._entries.items())
                for value in entry.folded(key)
            )
        return column

    def _narrowest(self, sources: list[Source | None]) -> Source | None:
        """Return the source of an AND that names the fewest."""
        known = [source for source in sources if source is not None]
        return min(known, key=_count, default=None)


def _texts(content: Filter) -> int:
    """Return how often *content* looks for a text in a column at most."""
    match content:
        case And(parts) | Or(parts):
            return sum(map(_texts, parts))
        case Substrings(_, initial, middle, final):
            return len(middle) + (initial is not None) + (final is not None)
        case Equal(attribute) | Approximate(attribute):
            return key_of(attribute) not in _INDEXED
    return 0


def _count(source: Source) -> int:
    return len(source) if isinstance(source, list) else source.count


def _ordinals(source: Source) -> Iterator[int]:
    return iter(source) if isinstance(source, list) else source.ordinals


def _add(owners_of: dict[str, Owners], value: str, ordinal: int) -> None:
    """Note *ordinal* as an owner of *value*; a single one needs no list."""
    owners = owners_of.get(value)
    if owners is None:
        owners_of[value] = ordinal
    elif isinstance(owners, int):
        owners_of[value] = sorted((owners, ordinal))
    else:
        insort(owners, ordinal)


def _remove(owners_of: dict[str, Owners], value: str, ordinal: int) -> None:
    owners = owners_of[value]
    if isinstance(owners, int):
        del owners_of[value]
        return
    del owners[bisect_left(owners, ordinal)]
    if not owners:
        del owners_of[value]


def _merged(sources: list[Source]) -> Source:
    """Return the union of *sources*, ascending, each ordinal once."""
    lists = [source for source in sources if isinstance(source, list)]
    if len(lists) == len(sources):
        return sorted(set().union(*lists))
    merged = heapq.merge(*(_ordinals(source) for source in sources))
    return Hits(sum(map(_count, sources)), distinct(merged))
