"""SignDocument and VerifyDocument: forms, keys, PINs, judgements."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.ocsp import load_der_ocsp_response

from simulators.formats import signed_data
from simulators.formats.certificates import is_ecc
from simulators.pki.cards import read_card
from tests.konnektor_site import CMS, ENVELOPING, HBA, SMCB, SMCB_G20, Site, context, document

TEXT = "Grüße aus der Praxis\r\n".encode()
# a DER Attribute with an OID of our own and one UTF8String
ATTRIBUTE = bytes.fromhex("300d06072a8214004c040131020c00".replace(" ", ""))


def signature(answer: Any) -> bytes:
    assert answer.status == 200, answer.code
    return bytes(answer.binary("//dss:Base64Signature"))


def verify(site: Site, cms: bytes, more: str = "", before: str = "", **changes: Any) -> Any:
    encoded = base64.b64encode(cms).decode()
    kind = changes.get("kind", "urn:ietf:rfc:5652")
    return site.call(
        "SIG",
        "VerifyDocument",
        f"{context()}{before}{more}<dss:SignatureObject>"
        f'<dss:Base64Signature Type="{kind}">{encoded}</dss:Base64Signature>'
        "</dss:SignatureObject><SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo>",
    )


def set_pin(site: Site, iccsn: str, reference: str, **change: Any) -> None:
    assert site.role.ask("PUT", f"/cards/{iccsn}/pins/{reference}", change)[0] == 200


def signer_certificate(cms: bytes, detached: bytes | None = None) -> x509.Certificate:
    certificate = signed_data.read(cms, detached).signers[0].certificate
    assert certificate is not None
    return certificate


def test_enveloping_holds_the_bytes_untouched(site: Site) -> None:
    cms = signature(site.sign(SMCB, document(TEXT), ENVELOPING))
    read = signed_data.read(cms)
    assert read.content == TEXT
    assert read.signers[0].digest_ok
    assert read.signers[0].signature_ok
    assert verify(site, cms).text("//SIG:HighLevelResult") == "VALID"


def test_detached_needs_the_document(site: Site) -> None:
    cms = signature(site.sign(SMCB, document(TEXT), CMS))
    assert signed_data.read(cms).content is None
    given = document(TEXT, short_text=None)
    assert verify(site, cms, given).text("//SIG:HighLevelResult") == "VALID"
    answer = verify(site, cms, document(TEXT + b"!", short_text=None))
    assert (answer.text("//SIG:HighLevelResult"), answer.code) == ("INVALID", 4115)
    assert verify(site, cms).code == 4000


@pytest.mark.parametrize(
    ("iccsn", "crypt", "mandant", "ecc"),
    [
        (SMCB, None, "m1", True),
        (SMCB, "ECC", "m1", True),
        (SMCB, "RSA", "m1", True),  # PTV6 forces ECC with a G2.1 card
        (SMCB, "RSA_ECC", "m1", True),
        (SMCB_G20, None, "m2", False),
        (SMCB_G20, "RSA", "m2", False),
        (SMCB_G20, "RSA_ECC", "m2", False),
    ],
)
def test_crypt_of_ptv6(site: Site, iccsn: str, crypt: str | None, mandant: str, ecc: bool) -> None:
    more = {} if crypt is None else {"crypt": crypt}
    answer = site.sign(iccsn, document(TEXT), ENVELOPING, context=context(mandant), **more)
    cms = signature(answer)
    assert is_ecc(signer_certificate(cms)) is ecc
    assert verify(site, cms).text("//SIG:HighLevelResult") == "VALID"


def test_ecc_on_a_card_without(site: Site) -> None:
    answer = site.sign(SMCB_G20, document(TEXT), ENVELOPING, context=context("m2"), crypt="ECC")
    assert answer.code == 4258
    assert site.handle(SMCB_G20) in answer.text("//GERROR:ErrorText")


def test_attribute_verbatim_with_and_without_namespace(site: Site) -> None:
    encoded = base64.b64encode(ATTRIBUTE).decode()
    for element in (
        f"<CMSAttribute>{encoded}</CMSAttribute>",
        f"<dss:CMSAttribute>{encoded}</dss:CMSAttribute>",
    ):
        options = (
            CMS + "<dss:Properties><dss:SignedProperties><dss:Property>"
            "<dss:Identifier>RecipientEmailsAttribute</dss:Identifier>"
            f"<dss:Value>{element}</dss:Value></dss:Property></dss:SignedProperties>"
            "</dss:Properties><SIG:IncludeEContent>true</SIG:IncludeEContent>"
        )
        cms = signature(site.sign(SMCB, document(TEXT), options))
        assert ATTRIBUTE in cms
        assert signed_data.read(cms).signers[0].signature_ok


def test_short_text_becomes_content_hint(site: Site) -> None:
    cms = signature(site.sign(SMCB, document(TEXT, short_text="eEB"), ENVELOPING))
    hint = signed_data.read(cms).signers[0].attributes["1.2.840.113549.1.9.16.2.4"][0]
    assert b"eEB" in hint


def test_ocsp_answer_is_embedded_when_asked_for(site: Site) -> None:
    cms = signature(site.sign(SMCB, document(TEXT), ENVELOPING, revocation="true"))
    assert len(signed_data.read(cms).ocsp_responses) == 1
    cms = signature(site.sign(SMCB, document(TEXT), ENVELOPING))
    assert signed_data.read(cms).ocsp_responses == ()


def test_the_ocsp_answer_is_not_older_than_the_signature(site: Site, ocsp: Any) -> None:
    who = context(user="eva")
    for _ in range(2):
        before = len(ocsp.journal())
        cms = signature(
            site.sign(
                HBA, document(TEXT, short_text="x"), ENVELOPING, context=who, revocation="true"
            )
        )
        read = signed_data.read(cms)
        answered = load_der_ocsp_response(read.ocsp_responses[0])
        signed = read.signers[0].signing_time
        assert signed is not None
        assert answered.produced_at_utc >= signed.replace(microsecond=0)
        assert len(ocsp.journal()) > before  # in spite of the grace period (C_11276)


def test_pin_not_raised(site: Site) -> None:
    set_pin(site, SMCB, "PIN.SMC", state="VERIFIABLE")
    assert site.sign(SMCB, document(TEXT), ENVELOPING).code == 4085


def test_pulled_card(site: Site) -> None:
    handle = site.handle(SMCB)
    site.role.ask("POST", f"/cards/{SMCB}/remove")
    answer = site.call(
        "SIG",
        "SignDocument",
        f"<CONN:CardHandle>{handle}</CONN:CardHandle>{context()}<SIG:TvMode>NONE</SIG:TvMode>"
        f'<SIG:JobNumber>{site.job()}</SIG:JobNumber><SIG:SignRequest RequestID="1">'
        f"{document(TEXT)}<SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo>"
        "</SIG:SignRequest>",
    )
    assert answer.code == 4008


def test_qes_types_the_pin_for_every_stack(site: Site) -> None:
    who = context(user="eva")
    qes = document(b"<eAU/>", "text/xml", "eAU")
    cms = signature(site.sign(HBA, qes, ENVELOPING, context=who))
    assert (
        signer_certificate(cms) == read_card(site.pki.card(HBA)).objects["C.QES", "ECC"].certificate
    )
    set_pin(site, HBA, "PIN.QES", entry="wrong")
    codes = [site.sign(HBA, qes, ENVELOPING, context=who).code for _ in range(4)]
    assert codes == [4085, 4085, 4063, 4063]


@pytest.mark.parametrize(("entry", "code"), [("timeout", 4043), ("abort", 4049)])
def test_qes_without_entry(site: Site, entry: str, code: int) -> None:
    set_pin(site, HBA, "PIN.QES", entry=entry)
    qes = document(b"<eAU/>", "text/xml", "eAU")
    assert site.sign(HBA, qes, ENVELOPING, context=context(user="eva")).code == code


def test_qes_wants_user_short_text_and_no_binary(site: Site) -> None:
    who = context(user="eva")
    assert site.sign(HBA, document(TEXT, short_text="x"), ENVELOPING).code == 4003
    assert site.sign(HBA, document(TEXT, short_text=None), ENVELOPING, context=who).code == 4000
    binary = document(TEXT, "application/octet-stream", "x")
    assert site.sign(HBA, binary, ENVELOPING, context=who).code == 4110


def test_qes_with_a_revoked_certificate(site: Site, ocsp: Any) -> None:
    key = read_card(site.pki.card(HBA)).objects["C.QES", "ECC"]
    path = f"/certificates/{key.certificate.serial_number}"
    status, body = ocsp.ask("PUT", path, {"status": "revoked"})
    assert status < 300, body
    qes = document(b"<eAU/>", "text/xml", "eAU")
    assert site.sign(HBA, qes, ENVELOPING, context=context(user="eva")).code == 4123


def test_qes_with_an_expired_certificate(site: Site) -> None:
    site.role.ask("PUT", "/clock", {"now": "2030-01-02T00:00:00+00:00"})
    qes = document(b"<eAU/>", "text/xml", "eAU")
    assert site.sign(HBA, qes, ENVELOPING, context=context(user="eva")).code == 4123


@pytest.mark.parametrize(
    ("broken", "options", "code"),
    [
        (document(b"<eAU/>", "text/xml", "x").replace("PGVB", "P!!B"), ENVELOPING, 4000),
        (document(b"<eAU/>", "application/pdf-a", "x"), "", 4110),
    ],
)
def test_nobody_types_a_pin_for_a_broken_document(
    site: Site, broken: str, options: str, code: int
) -> None:
    before = len(site.role.journal())
    assert site.sign(HBA, broken, options, context=context(user="eva")).code == code
    assert [event["step"] for event in site.role.journal()[before:]] == ["SignDocument"]


def test_a_broken_document_comes_before_the_access_check(site: Site) -> None:
    broken = document(b"<eAU/>").replace("PGVB", "P!!B")
    assert site.sign(SMCB, broken, ENVELOPING, context=context("m9")).code == 4000


def test_a_stack_keeps_its_order(site: Site) -> None:
    texts = [b"%d" % number for number in range(50)]
    requests = "".join(
        f'<SIG:SignRequest RequestID="{number}"><SIG:OptionalInputs>{ENVELOPING}'
        f"</SIG:OptionalInputs>{document(text)}<SIG:IncludeRevocationInfo>false"
        "</SIG:IncludeRevocationInfo></SIG:SignRequest>"
        for number, text in enumerate(texts)
    )
    answer = site.call(
        "SIG",
        "SignDocument",
        f"<CONN:CardHandle>{site.handle(SMCB)}</CONN:CardHandle>{context()}<SIG:TvMode>NONE"
        f"</SIG:TvMode><SIG:JobNumber>{site.job()}</SIG:JobNumber>{requests}",
    )
    found = [base64.b64decode(element.text) for element in answer.body.iter("{*}Base64Signature")]
    assert [signed_data.read(cms).content for cms in found] == texts


def test_job_numbers(site: Site) -> None:
    number = site.call("SIG", "GetJobNumber", context()).text("//SIG:JobNumber")
    assert site.sign(SMCB, document(TEXT), ENVELOPING, job=number).status == 200
    assert site.sign(SMCB, document(TEXT), ENVELOPING, job=number).code == 4252
    assert site.sign(SMCB, document(TEXT), ENVELOPING, job="abc-123").code == 4000


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("<dss:SignatureType>urn:ietf:rfc:3275</dss:SignatureType>", 4110),
        ("<dss:SignatureType>urn:ietf:rfc:5751</dss:SignatureType>", 4279),
        ("<dss:SignatureType>urn:x</dss:SignatureType>", 4111),
        ("<dss:SignatureType>http://uri.etsi.org/02778/3</dss:SignatureType>", 4110),
        (CMS + "<SIG:IncludeObjects/>", 4111),
        (CMS + "<SIG:Nonsense/>", 4000),
    ],
)
def test_types_and_variants(site: Site, options: str, code: int) -> None:
    assert site.sign(SMCB, document(TEXT), options).code == code


def test_not_a_signature(site: Site) -> None:
    assert verify(site, b"no CMS at all").code == 4112
    assert verify(site, b"").code == 4253
    answer = site.call(
        "SIG",
        "VerifyDocument",
        f"{context()}{document(TEXT, short_text=None)}"
        "<SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo>",
    )
    assert answer.code == 4253


def test_altered_content(site: Site) -> None:
    cms = signature(site.sign(SMCB, document(TEXT), ENVELOPING))
    answer = verify(site, cms.replace(b"Praxis", b"Praxjs"))
    assert (answer.text("//SIG:HighLevelResult"), answer.code) == ("INVALID", 4115)


def test_another_document_than_the_one_inside(site: Site) -> None:
    cms = signature(site.sign(SMCB, document(TEXT), ENVELOPING))
    assert verify(site, cms, document(TEXT, short_text=None)).code is None
    answer = verify(site, cms, document(b"another", short_text=None))
    assert (answer.text("//SIG:HighLevelResult"), answer.code) == ("INVALID", 4115)


def test_certificate_of_a_stranger(site: Site, foreign_signer: signed_data.Signer) -> None:
    cms = signed_data.sign(TEXT, foreign_signer, signing_time=datetime.now(UTC))
    answer = verify(site, cms)
    assert (answer.text("//SIG:HighLevelResult"), answer.code) == ("INVALID", 4206)


def test_signed_with_a_key_for_encryption(site: Site) -> None:
    key = read_card(site.pki.card(SMCB)).objects["C.ENC", "ECC"]
    signer = signed_data.key_signer(key.certificate, key.private_key)
    answer = verify(site, signed_data.sign(TEXT, signer, signing_time=datetime.now(UTC)))
    assert (answer.text("//SIG:HighLevelResult"), answer.code) == ("INVALID", 4206)


def test_revocation_counts_from_its_time(site: Site, ocsp: Any) -> None:
    cms = signature(site.sign(SMCB, document(TEXT), ENVELOPING))
    site.role.ask("POST", "/reset")
    ocsp.ask(
        "PUT",
        f"/certificates/{signer_certificate(cms).serial_number}",
        {"status": "revoked"},
    )
    in_force = (
        "<SIG:OptionalInputs><SIG:UseVerificationTime><dss:SpecificTime>2999-01-01T00:00:00Z"
        "</dss:SpecificTime></SIG:UseVerificationTime></SIG:OptionalInputs>"
    )
    late = verify(site, cms, before=in_force)
    assert late.text("//SIG:HighLevelResult") == "INVALID"


def test_no_ocsp_is_inconclusive(start_site: Any) -> None:
    lonely = start_site(ocsp_url="http://127.0.0.1:1/ocsp")
    cms = signature(lonely.sign(SMCB, document(TEXT), ENVELOPING, revocation="true"))
    assert signed_data.read(cms).ocsp_responses == ()
    answer = verify(lonely, cms)
    assert (answer.text("//SIG:HighLevelResult"), answer.code) == ("INCONCLUSIVE", 4264)
    qes = document(b"<eAU/>", "text/xml", "eAU")
    assert lonely.sign(HBA, qes, ENVELOPING, context=context(user="eva")).status == 200


def test_report_follows_the_schema(site: Site) -> None:
    cms = signature(site.sign(SMCB, document(TEXT), ENVELOPING))
    wanted = "<SIG:OptionalInputs><vr:ReturnVerificationReport/></SIG:OptionalInputs>"
    answer = verify(site, cms, before=wanted)
    assert answer.text("//vr:IndividualReport/dss:Result/dss:ResultMinor").endswith(
        "OnAllDocuments"
    )


def test_the_report_has_the_short_text_within_the_bounds_of_the_version(site: Site) -> None:
    long = "Rezept/Überweisung: " * 3
    cms = signature(site.sign(SMCB, document(TEXT, short_text=long), ENVELOPING))
    wanted = "<OptionalInputs><vr:ReturnVerificationReport/></OptionalInputs>"
    for version, shown in (("SIG", "RezeptÜberweisung RezeptÜberwe"), ("SIG74", long)):
        inputs = wanted.replace("OptionalInputs", f"{version}:OptionalInputs")
        encoded = base64.b64encode(cms).decode()
        answer = site.call(
            version,
            "VerifyDocument",
            f"{context()}{inputs}<dss:SignatureObject><dss:Base64Signature "
            f'Type="urn:ietf:rfc:5652">{encoded}</dss:Base64Signature></dss:SignatureObject>'
            f"<{version}:IncludeRevocationInfo>false</{version}:IncludeRevocationInfo>",
        )
        found = f"//vr:SignedObjectIdentifier/vr:SignedProperties/vr:Other/{version}:ShortText"
        assert answer.text(found) == shown


def test_version_7_4_is_served_too(site: Site) -> None:
    number = site.call("SIG74", "GetJobNumber", context()).text("//SIG74:JobNumber")
    answer = site.call(
        "SIG74",
        "SignDocument",
        f"<CONN:CardHandle>{site.handle(SMCB)}</CONN:CardHandle>{context()}"
        f"<SIG74:TvMode>NONE</SIG74:TvMode><SIG74:JobNumber>{number}</SIG74:JobNumber>"
        '<SIG74:SignRequest RequestID="1"><SIG74:OptionalInputs>'
        f"{CMS}<SIG74:IncludeEContent>true</SIG74:IncludeEContent></SIG74:OptionalInputs>"
        f"{document(TEXT).replace('SIG:', 'SIG74:')}"
        "<SIG74:IncludeRevocationInfo>true</SIG74:IncludeRevocationInfo></SIG74:SignRequest>",
    )
    assert signed_data.read(signature(answer)).ocsp_responses == ()
