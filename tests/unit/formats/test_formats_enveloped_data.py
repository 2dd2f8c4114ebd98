"""AuthEnvelopedData: opened by whom it is for, by nobody else, and never altered."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from asn1crypto import cms as foreign_cms
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.formats import (
    asn1,
    cms_algorithms,
    cms_attributes,
    enveloped_data,
    recipient_emails,
    signed_data,
)
from simulators.formats.certificates import CertificateId, certificate_id
from simulators.formats.errors import FormatError, Tampered, UnknownAlgorithm, WrongKey
from tests.unit.formats.conftest import Identity

CONTENT = b"Content-Type: application/pkcs7-mime\r\n\r\n" + os.urandom(2500)


def opened(cms: bytes, identity: Identity) -> bytes:
    return enveloped_data.read(cms).decrypt(
        certificate_id(identity.certificate), identity.private_key
    )


def test_what_was_encrypted_opens(identity: Identity) -> None:
    assert opened(enveloped_data.encrypt(CONTENT, [identity.certificate]), identity) == CONTENT


def test_every_recipient_opens_with_the_own_key(
    rsa_identity: Identity, ecc_identity: Identity
) -> None:
    prepared = enveloped_data.recipient(ecc_identity.certificate)
    cms = enveloped_data.encrypt(CONTENT, [rsa_identity.certificate, prepared])
    read = enveloped_data.read(cms)
    assert set(read.recipients) == {
        certificate_id(identity.certificate) for identity in (rsa_identity, ecc_identity)
    }
    assert opened(cms, rsa_identity) == opened(cms, ecc_identity) == CONTENT


@settings(max_examples=30)
@given(content=st.binary(max_size=3000), piece=st.integers(1, 1200))
def test_ber_in_pieces_is_read(
    content: bytes, piece: int, ecc_identity: Identity, to_ber: Callable[..., bytes]
) -> None:
    """KOM Konnektors write indefinite lengths and pieces of 1,000 bytes."""
    cms = enveloped_data.encrypt(content, [ecc_identity.certificate])
    assert opened(to_ber(cms, piece), ecc_identity) == content


@pytest.mark.requirement("KOM-LE-A_2106", "KOM-LE-A_2107", "KOM-LE-A_2109", "KOM-LE-A_2112")
def test_the_message_has_the_form_of_the_profile(
    rsa_identity: Identity, ecc_identity: Identity
) -> None:
    """KOM-LE-A_2106 to 2109, 2112, 2114-01; unauthAttrs under the tag of RFC 5083, [2]."""
    entries = [
        ("a@x.kim.telematik-test", rsa_identity.certificate),
        ("b@x.kim.telematik-test", ecc_identity.certificate),
    ]
    attribute = recipient_emails.attribute(entries)
    cms = enveloped_data.encrypt(
        CONTENT, [certificate for _, certificate in entries], unauthenticated=[attribute]
    )
    content = foreign_cms.ContentInfo.load(cms, strict=True)["content"]
    assert content["version"].native == "v0"
    assert content["originator_info"].native is None
    assert content["auth_attrs"].native is None
    assert asn1.parse(cms).children[1].only().children[-1].encoded == asn1.set_of(
        [attribute], asn1.context(2)
    )
    info = content["auth_encrypted_content_info"]
    assert info["content_encryption_algorithm"]["algorithm"].dotted == (
        cms_algorithms.AES256_GCM_OID
    )
    assert len(info["encrypted_content"].native) == len(CONTENT)
    assert len(content["mac"].native) == 16
    names = {recipient.name for recipient in content["recipient_infos"]}
    assert names == {"ktri", "kari"}
    for recipient in content["recipient_infos"]:
        chosen = recipient.chosen
        name = (
            chosen["rid"]
            if recipient.name == "ktri"
            else (chosen["recipient_encrypted_keys"][0]["rid"])
        )
        assert name.name == "issuer_and_serial_number"


def test_nothing_repeats_between_two_messages(identity: Identity) -> None:
    """Content key, nonce and ephemeral key are new each time."""
    first, second = (
        enveloped_data.encrypt(CONTENT, [enveloped_data.recipient(identity.certificate)])
        for _ in range(2)
    )
    first_parts = {bytes(leaf) for leaf in leaves(first) if len(leaf) >= 12}
    second_parts = {bytes(leaf) for leaf in leaves(second) if len(leaf) >= 12}
    names = {bytes(leaf) for leaf in leaves(certificate_id(identity.certificate).encoded())}
    assert first_parts & second_parts <= names


def leaves(data: bytes) -> list[memoryview]:
    def walk(element: asn1.Element) -> list[memoryview]:
        if element.tag & 0x20:
            return [leaf for child in element.children for leaf in walk(child)]
        return [element.content]

    return walk(asn1.parse(data))


def test_who_is_no_recipient_cannot_open(rsa_identity: Identity, ecc_identity: Identity) -> None:
    cms = enveloped_data.encrypt(CONTENT, [rsa_identity.certificate])
    with pytest.raises(WrongKey, match="no entry"):
        opened(cms, ecc_identity)


def test_a_key_that_is_not_the_certificates_does_not_open(
    rsa_identity: Identity, ecc_identity: Identity
) -> None:
    wrong_keys = [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.BrainpoolP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    ]
    for identity in (rsa_identity, ecc_identity):
        read = enveloped_data.read(enveloped_data.encrypt(CONTENT, [identity.certificate]))
        for key in wrong_keys:
            with pytest.raises(WrongKey):
                read.decrypt(certificate_id(identity.certificate), key)


@pytest.mark.parametrize("place", ["ciphertext", "tag", "nonce"])
def test_an_altered_message_does_not_open(place: str, identity: Identity) -> None:
    cms = enveloped_data.encrypt(CONTENT, [identity.certificate])
    content = asn1.parse(cms).children[1].only().children
    parts = {
        "ciphertext": content[2].children[2],
        "tag": content[3],
        "nonce": content[2].children[1].children[1].children[0],
    }
    at = cms.index(bytes(parts[place].content)) + 3
    altered = cms[:at] + bytes([cms[at] ^ 1]) + cms[at + 1 :]
    with pytest.raises(Tampered):
        opened(altered, identity)


def test_authenticated_attributes_count_for_the_tag(ecc_identity: Identity) -> None:
    """RFC 5083, 2.2: an attribute slipped in under [1] must not pass."""
    cms = enveloped_data.encrypt(CONTENT, [ecc_identity.certificate])
    content = [bytes(child.encoded) for child in asn1.parse(cms).children[1].only().children]
    attribute = recipient_emails.attribute([("a@b", ecc_identity.certificate)])
    content.insert(3, asn1.set_of([attribute], asn1.context(1)))
    altered = envelope(content)
    with pytest.raises(Tampered):
        opened(altered, ecc_identity)


def test_another_key_transport_is_named_as_such(rsa_identity: Identity) -> None:
    cms = enveloped_data.encrypt(CONTENT, [rsa_identity.certificate])
    pkcs1 = asn1.sequence(asn1.oid(cms_algorithms.RSA_OID), asn1.null())
    content = [bytes(child.encoded) for child in asn1.parse(cms).children[1].only().children]
    entry = [bytes(f.encoded) for f in asn1.parse(content[1]).only().children]
    content[1] = asn1.set_of([asn1.sequence(entry[0], entry[1], pkcs1, entry[3])])
    other = envelope(content)
    with pytest.raises(UnknownAlgorithm, match="OAEP"):
        opened(other, rsa_identity)


def test_a_tag_shorter_than_stated_is_refused(ecc_identity: Identity) -> None:
    cms = enveloped_data.encrypt(CONTENT, [ecc_identity.certificate])
    content = [bytes(child.encoded) for child in asn1.parse(cms).children[1].only().children]
    content[3] = content[3][:1] + b"\x04" + content[3][2:6]
    short = envelope(content)
    with pytest.raises(FormatError, match="tag"):
        enveloped_data.read(short)


def test_what_is_no_envelope_is_refused(ecc_identity: Identity) -> None:
    for wrong in (b"", b"\0\0", b"MIME-Version: 1.0\r\n", asn1.sequence()):
        with pytest.raises(FormatError):
            enveloped_data.read(wrong)
    with pytest.raises(FormatError):
        enveloped_data.encrypt(CONTENT, [ecc_identity.certificate], unauthenticated=[b"x"])


def test_an_issuer_encoded_anew_is_still_the_same() -> None:
    """Some software writes a Name with other string types (FAQ: matched by meaning)."""

    def name(tag: int, text: str) -> bytes:
        attribute = asn1.sequence(asn1.oid("2.5.4.3"), asn1.encode(tag, text.encode()))
        return asn1.sequence(asn1.set_of([attribute]))

    certificate = CertificateId(name(asn1.UTF8_STRING, "SMCB-CA TEST-ONLY"), 5)
    assert certificate == CertificateId(name(asn1.PRINTABLE_STRING, "smcb-ca  test-only"), 5)
    assert certificate != CertificateId(name(asn1.UTF8_STRING, "SMCB-CA TEST-ONLY"), 6)
    assert certificate != CertificateId(name(asn1.UTF8_STRING, "SMCB-CA1 TEST-ONLY"), 5)
    assert certificate != CertificateId(b"broken", 5)


@pytest.mark.requirement("KOM-LE-A_2127")
def test_the_official_sample_opens_with_key_a(spec: Callable[[str], Path]) -> None:
    """Byte for byte; recipient-emails in envelope and signature say the same (KOM-LE-A_2127)."""
    sample = "api-kim/SMIME-Profil/inputEmail.txt"
    keys = "api-kim/SMIME-Profil/recipientAkeys/"
    key, certificate, _ = pkcs12.load_key_and_certificates(
        spec(keys + "hci-enc-2-kim-bsp.p12").read_bytes(),
        spec(keys + "password.txt").read_bytes().strip(),
    )
    assert isinstance(key, rsa.RSAPrivateKey)
    assert certificate is not None
    read = enveloped_data.read(spec(sample + ".04.encryptedcms").read_bytes())
    plain = read.decrypt(certificate_id(certificate), key)
    assert plain == spec(sample + ".03.signedwrap").read_bytes()
    signed = signed_data.read(spec(sample + ".02.signedcms").read_bytes())
    named = recipient_emails.read(read.unauthenticated[recipient_emails.OID])
    assert named == recipient_emails.read(signed.signers[0].attributes[recipient_emails.OID])
    assert {entry.certificate for entry in named} == set(read.recipients)


def test_the_number_of_recipients_is_bounded(ecc_identity: Identity) -> None:
    cms = enveloped_data.encrypt(CONTENT, [ecc_identity.certificate])
    content = [bytes(child.encoded) for child in asn1.parse(cms).children[1].only().children]
    entry = bytes(asn1.parse(content[1]).only().encoded)
    content[1] = asn1.encode(asn1.SET, entry * (enveloped_data.MAX_RECIPIENTS + 1))
    many = envelope(content)
    with pytest.raises(FormatError, match="recipients"):
        enveloped_data.read(many)


def test_equal_serials_of_many_issuers_cost_no_quadratic_parsing() -> None:
    """A set of hostile ids, all with the same hash, must not be re-read for every comparison."""

    def name(number: int) -> bytes:
        text = asn1.encode(asn1.UTF8_STRING, f"CA {number}".encode())
        return asn1.sequence(asn1.set_of([asn1.sequence(asn1.oid("2.5.4.3"), text)]))

    ids = {CertificateId(name(number), 1) for number in range(recipient_emails.MAX_ENTRIES)}
    assert len(ids) == recipient_emails.MAX_ENTRIES


def test_user_keying_material_enters_the_key_derivation(ecc_identity: Identity) -> None:
    """RFC 5753, 7.2, as others write it: the entry is built here with asn1crypto."""
    key = ecc_identity.private_key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    material = os.urandom(16)
    ephemeral = ec.generate_private_key(key.curve)
    wrap = core.Sequence.load(cms_algorithms.AES256_WRAP)
    shared_info = SharedInfo({"key": wrap, "ukm": material, "bits": (256).to_bytes(4, "big")})
    kek = X963KDF(hashes.SHA256(), 32, shared_info.dump()).derive(
        ephemeral.exchange(ec.ECDH(), key.public_key())
    )
    content_key, nonce = os.urandom(32), os.urandom(12)
    sealed = AESGCM(content_key).encrypt(nonce, CONTENT, None)
    name = certificate_id(ecc_identity.certificate)
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    originator = asn1.encode(
        asn1.context(1),
        asn1.sequence(asn1.oid(cms_algorithms.EC_PUBLIC_KEY_OID)),
        asn1.encode(asn1.BIT_STRING, b"\0", point),
    )
    entry = asn1.encode(
        asn1.context(1),
        asn1.integer(3),
        asn1.encode(asn1.context(0), originator),
        asn1.encode(asn1.context(1), asn1.octet_string(material)),
        cms_algorithms.ECDH_SHA256_KDF,
        asn1.sequence(
            asn1.sequence(name.encoded(), asn1.octet_string(keywrap.aes_key_wrap(kek, content_key)))
        ),
    )
    own = enveloped_data.encrypt(CONTENT, [ecc_identity.certificate])
    content = [bytes(child.encoded) for child in asn1.parse(own).children[1].only().children]
    content[1] = asn1.set_of([entry])
    content[2] = asn1.sequence(
        asn1.oid(cms_attributes.DATA),
        asn1.sequence(
            asn1.oid(cms_algorithms.AES256_GCM_OID),
            asn1.sequence(asn1.octet_string(nonce), asn1.integer(16)),
        ),
        asn1.encode(asn1.primitive(0), sealed[:-16]),
    )
    content[3] = asn1.octet_string(sealed[-16:])
    assert opened(envelope(content), ecc_identity) == CONTENT


class SharedInfo(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("key", core.Any),
        ("ukm", core.OctetString, {"explicit": 0}),
        ("bits", core.OctetString, {"explicit": 2}),
    ]


def envelope(content: list[bytes]) -> bytes:
    return asn1.sequence(
        asn1.oid(enveloped_data.OID), asn1.encode(asn1.context(0), asn1.sequence(*content))
    )


@pytest.mark.parametrize(
    ("algorithm", "error"),
    [
        (("2.16.840.1.101.3.4.1.42", bytes(16), 16), UnknownAlgorithm),
        ((cms_algorithms.AES256_GCM_OID, bytes(8), 16), FormatError),
        ((cms_algorithms.AES256_GCM_OID, bytes(1000), 16), FormatError),
        ((cms_algorithms.AES256_GCM_OID, bytes(12), 12), FormatError),
    ],
)
def test_another_content_encryption_is_refused(
    algorithm: tuple[str, bytes, int], error: type[FormatError], ecc_identity: Identity
) -> None:
    """CBC, and GCM with a nonce or a tag length that does not belong to the message."""
    oid, nonce, length = algorithm
    own = enveloped_data.encrypt(CONTENT, [ecc_identity.certificate])
    content = [bytes(child.encoded) for child in asn1.parse(own).children[1].only().children]
    fields = [bytes(child.encoded) for child in asn1.parse(content[2]).children]
    parameters = asn1.sequence(asn1.octet_string(nonce), asn1.integer(length))
    fields[1] = asn1.sequence(asn1.oid(oid), parameters)
    content[2] = asn1.sequence(*fields)
    with pytest.raises(error):
        enveloped_data.read(envelope(content))


def test_a_key_of_another_kind_is_no_recipient() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "TEST-ONLY")])
    now = datetime(2026, 11, 23, tzinfo=UTC)
    certificate = x509.CertificateBuilder(
        name, name, key.public_key(), 1, now, now + timedelta(1)
    ).sign(key, None)
    with pytest.raises(FormatError, match="neither"):
        enveloped_data.encrypt(CONTENT, [certificate])
