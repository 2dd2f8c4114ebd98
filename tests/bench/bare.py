"""The cryptography inside single operations of a Konnektor, with nothing around it."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .cryptography_bound import CURVE, HASH, key_of

ROUNDS = 100
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def sign_seconds(size: int) -> dict[str, float]:
    """Return the median seconds of one signature over *size* bytes, by the kind of the key."""
    content = os.urandom(size)
    elliptic = ec.generate_private_key(CURVE)
    other = rsa.generate_private_key(65537, 2048)
    return {
        "ecc": _median(lambda: elliptic.sign(content, HASH)),
        "rsa": _median(lambda: other.sign(content, _PSS, hashes.SHA256())),
    }


def decrypt_seconds(size: int) -> dict[str, float]:
    """Return the median seconds of opening a content key and *size* bytes with it."""
    key, nonce = os.urandom(32), os.urandom(12)
    sealed = AESGCM(key).encrypt(nonce, os.urandom(size), None)
    elliptic = ec.generate_private_key(CURVE)
    peer = ec.generate_private_key(CURVE).public_key()
    other = rsa.generate_private_key(65537, 2048)
    wrapped = other.public_key().encrypt(key, _OAEP)

    def with_ecc() -> None:
        key_of(elliptic.exchange(ec.ECDH(), peer))
        AESGCM(key).decrypt(nonce, sealed, None)

    def with_rsa() -> None:
        AESGCM(other.decrypt(wrapped, _OAEP)).decrypt(nonce, sealed, None)

    return {"ecc": _median(with_ecc), "rsa": _median(with_rsa)}


def encrypt_seconds(size: int) -> float:
    """Return the median seconds of encrypting *size* bytes for one ECC recipient."""
    content, recipient = os.urandom(size), ec.generate_private_key(CURVE).public_key()

    def encrypt() -> None:
        ephemeral = ec.generate_private_key(CURVE)
        key_of(ephemeral.exchange(ec.ECDH(), recipient))
        AESGCM(os.urandom(32)).encrypt(os.urandom(12), content, None)

    return _median(encrypt, rounds=5)


def _median(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
