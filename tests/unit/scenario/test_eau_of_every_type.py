"""Every type, payer and author of an eAU: as scenarios state it, as the KBV builds it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

from scenarios.engine.actors.certified import author_of, case_of
from scenarios.engine.documents import eau, error_codes, people, storno
from scenarios.engine.documents.identities import Identities
from scenarios.engine.documents.judgement import judge
from scenarios.engine.documents.outcome import Subject, outcome
from scenarios.engine.documents.reading import read_document
from scenarios.engine.profiles.validator import shipped
from scenarios.engine.scenario.cast import Document
from tests.fhir_outline import resources, systems, unlike

Spec = Callable[[str], Path]
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
INSURER = people.Insurer("109907642", "Krankenkasse Eichenhain")
PROFILE = "https://fhir.kbv.de/StructureDefinition/{}|1.2"
WITH_ADDRESS = (PROFILE.format("KBV_PR_FOR_Patient"), PROFILE.format("KBV_PR_FOR_Organization"))
TYPES = ("ERST", "FOLGE", "ERST_END", "FOLGE_END")

# The test cases of the Prüfpaket eAU V1.62; PF07 and PF11 are answers, PF03 is a Storno
PRUEFPAKET = yaml.safe_load("""
pf01: {kind: eau, type: ERST, patient: schaumberg, doctor: arzt-1, diagnoses: [J06.9 G, U07.1 G]}
pf02: {kind: eau, type: FOLGE, patient: schaumberg, doctor: arzt-1, until: 4, diagnoses: [J06.9 G]}
pf04:
  kind: eau
  type: FOLGE
  patient: schaumberg
  doctor: arzt-1
  diagnoses: [J06.9 G, U07.1 G]
  text: Nun die korrekten Informationen
pf05:
  kind: eau
  type: FOLGE
  patient: althaus
  doctor: arzt-1
  asv_team: "001234566"
  diagnoses: [C50.0 G]
  text: Schwerer Krankheitsverlauf
  further_steps: [reha, wiedereingliederung, {step: sonstige, text: Eine weitere Maßnahme}]
  seventh_week: true
pf06:
  kind: eau
  type: FOLGE
  patient: mueller
  doctor: arzt-1
  causes: [unfall]
  diagnoses: [I83.9 G L, H16.4 V]
  text: Nun die korrekten Informationen
pf08:
  kind: eau
  type: FOLGE_END
  patient: ernesto-mueller
  doctor: arzt-2
  responsible: arzt-1
  diagnoses: [S02.4 G L]
  seventh_week: true
""")

PKV_STEPS = [
    {"step": "reha", "admitted": 8, "discharged": 10},
    {"step": "wiedereingliederung", "begins": 12},
    {"step": "stationaere_heilbehandlung", "admitted": 3, "discharged": 7},
]
NOBLE = {
    "like": "schaumberg",
    "addition": "Graf Freiherr",
    "particle": "von",
    "post_box": "124589",
}
# Number and type of an example of the KBV, and what ours states to be like it
LIKE_EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    ("1-eAU_ERST_GKV", {"type": "ERST", "asv_team": "345678901"}),
    ("2-eAU_FOLGE_GKV", {"type": "FOLGE", "seventh_week": True}),
    ("3-eAU_ERST_END_GKV", {"type": "ERST_END"}),
    ("4-eAU_FOLGE_END_GKV", {"type": "FOLGE_END"}),
    ("5-eAU_ERST_PKV", {"type": "ERST", "payer": "PKV"}),
    ("6-eAU_FOLGE_PKV", {"type": "FOLGE", "payer": "PKV", "unfit_for_job": True}),
    (
        "7-eAU_ERST_END_PKV",
        {"type": "ERST_END", "payer": "PKV", "seventh_week": True, "able_in_part_from": 5},
    ),
    ("8-eAU_FOLGE_END_PKV", {"type": "FOLGE_END", "payer": "PKV", "further_steps": PKV_STEPS}),
    ("9-eAU_FOLGE_Weiterbildung", {"doctor": "arzt-2", "responsible": "arzt-1"}),
    ("10-eAU_FOLGE_Vertreter", {"doctor": "vertreter", "responsible": "arzt-1"}),
    ("11-eAU_FOLGE_Weiterbildung", {"payer": "PKV", "further_steps": [*PKV_STEPS, "d_arzt"]}),
    (
        "13-eAU_ERST_SKT_KVK",
        {
            "payer": "SKT",
            "patient": {**NOBLE, "kvnr": "", "kvk": "700314"},
            "causes": ["arbeitsunfall", "ser", "unfall"],
        },
    ),
    (
        "14-eAU_ERST_ASV",
        {"asv_team": "012347567", "doctor": {"lanr": "", "asv_group": "555555472"}},
    ),
    ("15-eAU_ERST_GKV_Zahnarzt", {"doctor": "zahnarzt", "practice": {"bsnr": "721111100"}}),
    ("17_eAU_ERST_SKT_GKV_ID", {"payer": "SKT", "patient": NOBLE}),
]


def stated(name: str = "eau", **facts: Any) -> bytes:
    """Return the eAU that a scenario with *facts* makes."""
    document = Document.model_validate({"kind": "eau", **facts})
    identities = Identities(1, f"test/{name}")
    case = case_of(document, identities, INSURER, NOW, people.AUTHOR)
    return eau.bundle(identities, case, without=document.without)


def broken_rules(content: bytes) -> list[str]:
    """Return what the profiles and TA-eAU's plausibility object to."""
    return [finding.text() for finding in shipped().judge(etree.fromstring(content), NOW.date())]


def first(content: bytes, path: str) -> list[str]:
    found = etree.fromstring(content).xpath(path, namespaces={"f": "http://hl7.org/fhir"})
    assert isinstance(found, list)
    return [str(one) for one in found]


@pytest.mark.parametrize(("example", "facts"), LIKE_EXAMPLES, ids=[e for e, _ in LIKE_EXAMPLES])
def test_an_eau_is_built_like_the_example_of_its_kind(
    spec: Spec, example: str, facts: dict[str, Any]
) -> None:
    """Every element of ours stands in the example, at the same place and in the same order.

    What is said of patient and practice may stand in any example: who lives where is no matter
    of the kind of eAU.
    """
    folder = spec("eau/examples")
    theirs = resources((folder / f"KBV_PR_EAU_Bundle__Beispiel_{example}.xml").read_bytes())
    for path in folder.glob("KBV_PR_EAU_Bundle__*.xml"):
        others = resources(path.read_bytes())
        for profile in WITH_ADDRESS:
            theirs[profile] += others[profile]
    defaults = {"type": "FOLGE" if "FOLGE" in example else "ERST", "diagnoses": ["J06.9 G"]}
    content = stated(**{**defaults, **facts})
    assert judge(content, storno=False) is None
    for profile, ours in resources(content).items():
        for one in ours:
            assert unlike(one, theirs[profile]) == [], profile
            assert systems(one) <= {
                system for their in theirs[profile] for system in systems(their)
            }


@pytest.mark.parametrize(
    ("type_", "payer"), list(itertools.product(TYPES, ("GKV", "PKV", "BG", "SKT", "UK", "SEL")))
)
def test_every_type_for_every_payer_is_accepted(type_: str, payer: str) -> None:
    accident = {"accident_ik": "120590457"} if payer in ("BG", "UK") else {}
    content = stated(type=type_, payer=payer, **accident)
    assert broken_rules(content) == []
    assert first(content, "//f:Coverage/f:type/f:coding/f:code/@value") == [payer]
    assert (b"120590457" in content) == bool(accident)


@pytest.mark.parametrize("case", PRUEFPAKET)
def test_the_cases_of_the_pruefpaket_can_be_stated(case: str) -> None:
    content = stated(case, **PRUEFPAKET[case])
    assert broken_rules(content) == []
    facts = Document.model_validate(PRUEFPAKET[case])
    codes = [diagnosis.split()[0] for diagnosis in facts.diagnoses]
    icd = "//f:Condition/f:code/f:coding[f:version]/f:code/@value"
    assert first(content, icd) == codes
    assert first(content, "//f:Composition/f:type/f:coding/f:code/@value")[0] == facts.type
    steps = [step if isinstance(step, str) else step.step for step in facts.further_steps]
    assert first(content, "//f:ServiceRequest/f:code/f:coding/f:code/@value") == steps
    assert (b"KBV_EX_EAU_7_weeks" in content) == facts.seventh_week
    assert b'"241234601"' in content
    assert b'"838382201"' in content
    assert (b'"728382503"' in content) == (case == "pf08")
    assert (b'"001234566"' in content) == (case == "pf05")


def test_a_storno_and_every_answer_follow_their_profiles() -> None:
    identities = Identities(1, "test")
    cancelled = read_document(stated()).identifier
    author = people.Author(people.DOCTORS["arzt-1"], people.PRACTICE)
    assert broken_rules(storno.bundle(identities, cancelled, NOW, author)) == []
    for code in error_codes.ALL:
        for subject in (Subject("<a@b.kim.invalid>"), Subject("<a@b.kim.invalid>", cancelled)):
            assert broken_rules(outcome(identities.uuid("outcome"), code, subject)) == []


def test_the_dates_of_an_eau_count_from_its_issue() -> None:
    content = stated(issued=-3, found=-1, since=date(2026, 11, 18), until=4)
    assert first(content, "//f:Composition/f:date/@value") == ["2026-11-20"]
    assert first(content, "//f:onsetPeriod/*/@value") == ["2026-11-18", "2026-11-24"]
    assert first(content, "//f:Condition/f:extension/f:valueDateTime/@value") == ["2026-11-19"]


def test_a_patient_is_the_same_in_every_document_of_a_seed() -> None:
    kvnrs = {read_document(stated(name, patient="althaus")).kvnr for name in ("a", "b", "c")}
    assert kvnrs == {people.known_patient(1, "althaus").kvnr}
    assert people.known_patient(2, "althaus") != people.known_patient(1, "althaus")
    assert read_document(stated(patient={"kvnr": "X110411675"})).kvnr == "X110411675"


@pytest.mark.parametrize("name", people.PATIENTS)
def test_every_patient_has_a_valid_kvnr(name: str) -> None:
    person = people.known_patient(1, name)
    assert people.complete_kvnr(person.kvnr[:-1]) == person.kvnr


def test_a_dentist_has_the_numbers_of_the_kzv() -> None:
    author = author_of(
        Document.model_validate({"kind": "eau", "doctor": "zahnarzt"}), people.AUTHOR
    )
    assert author.practice.dental
    assert author.doctor.qualification == people.ZAHNARZT


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"causes": ["unfall", "unfall"]}, "anzahlUrsache"),
        ({"further_steps": ["reha", "reha"]}, "uniqueServiceRequest"),
        ({"unfit_for_job": True}, "BerufsunfaehigPKV"),
        ({"doctor": "arzt-1", "responsible": "arzt-1"}, "VerantwortlichePersonVerbot"),
        ({"text": "x" * 71}, "70"),
        ({"diagnoses": [f"J0{number}.9" for number in range(7)]}, "ICD"),
        ({"legal_basis": "01"}, "AsvTeamnummer"),
    ],
)
def test_what_the_profiles_forbid_can_be_stated_and_is_rejected(
    facts: dict[str, Any], told: str
) -> None:
    objection = judge(stated(**facts), storno=False)
    assert objection is not None
    assert objection.code.code == "101"
    assert any(told in reason for reason in objection.reasons), objection.reasons
