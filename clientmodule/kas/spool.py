"""Content too large to be held in memory: sealed in a file without a name (KOM-LE-A_2005)."""

from __future__ import annotations

import os
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BLOCK: Final = 1 << 20
"""Plain bytes that are sealed together, and that reading holds at once."""
_TAG: Final = 16


class Spool:
    """Bytes that are written once, then read as often as needed, until it is closed.

    The file is unlinked from the beginning, so that nothing is left of it however the process
    ends, and what the disk gets to see is sealed with AES-256-GCM under a key of this object.
    Writing and reading may wait for the disk, so they belong in a thread; they raise OSError when
    it is full. ``close`` waits for a thread that is at it, whoever waited for that was cancelled.
    """

    def __init__(self, directory: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=directory, buffering=0)  # noqa: SIM115
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._lock = threading.Lock()
        self._pending = bytearray()
        self._blocks = 0
        self.size = 0

    def write(self, content: bytes) -> None:
        """Append *content*."""
        self._pending += content
        self.size += len(content)
        while len(self._pending) >= BLOCK:
            self._seal(bytes(memoryview(self._pending)[:BLOCK]))
            del self._pending[:BLOCK]

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """Yield the content from *start* on, in pieces of at most BLOCK bytes."""
        first, inside = divmod(start, BLOCK)
        for number in range(first, self._blocks):
            yield self._open(number)[inside:]
            inside = 0
        rest = bytes(memoryview(self._pending)[max(0, start - self._blocks * BLOCK) :])
        if rest:
            yield rest

    def beginning(self, most: int) -> bytes:
        """Return the first *most* bytes, or all if there are fewer."""
        found = bytearray()
        for piece in self.pieces():
            found += piece
            if len(found) >= most:
                break
        return bytes(memoryview(found)[:most])

    def close(self) -> None:
        """Give everything back."""
        with self._lock:  # or the thread would go on with a descriptor that is somebody else's
            self._file.close()
        self._pending.clear()

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _seal(self, block: bytes) -> None:
        content = memoryview(self._cipher.encrypt(_nonce(self._blocks), block, None))
        with self._lock:
            while content:
                content = content[self._file.write(content) :]
        self._blocks += 1

    def _open(self, number: int) -> bytes:
        with self._lock:
            sealed = os.pread(self._file.fileno(), BLOCK + _TAG, number * (BLOCK + _TAG))
        return self._cipher.decrypt(_nonce(number), sealed, None)


def _nonce(number: int) -> bytes:
    """Return the nonce of a block: no two blocks of a key are sealed with the same number."""
    return struct.pack(">4xQ", number)
