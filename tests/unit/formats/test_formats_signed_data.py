"""SignedData: what is signed, and that nothing about a signature is believed unchecked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms as foreign_cms
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from simulators.formats import asn1, cms_algorithms, cms_attributes, recipient_emails, signed_data
from simulators.formats.certificates import certificate_id
from simulators.formats.errors import FormatError
from tests.unit.formats.conftest import Identity

NOW = datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)
CONTENT = (
    "Content-Type: message/rfc822\r\n\r\nSubject: Befund für Frau Müller\r\n\r\nText\r\n".encode()
)
OCSP_RESPONSE = asn1.sequence(asn1.encode(0x0A, b"\x01"))


def signer_of(identity: Identity) -> signed_data.Signer:
    return signed_data.key_signer(identity.certificate, identity.private_key)


def test_what_was_signed_verifies(identity: Identity) -> None:
    cms = signed_data.sign(CONTENT, signer_of(identity), signing_time=NOW)
    read = signed_data.read(cms)
    (signer,) = read.signers
    assert read.content == CONTENT
    assert read.certificates == (identity.certificate,)
    assert read.ocsp_responses == ()
    assert (signer.digest_ok, signer.signature_ok) == (True, True)
    assert signer.certificate == identity.certificate
    assert signer.signer_id == certificate_id(identity.certificate)
    assert signer.signing_time == NOW
    assert not signer.has_unsigned_attributes


@pytest.mark.requirement(
    "KOM-LE-A_2118",
    "KOM-LE-A_2119",
    "KOM-LE-A_2121",
    "KOM-LE-A_2122",
    "KOM-LE-A_2123",
    "KOM-LE-A_2124",
    "KOM-LE-A_2125",
    "KOM-LE-A_2126",
)
def test_the_message_has_the_form_of_the_profile(identity: Identity) -> None:
    """KOM-LE-A_2118, 2119, 2121 to 2126."""
    entry = recipient_emails.attribute([("a@x.kim.telematik-test", identity.certificate)])
    cms = signed_data.sign(CONTENT, signer_of(identity), signing_time=NOW, attributes=[entry])
    content = foreign_cms.ContentInfo.load(cms, strict=True)["content"]
    assert content["version"].native == "v1"
    assert content["encap_content_info"]["content_type"].native == "data"
    assert content["encap_content_info"]["content"].native == CONTENT
    assert len(content["certificates"]) == 1
    assert content["crls"].native is None
    (info,) = content["signer_infos"]
    assert info["version"].native == "v1"
    assert info["sid"].name == "issuer_and_serial_number"
    assert info["unsigned_attrs"].native is None
    members = [attribute.dump() for attribute in info["signed_attrs"]]
    assert members == sorted(members), "signed attributes stand in DER order"
    assert entry in members, "recipient-emails is taken over verbatim (KOM-LE-A_2127)"


def test_the_signed_attributes_are_those_of_a_real_konnektor(
    rsa_identity: Identity, spec: Callable[[str], Path]
) -> None:
    real = signed_data.read(spec("eeb/example_eEB_ANF_konnektor_CAdES.p7s").read_bytes())
    ours = signed_data.read(
        signed_data.sign(CONTENT, signer_of(rsa_identity), signing_time=NOW, content_hint="none")
    )
    theirs, mine = real.signers[0].attributes, ours.signers[0].attributes
    assert list(mine) == list(theirs)
    for same in (cms_attributes.CONTENT_TYPE, cms_attributes.ALGORITHM_PROTECTION):
        assert mine[same] == theirs[same]
    for shaped in (cms_attributes.SIGNING_CERTIFICATE_V2, cms_attributes.CONTENT_HINTS):
        assert shape(mine[shaped][0]) == shape(theirs[shaped][0])


def shape(der: bytes) -> object:
    """Return the nested tags of *der* down to Names, whose length differs."""

    def walk(element: asn1.Element) -> object:
        if not element.tag & 0x20 or element.tag == asn1.context(4):
            return element.tag
        return [element.tag, *(walk(child) for child in element.children)]

    return walk(asn1.parse(der))


@pytest.mark.parametrize("name", ["ANF_konnektor", "BES"])
def test_the_samples_of_real_konnektors_verify(name: str, spec: Callable[[str], Path]) -> None:
    """One is DER, the other BER with the content in pieces of 1,000 bytes."""
    read = signed_data.read(spec(f"eeb/example_eEB_{name}_CAdES.p7s").read_bytes())
    (signer,) = read.signers
    assert (signer.digest_ok, signer.signature_ok) == (True, True)
    payload = spec(f"eeb/example_eEB_{name.split('_', maxsplit=1)[0]}_payload.xml").read_bytes()
    assert read.content is not None
    assert read.content.split() == payload.split()


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_ber_in_pieces_is_read(
    piece: int, identity: Identity, to_ber: Callable[..., bytes]
) -> None:
    """Attributes of indefinite length are checked as their DER."""
    entry = recipient_emails.attribute([("a@b", identity.certificate)])
    cms = signed_data.sign(CONTENT, signer_of(identity), signing_time=NOW, attributes=[entry])
    read, original = signed_data.read(to_ber(cms, piece)), signed_data.read(cms)
    assert read == original
    assert (read.signers[0].digest_ok, read.signers[0].signature_ok) == (True, True)


def test_a_changed_content_is_noticed(identity: Identity) -> None:
    cms = signed_data.sign(CONTENT, signer_of(identity), signing_time=NOW)
    changed = cms.replace(b"Befund", b"Befumd")
    (signer,) = signed_data.read(changed).signers
    assert (signer.digest_ok, signer.signature_ok) == (False, True)


def test_a_changed_attribute_is_noticed(identity: Identity) -> None:
    cms = signed_data.sign(CONTENT, signer_of(identity), signing_time=NOW)
    changed = cms.replace(asn1.time(NOW), asn1.time(NOW.replace(second=2)))
    (signer,) = signed_data.read(changed).signers
    assert (signer.digest_ok, signer.signature_ok) == (True, False)


def test_a_detached_signature_needs_its_content(identity: Identity) -> None:
    cms = signed_data.sign(CONTENT, signer_of(identity), signing_time=NOW, detached=True)
    assert CONTENT not in cms
    alone = signed_data.read(cms)
    assert alone.content is None
    assert (alone.signers[0].digest_ok, alone.signers[0].signature_ok) == (False, True)
    together = signed_data.read(cms, CONTENT)
    assert together.content == CONTENT
    assert together.signers[0].digest_ok
    assert not signed_data.read(cms, CONTENT + b" ").signers[0].digest_ok


def test_ocsp_answers_stand_in_crls_and_make_version_5(identity: Identity) -> None:
    cms = signed_data.sign(
        CONTENT, signer_of(identity), signing_time=NOW, ocsp_responses=[OCSP_RESPONSE]
    )
    assert foreign_cms.ContentInfo.load(cms)["content"]["version"].native == "v5"
    read = signed_data.read(cms)
    assert read.ocsp_responses == (OCSP_RESPONSE,)
    assert read.signers[0].signature_ok


def test_a_signature_of_another_key_does_not_hold(
    rsa_identity: Identity, ecc_identity: Identity
) -> None:
    for certificate, key in (
        (rsa_identity.certificate, rsa.generate_private_key(65537, 2048)),
        (ecc_identity.certificate, ec.generate_private_key(ec.BrainpoolP256R1())),
    ):
        cms = signed_data.sign(CONTENT, signed_data.key_signer(certificate, key), signing_time=NOW)
        assert not signed_data.read(cms).signers[0].signature_ok


def test_the_certificate_is_chosen_by_the_signer_id(
    rsa_identity: Identity, ecc_identity: Identity
) -> None:
    """Another certificate first in the message must not be taken for the signer's."""
    cms = signed_data.sign(CONTENT, signer_of(ecc_identity), signing_time=NOW)
    both = with_certificates(cms, [rsa_identity, ecc_identity])
    (signer,) = signed_data.read(both).signers
    assert signer.certificate == ecc_identity.certificate
    assert signer.signature_ok
    (signer,) = signed_data.read(with_certificates(cms, [rsa_identity])).signers
    assert signer.certificate is None
    assert not signer.signature_ok


def with_certificates(cms: bytes, identities: list[Identity]) -> bytes:
    content = foreign_cms.ContentInfo.load(cms)
    content["content"]["certificates"] = [
        foreign_cms.Certificate.load(signer_of(identity).encoded_certificate)
        for identity in identities
    ]
    return bytes(content.dump(force=True))


def resigned(identity: Identity, attributes: list[bytes], **fields: bytes) -> bytes:
    """Return a message of *identity* over exactly *attributes*, in the order given."""
    signer = signer_of(identity)
    signed = asn1.set_of(attributes)
    info = asn1.sequence(
        asn1.integer(1),
        signer.encoded_id,
        cms_algorithms.SHA256,
        asn1.encode(asn1.context(0), *attributes),
        fields.get("algorithm", signer.algorithm),
        asn1.octet_string(fields.get("signature", signer.sign(signed))),
    )
    return asn1.sequence(
        asn1.oid(signed_data.OID),
        asn1.encode(
            asn1.context(0),
            asn1.sequence(
                asn1.integer(1),
                asn1.set_of([cms_algorithms.SHA256]),
                asn1.sequence(
                    asn1.oid(cms_attributes.DATA),
                    asn1.encode(asn1.context(0), asn1.octet_string(CONTENT)),
                ),
                asn1.encode(asn1.context(0), signer.encoded_certificate),
                asn1.set_of([info]),
            ),
        ),
    )


def original_attributes(identity: Identity) -> dict[str, bytes]:
    cms = signed_data.sign(CONTENT, signer_of(identity), signing_time=NOW)
    found = signed_data.read(cms).signers[0].attributes
    return {oid: cms_attributes.attribute(oid, *values) for oid, values in found.items()}


def test_attributes_out_of_order_are_checked_as_der_set(identity: Identity) -> None:
    """RFC 5652, 5.4: signed is the DER of the attributes, not what was sent."""
    attributes = sorted(original_attributes(identity).values(), reverse=True)
    (signer,) = signed_data.read(resigned(identity, attributes)).signers
    assert (signer.digest_ok, signer.signature_ok) == (True, True)


def test_a_signature_over_the_order_as_sent_does_not_hold(identity: Identity) -> None:
    attributes = sorted(original_attributes(identity).values(), reverse=True)
    unsorted_set = asn1.encode(asn1.SET, *attributes)
    signature = signer_of(identity).sign(unsorted_set)
    (signer,) = signed_data.read(resigned(identity, attributes, signature=signature)).signers
    assert not signer.signature_ok


@pytest.mark.parametrize("missing", [cms_attributes.CONTENT_TYPE, cms_attributes.MESSAGE_DIGEST])
def test_without_content_type_or_digest_the_content_is_not_covered(
    missing: str, ecc_identity: Identity
) -> None:
    attributes = original_attributes(ecc_identity)
    del attributes[missing]
    (signer,) = signed_data.read(resigned(ecc_identity, list(attributes.values()))).signers
    assert (signer.digest_ok, signer.signature_ok) == (False, True)


def test_two_message_digests_are_not_one(ecc_identity: Identity) -> None:
    attributes = original_attributes(ecc_identity)
    second = cms_attributes.attribute(cms_attributes.MESSAGE_DIGEST, asn1.octet_string(bytes(32)))
    (signer,) = signed_data.read(resigned(ecc_identity, [*attributes.values(), second])).signers
    assert not signer.digest_ok


def test_an_algorithm_other_than_the_protected_one_does_not_hold(ecc_identity: Identity) -> None:
    """RFC 6211: cmsAlgorithmProtection must name the algorithms of the SignerInfo."""
    attributes = original_attributes(ecc_identity)
    attributes[cms_attributes.ALGORITHM_PROTECTION] = cms_attributes.attribute(
        cms_attributes.ALGORITHM_PROTECTION,
        asn1.sequence(cms_algorithms.SHA256, asn1.retag(asn1.context(1), cms_algorithms.RSA_PSS)),
    )
    (signer,) = signed_data.read(resigned(ecc_identity, list(attributes.values()))).signers
    assert not signer.signature_ok


def test_a_signing_certificate_other_than_the_signers_does_not_hold(
    rsa_identity: Identity, ecc_identity: Identity
) -> None:
    attributes = original_attributes(ecc_identity)
    attributes[cms_attributes.SIGNING_CERTIFICATE_V2] = original_attributes(rsa_identity)[
        cms_attributes.SIGNING_CERTIFICATE_V2
    ]
    (signer,) = signed_data.read(resigned(ecc_identity, list(attributes.values()))).signers
    assert not signer.signature_ok


@pytest.mark.parametrize("salt", [0, 32, 222])
def test_pss_with_any_salt_is_read(salt: int, rsa_identity: Identity) -> None:
    attributes = original_attributes(rsa_identity)
    del attributes[cms_attributes.ALGORITHM_PROTECTION]
    key = rsa_identity.private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    signature = key.sign(asn1.set_of(attributes.values()), pss, hashes.SHA256())
    parameters = asn1.parse(cms_algorithms.RSA_PSS).children[1].children
    stated = asn1.sequence(
        asn1.oid(cms_algorithms.RSA_PSS_OID),
        asn1.sequence(
            parameters[0].encoded,
            parameters[1].encoded,
            asn1.encode(asn1.context(2), asn1.integer(salt)),
        ),
    )
    message = resigned(
        rsa_identity, list(attributes.values()), algorithm=stated, signature=signature
    )
    assert signed_data.read(message).signers[0].signature_ok


@pytest.mark.parametrize("oid", [cms_algorithms.RSA_OID, "1.2.840.113549.1.1.11"])
def test_pkcs1_signatures_are_read(oid: str, rsa_identity: Identity) -> None:
    attributes = original_attributes(rsa_identity)
    del attributes[cms_attributes.ALGORITHM_PROTECTION]
    key = rsa_identity.private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = key.sign(asn1.set_of(attributes.values()), padding.PKCS1v15(), hashes.SHA256())
    algorithm = asn1.sequence(asn1.oid(oid), asn1.null())
    message = resigned(
        rsa_identity, list(attributes.values()), algorithm=algorithm, signature=signature
    )
    assert signed_data.read(message).signers[0].signature_ok


def test_the_weak_defaults_of_pss_are_not_accepted(rsa_identity: Identity) -> None:
    """RSASSA-PSS without parameters means SHA-1."""
    attributes = original_attributes(rsa_identity)
    del attributes[cms_attributes.ALGORITHM_PROTECTION]
    key = rsa_identity.private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    weak = padding.PSS(padding.MGF1(hashes.SHA1()), 20)
    signature = key.sign(asn1.set_of(attributes.values()), weak, hashes.SHA1())
    algorithm = asn1.sequence(asn1.oid(cms_algorithms.RSA_PSS_OID), asn1.sequence())
    message = resigned(
        rsa_identity, list(attributes.values()), algorithm=algorithm, signature=signature
    )
    assert not signed_data.read(message).signers[0].signature_ok


def test_the_number_of_signatures_is_bounded(ecc_identity: Identity) -> None:
    cms = signed_data.sign(CONTENT, signer_of(ecc_identity), signing_time=NOW)
    parts = foreign_cms.ContentInfo.load(cms)["content"]
    one = parts["signer_infos"][0].dump()
    others = ("version", "digest_algorithms", "encap_content_info", "certificates")
    crowd = asn1.sequence(
        *(parts[name].dump() for name in others),
        asn1.set_of([one] * (signed_data.MAX_SIGNERS + 1)),
    )
    message = asn1.sequence(asn1.oid(signed_data.OID), asn1.encode(asn1.context(0), crowd))
    with pytest.raises(FormatError, match="signatures"):
        signed_data.read(message)


def test_what_is_no_signed_data_is_refused(ecc_identity: Identity) -> None:
    other = asn1.sequence(
        asn1.oid(cms_attributes.DATA), asn1.encode(asn1.context(0), asn1.octet_string(b"x"))
    )
    for wrong in (b"", b"hello", other, b"\x30\x80\0\0"):
        with pytest.raises(FormatError):
            signed_data.read(wrong)


def test_an_attribute_that_is_none_is_not_signed(ecc_identity: Identity) -> None:
    for wrong in (b"", b"\x30\x00", asn1.integer(1)):
        with pytest.raises(FormatError):
            signed_data.sign(CONTENT, signer_of(ecc_identity), signing_time=NOW, attributes=[wrong])


def test_the_official_sample_verifies(spec: Callable[[str], Path]) -> None:
    cms = spec("api-kim/SMIME-Profil/inputEmail.txt.02.signedcms").read_bytes()
    read = signed_data.read(cms)
    (signer,) = read.signers
    assert (signer.digest_ok, signer.signature_ok) == (True, True)
    assert read.content == spec("api-kim/SMIME-Profil/inputEmail.txt.01.rfc822wrap").read_bytes()
    assert len(recipient_emails.read(signer.attributes[recipient_emails.OID])) == 2
