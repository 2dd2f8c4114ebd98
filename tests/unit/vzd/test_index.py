"""Which filters the indexes serve, and which are too costly for that."""

from datetime import UTC, datetime
from typing import Any

import pytest

from simulators.process.ldap.filters import And, Equal, Filter, Or, Substrings
from simulators.vzd.entries import make_entry
from simulators.vzd.index import MAX_TEXTS, Directory

ENTRIES = 3


@pytest.fixture
def directory() -> Directory:
    return Directory(
        make_entry(
            str(number),
            {"displayName": [f"Praxis {number}"], "mail": [f"{number}@x.kim.telematik-test"]},
            [],
            base="dc=data,dc=vzd",
            now=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for number in range(ENTRIES)
    )


def texts(number: int) -> tuple[Filter, ...]:
    return tuple(
        Substrings("displayName", None, (f"nowhere {i}".encode(),), None) for i in range(number)
    )


def found(directory: Directory, content: Filter) -> list[int]:
    return [one for one in directory.candidates(content) if one is not None]


@pytest.mark.parametrize("joined", [Or, And])
@pytest.mark.parametrize("start", [0, 2])
def test_a_filter_of_too_many_texts_pauses_and_finds_the_same(
    directory: Directory, joined: Any, start: int
) -> None:
    """Each text costs a search over all entries, during which nobody else is served."""
    few = joined((Substrings("displayName", None, (b"praxis",), b"2"), *texts(1)))
    assert None not in directory.candidates(few, start)
    many = joined((Substrings("displayName", None, (b"praxis",), b"2"), *texts(MAX_TEXTS)))
    candidates = list(directory.candidates(many, start))
    assert candidates.count(None) >= MAX_TEXTS
    wanted = list(directory.candidates(few, start))
    assert [one for one in candidates if one is not None] == wanted == ([2] if joined is Or else [])


def test_texts_nested_too_deep_are_left_to_the_search_of_each_entry(directory: Directory) -> None:
    nested = Or((Equal("displayName", b"x"), And(texts(MAX_TEXTS + 1))))
    assert found(directory, nested) == list(range(ENTRIES))
    narrow = And((Equal("mail", b"1@x.kim.telematik-test"), Or(texts(MAX_TEXTS + 1))))
    assert found(directory, narrow) == [1]


def test_many_addresses_are_looked_up(directory: Directory) -> None:
    wanted = tuple(
        Equal("mail", f"{number}@x.kim.telematik-test".encode()) for number in range(1, 500)
    )
    assert list(directory.candidates(Or(wanted))) == [1, 2]
