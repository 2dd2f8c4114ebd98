"""Filters as predicates on entries, with the three values of RFC 4511 (4.5.1.7).

Whether an item is Undefined (an attribute nobody knows, a value that cannot be one, an unknown
matching rule) does not depend on the entry. So each filter becomes two predicates without a third
value: when it is True and when it is False; NOT exchanges them, Undefined is neither.
"""

from __future__ import annotations

from collections.abc import Callable

from simulators.process.ldap.filters import (
    And,
    Approximate,
    AtLeast,
    AtMost,
    Equal,
    Extensible,
    Filter,
    Not,
    Or,
    Present,
    Substrings,
)

from .entries import Entry
from .schema import CERTIFICATE, fold, fold_value, is_integer, key_of

Predicate = Callable[[Entry], bool]
Knows = Callable[[str], bool]

_IGNORE_CASE = frozenset({"caseignorematch", "2.5.13.2", "caseignoreia5match"})
_EXACT_CASE = frozenset({"caseexactmatch", "2.5.13.5", "caseexactia5match"})


def compile_filter(content: Filter, knows: Knows) -> Predicate:
    """Return a predicate that holds for the entries for which *content* is True.

    *knows* says whether an attribute key is known, in the schema or in any entry.
    """
    return _compile(content, True, knows)


def assertion_key(attribute: str, knows: Knows) -> str | None:
    """Return the key of a filter's *attribute*, or None if the item is Undefined."""
    key = key_of(attribute)
    return key if key is not None and knows(key) else None


def assertion_text(key: str, value: bytes) -> str | None:
    """Return a filter's *value* as it is compared with values of *key*, None for Undefined."""
    try:
        return fold_value(key, value.decode())
    except UnicodeDecodeError:
        return None


def _compile(content: Filter, wanted: bool, knows: Knows) -> Predicate:
    """Return when *content* is *wanted* (True or False)."""
    match content:
        case Not(part):
            return _compile(part, not wanted, knows)
        case And(parts):
            predicates = [_compile(part, wanted, knows) for part in parts]
            return _every(predicates) if wanted else _some(predicates)
        case Or(parts):
            predicates = [_compile(part, wanted, knows) for part in parts]
            return _some(predicates) if wanted else _every(predicates)
    item = _item(content, knows)
    if item is None:
        return lambda _: False
    if wanted:
        return item
    return lambda entry: not item(entry)


def _every(predicates: list[Predicate]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return lambda entry: all(predicate(entry) for predicate in predicates)


def _some(predicates: list[Predicate]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return lambda entry: any(predicate(entry) for predicate in predicates)


def _item(content: Filter, knows: Knows) -> Predicate | None:  # noqa: PLR0911 (one for each kind)
    """Return when the item *content* is True, or None if it is Undefined."""
    match content:
        case Present(attribute):
            return _present(assertion_key(attribute, knows))
        case Substrings():
            return _substrings(content, assertion_key(content.attribute, knows))
        case Equal(attribute, value) | Approximate(attribute, value):
            return _equal(assertion_key(attribute, knows), value)
        case AtLeast(attribute, value) | AtMost(attribute, value):
            key = assertion_key(attribute, knows)
            return _ordered(key, value, at_least=isinstance(content, AtLeast))
        case Extensible(rule, attribute, value, _):
            key = assertion_key(attribute, knows) if attribute is not None else None
            if rule is None or rule.lower() in _IGNORE_CASE:
                return _equal(key, value)
            return _exact(key, value) if rule.lower() in _EXACT_CASE else None
    return None


def _present(key: str | None) -> Predicate | None:
    if key is None:
        return None
    if key == CERTIFICATE:
        return lambda entry: bool(entry.certificates)
    return lambda entry: key in entry.attributes


def _equal(key: str | None, value: bytes) -> Predicate | None:
    if key is None:
        return None
    if key == CERTIFICATE:
        return lambda entry: any(c.der == value for c in entry.certificates)
    text = assertion_text(key, value)
    if text is None:
        return None
    return lambda entry: text in entry.folded(key)


def _exact(key: str | None, value: bytes) -> Predicate | None:
    if key is None or key == CERTIFICATE:
        return None
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        return None
    return lambda entry: text in entry.attributes.get(key, ())


def _ordered(key: str | None, value: bytes, *, at_least: bool) -> Predicate | None:
    if key is None or key == CERTIFICATE or (text := assertion_text(key, value)) is None:
        return None
    if is_integer(key):
        number = int(text)
        if at_least:
            return lambda entry: any(int(v) >= number for v in entry.folded(key))
        return lambda entry: any(int(v) <= number for v in entry.folded(key))
    if at_least:
        return lambda entry: any(v >= text for v in entry.folded(key))
    return lambda entry: any(v <= text for v in entry.folded(key))


def _substrings(content: Substrings, key: str | None) -> Predicate | None:
    if key is None or key == CERTIFICATE or is_integer(key):
        return None
    fragments = fold_fragments(content)
    if fragments is None:
        return None
    initial, middle, final = fragments

    def holds(value: str) -> bool:
        if not (value.startswith(initial) and value.endswith(final)):
            return False
        at = len(initial)
        for part in middle:
            at = value.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return at <= len(value) - len(final)

    return lambda entry: any(holds(value) for value in entry.folded(key))


def fold_fragments(content: Substrings) -> tuple[str, tuple[str, ...], str] | None:
    """Return initial, middle and final parts as they are compared; None for Undefined.

    A missing initial or final part is empty.
    """
    try:
        initial = fold((content.initial or b"").decode()).lstrip()
        middle = tuple(fold(part.decode()) for part in content.middle)
        final = fold((content.final or b"").decode()).rstrip()
    except UnicodeDecodeError:
        return None
    return initial, middle, final
