"""Parts of a message that comes piece by piece: the same as of a whole one."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientmodule import mime, mime_stream
from clientmodule.mime_stream import PartScanner
from simulators.formats.errors import FormatError
from simulators.formats.headers import MAX_HEADER_BYTES

Found = tuple[bytes, int, int, int, tuple[str, ...]]

TOKENS = [
    *(
        b"\r\n",
        b"\n",
        b"\r\n\r\n",
        b"--a\r\n",
        b"--a--\r\n",
        b"--b\r\n",
        b"--b--\r\n",
        b"--a \t\r\n",
    ),
    *(b"Content-Type: text/html\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n"),
    *(b"Content-Type: multipart/alternative; boundary=a\r\n", b"--", b"-", b"x", b"--ab\r\n"),
]
BODIES = st.lists(st.sampled_from(TOKENS), max_size=25).map(b"".join)
FRONT = b"Content-Type: multipart/mixed; boundary=a\r\n"


def scanned(message: bytes, places: list[int]) -> list[Found]:
    scanner = PartScanner()
    ends = sorted({place % (len(message) + 1) for place in places} | {len(message)})
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        scanner.feed(message[begin:end])
    scanner.finish()
    return [described(part) for part in scanner.parts]


def described(part: mime.Part) -> Found:
    describing = part.headers.named(*mime_stream.DESCRIBING)
    return describing.to_bytes(), part.start, min(part.body, part.end), part.end, part.inside


@given(BODIES, st.lists(st.integers(0, 1000), max_size=8))
def test_as_of_a_whole_message(body: bytes, places: list[int]) -> None:
    message = FRONT + body
    assert scanned(message, places) == [described(part) for part in mime.parts(message)]


@given(st.binary(max_size=200), st.lists(st.integers(0, 1000), max_size=5))
def test_any_bytes(content: bytes, places: list[int]) -> None:
    assert len(scanned(content, places)) == 1


def test_a_part_of_many_pieces() -> None:
    content = b"\r\n".join([b"QUJD" * 19] * 5_000)
    message = (
        FRONT
        + b"\r\n--a\r\nContent-Type: text/plain\r\n\r\nHallo\r\n--a\r\nX: y\r\n\r\n"
        + content
        + b"\r\n--a--\r\nnach"
    )
    found = scanned(message, list(range(0, len(message), 1_013)))
    assert found == [described(part) for part in mime.parts(message)]
    (text, _) = found
    assert message[text[2] : text[3]] == b"Hallo"


def test_header_blocks_of_parts_are_not_held() -> None:
    part = b"--a\r\n" + b"x:\r\n" * 500 + b"\r\n\r\n"
    scanner = PartScanner()
    tracemalloc.start()
    try:
        scanner.feed(FRONT + b"\r\n")
        for _ in range(40):
            scanner.feed(part)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(scanner.parts) == 39
    assert most < 200 * len(part)


def test_a_header_without_end() -> None:
    scanner = PartScanner()
    endless = (b"A: " + b"x" * 995 + b"\r\n") * (MAX_HEADER_BYTES // 1_000 + 1)
    with pytest.raises(FormatError):
        scanner.feed(endless)


def test_what_is_held_is_bounded() -> None:
    """Thousands of parts and endless lines do not add up."""
    scanner = PartScanner()
    scanner.feed(FRONT + b"\r\n")
    for _ in range(mime.MAX_PARTS + 100):
        scanner.feed(b"--a\r\nContent-Type: text/html\r\n\r\nx\r\n")
    scanner.feed(b"-" * 1_000_000)
    scanner.finish()
    assert len(scanner.parts) <= mime.MAX_PARTS
    assert len(scanner._buffer) < 10


@pytest.mark.parametrize("line", [b"--a\r\n", b"--\n", b"--a\r\nX: y\r\n"])
def test_endless_repetition_is_not_looked_through(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mime_stream, "MAX_HYPHENS", 5_000)
    scanner = PartScanner()
    scanner.feed(FRONT + b"\r\n")
    scanner.feed(line * 6_000)
    assert len(scanner.parts) <= mime.MAX_PARTS
    assert not scanner.complete
