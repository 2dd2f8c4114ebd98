"""Reading and writing BER: bounds, and the same bytes as ldaptor's encoder."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldaptor.protocols import pureldap

from simulators.process.ldap import ber, messages
from simulators.process.ldap.filters import And, Equal, Not, Substrings, encode_filter


@given(st.integers(-(2**31), 2**31))
def test_integers_round_trip(number: int) -> None:
    assert ber.Reader(ber.integer(number)).integer() == number


@given(st.binary(max_size=70_000))
def test_octets_round_trip(content: bytes) -> None:
    reader = ber.Reader(ber.octets(content))
    assert reader.octets() == content
    reader.finish()


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(ber.BerError):
        message = messages.read_message(content)
        messages.read_controls(message)
        for read in (messages.read_bind, messages.read_search, messages.read_entry):
            with contextlib.suppress(ber.BerError):
                read(message)


@given(st.data())
def test_damaged_searches_are_read_or_refused(data: st.DataObject) -> None:
    request = messages.SearchRequest(
        "dc=data,dc=vzd",
        messages.Scope.SUBTREE,
        And((Equal("mail", b"a@b"), Not(Equal("c", b"d")))),
    )
    wire = bytearray(messages.envelope(1, messages.search_bytes(request)))
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ber.BerError):
        messages.read_search(messages.read_message(bytes(wire)))


@pytest.mark.parametrize(
    "head",
    [
        b"\x30\x80",
        b"\x30\x85\x01\x00\x00\x00\x00",
        b"\x30\xff",
        b"GET / HTTP/1.1",
        b"\x30\x84\x7f\xff\xff\xff",
    ],
)
def test_a_head_that_can_be_no_message_is_refused_at_once(head: bytes) -> None:
    with pytest.raises(ber.BerError):
        ber.message_end(head, 0, 1 << 20)


def test_a_head_that_is_not_complete_is_waited_for() -> None:
    whole = ber.element(ber.SEQUENCE, b"x" * 300)
    assert [ber.message_end(whole[:n], 0, 1 << 20) for n in range(4)] == [None] * 4
    assert ber.message_end(whole[:4], 0, 1 << 20) == len(whole)


def test_many_small_elements_cost_no_more_than_their_bytes() -> None:
    """ldaptor's decoder copies the rest after each element and needs seconds for this one."""
    values = ber.octets("a") * 300_000
    attribute = ber.element(ber.SEQUENCE, ber.octets("mail"), ber.element(ber.SET, values))
    operation = messages.entry_bytes("uid=x", [attribute])
    entry = messages.read_entry(messages.read_message(messages.envelope(1, operation)))
    assert len(entry.attributes["mail"]) == 300_000


def test_numbers_of_absurd_length_are_refused() -> None:
    """ldaptor's decoder computes with them: half a minute for 500 kB."""
    with pytest.raises(ber.BerError):
        messages.read_message(ber.element(ber.SEQUENCE, ber.octets(b"\x7f" * 500_000, 0x02)))


def test_nesting_is_bounded() -> None:
    content = encode_filter(Equal("mail", b"x"))
    for _ in range(10_000):
        content = ber.element(0xA2, content)
    with pytest.raises(ber.BerError, match="deep"):
        messages.decode_filter(ber.Reader(content))


def test_the_number_of_items_is_bounded() -> None:
    content = ber.element(0xA1, encode_filter(Equal("a", b"")) * 5_000)
    with pytest.raises(ber.BerError, match="items"):
        messages.decode_filter(ber.Reader(content))


def test_searches_have_the_bytes_that_ldaptor_gives_them() -> None:
    ours = messages.SearchRequest(
        "dc=data,dc=vzd",
        messages.Scope.SUBTREE,
        And((Equal("mail", "ü@b".encode()), Substrings("cn", b"a", (b"b", b"c"), b"d"))),
        ("mail", "userCertificate;binary"),
        size_limit=200,
    )
    theirs = pureldap.LDAPMessage(
        pureldap.LDAPSearchRequest(
            baseObject="dc=data,dc=vzd",
            scope=2,
            derefAliases=0,
            sizeLimit=200,
            timeLimit=0,
            typesOnly=0,
            filter=pureldap.LDAPFilter_and(
                [
                    pureldap.LDAPFilter_equalityMatch(
                        pureldap.LDAPAttributeDescription("mail"),
                        pureldap.LDAPAssertionValue("ü@b"),
                    ),
                    pureldap.LDAPFilter_substrings(
                        "cn",
                        [
                            pureldap.LDAPFilter_substrings_initial("a"),
                            pureldap.LDAPFilter_substrings_any("b"),
                            pureldap.LDAPFilter_substrings_any("c"),
                            pureldap.LDAPFilter_substrings_final("d"),
                        ],
                    ),
                ]
            ),
            attributes=["mail", "userCertificate;binary"],
        ),
        id=7,
    ).toWire()
    assert messages.envelope(7, messages.search_bytes(ours)) == theirs
    assert messages.read_search(messages.read_message(theirs)) == ours


def test_entries_have_the_bytes_that_ldaptor_gives_them() -> None:
    attributes = {"mail": [b"a@b", b"c@d"], "userCertificate;binary": [bytes(range(256)) * 8]}
    theirs = pureldap.LDAPMessage(
        pureldap.LDAPSearchResultEntry("uid=ö,dc=vzd", list(attributes.items())), id=300
    ).toWire()
    parts = [messages.attribute_bytes(name, values) for name, values in attributes.items()]
    assert messages.envelope(300, messages.entry_bytes("uid=ö,dc=vzd", parts)) == theirs
    entry = messages.read_entry(messages.read_message(theirs))
    assert (entry.dn, entry.attributes) == ("uid=ö,dc=vzd", attributes)
    assert entry.values("USERCERTIFICATE") == attributes["userCertificate;binary"]


def test_controls_round_trip() -> None:
    controls = (
        messages.Control("1.2.3", critical=True),
        messages.Control(messages.PAGED_RESULTS, value=messages.page_bytes(10, b"next")),
    )
    after_id = messages.unbind_bytes() + messages.controls_bytes(controls)
    assert messages.read_controls(messages.read_message(messages.envelope(1, after_id))) == controls
    assert messages.read_page(controls[1].value) == (10, b"next")


@pytest.mark.parametrize("after", [b"\x00", ber.octets("x"), b"\xa0\x05\x30"])
def test_what_follows_an_operation_must_be_controls(after: bytes) -> None:
    with pytest.raises(ber.BerError):
        messages.read_controls(
            messages.read_message(messages.envelope(1, messages.unbind_bytes() + after))
        )
