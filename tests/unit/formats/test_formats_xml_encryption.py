"""XML encryption: opened by whom it is for, in its place, and never altered or endless."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.formats import xml_encryption
from simulators.formats.errors import FormatError, Tampered, UnknownAlgorithm, WrongKey
from tests.unit.formats.conftest import Identity

PLAIN = "<a>Grüße</a>".encode()


def der(identity: Identity) -> bytes:
    return identity.certificate.public_bytes(Encoding.DER)


def opened(document: bytes, identity: Identity) -> bytes:
    return xml_encryption.read(document).decrypt(der(identity), identity.private_key)


@given(content=st.binary(max_size=400), before=st.sampled_from([b"", b"\xef\xbb\xbf", b"<!--x-->"]))
def test_what_was_encrypted_opens_in_its_place(
    content: bytes, before: bytes, ecc_identity: Identity
) -> None:
    document = before + xml_encryption.encrypt(content, [ecc_identity.certificate]) + b"\n"
    assert opened(document, ecc_identity) == before + content + b"\n"


def test_every_recipient_opens_with_the_own_key(
    rsa_identity: Identity, ecc_identity: Identity
) -> None:
    both = (rsa_identity, ecc_identity)
    document = xml_encryption.encrypt(PLAIN, [identity.certificate for identity in both])
    assert xml_encryption.read(document).recipients == {der(identity) for identity in both}
    assert [opened(document, identity) for identity in both] == [PLAIN, PLAIN]


def test_who_is_no_recipient_cannot_open(rsa_identity: Identity, ecc_identity: Identity) -> None:
    document = xml_encryption.encrypt(PLAIN, [rsa_identity.certificate])
    with pytest.raises(WrongKey, match="no entry"):
        opened(document, ecc_identity)
    with pytest.raises(WrongKey, match="RSA key"):
        xml_encryption.read(document).decrypt(der(rsa_identity), ecc_identity.private_key)


def test_nothing_repeats_between_two_messages(ecc_identity: Identity) -> None:
    first, second = (
        xml_encryption.encrypt(PLAIN, [ecc_identity.certificate]).split(b"<xenc:CipherValue>")
        for _ in range(2)
    )
    assert len(first) == len(second) == 3
    assert not {piece[:60] for piece in first[1:]} & {piece[:60] for piece in second[1:]}


def test_algorithms_that_are_not_read(ecc_identity: Identity) -> None:
    document = xml_encryption.encrypt(PLAIN, [ecc_identity.certificate])
    for old, new in (
        (b"xmlenc11#aes256-gcm", b"xmlenc#aes256-cbc"),
        (b"http://gematik.de/ecies/2019", b"http://www.w3.org/2001/04/xmlenc#kw-aes256"),
    ):
        with pytest.raises(UnknownAlgorithm):
            opened(document.replace(old, new), ecc_identity)


def test_a_key_of_the_wrong_length(ecc_identity: Identity) -> None:
    document = xml_encryption.encrypt(PLAIN, [ecc_identity.certificate])
    with pytest.raises(WrongKey, match="length"):
        opened(document.replace(b"aes256-gcm", b"aes128-gcm"), ecc_identity)


@settings(max_examples=40)
@given(data=st.data())
def test_no_bit_of_the_content_can_be_turned(data: st.DataObject, ecc_identity: Identity) -> None:
    document = xml_encryption.encrypt(PLAIN, [ecc_identity.certificate])
    value = document.rpartition(b"<xenc:CipherValue>")[2].partition(b"<")[0]
    raw = bytearray(base64.b64decode(value))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Tampered):
        opened(document.replace(value, base64.b64encode(raw)), ecc_identity)


@pytest.mark.parametrize("kept", [0, 11, 12, 27])
def test_content_that_is_too_short(kept: int, ecc_identity: Identity) -> None:
    document = xml_encryption.encrypt(b"", [ecc_identity.certificate])
    value = document.rpartition(b"<xenc:CipherValue>")[2].partition(b"<")[0]
    short = base64.b64encode(base64.b64decode(value)[:kept])
    with pytest.raises(Tampered):
        opened(document.replace(value, short), ecc_identity)


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<a>" + b"<b/>" * xml_encryption.MAX_MARKS + b"</a>",
        b"<a " + b" ".join(b'b%d=""' % n for n in range(xml_encryption.MAX_MARKS // 2)) + b"/>",
        b'<?xml version="1.0" encoding="utf-16"?>\xff\xfe',
    ],
)
def test_documents_that_are_not_read(document: bytes) -> None:
    with pytest.raises(FormatError):
        xml_encryption.read(document)


@given(st.binary(max_size=300))
def test_any_bytes(document: bytes) -> None:
    with pytest.raises(FormatError):
        xml_encryption.read(document)
