"""AES-256-GCM over a stream of mail data, as they lie on the KAS (A_19360-02, GS-A_5016)."""

from __future__ import annotations

import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import (
    AEADDecryptionContext,
    AEADEncryptionContext,
    Cipher,
)
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

KEY_BYTES: Final = 32
IV_BYTES: Final = 12
TAG_BYTES: Final = 16
OVERHEAD: Final = IV_BYTES + TAG_BYTES
"""How much longer sealed data are than plain ones."""


class CannotOpen(Exception):
    """The data were not sealed under this key, or they are not what was sealed."""


class Sealer:
    """Seals mail data piece by piece under a fresh key: IV, ciphertext, tag (A_19358-01).

    The IV is fresh too and stands in front. After ``finish``, ``size`` and ``hash`` are the length
    and the SHA-256 of the plain data.
    """

    def __init__(self) -> None:
        self.key = os.urandom(KEY_BYTES)
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._iv = os.urandom(IV_BYTES)
        self._encryptor: AEADEncryptionContext = Cipher(AES(self.key), GCM(self._iv)).encryptor()

    @property
    def hash(self) -> bytes:
        """SHA-256 of the plain data so far (A_19644)."""
        return self._sha256.digest()

    def begin(self) -> bytes:
        """Return what stands in front of the ciphertext."""
        return self._iv

    def update(self, plain: bytes) -> bytes:
        """Return the ciphertext of the next piece, of the same length."""
        self.size += len(plain)
        self._sha256.update(plain)
        return self._encryptor.update(plain)

    def finish(self) -> bytes:
        """Return what stands behind the ciphertext."""
        return self._encryptor.finalize() + self._encryptor.tag


class Opener:
    """Opens sealed mail data piece by piece (A_19371-04).

    What ``update`` returns must not be shown to anybody before ``finish`` said that it is what
    was sealed. Then ``size`` and ``hash`` are those of the plain data.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise CannotOpen(f"the key is not {KEY_BYTES} bytes long")
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._key = key
        self._held = b""
        self._decryptor: AEADDecryptionContext | None = None

    @property
    def hash(self) -> bytes:
        """SHA-256 of the plain data so far (A_19644)."""
        return self._sha256.digest()

    def update(self, sealed: bytes) -> bytes:
        """Return the plain data of the next piece; the last bytes are held back as the tag."""
        content = self._held + sealed
        if self._decryptor is None:
            if len(content) < IV_BYTES:
                self._held = content
                return b""
            self._decryptor = Cipher(AES(self._key), GCM(content[:IV_BYTES])).decryptor()
            content = content[IV_BYTES:]
        usable = max(0, len(content) - TAG_BYTES)
        self._held = content[usable:]
        plain = self._decryptor.update(memoryview(content)[:usable])
        self.size += len(plain)
        self._sha256.update(plain)
        return plain

    def finish(self) -> None:
        """Say that the data are what was sealed. Raises CannotOpen."""
        if self._decryptor is None or len(self._held) != TAG_BYTES:
            raise CannotOpen("the data are cut off")
        try:
            self._decryptor.finalize_with_tag(self._held)
        except InvalidTag:
            raise CannotOpen("the data are not what was sealed under this key") from None
