"""Answers: which attributes of an entry a search gives, under which names, encoded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simulators.process.ldap.messages import attribute_bytes, entry_bytes

from .attributes import Shape
from .entries import Entry
from .schema import CERTIFICATE, CERTIFICATE_NAME, key_of, spelling

MAX_SHAPES = 64


class Selection:
    """The attributes that a search asks for (RFC 4511, 4.5.1.8).

    Without names, or with ``*``, all user attributes; with ``+`` the operational ones (RFC 3673);
    ``1.1`` none. One that is asked for by an alias is given under that alias.
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

    @property
    def certificates(self) -> bool:
        """Whether certificates are asked for."""
        return self.all_user or CERTIFICATE in self._names

    @property
    def entry_dn(self) -> bool:
        """Whether the operational attribute entryDN (RFC 5020) is asked for."""
        return self.all_operational or "entrydn" in self._names


def encode_entry(entry: Entry, selection: Selection, at: float) -> bytes:
    """Return the answer that gives *entry* as it is *at* (seconds since the epoch)."""
    parts = [
        _attribute(entry, key, name, types_only=selection.types_only)
        for key, name in selection.names(entry)
    ]
    if selection.certificates:
        certificates = _certificates(entry, at, types_only=selection.types_only)
        if certificates:
            parts.append(certificates)
    if selection.entry_dn and entry.dn:
        values = [] if selection.types_only else [entry.dn.encode()]
        parts.append(attribute_bytes("entryDN", values))
    return entry_bytes(entry.dn, parts)


def _attribute(entry: Entry, key: str, name: str, *, types_only: bool) -> bytes:
    if types_only:
        return attribute_bytes(name, ())
    kept = entry.encoded.get((name, 0))
    if kept is None:
        kept = attribute_bytes(name, [value.encode() for value in entry.attributes[key]])
        entry.encoded[name, 0] = kept
    return kept


def _certificates(entry: Entry, at: float, *, types_only: bool) -> bytes:
    valid = entry.valid_certificates(at)
    if not valid:
        return b""
    if types_only:
        return attribute_bytes(CERTIFICATE_NAME, ())
    # Certificates leave in the order of their ends, so their number says which ones are left.
    kept = entry.encoded.get((CERTIFICATE_NAME, len(valid)))
    if kept is None:
        kept = attribute_bytes(CERTIFICATE_NAME, [c.der for c in valid])
        entry.encoded[CERTIFICATE_NAME, len(valid)] = kept
    return kept
