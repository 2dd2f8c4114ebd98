"""Where the bytes of the KAS lie: in files, written and read off the event loop."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from hashlib import _Hash

P = ParamSpec("P")
R = TypeVar("R")

PIECE = 512 << 10
"""Bytes that go to the disk or come from it at once: few enough for many clients at a time."""
THREADS = 2


class Blob(Protocol):
    """A blob that is being written; nobody can read it yet."""

    sha256: _Hash

    async def write(self, data: bytes) -> None:
        """Append *data*; returns when there is room for more."""

    async def finish(self) -> None:
        """Return when every byte is durable."""

    async def discard(self) -> None:
        """Give up what is held for writing; ``delete`` by name takes away the rest."""


class Blobs(Protocol):
    """Blobs by name. OSError says that the storage failed; ``ENOSPC`` that it is full."""

    async def create(self, name: str) -> Blob:
        """Begin a blob."""

    def read(self, name: str, sha256: _Hash) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a blob in pieces; *sha256* is fed with each before it is yielded.

        Raises FileNotFoundError.
        """

    async def delete(self, name: str) -> None:
        """Delete a blob, if there is one."""

    async def close(self) -> None:
        """End connections and threads."""


class Files:
    """Blobs as files of one folder, readable by the owner only.

    They have threads of their own: a disk that is slow to confirm a large file must not keep
    logins waiting.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="kas")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def create(self, name: str) -> FileBlob:
        """Begin a file; raises OSError."""
        path = self._folder / name
        return FileBlob(await self.run(_create, path), path.parent, self)

    async def read(self, name: str, sha256: _Hash) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a file in pieces; raises FileNotFoundError."""
        file = await self.run(FileIO, self._folder / name)
        with file:
            while data := await self.run(_read, file, sha256):
                yield data

    async def delete(self, name: str) -> None:
        """Delete a file, if there is one."""
        await self.run(_delete, self._folder / name)

    async def close(self) -> None:
        """End the threads; what they do at this moment is finished."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run *function* in a thread of the disk's; whoever is cancelled waits for its end."""
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            raise


class FileBlob:
    """A file that is being written."""

    def __init__(self, file: FileIO, folder: Path, files: Files) -> None:
        self.sha256 = hashlib.sha256()
        self._file = file
        self._folder = folder
        self._files = files
        self._waiting: list[bytes] = []
        self._size = 0

    async def write(self, data: bytes) -> None:
        """Append *data*; returns when there is room for more."""
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= PIECE:
            await self._flush()

    async def finish(self) -> None:
        """Return when every byte and the file's name are on the disk."""
        await self._flush()
        await self._files.run(_sync, self._file, self._folder)

    async def discard(self) -> None:
        """Close the file."""
        self._waiting = []
        await self._files.run(self._file.close)

    async def _flush(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        await self._files.run(_write, self._file, waiting, self.sha256)


def _create(path: Path) -> FileIO:
    return FileIO(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600))


def _write(file: FileIO, pieces: list[bytes], sha256: _Hash) -> None:
    for piece in pieces:
        sha256.update(piece)
        left = memoryview(piece)
        while left:
            left = left[file.write(left) :]


def _read(file: FileIO, sha256: _Hash) -> bytes:
    data = file.read(PIECE)
    sha256.update(data)
    return data


def _sync(file: FileIO, folder: Path) -> None:
    os.fsync(file)
    file.close()
    parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
