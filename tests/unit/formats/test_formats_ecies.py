"""TI-ECIES: the cryptogram that a card of the TI decrypts, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.formats import asn1, ecies, enveloped_data
from simulators.formats.certificates import certificate_id
from simulators.formats.errors import FormatError, WrongKey
from tests.unit.formats.conftest import Identity

KEY = os.urandom(32)
EXAMPLE = base64.b64decode(
    "poGOBgkrJAMDAggBAQd/SUOGQQRouC6tM2TQQ+RP3pptgdAaDF8Te7IVCkUBe2H+PJSLK4W/BXIX"
    "kndiBwEfftd5wk4pjzCdC2j1q14/CIWcW89nhjEC7G47UAu2ZqmbIhxstkXV3UI2UUek/qwBwtb2"
    "6aUild+5kkTZXf5674OKHSdj6IFwjggvhYt9b/CTsA=="
)
"""The encoding that gemSpec_Krypt prints; nobody has the key for it."""


def test_it_is_built_like_the_example_of_the_specification() -> None:
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    made = ecies.encrypt(key.public_key(), KEY)
    point, ciphertext, mac = slice(19, 84), slice(87, 135), slice(137, 145)
    blank = bytearray(made), bytearray(EXAMPLE)
    for part in (point, ciphertext, mac):
        for cryptogram in blank:
            cryptogram[part] = bytes(len(cryptogram[part]))
    assert blank[0] == blank[1]
    assert ecies.decrypt(key, made) == KEY


def test_a_card_that_follows_the_steps_of_cos_reads_it() -> None:
    """N004.600 and N001.520 written down once more, without the module's own functions."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    made = ecies.encrypt(key.public_key(), KEY)
    sender = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, made[19:84])
    shared = key.exchange(ec.ECDH(), sender)
    encryption = hashlib.sha256(shared + bytes.fromhex("00000001")).digest()
    authentication = hashlib.sha256(shared + bytes.fromhex("00000002")).digest()
    ciphertext = made[87:135]
    function = CMAC(algorithms.AES(authentication))
    function.update(ciphertext + b"\x80" + bytes(15))
    assert function.finalize()[:8] == made[-8:]
    ecb = Cipher(algorithms.AES(encryption), modes.ECB())
    start = ecb.encryptor().update(bytes(16))
    plain = Cipher(algorithms.AES(encryption), modes.CBC(start)).decryptor().update(ciphertext)
    assert plain == KEY + b"\x80" + bytes(15)


@pytest.mark.parametrize("curve", [ec.BrainpoolP384R1(), ec.BrainpoolP512R1(), ec.SECP256R1()])
def test_other_curves_of_cards(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    assert ecies.decrypt(key, ecies.encrypt(key.public_key(), KEY)) == KEY


def test_curves_that_no_card_knows() -> None:
    with pytest.raises(FormatError, match="secp384r1"):
        ecies.encrypt(ec.generate_private_key(ec.SECP384R1()).public_key(), KEY)


def test_other_keys_do_not_open_it() -> None:
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    made = ecies.encrypt(key.public_key(), KEY)
    others = [
        ec.generate_private_key(ec.BrainpoolP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(65537, 2048),
    ]
    for other in others:
        with pytest.raises(WrongKey):
            ecies.decrypt(other, made)


@settings(max_examples=60)
@given(at=st.integers(0, 144), bit=st.integers(0, 7))
def test_no_bit_can_be_turned(at: int, bit: int) -> None:
    key = ec.derive_private_key(7, ec.BrainpoolP256R1())
    made = bytearray(ecies.encrypt(key.public_key(), KEY))
    made[at] ^= 1 << bit
    with pytest.raises(FormatError):
        ecies.decrypt(key, bytes(made))


@given(st.binary(max_size=60))
def test_any_bytes(cryptogram: bytes) -> None:
    with pytest.raises(FormatError):
        ecies.decrypt(ec.derive_private_key(7, ec.BrainpoolP256R1()), cryptogram)


def test_it_stands_in_a_message_where_an_rsa_ciphertext_would(ecc_identity: Identity) -> None:
    """gemSpec_Krypt A_17220: ktri with the own algorithm, no parameters."""
    recipient = enveloped_data.recipient(ecc_identity.certificate, "ti-ecies")
    cms = enveloped_data.encrypt(b"Befund", [recipient])
    entry = asn1.parse(cms).children[1].only().children[1].only()
    assert entry.tag == asn1.SEQUENCE
    assert bytes(entry.children[2].encoded) == asn1.sequence(asn1.oid(ecies.OID))
    read = enveloped_data.read(cms)
    owner = certificate_id(ecc_identity.certificate)
    assert read.recipients == (owner,)
    assert read.decrypt(owner, ecc_identity.private_key) == b"Befund"
