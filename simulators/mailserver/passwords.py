"""Passwords: kept as salted scrypt hashes only, and checked fast enough for every connection."""

from __future__ import annotations

import hashlib
import hmac
import secrets

SALT_SIZE = 16
_N, _R, _P = 1 << 14, 8, 1


def hash_password(password: str) -> bytes:
    """Return salt and scrypt hash of *password*, what a database may hold (KOM-LE-A_2164).

    Takes tens of milliseconds: not for the event loop.
    """
    salt = secrets.token_bytes(SALT_SIZE)
    return salt + _scrypt(password, salt)


def matches(password: str, stored: bytes) -> bool:
    """Tell whether *stored* was made from *password*; takes as long as ``hash_password``."""
    salt, expected = stored[:SALT_SIZE], stored[SALT_SIZE:]
    return hmac.compare_digest(_scrypt(password, salt), expected)


class Verifier:
    """Remembers which password an account showed to be right, as a MAC under a key of this run.

    A client module logs in for every mail; scrypt each time would keep both cores busy at
    30 logins a second. The key never leaves the process's memory.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._tags: dict[str, bytes] = {}

    def remember(self, address: str, password: str) -> None:
        """Note that *password* is the right one for *address*."""
        self._tags[address] = self._tag(address, password)

    def forget(self, address: str) -> None:
        """Have the next login compared with the stored hash (the password was changed)."""
        self._tags.pop(address, None)

    def check(self, address: str, password: str) -> bool | None:
        """Tell whether *password* is right; None when only the stored hash can tell."""
        tag = self._tags.get(address)
        if tag is None:
            return None
        return hmac.compare_digest(tag, self._tag(address, password))

    def _tag(self, address: str, password: str) -> bytes:
        content = address.encode() + b"\0" + password.encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, content, "sha256")


def _scrypt(password: str, salt: bytes) -> bytes:
    content = password.encode("utf-8", "surrogateescape")
    return hashlib.scrypt(content, salt=salt, n=_N, r=_R, p=_P, dklen=32)
