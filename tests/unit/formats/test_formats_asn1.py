"""ASN.1: written as asn1crypto reads it, read within bounds, canonical whatever came."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from simulators.formats import asn1
from simulators.formats.errors import FormatError

moments = st.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
arcs = st.tuples(
    st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 1 << 60), min_size=1, max_size=6)
).map(lambda parts: ".".join(map(str, (parts[0], parts[1], *parts[2]))))


@given(st.integers(-(1 << 200), 1 << 200))
def test_an_integer_is_what_asn1crypto_writes_and_reads_back(value: int) -> None:
    encoded = asn1.integer(value)
    assert asn1.parse(encoded).integer() == value
    if value >= 0:
        assert encoded == core.Integer(value).dump()


@given(arcs)
def test_an_oid_is_what_asn1crypto_writes_and_reads_back(dotted: str) -> None:
    encoded = asn1.oid(dotted)
    assert encoded == core.ObjectIdentifier(dotted).dump()
    assert asn1.parse(encoded).oid() == dotted


@given(moments)
def test_a_time_reads_back_and_is_utctime_up_to_2049(moment: datetime) -> None:
    encoded = asn1.time(moment)
    assert (encoded[0] == asn1.UTC_TIME) == (moment.year < 2050)
    assert asn1.parse(encoded).time() == moment


@pytest.mark.parametrize(
    "text",
    [b"", b"2601010000Z", b"260101000000", b"261301000000Z", b"26-101000000Z"],
)
def test_a_time_in_another_form_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        asn1.parse(asn1.encode(asn1.UTC_TIME, text)).time()


@given(st.binary(max_size=70_000))
def test_lengths_of_every_size_read_back(value: bytes) -> None:
    assert asn1.parse(asn1.octet_string(value)).octets() == value


@given(st.binary(max_size=5000), st.integers(1, 999))
def test_an_octet_string_in_pieces_is_put_together(value: bytes, size: int) -> None:
    pieces = [asn1.octet_string(value[i : i + size]) for i in range(0, len(value), size)]
    element = asn1.parse(b"\x24\x80" + b"".join(pieces) + b"\0\0")
    assert element.octets() == value
    assert element.der() == asn1.octet_string(value)


@given(st.lists(st.binary(max_size=40)))
def test_a_set_is_sorted_and_sorted_again_when_it_was_not(values: list[bytes]) -> None:
    members = [asn1.octet_string(value) for value in values]
    assert asn1.parse(asn1.encode(asn1.SET, *members)).der() == asn1.set_of(members)


def test_indefinite_and_wasteful_lengths_become_der() -> None:
    number = asn1.integer(5)
    wasteful = b"\x02\x81\x01\x05"
    expected = asn1.sequence(number, asn1.sequence(number))
    received = b"\x30\x80" + wasteful + b"\x30\x80" + number + b"\0\0" + b"\0\0"
    assert asn1.parse(received).der() == expected


def test_line_ends_after_the_message_are_ignored_and_nothing_else() -> None:
    assert asn1.parse(asn1.integer(1) + b"\r\n").integer() == 1
    with pytest.raises(FormatError):
        asn1.parse(asn1.integer(1) + asn1.integer(2))


def innermost(element: asn1.Element) -> asn1.Element:
    while element.children:
        element = element.children[0]
    return element


def test_depth_is_bounded() -> None:
    definite = b""
    for _ in range(asn1.MAX_DEPTH + 2):
        definite = asn1.sequence(definite)
    with pytest.raises(FormatError, match="deep"):
        innermost(asn1.parse(definite))
    with pytest.raises(FormatError, match="deep"):
        asn1.parse(b"\x30\x80" * 100_000)
    with pytest.raises(FormatError, match="deep"):
        asn1.parse(definite).der()


def test_the_number_of_elements_is_bounded() -> None:
    many = asn1.encode(asn1.SET, asn1.null() * (asn1.MAX_ELEMENTS + 1))
    with pytest.raises(FormatError, match="too many"):
        _ = asn1.parse(many).children


def test_the_size_is_bounded() -> None:
    with pytest.raises(FormatError, match="larger"):
        asn1.parse(asn1.octet_string(bytes(100)), limit=100)


def test_numbers_are_bounded() -> None:
    with pytest.raises(FormatError):
        asn1.parse(asn1.encode(asn1.INTEGER, b"\x01" * 10_000)).integer()
    with pytest.raises(FormatError):
        asn1.parse(asn1.encode(asn1.OBJECT_IDENTIFIER, b"\xff" * 10_000)).oid()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    def walk(element: asn1.Element) -> None:
        if element.tag & 0x20:
            for child in element.children:
                walk(child)

    try:
        element = asn1.parse(data)
        walk(element)
    except FormatError:
        return
    assert asn1.parse(element.der()).der() == element.der()
