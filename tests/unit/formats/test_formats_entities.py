"""Transfer encodings, read as binascii does, but piece by piece."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.formats import entities

TEXTS = st.one_of(
    st.binary(max_size=30).map(binascii.b2a_base64),
    st.lists(st.sampled_from([b"A", b"QUJD", b"=", b"==", b"\r\n", b" ", b"\0\xff"])).map(b"".join),
)


def expected(text: bytes) -> bytes | None:
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        return None


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 78])
def test_base64_in_pieces(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entities, "_PIECE", size)

    @given(TEXTS)
    def same(text: bytes) -> None:
        wanted = expected(text)
        if wanted is None:
            with pytest.raises(binascii.Error):
                entities.from_base64(text)
        else:
            assert entities.from_base64(text) == wanted

    same()
