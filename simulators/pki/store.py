"""The cache on disk: keys and certificates that many worlds share, each in a file of its own.

A file carries the checksum of its content and is put in its place by a rename, so that a reader
sees all of it or nothing; a file that is damaged all the same counts as missing.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from simulators.process.errors import InputError, one_line

from .certificate import PrivateKey, new_key
from .profiles import KeyKind

LOCK_SECONDS = 60.0
LOCK_POLL_SECONDS = 0.02
MAX_ITEM_BYTES = 1 << 16
_HEADER = b"kimulator sha256 "


@dataclass(frozen=True)
class StoredKey:
    """A private key and its PEM (PKCS#8, not encrypted)."""

    private_key: PrivateKey
    pem: bytes


class Store:
    """Keys by name and certificates by fingerprint below *directory*.

    To be written to only while ``locked``.
    """

    def __init__(self, directory: Path) -> None:
        self._keys = directory / "keys"
        self._certificates = directory / "certificates"

    def keys(self, wanted: Mapping[str, KeyKind]) -> dict[str, StoredKey]:
        """Return the key of each name; those that are missing are made, on all processors."""
        # Key generation leaves the interpreter lock, so threads do; none is left behind for
        # the fork that may follow.
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            found = pool.map(lambda name: self._key(name, wanted[name]), wanted)
            return dict(zip(wanted, found, strict=True))

    def certificate(
        self, fingerprint: str, make: Callable[[], x509.Certificate]
    ) -> x509.Certificate:
        """Return the certificate with *fingerprint* of its content; *make* it if it is missing."""
        path = self._certificates / f"{fingerprint}.pem"
        content = _read(path)
        if content is not None:
            try:
                return x509.load_pem_x509_certificate(content)
            except ValueError:
                pass  # damaged before it was stored: made anew below
        certificate = make()
        _write(path, certificate.public_bytes(Encoding.PEM))
        return certificate

    def _key(self, name: str, kind: KeyKind) -> StoredKey:
        path = self._keys / f"{name}.{kind}.pem"
        pem = _read(path)
        if pem is not None:
            key = _load_key(pem)
            if key is not None:
                return StoredKey(key, pem)
        key = new_key(kind)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(path, pem)
        return StoredKey(key, pem)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of *directory*; another starter's lock ends with its process at the latest.

    Raises InputError when it is not to be had within ``LOCK_SECONDS``.
    """
    with (directory / "lock").open("w") as file:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise InputError(
                    f"{directory}: another start has been making certificates for "
                    f"{LOCK_SECONDS:.0f} s; end it or choose another KIMULATOR_CACHE"
                )
            time.sleep(LOCK_POLL_SECONDS)  # flock knows no deadline
        yield


def make_private_directory(path: Path) -> None:
    """Make *path* a directory of mode 0700, and every parent that is missing. InputError if not."""
    try:
        missing = [path, *(parent for parent in path.parents if not parent.exists())]
        for directory in reversed(missing):
            directory.mkdir(mode=0o700, exist_ok=True)
        if path.stat().st_mode & 0o777 != 0o700:
            path.chmod(0o700)
    except OSError as error:
        raise InputError(f"{path}: cannot keep keys here: {one_line(str(error))}") from None


def write_private(path: Path, content: bytes) -> None:
    """Write *content* to the new file *path* with mode 0600."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return False
    return True


def _load_key(pem: bytes) -> PrivateKey | None:
    try:
        # The checksum vouches for a key that this module wrote; the check of its numbers
        # would cost more than everything else.
        key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) else None


def _read(path: Path) -> bytes | None:
    """Return the content stored at *path*, None if it is missing or not as it was written."""
    try:
        with path.open("rb") as file:
            stored = file.read(MAX_ITEM_BYTES)
    except FileNotFoundError:
        return None
    header, _, content = stored.partition(b"\n")
    return content if header == _header(content) else None


def _write(path: Path, content: bytes) -> None:
    make_private_directory(path.parent)
    unfinished = path.with_name(f".{secrets.token_hex(8)}")
    write_private(unfinished, _header(content) + b"\n" + content)
    unfinished.replace(path)


def _header(content: bytes) -> bytes:
    return _HEADER + hashlib.sha256(content).hexdigest().encode()
