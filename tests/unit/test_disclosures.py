"""The search for what must not be disclosed finds it, whatever it is wrapped in."""

from __future__ import annotations

import base64
import json
import quopri
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.disclosures import disclosed

VALUE = "Frau Rosenmüller"


@pytest.mark.parametrize(
    "encode",
    [
        str.encode,
        lambda text: text.upper().encode(),
        lambda text: text.encode("latin-1"),
        lambda text: quopri.encodestring(text.encode("latin-1")),
        lambda text: quote(text).encode(),
        lambda text: json.dumps(text).encode(),
        lambda text: repr(text.encode()).encode(),
        lambda text: text.encode().hex().encode(),
        *(lambda text, n=n: base64.b64encode(b"x" * n + text.encode() + b"yz") for n in range(4)),
    ],
)
def test_every_form_is_found(encode: Callable[[str], bytes]) -> None:
    texts = {"log": b"a line with " + encode(VALUE) + b" in it", "other": b"another line"}
    assert disclosed(texts, [VALUE, "Herr Fremd"]) == {"log": [VALUE]}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"PIN 123456 wrong", True),
        (b"2026-11-24T01:28:58.123456", False),
        (b"4eef1234560b7d88", False),
        (b"took 0.123456 ms", False),
    ],
)
def test_a_pin_is_a_word(text: bytes, found: bool) -> None:
    assert disclosed({"log": text}, ["123456"]) == ({"log": ["123456"]} if found else {})
