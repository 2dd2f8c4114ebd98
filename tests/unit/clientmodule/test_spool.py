"""Content too large to be held in memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from clientmodule.kas.spool import BLOCK, Spool


@pytest.mark.requirement("KOM-LE-A_2005")
def test_what_the_disk_sees_is_sealed(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.write(b"Diagnose " * BLOCK)
        spool.write(b"x")
        assert list(tmp_path.iterdir()) == [], "the file has no name"
        descriptor = spool._file.fileno()
        assert b"Diagnose" not in os.pread(descriptor, 10 * BLOCK, 0)
        assert os.pread(descriptor, 1, 0)
    with pytest.raises(ValueError, match="closed"):
        list(spool.pieces())


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_content_from_any_place(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    with Spool(tmp_path) as spool:
        for begin in range(0, size, 300_007):
            spool.write(content[begin : begin + 300_007])
        assert spool.size == size
        for start in (0, 1, size // 2, BLOCK - 1, BLOCK, BLOCK + 3, size):
            assert b"".join(spool.pieces(start)) == content[start:]
        assert spool.beginning(10) == content[:10]


def test_altered_content_is_not_returned(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.write(bytes(BLOCK))
        os.pwrite(spool._file.fileno(), b"x", 100)
        with pytest.raises(InvalidTag):
            list(spool.pieces())
