"""Sealed mail data in a file without a name, legible at any place with their key."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from .cipher import IV_BYTES, TAG_BYTES

_BLOCK: Final = 16
_FIRST_BLOCK: Final = 2
"""GCM encrypts as CTR does, from the second block on (SP 800-38D, 7.1)."""


class SealedFile:
    """What was downloaded, as it came; plain mail data never lie on a disk (KOM-LE-A_2005).

    The file below *directory* has no name, so nothing is left of it when it is closed or the
    process ends. ``read`` is for data that an Opener has found to be what was sealed: CTR alone
    tells nothing of it. All methods block; they raise OSError.
    """

    def __init__(self, directory: Path, key: bytes) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=directory, buffering=0)  # noqa: SIM115 (closed)
        self._key = key
        self._length = 0

    def __enter__(self) -> SealedFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def size(self) -> int:
        """The length of the plain data in bytes."""
        return max(0, self._length - IV_BYTES - TAG_BYTES)

    def append(self, sealed: bytes) -> None:
        """Take the next piece as it came."""
        left = memoryview(sealed)
        while left:
            left = left[os.write(self._file.fileno(), left) :]
        self._length += len(sealed)

    def read(self, start: int, end: int) -> bytes:
        """Return the plain bytes from *start* to *end*, or to the end of the data."""
        end = min(end, self.size)
        if start >= end:
            return b""
        block, skipped = divmod(start, _BLOCK)
        begin = block * _BLOCK
        counter = (_FIRST_BLOCK + block).to_bytes(_BLOCK - IV_BYTES, "big")
        cipher = Cipher(AES(self._key), CTR(self._sealed(0, IV_BYTES) + counter))
        plain = cipher.decryptor().update(self._sealed(IV_BYTES + begin, end - begin))
        return plain[skipped:] if skipped else plain

    def close(self) -> None:
        """Give the file up."""
        self._file.close()

    def _sealed(self, offset: int, length: int) -> bytes:
        content = os.pread(self._file.fileno(), length, offset)
        if len(content) != length:
            raise OSError("the file is shorter than what was written")
        return content
