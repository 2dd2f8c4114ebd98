"""Mail data sealed and opened piece by piece, beside the library's own AES-GCM."""

from __future__ import annotations

import hashlib
import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from clientmodule.kas.cipher import IV_BYTES, OVERHEAD, CannotOpen, Opener, Sealer


def sealed(pieces: list[bytes]) -> tuple[Sealer, bytes]:
    sealer = Sealer()
    content = sealer.begin() + b"".join(map(sealer.update, pieces)) + sealer.finish()
    return sealer, content


def opened(key: bytes, content: bytes, step: int) -> bytes:
    opener = Opener(key)
    plain = b"".join(opener.update(content[i : i + step]) for i in range(0, len(content), step))
    opener.finish()
    assert (opener.size, opener.hash) == (len(plain), hashlib.sha256(plain).digest())
    return plain


@pytest.mark.requirement("A_19360-02", "A_19371-04", "A_19372-03")
@given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 60))
def test_pieces_of_any_length(pieces: list[bytes], step: int) -> None:
    """IV, ciphertext, tag; the hash and the size are those of the plain data."""
    sealer, content = sealed(pieces)
    plain = b"".join(pieces)
    assert len(content) == len(plain) + OVERHEAD
    iv, rest = content[:IV_BYTES], content[IV_BYTES:]
    assert AESGCM(sealer.key).decrypt(iv, rest, None) == plain
    assert (sealer.size, sealer.hash) == (len(plain), hashlib.sha256(plain).digest())
    assert opened(sealer.key, content, step) == plain


@pytest.mark.requirement("A_19358-01")
def test_key_and_iv_are_fresh_each_time() -> None:
    many = [sealed([b"x"]) for _ in range(50)]
    assert len({sealer.key for sealer, _ in many}) == 50
    assert len({content[:IV_BYTES] for _, content in many}) == 50


@pytest.mark.requirement("A_19371-04")
@pytest.mark.parametrize("kept", [0, 5, IV_BYTES, OVERHEAD - 1, OVERHEAD, -1])
def test_data_that_are_cut_off(kept: int) -> None:
    sealer, content = sealed([b"Diagnose"])
    with pytest.raises(CannotOpen):
        opened(sealer.key, content[:kept], 7)


@pytest.mark.requirement("A_19371-04")
def test_altered_data_and_other_keys() -> None:
    sealer, content = sealed([b"Diagnose"])
    for place in (0, IV_BYTES, len(content) - 1):
        altered = bytearray(content)
        altered[place] ^= 1
        with pytest.raises(CannotOpen):
            opened(sealer.key, bytes(altered), 5)
    with pytest.raises(CannotOpen):
        opened(os.urandom(32), content, 5)
    with pytest.raises(CannotOpen):
        Opener(b"short")
