"""Answers: which attributes of an entry a search gives, under which names, encoded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from simulators.process.ldap.messages import attribute_bytes, entry_bytes

from .attributes import Shape
from .entries import Entry
from .schema import CERTIFICATE, CERTIFICATE_NAME, key_of, spelling

MAX_SHAPES = 64
MAX_CERTIFICATES = 256
SLOTS, MAX_ANSWER = 1_024, 1 << 14


class Selection:
    """The attributes that a search asks for (RFC 4511, 4.5.1.8).

    Without names, or with ``*``, all user attributes; with ``+`` the operational ones (RFC 3673);
    ``1.1`` none. One that is asked for by an alias is given under that alias. ``certificates``
    and ``entry_dn`` (operational, RFC 5020) say whether these are asked for.
    """

    def __init__(self, attributes: Sequence[str], *, types_only: bool) -> None:
        self.types_only = types_only
        self.all_user = not attributes or "*" in attributes
        self.all_operational = "+" in attributes
        self._names: dict[str, str] = {}
        self._by_shape: dict[Shape, tuple[tuple[str, str], ...]] = {}
        for description in attributes:
            key = key_of(description)
            if key is not None:
                name = description.partition(";")[0]
                self._names.setdefault(key, spelling(name) or name)
        self.certificates = self.all_user or CERTIFICATE in self._names
        self.entry_dn = self.all_operational or "entrydn" in self._names

    def names(self, entry: Entry) -> tuple[tuple[str, str], ...]:
        """Return key and name of the attributes of *entry* that are asked for.

        Found out once for all entries that have the same attributes.
        """
        shape = entry.attributes.shape
        known = self._by_shape.get(shape)
        if known is None:
            if len(self._by_shape) >= MAX_SHAPES:
                self._by_shape.clear()
            known = self._by_shape[shape] = tuple(self._asked(entry))
        return known

    def _asked(self, entry: Entry) -> Iterator[tuple[str, str]]:
        """Yield key and name; those of the root DSE are operational (RFC 4512, 5.1).

        They are given without being asked for.
        """
        everything = self.all_user or (self.all_operational and not entry.dn)
        for key, name in entry.names.items():
            asked = self._names.get(key)
            if asked is not None:
                yield key, asked
            elif everything:
                yield key, name


class _Kept(NamedTuple):
    """What *selection* gives of *entry*, and from when until when (exclusively) it does."""

    entry: Entry
    selection: Selection
    since: float
    until: float
    answer: bytes


class Answers:
    """The answers of searches; the last one for each of ``SLOTS`` ordinals is kept.

    A table of fixed size, as most searches of a large directory ask for what nobody asked for
    before: they must not pay for what is kept.
    """

    def __init__(self) -> None:
        self._kept: list[_Kept | None] = [None] * SLOTS
        self._encoded: dict[tuple[bytes, ...], bytes] = {}

    def get(self, ordinal: int, entry: Entry, selection: Selection, at: float) -> bytes:
        """Return the answer that gives *entry* as it is *at* (seconds since the epoch)."""
        kept = self._kept[ordinal % SLOTS]
        if (
            kept is None
            or kept.entry is not entry
            or kept.selection is not selection
            or not kept.since <= at < kept.until
        ):
            kept = self._answer(entry, selection, at)
            if len(kept.answer) <= MAX_ANSWER:
                self._kept[ordinal % SLOTS] = kept
        return kept.answer

    def _answer(self, entry: Entry, selection: Selection, at: float) -> _Kept:
        """Return the answer for *entry*: it stays the same until the next certificate expires."""
        types_only, values = selection.types_only, entry.attributes
        parts = [
            attribute_bytes(name, () if types_only else values[key])
            for key, name in selection.names(entry)
        ]
        since, until = float("-inf"), float("inf")
        certificates = []
        for certificate in entry.certificates:
            end = certificate.expires
            if end > at:
                certificates.append(certificate.der)
                until = min(until, end)
            else:
                since = max(since, end)
        if selection.certificates and certificates:
            parts.append(self._certificates(() if types_only else tuple(certificates)))
        if selection.entry_dn and entry.dn:
            parts.append(attribute_bytes("entryDN", () if types_only else (entry.dn,)))
        return _Kept(entry, selection, since, until, entry_bytes(entry.dn, parts))

    def _certificates(self, values: tuple[bytes, ...]) -> bytes:
        """Return the attribute of *values*; in invented entries they are often the same."""
        encoded = self._encoded.get(values)
        if encoded is None:
            if len(self._encoded) >= MAX_CERTIFICATES:
                self._encoded.clear()
            encoded = self._encoded[values] = attribute_bytes(CERTIFICATE_NAME, values)
        return encoded
