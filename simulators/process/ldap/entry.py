"""What a search finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload


@dataclass(frozen=True)
class LdapEntry:
    """An entry as the server sent it: its name and its attributes, values as bytes.

    The names in ``attributes`` are spelled as the server spells them and carry their options
    (``userCertificate;binary``); ``values`` and ``texts`` look them up as RFC 4512 says.
    """

    dn: str
    attributes: dict[str, list[bytes]]

    def values(self, name: str) -> list[bytes]:
        """Return the values of *name*, which matches in any case and with any options."""
        wanted = name.lower()
        found: list[bytes] = []
        for described, values in self.attributes.items():
            key = described.lower()
            if wanted in (key, key.partition(";")[0]):
                found.extend(values)
        return found

    def texts(self, name: str) -> list[str]:
        """Return the values of *name* as text; bytes that are no UTF-8 become U+FFFD."""
        return [value.decode("utf-8", "replace") for value in self.values(name)]

    def text(self, name: str) -> str | None:
        """Return the first value of *name* as text, or None."""
        texts = self.texts(name)
        return texts[0] if texts else None


@dataclass(frozen=True)
class SearchResult(Sequence[LdapEntry]):
    """The entries of one search, in the server's order.

    ``truncated`` says that there are more than the server gave: it stopped at a limit of hits or
    of time.
    """

    entries: tuple[LdapEntry, ...]
    truncated: bool = False

    @overload
    def __getitem__(self, index: int) -> LdapEntry: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[LdapEntry, ...]: ...

    def __getitem__(self, index: int | slice) -> LdapEntry | tuple[LdapEntry, ...]:
        return self.entries[index]

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[LdapEntry]:
        return iter(self.entries)
