"""Header blocks: what is not changed keeps its bytes; nothing breaks out of its field."""

from __future__ import annotations

import email

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.formats import headers
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, decoded, encoded, split_message

names = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1
)
lines = st.binary(max_size=60).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b""))
fields = st.tuples(names, lines, st.lists(lines, max_size=3)).map(
    lambda parts: b"\r\n ".join([parts[0].encode() + b":" + parts[1], *parts[2]])
)
values = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=("Cs",)))


@given(st.lists(fields, max_size=8), st.binary(max_size=100))
def test_a_message_keeps_its_bytes(block: list[bytes], body: bytes) -> None:
    message = b"".join(field + b"\r\n" for field in block) + b"\r\n" + body
    read, rest = split_message(message)
    assert read.to_bytes() + b"\r\n" + rest == message


@given(st.binary(max_size=300))
def test_any_bytes_split(data: bytes) -> None:
    read, rest = split_message(data)
    assert rest == b"" or data.endswith(rest)
    again = Headers.parse(read.to_bytes())
    assert again.to_bytes() == read.to_bytes()
    list(read)


@given(names, values)
def test_a_new_field_reads_back(name: str, value: str) -> None:
    block = Headers()
    block.append(name, value)
    read = Headers.parse(block.to_bytes())
    assert len(read) == 1
    assert read.get(name.swapcase()) == value.strip(" \t")
    assert read.names() == [name]


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y", "a\nb", "a\n b", "a\rb", "a\0b", "a\r\n\r\n b"])
def test_a_value_cannot_break_out_of_its_field(value: str) -> None:
    with pytest.raises(FormatError):
        Headers().append("Subject", value)


def test_folding_in_a_value_is_folding_and_nothing_more() -> None:
    block = Headers()
    block.append("To", "a@b,\r\n c@d")
    assert block.to_bytes() == b"To: a@b, c@d\r\n"


def test_a_copied_field_cannot_end_the_header() -> None:
    block = Headers()
    block.append_raw(b"A: 1\r\n\r\nbody")
    assert split_message(block.to_bytes() + b"\r\nreal")[1] == b"real"


@pytest.mark.parametrize("name", ["", "Sub ject", "Subject:", "Sübject", "A\r\nB"])
def test_a_name_must_be_one(name: str) -> None:
    with pytest.raises(FormatError):
        Headers().append(name, "x")


def test_long_values_are_folded_at_spaces_only() -> None:
    block = Headers()
    block.append("X-KIM-KONVersion", " ".join(["<Konnektor><PTV6><6.0.0>"] * 8) + "x" * 200)
    assert all(line.startswith((b"X-KIM", b" ")) for line in block.to_bytes().splitlines())
    assert block.get("x-kim-konversion") == " ".join(["<Konnektor><PTV6><6.0.0>"] * 8) + "x" * 200


def test_fields_are_found_changed_and_removed_in_place() -> None:
    block = Headers.parse(b"To: a@b\r\nsubject: alt\r\nFROM: c@d\r\nSubject: zwei\r\n")
    assert block.get("SUBJECT") == "alt"
    assert block.get_all("Subject") == ["alt", "zwei"]
    block.replace("Subject", "neu")
    assert block.to_bytes() == b"To: a@b\r\nSubject: neu\r\nFROM: c@d\r\n"
    block.replace("Cc", "e@f")
    block.prepend("Received", "from x")
    assert block.names() == ["Received", "To", "Subject", "FROM", "Cc"]
    assert block.remove("from") == 1
    assert block.remove("from") == 0
    assert block.get("From") is None


def test_raw_fields_keep_their_folding_when_they_are_copied() -> None:
    field = b'To: "M\xfcller"\r\n\t<a@b>'
    source = Headers.parse(field + b"\r\n")
    target = Headers()
    target.append_raw(source.raw("to")[0])
    assert target.to_bytes() == field + b"\r\n"


def test_eight_bit_values_are_utf_8_else_latin_1() -> None:
    block = Headers.parse("A: Müller".encode() + b"\r\nB: M\xfcller\r\n")
    assert block.get("a") == block.get("b") == "Müller"


def test_lines_that_are_no_field_stay_where_they_are() -> None:
    block = b"From someone Mon Nov 23\r\nTo: a@b\r\n"
    assert Headers.parse(block).to_bytes() == block
    assert Headers.parse(block).get("From") is None


def test_bare_line_feeds_end_lines_too() -> None:
    read, body = split_message(b"A: 1\n  2\nB: 3\n\nbody\n")
    assert read.to_bytes() == b"A: 1\r\n  2\r\nB: 3\r\n"
    assert body == b"body\n"


def test_a_message_without_header_or_body() -> None:
    assert split_message(b"\r\nbody")[1] == b"body"
    assert len(split_message(b"\r\nbody")[0]) == 0
    assert split_message(b"A: 1\r\n")[1] == b""
    assert split_message(b"")[1] == b""


def test_the_size_is_bounded() -> None:
    with pytest.raises(FormatError):
        split_message(b"A: " + b"x" * headers.MAX_HEADER_BYTES)
    split_message(b"A: 1\r\n\r\n" + b"x" * headers.MAX_HEADER_BYTES)


def test_encoded_words_are_decoded_where_they_can() -> None:
    assert decoded("=?utf-8?q?M=C3=BCller?= X") == "Müller X"
    assert decoded("=?nonsense?q?x?=") == "=?nonsense?q?x?="
    assert decoded("plain") == "plain"


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=150))
def test_any_text_becomes_ascii_and_comes_back(text: str) -> None:
    block = Headers()
    block.append("Subject", encoded(text))
    assert block.to_bytes().isascii()
    if "=?" not in text:
        assert decoded(Headers.parse(block.to_bytes()).get("Subject") or "") == text


def test_no_field_hides_behind_a_bare_carriage_return() -> None:
    """Python's own parser, for one, would read three fields."""
    block = Headers.parse(b"Subject: a\rX-KIM-IntegrityCheckResult: 01\r\rTo: b@c\r\nFrom: d@e\r")
    assert block.names() == ["Subject", "From"]
    written = email.message_from_bytes(block.to_bytes())
    assert written.keys() == ["Subject", "From"]


def test_an_encoded_word_that_is_none_stays_as_it_is() -> None:
    assert decoded("=?utf-8?b?a?=") == "=?utf-8?b?a?="
