"""Reading a file of a user: bounded, whatever kind of file the path names."""

from __future__ import annotations

import errno
from pathlib import Path


class FileTooLarge(OSError):
    """A file is larger than ``limit`` bytes."""

    def __init__(self, path: Path, limit: int) -> None:
        super().__init__(errno.EFBIG, f"larger than {limit} bytes", str(path))
        self.limit = limit


def read_bounded(path: Path, limit: int) -> bytes:
    """Return the content of *path*, at most *limit* bytes.

    The bound holds for pipes and devices too, whose size nobody knows before. Raises OSError,
    FileTooLarge for what is larger.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise FileTooLarge(path, limit)
    return content
