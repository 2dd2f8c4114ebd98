"""Address lists: quoted local parts, groups, comments, encoded words, folding, case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.formats.headers import addresses, canonical, same_address

atoms = st.text("abcxyzABC019._-+", min_size=1, max_size=12)
quoted = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)
specs = st.tuples(atoms | quoted, atoms).map("@".join)
comments = st.sampled_from(["", " ", "\r\n ", "(c)", ' (it"s (nested\\) x)) ', "(a@b, <c@d>)"])
phrases = st.sampled_from(
    ["", "Praxis", '"Müller, Max"', "=?utf-8?q?M=C3=BCller=2C?=", '"a \\"b\\" <x@y>"', "Dr. A"]
)
mailboxes = st.tuples(phrases, comments, specs, comments).map(
    lambda p: (f"{p[0]}{p[1]}<{p[2]}>{p[3]}" if p[0] else f"{p[1]}{p[2]}{p[3]}", p[2])
)


@given(st.lists(mailboxes, max_size=6))
def test_every_mailbox_of_a_list_is_found(boxes: list[tuple[str, str]]) -> None:
    assert addresses(", ".join(text for text, _ in boxes)) == [spec for _, spec in boxes]


@given(st.lists(mailboxes, max_size=4), st.lists(mailboxes, max_size=2))
def test_groups_hold_mailboxes(inside: list[tuple[str, str]], after: list[tuple[str, str]]) -> None:
    text = "Empfänger: " + ", ".join(t for t, _ in inside) + ";"
    text = ", ".join([text, *(t for t, _ in after)])
    assert addresses(text) == [spec for _, spec in inside + after]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("undisclosed-recipients:;", []),
        ("", []),
        ("Nobody", []),
        ("a@b", ["a@b"]),
        (" a @ b ", ["a@b"]),
        ("<@relay,@other:a@b>", ["a@b"]),
        ("a b@c", []),
        ("a@b;c@d", ["a@b", "c@d"]),
        ('"a@x" <c@d>', ["c@d"]),
        ("a@[127.0.0.1]", ["a@[127.0.0.1]"]),
        ("A@B.KIM.Telematik-Test", ["A@B.KIM.Telematik-Test"]),
        ('"open <a@b>', ["a@b"]),
        ("[Praxis <a@b>", ["a@b"]),
        ("<a@b", ["a@b"]),
        ("<>", []),
        ("@b, a@", []),
    ],
)
def test_forms(value: str, found: list[str]) -> None:
    assert addresses(value) == found


@given(st.text(max_size=200))
def test_any_text_is_read(value: str) -> None:
    for address in addresses(value):
        assert "@" in address


@pytest.mark.parametrize("seed", ["[", '"', "(", "<", "a ", "( ) ", '"\\', "a@b,", "\\", ":;"])
def test_hostile_lengths_are_read_in_passing(seed: str) -> None:
    """Quadratic work on so much would take minutes: the suite's time-out is the bound."""
    addresses(seed * (200_000 // len(seed)))


def test_addresses_compare_without_case_and_needless_quotes() -> None:
    assert same_address("Praxis@X.kim.telematik-test", " praxis@x.KIM.telematik-test ")
    assert same_address('"a.b"@c', "a.b@c")
    assert not same_address('"a b"@c', "ab@c")
    assert not same_address("a@b", "b@b")
    assert canonical('"a\\.b"@C') == "a.b@c"
