"""Reading with callers' mistakes swallowed: order and strangers, never number or content."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from simulators.konnektor.faults import KonnektorFault
from simulators.konnektor.soap import reading
from simulators.konnektor.soap.deviations import MAX_TOLD, Deviations, current, noted_by
from simulators.konnektor.soap.reading import optional, required, several
from simulators.makes.make import Callers, Make

LENIENT = Make.model_validate({"callers": "lenient"}).callers
STRICT = Make.model_validate({"callers": "strict"}).callers
PARTS = (required("a"), optional("b"), several("c", 0))


def element(names: str) -> etree._Element:
    root = etree.Element("root")
    for name in names:
        etree.SubElement(root, name)
    return root


def read(names: str, callers: Callers) -> tuple[int, str]:
    """Return the code, 0 for none, and what was swallowed."""
    deviations = Deviations(callers)
    with noted_by(deviations):
        try:
            reading.sequence(element(names), *PARTS)
        except KonnektorFault as fault:
            return fault.trace.code, deviations.told
    return 0, deviations.told


@pytest.mark.parametrize(
    ("names", "strict", "lenient"),
    [
        ("abcc", (0, ""), (0, "")),
        ("ba", (4000, ""), (0, "element_order: root")),
        ("axb", (4000, ""), (0, "unknown_elements: x in root")),
        ("xcba", (4000, ""), (0, "unknown_elements: x in root; element_order: root")),
        ("bc", (4000, ""), (4000, "")),
        ("aab", (4000, ""), (4000, "")),
        ("aaxb", (4000, ""), (4000, "")),
    ],
)
def test_children(names: str, strict: tuple[int, str], lenient: tuple[int, str]) -> None:
    assert read(names, STRICT) == strict
    assert read(names, LENIENT) == lenient


def test_strangers_alone_may_be_swallowed() -> None:
    callers = Callers(unknown_elements="swallow", element_order="refuse")
    assert read("ax", callers) == (0, "unknown_elements: x in root")
    assert read("xba", callers)[0] == 4000


@given(st.text(alphabet="abcx", max_size=8))
def test_a_lenient_reader_finds_what_a_strict_one_finds(names: str) -> None:
    try:
        parts = reading.sequence(element(names), *PARTS)
    except KonnektorFault:
        return
    with noted_by(Deviations(LENIENT)) as deviations:
        again = reading.sequence(element(names), *PARTS)
    assert [len(again.all(p.name)) for p in PARTS] == [len(parts.all(p.name)) for p in PARTS]
    assert deviations.told == ""


def test_what_is_told_is_bounded() -> None:
    deviations = Deviations(LENIENT)
    for number in range(100):
        assert deviations.swallow("unknown_elements", f"{number} " + "x" * 10_000)
    assert deviations.told.count("; ") == MAX_TOLD - 1
    assert len(deviations.told) < 5_000


def test_calls_beside_each_other_have_deviations_of_their_own() -> None:
    async def call(names: str, other: asyncio.Event, mine: asyncio.Event) -> str:
        with noted_by(Deviations(LENIENT)) as deviations:
            mine.set()
            await other.wait()
            reading.sequence(element(names), *PARTS)
            return deviations.told

    async def both() -> list[str]:
        first, second = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(call("ba", second, first), call("ax", first, second))

    assert asyncio.run(both()) == ["element_order: root", "unknown_elements: x in root"]
    assert current() is None
