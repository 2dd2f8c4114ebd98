"""One attribute of all entries as one text, to be searched at the speed of ``str.find``."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

END = "\n"  # folded values hold no line ends
MAX_CHANGED = 512


@dataclass(frozen=True, slots=True)
class Hits:
    """Ordinals in ascending order, and about how many they are."""

    count: int
    ordinals: Iterator[int]


class Column:
    """The folded values of one attribute, as they were when the column was made.

    Entries that change afterwards are noted: they may hold anything. So a change costs nothing,
    and after ``MAX_CHANGED`` of them ``worn`` asks for a new column.
    """

    def __init__(self, values: Iterable[tuple[int, str]]) -> None:
        texts: list[str] = []
        self._starts = array("L")
        self._owners = array("L")
        self._changed: set[int] = set()
        at = 0
        for owner, value in values:
            self._starts.append(at)
            self._owners.append(owner)
            texts.append(value)
            at += len(value) + 1
        self._text = END + END.join(texts) + END

    @property
    def worn(self) -> bool:
        """Whether so much has changed that a new column is worth its price."""
        return len(self._changed) > MAX_CHANGED

    def change(self, ordinal: int) -> None:
        """Note that the entry with *ordinal* has other values now, or none."""
        self._changed.add(ordinal)

    def search(self, fragments: Sequence[str], start: int) -> Hits:
        """Return the owners, from ordinal *start* on, of values that may hold all *fragments*.

        A fragment may begin or end with a line end to be the begin or end of a value. The
        rarest one is looked for: counting it costs a millisecond at 50,000 entries, looking at
        an entry in vain a microsecond.
        """
        rarest = min((self._text.count(fragment), fragment) for fragment in fragments)
        found = self._found(rarest[1], start)
        changed = sorted(ordinal for ordinal in self._changed if ordinal >= start)
        ordinals = distinct(heapq.merge(found, changed)) if changed else found
        return Hits(rarest[0] + len(changed), ordinals)

    def _found(self, fragment: str, start: int) -> Iterator[int]:
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


def distinct(ordinals: Iterable[int]) -> Iterator[int]:
    """Yield each of the ascending *ordinals* once."""
    last = None
    for ordinal in ordinals:
        if ordinal != last:
            last = ordinal
            yield ordinal
