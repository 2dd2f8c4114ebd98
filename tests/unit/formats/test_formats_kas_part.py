"""The KIM-Attachment-Datenstruktur and the small mail around it."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, split_message
from simulators.formats.kas_part import MAX_BYTES, KasPart, small_mail

PART = KasPart("https://kas.example/attachments/v2.4/attachment/1", bytes(range(32)), bytes(32), 5)


@pytest.mark.requirement("A_19359-07")
def test_it_is_what_the_schema_asks_for(spec: Callable[[str], Path]) -> None:
    schema = json.loads(spec("api-kim/schema/Attachment_schema.json").read_text())
    found = json.loads(PART.to_json())
    jsonschema.validate(found, schema)
    assert KasPart.read(PART.to_json()) == PART
    assert base64.b64decode(found["k"]) == PART.k


@pytest.mark.requirement("A_19359-07", "A_19369-02")
def test_the_sample_of_gematik(spec: Callable[[str], Path]) -> None:
    """Its headers and its body are ours."""
    sample = spec("api-kim/KAS/1_3_Client-Mail_hochgeladen.txt").read_bytes()
    headers, body = split_message(sample)
    part = KasPart.read(body)
    assert part.size == 27_262_976
    assert part.to_json() == body.strip()
    for name, value in Headers.parse(small_mail(Headers(), part).partition(b"\r\n\r\n")[0]):
        assert headers.get(name) == value


@pytest.mark.requirement("A_19359-07")
def test_the_headers_of_the_mail_stay_but_for_those_of_its_body() -> None:
    given_headers = Headers.parse(
        b"From: a@b\r\nContent-Type: multipart/mixed;\r\n boundary=x\r\nSubject: \xc3\x84\r\n"
        b"Content-Transfer-Encoding: 8bit\r\nX-KIM-Dienstkennung: a;b;c\r\n"
    )
    headers, body = split_message(small_mail(given_headers, PART))
    assert headers.names() == [
        *("From", "Subject", "X-KIM-Dienstkennung"),
        *("Content-Type", "Content-Disposition"),
    ]
    assert KasPart.read(body) == PART


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(PART.to_json()), **fields}).encode()


@pytest.mark.requirement("A_19369-02")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"[" * (MAX_BYTES - 1),
        b"\xff\xfe{",
        PART.to_json()[:-1] + b',"link":"https://else"}',
        changed(link=""),
        changed(link=1),
        changed(link="x" * 5_000),
        changed(k="AAAA"),
        changed(k="ä"),
        changed(k=None),
        changed(hash="!" * 44),
        changed(size=-1),
        changed(size=True),
        changed(size=1.5),
        changed(size=1 << 70),
        changed(more="x" * MAX_BYTES),
        PART.to_json().replace(b"5}", b"9" * 5_000 + b"}"),
    ],
)
def test_what_is_none(content: bytes) -> None:
    with pytest.raises(FormatError):
        KasPart.read(content)


def test_what_else_it_holds_is_passed_over() -> None:
    assert KasPart.read(b" " + changed(more=[1]) + b"\r\n") == PART


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.fixed_dictionaries(dict.fromkeys(("link", "k", "hash", "size"), JSON)))
def test_any_json_is_read_or_refused(content: Any) -> None:
    with contextlib.suppress(FormatError):
        KasPart.read(json.dumps(content).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    read: Callable[[bytes], KasPart] = KasPart.read
    with contextlib.suppress(FormatError):
        read(content)
