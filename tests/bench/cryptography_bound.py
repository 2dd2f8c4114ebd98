"""The pure cryptography of one KIM mail on this machine, with nothing around it."""

from __future__ import annotations

import os
import time

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

ROUNDS = 200
CURVE = ec.BrainpoolP256R1()
HASH = ec.ECDSA(hashes.SHA256())
RECIPIENTS = 2  # the recipient and the sender (KOM-LE-A_2022)


def seconds_per_mail(size: int, rounds: int = ROUNDS) -> float:
    """Return the seconds that one core needs for one mail of *size* bytes, ECC cards.

    Sender: one signature, a key agreement with a fresh key and a key wrap for each recipient, one
    AES-256-GCM. Receiver: one key agreement, one unwrap, one AES-256-GCM, one verification.
    """
    content = os.urandom(size)
    card = ec.generate_private_key(CURVE)
    public = card.public_key()
    started = time.perf_counter()
    for _ in range(rounds):
        signature = card.sign(content, HASH)
        key, nonce = os.urandom(32), os.urandom(12)
        sealed = AESGCM(key).encrypt(nonce, content, None)
        for _ in range(RECIPIENTS):
            ephemeral = ec.generate_private_key(CURVE)
            wrapped = keywrap.aes_key_wrap(key_of(ephemeral.exchange(ec.ECDH(), public)), key)
        kek = key_of(card.exchange(ec.ECDH(), ephemeral.public_key()))
        opened = AESGCM(keywrap.aes_key_unwrap(kek, wrapped)).decrypt(nonce, sealed, None)
        public.verify(signature, opened, HASH)
    return (time.perf_counter() - started) / rounds


def key_of(shared: bytes) -> bytes:
    """Return the AES key that both sides derive from a shared point."""
    return X963KDF(hashes.SHA256(), 32, b"").derive(shared)
