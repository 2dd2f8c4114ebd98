"""PAdES: PDF/A is signed by the card, the signature is found again and judged."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from fpdf import FPDF
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.policy_decl import DisallowWeakAlgorithmsPolicy

from tests.konnektor_site import HBA, SMCB, Site, context, document

PADES = "<dss:SignatureType>http://uri.etsi.org/02778/3</dss:SignatureType>"
MIME = "application/pdf-a"


@pytest.fixture(scope="module")
def letter() -> bytes:
    """Return a small PDF/A-2b."""
    pdf = FPDF(enforce_compliance="PDF/A-2B")
    pdf.set_creation_date(datetime(2026, 7, 1, tzinfo=UTC))
    pdf.add_page()
    pdf.rect(10, 10, 50, 50)
    return bytes(pdf.output())


def sign(site: Site, pdf: bytes, iccsn: str = HBA, crypt: str = "ECC") -> Any:
    who = context(user="eva") if iccsn == HBA else context()
    return site.sign(iccsn, document(pdf, MIME, "Arztbrief"), PADES, crypt=crypt, context=who)


def signed(answer: Any) -> bytes:
    assert answer.status == 200, answer.code
    return bytes(answer.binary("//SIG:DocumentWithSignature/dss:Base64Data"))


def verify(site: Site, pdf: bytes) -> Any:
    return site.call(
        "SIG",
        "VerifyDocument",
        f"{context()}{document(pdf, MIME, None)}"
        "<SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo>",
    )


@pytest.mark.parametrize("iccsn", [SMCB, HBA])
def test_signed_by_the_card_and_verified(site: Site, letter: bytes, iccsn: str) -> None:
    pdf = signed(sign(site, letter, iccsn))
    assert pdf.startswith(letter)
    assert verify(site, pdf).text("//SIG:HighLevelResult") == "VALID"
    (entry,) = PdfFileReader(BytesIO(pdf)).embedded_regular_signatures
    assert entry.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert entry.sig_object["/Reason"] == "Arztbrief"


def test_pyhanko_finds_it_intact(site: Site, letter: bytes) -> None:
    (entry,) = PdfFileReader(BytesIO(signed(sign(site, letter)))).embedded_regular_signatures
    trust = ValidationContext(
        trust_roots=[], allow_fetching=False, algorithm_usage_policy=DisallowWeakAlgorithmsPolicy()
    )
    status = validate_pdf_signature(entry, trust)
    assert status.intact
    assert status.valid


def test_dated_by_the_virtual_clock(site: Site, letter: bytes) -> None:
    site.role.ask("PUT", "/clock", {"now": "2027-03-01T12:00:00+00:00"})
    (entry,) = PdfFileReader(BytesIO(signed(sign(site, letter)))).embedded_regular_signatures
    assert entry.self_reported_timestamp.isoformat().startswith("2027-03-01T12:00")


def test_signed_twice(site: Site, letter: bytes) -> None:
    twice = signed(sign(site, signed(sign(site, letter)), SMCB))
    assert verify(site, twice).text("//SIG:HighLevelResult") == "VALID"


def test_altered_and_extended(site: Site, letter: bytes) -> None:
    pdf = signed(sign(site, letter))
    altered = pdf.replace(b"595.28", b"595.29")
    answer = verify(site, altered)
    assert (answer.text("//SIG:HighLevelResult"), answer.code) == ("INVALID", 4115)
    answer = verify(site, pdf + b"\n% more\n")
    assert answer.text("//SIG:HighLevelResult") == "INVALID"
    assert answer.code == 4262


def test_not_signed(site: Site, letter: bytes) -> None:
    assert verify(site, letter).code == 4253


@pytest.mark.parametrize(
    "pdf", [b"", b"%PDF-1.4 nothing", b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj"]
)
def test_no_pdf(site: Site, pdf: bytes) -> None:
    assert sign(site, pdf, SMCB).code == 4110
    assert verify(site, pdf).code == 4112


def test_pdf_that_is_no_pdf_a(site: Site) -> None:
    pdf = FPDF()
    pdf.add_page()
    answer = sign(site, bytes(pdf.output()), SMCB)
    assert answer.code == 4110


def test_report_names_the_field_and_the_time_in_the_pdf(site: Site, letter: bytes) -> None:
    pdf = signed(sign(site, letter))
    answer = site.call(
        "SIG",
        "VerifyDocument",
        f"{context()}<SIG:OptionalInputs><vr:ReturnVerificationReport/></SIG:OptionalInputs>"
        f"{document(pdf, MIME, None)}<SIG:IncludeRevocationInfo>true</SIG:IncludeRevocationInfo>",
    )
    assert answer.code == 4261  # a PDF takes no OCSP answer
    assert answer.text("//SIG:TimestampType") == "SIGNATURE_EMBEDDED_TIMESTAMP"
    assert answer.text("//vr:SignedObjectIdentifier/@FieldName") == "Signature1"
    assert answer.text("//vr:DetailedSignatureReport//vr:Reason") == "Arztbrief"
