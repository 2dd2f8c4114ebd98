"""Generated documents have the structure of the KBV's examples; all examples are read."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from scenarios.engine.documents import cda, eau, eau_case, letter_pdf, people, storno
from scenarios.engine.documents.error_codes import ALL, UNREADABLE
from scenarios.engine.documents.identities import Identities
from scenarios.engine.documents.judgement import judge
from scenarios.engine.documents.outcome import Subject, outcome, read_outcome
from scenarios.engine.documents.reading import read_document
from scenarios.engine.documents.safe_xml import NotXml
from tests.fhir_outline import outline, resources

Spec = Callable[[str], Path]
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
INSURER = people.Insurer("109907642", "Krankenkasse Eichenhain")
PLACE = Identities(1, "test")


def an_eau(type_: str = "ERST", seed: int = 1, without: tuple[str, ...] = ()) -> bytes:
    identities = Identities(seed, "test")
    case = eau_case.case(identities, type_, INSURER, NOW)
    return eau.bundle(identities, case, without=without)


def test_a_storno_is_built_like_the_example(spec: Spec) -> None:
    example = spec("eau/examples/KBV_PR_EAU_Storno_Bundle__Beispiel_Storno.xml").read_bytes()
    ours = storno.bundle(PLACE, "urn:uuid:2ed6995a-ddcb-4af9-af62-80dac413408b", NOW)
    theirs, mine = resources(example), resources(ours)
    assert list(mine) == list(theirs)
    for profile, (resource,) in mine.items():
        unknown = set(outline(resource)) - set(outline(theirs[profile][0]))
        assert unknown <= {"/Organization/address/country"}
    assert judge(ours, storno=True) is None
    assert read_document(ours).cancels == "urn:uuid:2ed6995a-ddcb-4af9-af62-80dac413408b"


def test_an_error_message_is_built_like_the_examples(spec: Spec) -> None:
    for number, subject in (
        (1, Subject(message_id="<96d6a790-afc2-4556-ab73-301e51a7bf30@kim.de>")),
        (2, Subject(bundle_identifier="urn:uuid:96d6a790-afc2-4556-ab73-301e51a7bf30")),
    ):
        name = f"KBV_PR_EAU_health_insurance_Practitioner__Beispiel_eAU_Fehler_{number}.xml"
        example = spec(f"eau/examples/{name}").read_bytes()
        ours = outcome(PLACE.uuid("outcome"), UNREADABLE.eau, subject)
        assert outline(etree.fromstring(ours)) == outline(etree.fromstring(example))
        said, theirs = read_outcome(ours), read_outcome(example)
        assert said.code == "101"
        assert said.subject == theirs.subject


def test_codes_and_texts_of_errors_are_the_official_ones(spec: Spec) -> None:
    import csv

    with spec("eau/eau_codesystems_1.2.1.csv").open(encoding="utf-8") as file:
        official = {
            row["code"]: row["display"]
            for row in csv.DictReader(file)
            if row["system"].endswith("KBV_CS_SFHIR_EAU_AU_ERROR_KASSE")
        }
    assert {code.code: code.display for code in ALL} == official


def test_every_example_is_read_and_accepted(spec: Spec) -> None:
    examples = sorted(spec("eau/examples").glob("*Bundle__*.xml"))
    assert len(examples) == 21
    for example in examples:
        content = example.read_bytes()
        document = read_document(content)
        assert document.identifier.startswith("urn:uuid:")
        assert document.is_storno == ("Storno" in example.name)
        assert judge(content, storno=document.is_storno) is None, example.name


def test_the_seed_fixes_a_document() -> None:
    assert an_eau(seed=7) == an_eau(seed=7)
    assert read_document(an_eau(seed=7)).identifier != read_document(an_eau(seed=8)).identifier
    assert PLACE.uuid("identifier").version == 5  # P310-14 (7)


@pytest.mark.parametrize("type_", ["ERST", "FOLGE", "ERST_END", "FOLGE_END"])
def test_the_start_is_stated_in_a_first_certificate_only(type_: str) -> None:
    content = an_eau(type_)
    assert judge(content, storno=False) is None
    assert (b"<start " in content) == type_.startswith("ERST")


@given(st.integers(min_value=0))
def test_every_seed_gives_an_accepted_eau_and_a_valid_kvnr(seed: int) -> None:
    person = people.patient(random.Random(seed))
    assert people.complete_kvnr(person.kvnr[:-1]) == person.kvnr
    assert date(1900, 1, 1) < person.birth < NOW.date()


def test_a_known_kvnr_has_the_right_check_digit() -> None:
    assert people.complete_kvnr("A12345678") == "A123456780"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "kein wohlgeformtes XML"),
        (b"\x00\xff", "kein wohlgeformtes XML"),
        (b"<a>" * 100_000, "kein wohlgeformtes XML"),
        (b"<a>" * 100 + b"</a>" * 100, "verschachtelt"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DTD"),
        (b"<Patient xmlns='http://hl7.org/fhir'/>", "erwartet wird ein FHIR-Bundle"),
        (b"<Bundle xmlns='http://hl7.org/fhir'/>", "kein Dokument"),
        (b"<Bundle/>", "erwartet wird ein FHIR-Bundle"),
        (
            b"<Bundle xmlns='http://hl7.org/fhir'><type value='collection'/></Bundle>",
            "erwartet document",
        ),
        (
            b"<Bundle xmlns='http://hl7.org/fhir'><type value='document'/></Bundle>",
            "identifier.value fehlt",
        ),
    ],
)
def test_what_is_no_document_is_refused_in_one_line(content: bytes, told: str) -> None:
    with pytest.raises(NotXml, match=told) as refusal:
        read_document(content)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (lambda c: b"\xef\xbb\xbf" + c, "103", "BOM"),
        (lambda c: c.decode().encode("latin-1"), "103", "UTF-8"),
        (lambda c: c[:-30], "101", "wohlgeformtes"),
        (lambda c: c.replace(b"KBV_PR_EAU_Bundle|1.2", b"KBV_PR_EAU_Bundle|1.1"), "101", "profile"),
        (lambda c: c.replace(b"<status value=", b"<zustand value="), "101", "zustand"),
        (lambda c: c.replace(b'<date value="2026', b'<date value="gestern'), "101", "FHIR"),
        (lambda c: c.replace(b"urn:uuid:", b"uuid:"), "101", "urn:uuid"),
    ],
)
def test_the_insurer_names_what_is_wrong(
    change: Callable[[bytes], bytes], code: str, told: str
) -> None:
    content = an_eau().replace(b"Annie", "Ännie".encode())
    objection = judge(change(content), storno=False)
    assert objection is not None
    assert objection.code.code == code
    assert any(told in reason for reason in objection.reasons), objection.reasons


@pytest.mark.parametrize(
    "resource", ["Patient", "Practitioner", "Organization", "Coverage", "Composition"]
)
def test_a_missing_resource_is_objected_to(resource: str) -> None:
    objection = judge(an_eau(without=(resource,)), storno=False)
    assert objection is not None
    assert objection.code.code == "101"
    assert any("fehlt" in reason for reason in objection.reasons)


def a_letter() -> cda.Letter:
    return cda.letter(PLACE, INSURER, "Kardiologie Dr. Birke", NOW)


def test_the_letter_states_what_the_catalogue_demands() -> None:
    letter = a_letter()
    facts = cda.read_document(cda.document(letter))
    assert facts.family == letter.person.family
    assert facts.insurer_ik == INSURER.ik
    assert facts.kvnr == letter.person.kvnr


@pytest.mark.parametrize("part", [b"<family>", b"<birthTime", b"<postalCode>", b"<translation"])
def test_a_cda_without_a_mandatory_fact_is_refused(part: bytes) -> None:
    content = cda.document(a_letter())
    with pytest.raises(NotXml, match="fehlt"):
        cda.read_document(content.replace(part, part[:1] + b"x" + part[1:]).replace(
            b"</" + part[1:], b"</x" + part[1:]))  # fmt: skip


def test_the_pdf_claims_pdf_a_2b_and_embeds_its_fonts() -> None:
    content = letter_pdf.document(a_letter())
    assert letter_pdf.claims_pdf_a(content)
    assert not letter_pdf.is_signed(content)
    assert b"<pdfaid:part>2</pdfaid:part>" in content
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in content
    assert content.count(b"/FontFile2") == 2
