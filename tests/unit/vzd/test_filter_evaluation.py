"""Evaluation against a naive reading of RFC 4511, 4.5.1.7, and indexes that miss nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.process.ldap.filter_text import parse_filter
from simulators.process.ldap.filters import (
    And,
    Approximate,
    AtLeast,
    AtMost,
    Equal,
    Filter,
    Not,
    Or,
    Present,
    Substrings,
)
from simulators.vzd.entries import Entry, make_entry
from simulators.vzd.filters import compile_filter
from simulators.vzd.index import Directory

BASE = "dc=data,dc=vzd"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALPHABET = "aAbß ö"
ATTRIBUTES = ["mail", "displayName", "street", "streetAddress", "otherName", "inventedName"]


def entry(uid: str, **attributes: list[str]) -> Entry:
    return make_entry(uid, attributes, [], base=BASE, now=NOW)


VALUES = st.text(ALPHABET, min_size=1, max_size=5)
ENTRIES = st.lists(
    st.dictionaries(
        st.sampled_from(["mail", "displayName", "streetAddress"]),
        st.lists(VALUES, min_size=1, max_size=2),
    ),
    max_size=8,
).map(lambda all_: [entry(f"u{i}", **attributes) for i, attributes in enumerate(all_)])
BYTES = st.one_of(VALUES.map(str.encode), st.just(b"\xff"))
ITEMS: st.SearchStrategy[Filter] = st.one_of(
    *(
        st.builds(kind, st.sampled_from(ATTRIBUTES), BYTES)
        for kind in (Equal, Approximate, AtLeast, AtMost)
    ),
    st.builds(Present, st.sampled_from(ATTRIBUTES)),
    st.builds(
        Substrings,
        st.sampled_from(ATTRIBUTES),
        st.none() | BYTES,
        st.lists(BYTES, min_size=1, max_size=2).map(tuple),
        st.none() | BYTES,
    ),
)
FILTERS = st.recursive(
    ITEMS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def naive(content: Filter, one: Entry) -> bool | None:  # noqa: PLR0911 (one for each kind)
    """Three values, item by item, comparing as the prose says; None is Undefined."""
    match content:
        case Not(part):
            inner = naive(part, one)
            return None if inner is None else not inner
        case And(parts):
            values = [naive(part, one) for part in parts]
            return False if False in values else None if None in values else True
        case Or(parts):
            values = [naive(part, one) for part in parts]
            return True if True in values else None if None in values else False
    if content.attribute == "inventedName":
        return None
    name = {"streetAddress": "street"}.get(content.attribute, content.attribute).lower()
    held = [plain(value).strip() for value in one.attributes.get(name, ())]
    if isinstance(content, Present):
        return bool(held)
    try:
        return _naive_item(content, held)
    except UnicodeDecodeError:
        return None


def plain(text: str) -> str:
    folded = text.casefold()
    while "  " in folded:
        folded = folded.replace("  ", " ")
    return folded


def _naive_item(content: Filter, held: list[str]) -> bool:
    match content:
        case Equal(_, value) | Approximate(_, value):
            return plain(value.decode()).strip() in held
        case AtLeast(_, value):
            asked = plain(value.decode()).strip()
            return any(one >= asked for one in held)
        case AtMost(_, value):
            asked = plain(value.decode()).strip()
            return any(one <= asked for one in held)
        case Substrings(_, initial, middle, final):
            first = plain((initial or b"").decode()).lstrip()
            last = plain((final or b"").decode()).rstrip()
            parts = [plain(part.decode()) for part in middle]
            return any(_holds(one, first, parts, last) for one in held)
    raise AssertionError(content)


def _holds(value: str, first: str, parts: list[str], last: str) -> bool:
    """Try every way to lay the parts into the value."""
    if not value.startswith(first):
        return False
    rests = {value[len(first) :]}
    for part in parts:
        rests = {
            rest[at + len(part) :]
            for rest in rests
            for at in range(len(rest) + 1)
            if rest.startswith(part, at)
        }
    return any(rest.endswith(last) for rest in rests)


@given(ENTRIES, FILTERS)
def test_evaluation_is_that_of_the_prose(entries: list[Entry], content: Filter) -> None:
    directory = Directory(entries)
    holds = compile_filter(content, directory.knows)
    for one in entries:
        assert holds(one) == (naive(content, one) is True)


@given(ENTRIES, FILTERS, st.integers(0, 8))
def test_indexes_miss_nothing_and_keep_the_order(
    entries: list[Entry], content: Filter, start: int
) -> None:
    directory = Directory(entries)
    candidates = [one for one in directory.candidates(content, start) if one is not None]
    assert candidates == sorted(set(candidates))
    assert all(ordinal >= start for ordinal in candidates)
    matching = {i for i, one in enumerate(entries) if i >= start and naive(content, one) is True}
    assert matching <= set(candidates)


def found(directory: Directory, content: Filter) -> list[Entry]:
    """Return the candidates that hold: indexes may name more, never fewer."""
    holds = compile_filter(content, directory.knows)
    candidates = (directory.at(ordinal) for ordinal in directory.candidates(content))
    return [one for one in candidates if one is not None and holds(one)]


@given(ENTRIES, ENTRIES, FILTERS)
def test_changed_indexes_are_those_of_a_new_directory(
    before: list[Entry], after: list[Entry], content: Filter
) -> None:
    directory = Directory(before)
    list(directory.candidates(content))
    for one in after:
        directory.put(one)
    for one in before[len(after) :]:
        assert directory.remove(one.uid.upper())
    fresh = Directory(after)
    assert found(directory, content) == found(fresh, content)
    assert all(directory.knows(key) == fresh.knows(key) for key in ("mail", "inventedname"))


PRACTICE = entry(
    "p1",
    displayName=["Praxis Dr. Müller-Weiß"],
    streetAddress=["Friedrichstraße  12"],
    mail=["A.B@praxis.kim.telematik-test"],
    maxKOMLEadr=["10"],
    professionOID=["1.2.276.0.76.4.50"],
    somethingOwn=["1.2"],
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(mail=a.b@PRAXIS.kim.telematik-test)", True),
        ("(rfc822Mailbox=a.b@praxis.kim.telematik-test)", True),
        ("(street=Friedrichstra\\c3\\9fe 12)", True),
        ("(streetAddress=FRIEDRICHSTRASSE 12)", True),
        ("(streetAddress=Friedrichstraße*)", True),
        ("(displayName=*MÜLLER*)", True),
        ("(displayName=*mu\u0308ller*)", True),  # decomposed umlaut
        ("(displayName=*muller*)", False),
        ("(displayName=praxis*dr.*weiß)", True),
        ("(displayName=*weiß*müller*)", False),
        ("(displayName=*ss*)", True),
        ("(cn=Praxis Dr. Müller-Weiß)", True),  # always a copy
        ("(entryType=3)", True),  # derived from professionOID
        ("(personalEntry=false)", True),
        ("(maxKOMLEadr>=9)", True),  # as numbers, not as text
        ("(maxKOMLEadr=010)", True),
        ("(maxKOMLEadr<=9)", False),
        ("(!(maxKOMLEadr=ten))", False),  # Undefined stays Undefined
        ("(!(noSuchAttribute=x))", False),
        ("(!(title=x))", True),  # known, only absent
        ("(somethingOwn=1.2)", True),
        ("(mail;lang-de=a.b@praxis.kim.telematik-test)", False),
        ("(displayName:caseExactMatch:=Praxis Dr. Müller-Weiß)", True),
        ("(displayName:caseExactMatch:=praxis dr. müller-weiß)", False),
        ("(displayName:2.5.13.2:=praxis dr. müller-weiß)", True),
        ("(!(displayName:1.2.3:=x))", False),
        ("(objectClass=*)", True),
        ("(&)", True),
        ("(|)", False),
    ],
)
def test_rules_by_example(text: str, found: bool) -> None:
    directory = Directory([PRACTICE])
    content = parse_filter(text)
    holds = compile_filter(content, directory.knows)
    hits = [i for i in directory.candidates(content) if (one := directory.at(i)) and holds(one)]
    assert bool(hits) == found
