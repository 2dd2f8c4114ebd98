"""VerifyDocument: every check and its code, the report, hostile signatures."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import algos, cms, core, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree

from simulators.formats import (
    asn1,
    cms_attributes,
    content_info,
    signature_timestamp,
    signed_data,
    xades,
    xml_algorithms,
)
from simulators.formats.signed_data import Signer, key_signer
from simulators.formats.xml_canonical import canonical, parse
from simulators.pki.cards import read_card
from tests.konnektor_site import (
    ENVELOPING,
    HBA,
    PREFIXES,
    SMCB,
    SMCB_G20,
    Site,
    context,
    document,
)

TEXT = b"Befund"
NOW = datetime.now(UTC)
REPORT = "<vr:ReturnVerificationReport/>"


def card_key(site: Site, iccsn: str, crypt: str, reference: str = "C.SIG") -> Any:
    return read_card(site.pki.card(iccsn)).objects[reference, crypt]  # type: ignore[index]


def card_signer(site: Site, iccsn: str = SMCB, crypt: str = "ECC", **more: str) -> Signer:
    key = card_key(site, iccsn, crypt, **more)
    return key_signer(key.certificate, key.private_key)


def verify(
    site: Site,
    octets: bytes | None,
    *,
    given: str = "",
    options: str = "",
    kind: str = "urn:ietf:rfc:5652",
    revocation: str = "false",
) -> Any:
    inputs = f"<SIG:OptionalInputs>{options}</SIG:OptionalInputs>" if options else ""
    holder = ""
    if octets is not None:
        encoded = base64.b64encode(octets).decode()
        holder = (
            f'<dss:SignatureObject><dss:Base64Signature Type="{kind}">{encoded}'
            "</dss:Base64Signature></dss:SignatureObject>"
        )
    return site.call(
        "SIG",
        "VerifyDocument",
        f"{context()}{inputs}{given}{holder}"
        f"<SIG:IncludeRevocationInfo>{revocation}</SIG:IncludeRevocationInfo>",
    )


def result(answer: Any) -> str:
    return str(answer.text("//SIG:HighLevelResult"))


def codes(answer: Any) -> list[int]:
    found = answer.body.xpath("//GERROR:Trace/GERROR:Code/text()", namespaces=PREFIXES)
    return [int(code) for code in found]


def minor(answer: Any) -> str:
    return str(answer.text("//vr:IndividualReport/dss:Result/dss:ResultMinor")).rpartition(":")[2]


def merged(messages: list[bytes]) -> bytes:
    """Return one SignedData with the signers and certificates of all."""
    oid = asn1.oid(signed_data.OID)
    certificates: dict[bytes, None] = {}
    signers: list[bytes] = []
    for message in messages:
        fields = content_info.read(message, oid, "SignedData")
        head = [fields.take(asn1.INTEGER), fields.take(asn1.SET), fields.take(asn1.SEQUENCE)]
        embedded = fields.take(asn1.context(0)).children
        certificates |= {bytes(entry.encoded): None for entry in embedded}
        signers += [bytes(entry.encoded) for entry in fields.take(asn1.SET).children]
    return content_info.write(
        oid,
        [
            *(entry.encoded for entry in head),
            b"".join(asn1.enclose(asn1.context(0), list(certificates))),
            b"".join(asn1.enclose(asn1.SET, signers)),
        ],
    )


def changed(message: bytes, change: Callable[[Any], None]) -> bytes:
    info = cms.ContentInfo.load(message)
    change(info["content"])
    return bytes(info.dump(force=True))


def key_info(*certificates: x509.Certificate) -> str:
    encoded = "".join(
        "<ds:X509Certificate>"
        f"{base64.b64encode(entry.public_bytes(Encoding.DER)).decode()}</ds:X509Certificate>"
        for entry in certificates
    )
    return (
        '<dss:AdditionalKeyInfo><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">'
        f"<ds:X509Data>{encoded}</ds:X509Data></ds:KeyInfo></dss:AdditionalKeyInfo>"
    )


@pytest.mark.parametrize("name", ["example_eEB_ANF_konnektor_CAdES", "example_eEB_BES_CAdES"])
def test_cades_of_a_real_konnektor(site: Site, spec: Callable[[str], Path], name: str) -> None:
    """The mathematics hold; its CA is not known here, so the path is not complete."""
    octets = spec(f"eeb/{name}.p7s").read_bytes()
    answer = verify(site, octets, options=REPORT)
    assert (result(answer), codes(answer)) == ("INVALID", [4206])
    assert minor(answer) == "CertificateChainNotComplete"
    assert answer.text("//vr:SigMathOK/vr:ResultMajor").endswith(":valid")
    assert answer.text("//SIG:TimestampType") == "SIGNATURE_EMBEDDED_TIMESTAMP"
    assert answer.text("//SIG:Timestamp").startswith("2023-04-17T14:3")


def test_official_card_that_did_not_sign(site: Site, spec: Callable[[str], Path]) -> None:
    folder = spec("certificates")
    pem = (folder / "80276001011699900861-C_SMCB_OSIG_R2048_X509.crt.pem").read_bytes()
    official = x509.load_pem_x509_certificate(pem)
    signer = card_signer(site, SMCB_G20, "RSA")
    octets = signed_data.sign(TEXT, Signer(official, signer.sign), signing_time=NOW)
    answer = verify(site, octets)
    assert (result(answer), codes(answer)) == ("INVALID", [4206, 4115])


@pytest.mark.parametrize(("crypt", "iccsn"), [("RSA", SMCB_G20), ("ECC", SMCB), ("RSA", SMCB)])
def test_certificate_in_additional_key_info(site: Site, crypt: str, iccsn: str) -> None:
    signer = card_signer(site, iccsn, crypt)

    def strip(content: Any) -> None:
        del content["certificates"]

    octets = changed(signed_data.sign(TEXT, signer, signing_time=NOW), strip)
    assert verify(site, octets).code == 4206
    assert result(verify(site, octets, options=key_info(signer.certificate))) == "VALID"
    other = card_signer(site, HBA, "ECC", reference="C.QES").certificate
    assert verify(site, octets, options=key_info(other)).code == 4206


@pytest.mark.parametrize("pss", [False, True])
def test_pkcs1(site: Site, pss: bool) -> None:
    key = card_key(site, SMCB_G20, "RSA")
    scheme: Any = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else padding.PKCS1v15()
    value = key.private_key.sign(TEXT, scheme, hashes.SHA256())
    given = document(TEXT, short_text=None)
    options = key_info(key.certificate) + REPORT
    kind = "urn:ietf:rfc:3447"
    answer = verify(site, value, given=given, options=options, kind=kind)
    assert result(answer) == "VALID"
    assert answer.text("//SIG:TimestampType") == "SYSTEM_TIMESTAMP"
    wrong = document(b"x", short_text=None)
    assert codes(verify(site, value, given=wrong, options=options, kind=kind)) == [4115]
    assert verify(site, value, options=options, kind=kind).code == 4000
    assert verify(site, value, given=given, kind=kind).code == 4206
    ecc = key_info(card_key(site, SMCB, "ECC").certificate)
    assert codes(verify(site, value, given=given, options=ecc, kind=kind)) == [4115]


def test_many_signatures(site: Site) -> None:
    """TIP1-A_5034-06: at least 20 signatures of one document; each has its report."""
    signers = [card_signer(site), card_signer(site, SMCB_G20, "RSA")]
    messages = [
        signed_data.sign(TEXT, signers[number % 2], signing_time=NOW + timedelta(seconds=number))
        for number in range(24)
    ]
    answer = verify(site, merged(messages), options=REPORT)
    assert result(answer) == "VALID"
    assert len(answer.body.xpath("//vr:IndividualReport", namespaces=PREFIXES)) == 24


def test_the_worst_signature_decides_and_all_are_reported(
    site: Site, foreign_signer: Signer
) -> None:
    good = signed_data.sign(TEXT, card_signer(site), signing_time=NOW)
    strange = signed_data.sign(TEXT, foreign_signer, signing_time=NOW)
    answer = verify(site, merged([good, strange]), options=REPORT)
    assert (result(answer), codes(answer)) == ("INVALID", [4206])
    minors = answer.body.xpath(
        "//vr:IndividualReport/dss:Result/dss:ResultMinor/text()", namespaces=PREFIXES
    )
    assert sorted(text.rpartition(":")[2] for text in minors) == [
        "CertificateChainNotComplete",
        "OnAllDocuments",
    ]


def test_all_checks_run_after_a_failure(site: Site, foreign_signer: Signer) -> None:
    octets = signed_data.sign(TEXT, foreign_signer, signing_time=NOW)
    answer = verify(site, octets.replace(TEXT, b"Betrug"), options=REPORT)
    assert codes(answer) == [4206, 4115]
    assert minor(answer) == "IncorrectSignature"


def test_qes_is_told_by_its_certificate(site: Site, start_site: Callable[..., Site]) -> None:
    signer = card_signer(site, HBA, "ECC", reference="C.QES")
    binary = document(TEXT, "application/octet-stream", None)
    octets = signed_data.sign(TEXT, signer, signing_time=NOW, detached=True)
    assert result(verify(site, octets, given=document(TEXT, short_text=None))) == "VALID"
    answer = verify(site, octets, given=binary, options=REPORT)
    assert (result(answer), codes(answer)) == ("INVALID", [4124])
    assert answer.text("//vr:IndividualReport/dss:Result/dss:ResultMajor").endswith(
        "RequesterError"
    )
    nonqes = signed_data.sign(TEXT, card_signer(site), signing_time=NOW, detached=True)
    assert result(verify(site, nonqes, given=binary)) == "VALID"
    without = start_site(signatures={"qes": False})
    assert verify(without, octets, given=binary).code == 4125
    assert result(verify(without, nonqes, given=binary)) == "VALID"


def test_time_of_the_check(site: Site) -> None:
    """UseVerificationTime before SigningTime before the system's time."""
    signer = card_signer(site)
    before = signer.certificate.not_valid_before_utc - timedelta(days=1)
    late = signer.certificate.not_valid_after_utc + timedelta(days=1)
    octets = signed_data.sign(TEXT, signer, signing_time=NOW)

    def at(moment: datetime) -> str:
        return (
            "<SIG:UseVerificationTime><dss:SpecificTime>"
            f"{moment.isoformat(timespec='seconds')}</dss:SpecificTime></SIG:UseVerificationTime>"
        )

    for moment in (before, late):
        answer = verify(site, octets, options=at(moment))
        assert (result(answer), codes(answer)) == ("INVALID", [4206])
        assert answer.text("//SIG:TimestampType") == "USER_DEFINED_TIMESTAMP"
    early = signed_data.sign(TEXT, signer, signing_time=before)
    assert result(verify(site, early)) == "INVALID"
    current = "<SIG:UseVerificationTime><dss:CurrentTime/></SIG:UseVerificationTime>"
    assert result(verify(site, early, options=current)) == "VALID"
    site.role.ask("PUT", "/clock", {"now": late.isoformat()})
    assert codes(verify(site, octets)) == [4264]  # the responder's clock has not moved
    assert codes(verify(site, octets, options=current)) == [4206]


def test_revoked(site: Site, ocsp: Any) -> None:
    octets = signed_data.sign(TEXT, card_signer(site), signing_time=NOW + timedelta(days=1))
    serial = card_key(site, SMCB, "ECC").certificate.serial_number
    ocsp.ask("PUT", f"/certificates/{serial}", {"status": "revoked"})
    answer = verify(site, octets, options=REPORT)
    assert (result(answer), codes(answer)) == ("INVALID", [1047])
    assert answer.text("//vr:RevocationInfo/vr:RevocationDate")
    assert answer.text("//vr:CertStatusOK/vr:ResultMajor").endswith(":invalid")


def test_revocation_information_is_put_into_a_cms(site: Site) -> None:
    octets = signed_data.sign(TEXT, card_signer(site), signing_time=NOW)
    answer = verify(site, octets, revocation="true")
    assert (result(answer), codes(answer)) == ("VALID", [])
    updated = answer.binary("//dss:UpdatedSignature//dss:Base64Signature")
    assert len(signed_data.read(updated).ocsp_responses) == 1
    again = verify(site, updated, revocation="true")
    assert (result(again), codes(again)) == ("VALID", [4261])


def test_revocation_information_that_cannot_be_put(site: Site) -> None:
    key = card_key(site, SMCB_G20, "RSA")
    value = key.private_key.sign(TEXT, padding.PKCS1v15(), hashes.SHA256())
    answer = verify(
        site,
        value,
        given=document(TEXT, short_text=None),
        options=key_info(key.certificate),
        kind="urn:ietf:rfc:3447",
        revocation="true",
    )
    assert (result(answer), codes(answer)) == ("VALID", [4261])


def test_report_has_every_part(site: Site) -> None:
    octets = signed_data.sign(TEXT, card_signer(site), signing_time=NOW, content_hint="eAU")
    answer = verify(site, octets, options=REPORT)
    for part in (
        "//vr:VerifierIdentity/vr:SAMLv2Identifier",
        "//vr:SignedObjectIdentifier/vr:DigestAlgAndValue",
        "//vr:SignedObjectIdentifier//XAdES:SigningTime",
        "//vr:FormatOK",
        "//vr:Properties//XAdES:SigningCertificate",
        "//vr:SignatureOK/vr:SignatureAlgorithm",
        "//vr:CertificatePathValidity//vr:TrustAnchor",
        "//vr:CertificateStatus//vr:OCSPReference//XAdES:ProducedAt",
    ):
        names = {**PREFIXES, "XAdES": "http://uri.etsi.org/01903/v1.3.2#"}
        assert answer.body.xpath(part, namespaces=names), part
    assert answer.text("//vr:DetailedSignatureReport//vr:Reason") == "eAU"
    links = answer.body.xpath("//vr:CertificateValidity", namespaces=PREFIXES)
    assert len(links) > 1


@pytest.mark.parametrize(
    ("wish", "present", "absent"),
    [
        ("<vr:IncludeVerifier>false</vr:IncludeVerifier>", "Details", "VerifierIdentity"),
        ("<vr:IncludeCertificateValues>1</vr:IncludeCertificateValues>", "CertificateValue", "-"),
        ("{}noDetails", "IndividualReport", "Details"),
        ("{}noPathDetails", "PathValiditySummary", "PathValidityDetail"),
        ("<vr:IncludeRevocationValues>1</vr:IncludeRevocationValues>", "UnsignedProperties", "-"),
        ("", "PathValidityDetail", "CertificateValue"),
    ],
)
def test_what_a_report_holds(site: Site, wish: str, present: str, absent: str) -> None:
    level = "urn:oasis:names:tc:dss:1.0:profiles:verificationreport:reportdetail:"
    if wish.startswith("{}"):
        wish = f"<vr:ReportDetailLevel>{level}{wish[2:]}</vr:ReportDetailLevel>"
    cms_octets = site.sign(SMCB, document(TEXT), ENVELOPING, revocation="true")
    wanted = f"<vr:ReturnVerificationReport>{wish}</vr:ReturnVerificationReport>"
    answer = verify(site, cms_octets.binary("//dss:Base64Signature"), options=wanted)
    names = {etree.QName(element).localname for element in answer.body.iter("*")}
    assert present in names
    assert absent not in names


def test_unknown_level_of_detail(site: Site) -> None:
    octets = signed_data.sign(TEXT, card_signer(site), signing_time=NOW)
    wanted = (
        "<vr:ReturnVerificationReport><vr:ReportDetailLevel>urn:x</vr:ReportDetailLevel>"
        "</vr:ReturnVerificationReport>"
    )
    assert verify(site, octets, options=wanted).code == 4000


def test_certificates_of_another_kind_are_ignored(site: Site) -> None:
    octets = signed_data.sign(TEXT, card_signer(site), signing_time=NOW)

    def add(content: Any) -> None:
        other = cms.OtherCertificateFormat(
            {"other_cert_format": "1.2.3", "other_cert": core.Integer(1)}
        )
        content["certificates"].append(cms.CertificateChoices("other", other))

    answer = verify(site, changed(octets, add))
    assert (result(answer), codes(answer)) == ("VALID", [4264])


def weak_signer() -> Signer:
    key = rsa.generate_private_key(65537, 1024)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Schwach TEST-ONLY")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return key_signer(certificate, key)


def sha1(content: Any) -> None:
    content["signer_infos"][0]["digest_algorithm"] = algos.DigestAlgorithm({"algorithm": "sha1"})


def confused(content: Any) -> None:
    content["signer_infos"][0]["signature_algorithm"] = algos.SignedDigestAlgorithm(
        {"algorithm": "sha256_rsa"}
    )


def no_attributes(content: Any) -> None:
    content["signer_infos"][0]["signed_attrs"] = None


def other_digest(content: Any) -> None:
    for attribute in content["signer_infos"][0]["signed_attrs"]:
        if attribute["type"].native == "message_digest":
            attribute["values"] = [core.OctetString(bytes(32))]


@pytest.mark.parametrize("change", [sha1, confused, other_digest, no_attributes])
def test_altered_signatures(site: Site, change: Callable[[Any], None]) -> None:
    octets = changed(signed_data.sign(TEXT, card_signer(site), signing_time=NOW), change)
    answer = verify(site, octets)
    assert (result(answer), codes(answer)) == ("INVALID", [4115])


def test_weak_key(site: Site) -> None:
    octets = signed_data.sign(TEXT, weak_signer(), signing_time=NOW)
    assert codes(verify(site, octets)) == [4206, 4115]


def test_certificate_exchanged_for_another_of_the_same_name(site: Site) -> None:
    """signingCertificateV2 names one certificate by its hash, not just by its number."""
    first, second = weak_signer(), weak_signer()
    octets = signed_data.sign(TEXT, Signer(first.certificate, second.sign), signing_time=NOW)
    der = second.encoded_certificate

    def exchange(content: Any) -> None:
        content["certificates"] = [cms.CertificateChoices.load(der)]

    assert 4115 in codes(verify(site, changed(octets, exchange)))


def test_thousands_of_signers(site: Site) -> None:
    octets = signed_data.sign(TEXT, card_signer(site), signing_time=NOW)
    assert verify(site, merged([octets] * 2000)).code == 4112


@pytest.mark.parametrize(
    "octets",
    [
        b"\x30\x80" * 5000,
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30" + b"\x84\x00\x10\x00\x00" + b"\x05\x00" * 500_000,
        bytes(1 << 20),
    ],
)
def test_hostile_octets(site: Site, octets: bytes) -> None:
    assert verify(site, octets).code == 4112


def test_truncated_anywhere(site: Site) -> None:
    octets = signed_data.sign(TEXT, card_signer(site), signing_time=NOW)
    found = {verify(site, octets[:length]).code for length in range(1, len(octets), 97)}
    assert found == {4112}


@pytest.mark.parametrize(
    ("kind", "code"), [("urn:ietf:rfc:5751", 4279), ("urn:x", 4111), ("urn:ietf:rfc:3275", 4022)]
)
def test_types(site: Site, kind: str, code: int) -> None:
    assert verify(site, b"x", kind=kind).code == code


def test_document_too_large(site: Site) -> None:
    octets = signed_data.sign(TEXT, card_signer(site), signing_time=NOW)
    given = document(bytes(26_214_401), "application/octet-stream", None)
    assert verify(site, octets, given=given).code == 4283
    assert verify(site, bytes(28 << 20)).code == 4283


def stamped(octets: bytes, over: bytes, authority: Signer) -> bytes:
    """Return the CMS with a signature timestamp over *over* (RFC 3161)."""
    imprint = {
        "hash_algorithm": {"algorithm": "sha256"},
        "hashed_message": hashlib.sha256(over).digest(),
    }
    stamp = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": "1.2.3",
            "message_imprint": imprint,
            "serial_number": 1,
            "gen_time": NOW,
        }
    )
    token = signed_data.sign(stamp.dump(), authority, signing_time=NOW)

    attribute = cms_attributes.attribute(signature_timestamp.OID, token)
    oid = asn1.oid(signed_data.OID)
    fields = content_info.read(octets, oid, "SignedData")
    head = [fields.take(tag) for tag in (asn1.INTEGER, asn1.SET, asn1.SEQUENCE, asn1.context(0))]
    info = fields.take(asn1.SET).only()
    extended = asn1.sequence(
        *(bytes(child.encoded) for child in info.children),
        asn1.set_of([attribute], asn1.context(1)),
    )
    return content_info.write(oid, [*(entry.encoded for entry in head), asn1.set_of([extended])])


def test_signature_timestamp(site: Site) -> None:
    octets = signed_data.sign(TEXT, card_signer(site), signing_time=NOW)
    value = signed_data.read(octets).signers[0].value
    authority = card_signer(site, SMCB_G20, "RSA")
    assert result(verify(site, stamped(octets, value, authority))) == "VALID"
    answer = verify(site, stamped(octets, b"another", authority), options=REPORT)
    assert (result(answer), codes(answer)) == ("INVALID", [4115])
    assert minor(answer) == "InvalidSignatureTimestamp"


def test_version_7_4(site: Site) -> None:
    encoded = base64.b64encode(signed_data.sign(TEXT, card_signer(site), signing_time=NOW)).decode()
    answer = site.call(
        "SIG74",
        "VerifyDocument",
        f"{context()}<SIG74:TvMode>NONE</SIG74:TvMode><SIG74:OptionalInputs>{REPORT}"
        f"</SIG74:OptionalInputs><dss:SignatureObject><dss:Base64Signature>{encoded}"
        "</dss:Base64Signature></dss:SignatureObject>"
        "<SIG74:IncludeRevocationInfo>true</SIG74:IncludeRevocationInfo>",
    )
    assert answer.text("//SIG74:HighLevelResult") == "VALID"
    assert answer.binary("//dss:UpdatedSignature//dss:Base64Signature")


def xml_object(content: bytes, signer: Signer, **more: Any) -> bytes:
    """Return an enveloping XML signature of the ds:Object *content*."""
    properties = xades.Properties("sig-1", NOW)
    return xades.enveloping(parse(content), signer, properties, None, tagged=True, **more)


def test_profile_of_qes_and_nonqes(site: Site) -> None:
    """An XML signature without SigningTime's form is 4112 as nonQES, 4208 as QES."""
    content = f'<ds:Object xmlns:ds="{xades.DS}" Id="o"><a/></ds:Object>'.encode()
    for signer, code in (
        (card_signer(site), 4112),
        (card_signer(site, HBA, "ECC", reference="C.QES"), 4208),
    ):
        octets = xml_object(content, signer).replace(b'Target="#sig-1"', b'Target="#sig-2"')
        answer = verify(site, octets, kind="urn:ietf:rfc:3275", options=REPORT)
        assert (result(answer), codes(answer)) == ("INVALID", [code])
        assert answer.text("//vr:FormatOK/vr:ResultMajor").endswith(":invalid")


def test_manifests(site: Site) -> None:
    """What the manifest refers to is not there: a result of its own, the signature is valid."""
    held = base64.b64encode(hashlib.sha256(TEXT).digest()).decode()
    content = (
        f'<ds:Object xmlns:ds="{xades.DS}" Id="o"><ds:Manifest Id="m"><ds:Reference URI="urn:d">'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>'
        f"{held}</ds:DigestValue></ds:Reference></ds:Manifest></ds:Object>"
    ).encode()
    signer = card_signer(site)
    digest = base64.b64encode(hashlib.sha256(canonical(parse(content)[0])).digest())
    octets = _over_manifest(xml_object(content, signer), digest, signer)
    kind = "urn:ietf:rfc:3275"
    for uri, status, overall in (("urn:d", "Valid", "VALID"), ("urn:e", "Invalid", "INVALID")):
        given = document(TEXT, short_text=None).replace("Document ", f'Document RefURI="{uri}" ', 1)
        given = given.replace("<SIG:Document>", f'<SIG:Document RefURI="{uri}">')
        answer = verify(
            site, octets, given=given, kind=kind, options="<SIG:VerifyManifests/>" + REPORT
        )
        assert answer.text("//dss:ManifestResult/dss:Status").endswith(f"manifest:{status}")
        assert result(answer) == overall
    alone = verify(site, octets, kind=kind, options="<SIG:VerifyManifests/>" + REPORT)
    assert (result(alone), minor(alone)) == ("VALID", "HasManifestResults")
    assert minor(verify(site, octets, kind=kind, options=REPORT)) == "OnAllDocuments"


def _over_manifest(octets: bytes, digest: bytes, signer: Signer) -> bytes:
    """Have the signature mean the manifest inside its object instead of the object."""
    root = parse(octets)
    info: Any = root.find(f"{{{xades.DS}}}SignedInfo")
    reference = info.find(f"{{{xades.DS}}}Reference")
    reference.set("URI", "#m")
    reference.set("Type", f"{xades.DS}Manifest")
    reference.find(f"{{{xades.DS}}}DigestValue").text = digest.decode()
    value: Any = root.find(f"{{{xades.DS}}}SignatureValue")
    value.text = base64.b64encode(xml_algorithms.sign(signer, canonical(info))).decode()
    return etree.tostring(root)


def test_one_question_for_many_signatures_when_nobody_answers(
    site: Site, ocsp: Any, start_site: Callable[..., Site]
) -> None:
    """24 signatures of one card wait for one answer that does not come, side by side."""
    lonely = start_site(ocsp_url="http://127.0.0.1:1/ocsp")
    octets = merged([signed_data.sign(TEXT, card_signer(site), signing_time=NOW)] * 24)
    answer = verify(lonely, octets, options=REPORT)
    assert (result(answer), codes(answer)) == ("INCONCLUSIVE", [4264])
    assert minor(answer) == "OcspNotAvailiable"
