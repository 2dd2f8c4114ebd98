"""Entries of the directory: one flat list of attributes for each Telematik-ID (TIP1-A_5569)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.process.errors import InputError, one_line
from simulators.process.guardrails import refuse_real_domain

from . import professions
from .attributes import Attributes, Shape, Sharing, Values
from .certificates import Certificate
from .schema import CERTIFICATE, fold_value, is_integer, key_of, spelling

OBJECT_CLASSES = ("top", "vzd-komleview")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Unseen:
    """What an entry holds beside the flat list, which clients of LDAP do not see.

    ``active`` false takes it out of the list, ``meta`` are notes of the card issuers, ``fads``
    the providers that keep application data here (though it may be empty), ``descriptions``
    those of certificates by their id.
    """

    active: bool = True
    meta: Values = ()
    fads: frozenset[str] = frozenset()
    descriptions: tuple[tuple[str, str], ...] = ()


PLAIN = Unseen()


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is found."""

    dn: str
    attributes: Attributes
    certificates: tuple[Certificate, ...] = ()
    unseen: Unseen = PLAIN

    @property
    def names(self) -> Mapping[str, str]:
        """How the attribute keys are spelled in answers."""
        return self.attributes.shape.names

    @property
    def uid(self) -> str:
        """The uid, empty for what is no person or institution."""
        return next(iter(self.attributes.get("uid", ())), "")

    def value(self, key: str) -> str:
        """Return the first value of *key*, empty without one."""
        return next(iter(self.attributes.get(key, ())), "")

    def folded(self, key: str) -> Values:
        """Return the values of *key* as they are compared.

        Made anew each time: whoever asks looks at few entries, and keeping them costs as much
        memory as the entries themselves.
        """
        values = self.attributes.get(key, ())
        return tuple(f for value in values if (f := fold_value(key, value)) is not None)

    def found(self, at: float) -> bool:
        """Whether clients find the entry: active, with a certificate that has not expired."""
        return self.unseen.active and any(c.expires > at for c in self.certificates)

    def valid_certificates(self, at: float) -> tuple[Certificate, ...]:
        """Return the certificates that have not expired *at* (seconds since the epoch)."""
        return tuple(c for c in self.certificates if c.expires > at)


def container(dn: str, attributes: Mapping[str, Values]) -> Entry:
    """Return an entry that is no person or institution: a part of the tree."""
    shape = Shape({name.lower(): name for name in attributes})
    return Entry(dn, Attributes(shape, tuple(attributes.values())))


def rfc3339(moment: datetime) -> str:
    """Return *moment* as changeDateTime has it (RFC 3339, 5.6; UTC, whole seconds)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_entry(
    uid: str,
    attributes: Mapping[str, Sequence[str]],
    certificates: Sequence[Certificate],
    *,
    base: str,
    now: datetime,
    unseen: Unseen = PLAIN,
    sharing: Sharing | None = None,
) -> Entry:
    """Return the entry *uid*; what follows from other attributes is filled in.

    Raises InputError for an attribute that cannot be kept.
    """
    kept: dict[str, Values] = {}
    names: dict[str, str] = {}
    for name, values in {**attributes, "uid": [uid]}.items():
        key = key_of(name)
        if key is None or not _NAME.fullmatch(name):
            raise InputError(f"entry {uid}: {one_line(name, 60)!r} is no attribute name")
        if key == CERTIFICATE:
            raise InputError(f"entry {uid}: certificates belong into 'certificates'")
        cleaned = tuple(dict.fromkeys(v.strip() for v in values if v.strip()))  # TIP1-A_5620
        if cleaned:
            kept[key] = kept.get(key, ()) + cleaned
            names[key] = spelling(key) or name
    _check(uid, kept)
    _derive(kept, now)
    for key in kept:
        names.setdefault(key, spelling(key) or key)
    shared = (sharing or Sharing()).attributes(kept, names)
    return Entry(f"uid={uid},{base}", shared, tuple(certificates), unseen)


def _check(uid: str, kept: Mapping[str, Values]) -> None:
    for address in kept.get("mail", ()):
        refuse_real_domain(address)
    for key, values in kept.items():
        for value in values:
            if "\0" in value or (is_integer(key) and fold_value(key, value) is None):
                raise InputError(f"entry {uid}: {key}: {one_line(value, 60)!r} cannot be a value")


def _derive(kept: dict[str, Values], now: datetime) -> None:
    """Fill in what the directory itself sets (counts and rules of gemSpec_VZD)."""
    kept.setdefault("objectclass", OBJECT_CLASSES)
    if "displayname" in kept:
        kept["cn"] = kept["displayname"]  # cn is always a copy
    if "entrytype" not in kept:
        kind = professions.entry_type(kept.get("professionoid", ()))
        if kind is not None:
            kept["entrytype"] = (kind,)
    if "entrytype" in kept:
        personal = kept["entrytype"] == (professions.PERSON,)
        kept.setdefault("personalentry", ("TRUE" if personal else "FALSE",))
    kept.setdefault("changedatetime", (rfc3339(now),))
