"""Search parameters as filters: joined by AND, wildcards, empty attributes (A_22361).

Filters are built, never written as text: what a parameter holds cannot become syntax (A_20331).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.process.ldap.filters import And, Equal, Filter, Not, Present, Substrings

from ..entries import Entry
from ..schema import fold
from .errors import bad_request

EMPTY = ("", "\\00", "\0")
"""What searches for an attribute that is absent or empty: A_22361's word, the OpenAPI's ``""``."""
WILDCARD = (
    "givenName",
    "sn",
    "cn",
    "displayName",
    "streetAddress",
    "postalCode",
    "countryCode",
    "localityName",
    "stateOrProvinceName",
    "title",
    "organization",
    "otherName",
    "telematikID",
    "lanr",
    "providedBy",
    "specialization",
    "domainID",
    "holder",
    "professionOID",
    "mail",
    "komLeData",
    "kimData",
)
_PLAIN = ("uid", "personalEntry", "dataFromAuthority", "entryType", "maxKOMLEadr")
_TELEMATIK_ID_START = "telematikID-SubStr"
_MOMENTS = ("changeDateTimeFrom", "changeDateTimeTo")
ENTRY_PARAMETERS = (
    *(name for name in WILDCARD if name not in ("mail", "komLeData", "kimData")),
    *_PLAIN,
    _TELEMATIK_ID_START,
    *_MOMENTS,
    "active",
    "meta",
)
FA_PARAMETERS = ("mail", "komLeData", "kimData")

Predicate = Callable[[Entry], bool]


@dataclass(frozen=True)
class Query:
    """What is searched for: a filter for the indexes, and what no LDAP attribute holds."""

    filter: Filter
    predicates: tuple[Predicate, ...]


def read_query(given: Mapping[str, str], allowed: Iterable[str]) -> Query:
    """Return the query that *given* makes of the *allowed* parameters. Raises RestError 400."""
    parts: list[Filter] = []
    predicates: list[Predicate] = []
    for name in allowed:
        if name not in given:
            continue
        text = given[name]
        if name in _MOMENTS:
            predicates.append(_changed(name, text))
        elif name == "active":
            active = boolean(name, text)
            predicates.append(lambda entry, active=active: entry.unseen.active is active)  # type: ignore[misc]
        elif name == "meta":
            predicates.append(lambda entry, text=text: text in entry.unseen.meta)  # type: ignore[misc]
        elif name == _TELEMATIK_ID_START:
            parts.append(Substrings("telematikID", _value(name, text), (), None))
        else:
            parts.append(_item(name, text))
    return Query(And(tuple(parts)), tuple(predicates))


def _item(name: str, text: str) -> Filter:
    if name in WILDCARD:
        if text in EMPTY:
            return Not(Present(name))
        if "*" in text:
            return wildcard(name, text)
    return Equal(name, _value(name, text))


def wildcard(name: str, text: str) -> Filter:
    """Return the filter for *text* with ``*`` for any characters; ``*`` alone is presence."""
    first, *middle = text.split("*")
    last = middle.pop()
    between = tuple(_value(name, part) for part in middle if part)
    if not (first or last or between):
        return Present(name)
    return Substrings(
        name, _value(name, first) if first else None, between, _value(name, last) if last else None
    )


def holds(pattern: str, value: str) -> bool:
    """Whether *value* is *pattern*, in any case, with ``*`` for any characters."""
    first, *parts = fold(pattern).split("*")
    value = fold(value)
    if not parts:
        return value == first
    last = parts.pop()
    if not value.startswith(first) or len(value) < len(first) + len(last):
        return False
    at, end = len(first), len(value) - len(last)
    for part in parts:
        found = value.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return value.endswith(last)


def boolean(name: str, text: str) -> bool:
    """Return *text* as a boolean. Raises RestError 400."""
    if text not in ("true", "false"):
        raise bad_request(name, "erwartet wird true oder false")
    return text == "true"


def number(name: str, text: str) -> int:
    """Return *text* as a whole number of at most nine digits. Raises RestError 400."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise bad_request(name, "erwartet wird eine ganze Zahl")
    return int(text)


def moment(name: str, text: str) -> datetime:
    """Return *text* as a moment (RFC 3339; without zone UTC). Raises RestError 400."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(name, "erwartet wird ein Zeitpunkt nach RFC 3339") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _changed(name: str, text: str) -> Predicate:
    bound, is_from = moment(name, text), name.endswith("From")

    def holds(entry: Entry) -> bool:
        try:
            changed = moment(name, entry.value("changedatetime"))
        except Exception:  # an entry of a tester may hold anything
            return False
        return changed >= bound if is_from else changed <= bound

    return holds


def _value(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise bad_request(name, "kein UTF-8") from None
