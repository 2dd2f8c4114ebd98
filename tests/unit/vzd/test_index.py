"""Which filters the indexes serve, and which are too costly for that."""

from datetime import UTC, datetime

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


@pytest.mark.parametrize("joined", [Or, And])
def test_a_filter_of_too_many_texts_is_left_to_the_sliced_search(directory, joined):
    """Each text costs a search over all entries, during which nobody else is served."""
    assert list(directory.candidates(joined(texts(MAX_TEXTS)))) == []
    too_many = joined((Equal("displayName", b"x"), *texts(MAX_TEXTS)))
    assert list(directory.candidates(too_many)) == list(range(ENTRIES))


def test_many_addresses_are_looked_up(directory):
    wanted = tuple(
        Equal("mail", f"{number}@x.kim.telematik-test".encode()) for number in range(1, 500)
    )
    assert list(directory.candidates(Or(wanted))) == [1, 2]
