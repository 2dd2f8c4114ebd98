"""All entries and their indexes: which entries a filter can match, without looking at each.

Entries have ordinals, in the order in which they came. Every source of candidates gives ordinals
in ascending order, so that sources can be merged and a paged search goes on where it stopped.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator

from simulators.process.ldap.filters import And, Approximate, Equal, Filter, Or, Substrings

from .entries import Entry
from .filters import assertion_key, assertion_text, fold_fragments
from .schema import CERTIFICATE, in_schema, is_integer

_HASHED = frozenset(
    {
        "uid",
        "mail",
        "telematikid",
        "domainid",
        "displayname",
        "cn",
        "sn",
        "o",
        "lanr",
        "street",
        "postalcode",
        "l",
        "professionoid",
        "specialization",
        "entrytype",
        "komledata",
        "kimdata",
    }
)
_END = "\n"  # folded values hold no line ends


class Column:
    """The folded values of one attribute as one text, to be searched at the speed of ``str.find``.

    A snapshot: a change of the entries makes a new one.
    """

    def __init__(self, values: Iterable[tuple[int, str]]) -> None:
        texts: list[str] = []
        self._starts: list[int] = []
        self._owners: list[int] = []
        at = 0
        for owner, value in values:
            self._starts.append(at)
            self._owners.append(owner)
            texts.append(value)
            at += len(value) + 1
        self._text = _END + _END.join(texts) + _END

    def owners(self, fragment: str, start: int) -> Iterator[int]:
        """Yield the owners, from ordinal *start* on, of values that hold *fragment*.

        The fragment may begin or end with a line end to be the begin or end of a value.
        """
        starts, owners = self._starts, self._owners
        index = bisect_left(owners, start)
        last = None
        while index < len(starts):
            found = self._text.find(fragment, starts[index])
            if found < 0:
                return
            # A value at starts[i] follows the line end at starts[i] of the text.
            index = bisect_right(starts, found) - 1
            if owners[index] != last:
                last = owners[index]
                yield last
            index += 1


class Directory:
    """The entries, and the indexes over them."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[int, Entry] = {}
        self._ordinals: dict[str, int] = {}
        self._next = 0
        self._hashes: dict[str, dict[str, list[int]]] = {key: {} for key in _HASHED}
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
        if ordinal is not None:
            self._forget(ordinal)
        else:
            ordinal = self._next
            self._next += 1
            self._ordinals[uid] = ordinal
        new = ordinal not in self._entries
        self._entries[ordinal] = entry
        for key, values in entry.folded.items():
            self._columns.pop(key, None)
            self._counts[key] = self._counts.get(key, 0) + 1
            if key in self._hashes:
                for value in set(values):
                    insort(self._hashes[key].setdefault(value, []), ordinal)
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
        for key, values in self._entries[ordinal].folded.items():
            self._columns.pop(key, None)
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
            if key in self._hashes:
                for value in set(values):
                    owners = self._hashes[key][value]
                    del owners[bisect_left(owners, ordinal)]
                    if not owners:
                        del self._hashes[key][value]

    def candidates(self, content: Filter, start: int = 0) -> Iterator[int]:
        """Yield, ascending from *start*, ordinals among which are all that match *content*."""
        source = self._source(content, start)
        return iter(range(start, self._next) if source is None else source)

    def _source(self, content: Filter, start: int) -> list[int] | Iterator[int] | None:
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

    def _equal(self, attribute: str, value: bytes, start: int) -> list[int] | None:
        key = assertion_key(attribute, self.knows)
        if key is None:
            return []
        if key not in self._hashes:
            return None
        text = assertion_text(key, value)
        owners = [] if text is None else self._hashes[key].get(text, [])
        return owners[bisect_left(owners, start) :]

    def _substrings(self, content: Substrings, start: int) -> list[int] | Iterator[int] | None:
        key = assertion_key(content.attribute, self.knows)
        fragments = fold_fragments(content)
        if key is None or fragments is None or key == CERTIFICATE or is_integer(key):
            return []
        initial, middle, final = fragments
        parts = [*middle]
        if initial:
            parts.append(_END + initial)
        if final:
            parts.append(final + _END)
        longest = max(parts, key=len, default="")
        return self._column(key).owners(longest, start) if longest else None

    def _column(self, key: str) -> Column:
        if key not in self._columns:
            self._columns[key] = Column(
                (ordinal, value)
                for ordinal, entry in self._entries.items()
                for value in entry.folded.get(key, ())
            )
        return self._columns[key]

    def _narrowest(
        self, sources: list[list[int] | Iterator[int] | None]
    ) -> list[int] | Iterator[int] | None:
        """Return the best source of an AND: a short list, else a text search, else a long list."""
        lists = [source for source in sources if isinstance(source, list)]
        shortest = min(lists, key=len, default=None)
        if shortest is not None and len(shortest) * 8 <= len(self._entries):
            return shortest
        texts = [s for s in sources if s is not None and not isinstance(s, list)]
        return texts[0] if texts else shortest


def _merged(sources: list[list[int] | Iterator[int]]) -> list[int] | Iterator[int]:
    """Return the union of *sources*, ascending, each ordinal once."""
    lists = [source for source in sources if isinstance(source, list)]
    if len(lists) == len(sources):
        return sorted(set().union(*lists))
    return _distinct(heapq.merge(*sources))


def _distinct(ordinals: Iterable[int]) -> Iterator[int]:
    last = None
    for ordinal in ordinals:
        if ordinal != last:
            last = ordinal
            yield ordinal
