"""Filters as text: RFC 4515 both ways, and no way out of an escaped value (A_20331)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.process.ldap import ber
from simulators.process.ldap.filter_text import (
    FilterError,
    escape_filter,
    format_filter,
    parse_filter,
)
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
    decode_filter,
    encode_filter,
)

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}(;binary)?", fullmatch=True)
VALUES = st.one_of(st.binary(max_size=8), st.text(max_size=8).map(str.encode))
PARTS = VALUES.filter(bool)


def _substrings(
    name: str, initial: bytes | None, middle: list[bytes], final: bytes | None
) -> Filter:
    if initial is None and final is None and not middle:
        final = b"x"
    return Substrings(name, initial, tuple(middle), final)


ITEMS: st.SearchStrategy[Filter] = st.one_of(
    *(st.builds(kind, NAMES, VALUES) for kind in (Equal, AtLeast, AtMost, Approximate)),
    st.builds(Present, NAMES),
    st.builds(
        _substrings, NAMES, st.none() | PARTS, st.lists(PARTS, max_size=3), st.none() | PARTS
    ),
    st.builds(Extensible, st.none() | NAMES, NAMES, VALUES, st.booleans()),
)
FILTERS = st.recursive(
    ITEMS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=4).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=4).map(tuple)),
    ),
    max_leaves=12,
)


@given(FILTERS)
def test_text_says_the_same_filter(content: Filter) -> None:
    assert parse_filter(format_filter(content)) == content


@given(FILTERS)
def test_bytes_say_the_same_filter(content: Filter) -> None:
    reader = ber.Reader(encode_filter(content))
    assert decode_filter(reader) == content
    reader.finish()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_escaped_value_stands_for_itself(value: str) -> None:
    assert parse_filter(f"(mail={escape_filter(value)})") == Equal("mail", value.encode())


@pytest.mark.parametrize(
    "attack",
    ["*", "x)(uid=*", "x)(|(uid=*", "*)(objectClass=*))(&(a=b", "a\0b", "\\2a", "x)(mail=\\"],
)
def test_injection_stays_a_value(attack: str) -> None:
    text = f"(&(mail={escape_filter(attack)})(entryType=5))"
    assert parse_filter(text) == And((Equal("mail", attack.encode()), Equal("entryType", b"5")))


@given(st.text(alphabet="()&|!=*\\a1:;~<> \0ü", max_size=30))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    with contextlib.suppress(FilterError):
        content = parse_filter(text)
        assert parse_filter(format_filter(content)) == content


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mail=a",
        "(mail=a",
        "(mail=a))",
        "(=a)",
        "(mail)",
        "(mail=a\\)",
        "(mail=\\zz)",
        "(mail=a**b)",
        "(mail>=a*)",
        "(!)",
        "(!(a=b)(c=d))",
        "(&(a=b)c=d)",
        "(:=x)",
        "(mail=a\0)",
        "(m ail=a)",
        "(mail=\ud800)",
        "(!" * 50 + "(a=b)" + ")" * 50,
        "(|" + "(a=b)" * 3_000 + ")",
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text)


def test_examples_of_the_rfc() -> None:
    assert parse_filter("(cn:caseExactMatch:=Fred Flintstone)") == Extensible(
        "caseExactMatch", "cn", b"Fred Flintstone"
    )
    assert parse_filter("(o:dn:=Ace Industry)") == Extensible(None, "o", b"Ace Industry", True)
    assert parse_filter("(cn=*\\2A*)") == Substrings("cn", None, (b"*",), None)
    assert parse_filter("(bin=\\00\\00\\00\\04)") == Equal("bin", b"\0\0\0\4")
    assert parse_filter("(sn=Lu\\c4\\8di\\c4\\87)") == Equal("sn", "Lučić".encode())
    assert parse_filter("(1.3.6.1.4.1.1466.0=\\04\\02\\48\\69)").value[2:] == b"Hi"  # type: ignore[union-attr]
    assert parse_filter("(&)") == And(())
