"""Each invariant, broken by one change, is named; by the shipped rules and by the packages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from scenarios.engine.profiles.invariants import JUDGES, catalogue
from scenarios.engine.profiles.validator import Validator

FHIR = "http://hl7.org/fhir"
EX = "https://fhir.kbv.de/StructureDefinition"
QUALIFICATION = (
    "//f:Practitioner/f:qualification/f:code/f:coding"
    "[f:system/@value='https://fhir.kbv.de/CodeSystem/KBV_CS_FOR_Qualification_Type']/f:code"
)
TYPE = "//f:Composition/f:type/f:coding[contains(f:system/@value, 'AU_Type')]/f:code"
PAYER = "//f:Coverage/f:type/f:coding/f:code"
BASIS = "//f:Composition/f:extension/f:valueCoding/f:code"
Change = Callable[[etree._Element], None]


def select(root: etree._Element, path: str) -> list[etree._Element]:
    found = root.xpath(path, namespaces={"f": FHIR})
    assert isinstance(found, list)
    assert found, path
    return [one for one in found if isinstance(one, etree._Element)]


def without(path: str) -> Change:
    def change(root: etree._Element) -> None:
        for one in select(root, path):
            parent = one.getparent()
            assert parent is not None
            parent.remove(one)

    return change


def put(path: str, value: str) -> Change:
    def change(root: etree._Element) -> None:
        for one in select(root, path):
            one.set("value", value)

    return change


def add(path: str, xml: str) -> Change:
    """Return a change that puts *xml* before the first child of what *path* selects."""

    def change(root: etree._Element) -> None:
        for one in select(root, path):
            one.insert(0, etree.fromstring(f'<r xmlns="{FHIR}">{xml}</r>')[0])

    return change


def both(*changes: Change) -> Change:
    def change(root: etree._Element) -> None:
        for one in changes:
            one(root)

    return change


def dated(name: str, value: str = "2026-12-01") -> str:
    return f'<extension url="{EX}/{name}"><valueDateTime value="{value}"/></extension>'


def flag(name: str) -> str:
    return f'<extension url="{EX}/{name}"><valueBoolean value="true"/></extension>'


STEP = "//f:ServiceRequest[f:code/f:coding/f:code/@value='{}']"
AU = "//f:Condition[f:meta/f:profile[contains(@value, 'Condition_AU')]]"
STREET, HOUSE = "iso21090-ADXP-streetName", "iso21090-ADXP-houseNumber"
CAUSE = f"{AU}/f:extension[contains(@url, 'dueTo')]"

BROKEN = [
    ("eau-angabePruefnummerPflicht", "_1-eAU_ERST_GKV", without("//f:author[f:identifier]")),
    (
        "eau-angabePatientPLZPflicht",
        "_1-eAU_ERST_GKV",
        without("//f:Patient/f:address/f:postalCode"),
    ),
    ("eau-angabeRechtsgrundlagePflicht", "_3-eAU", without("//f:Composition/f:extension")),
    ("eau-uniqueServiceRequest", "11-eAU", put("//f:ServiceRequest/f:code//f:code", "d_arzt")),
    (
        "eau-angabeIdentifikatorAusstellendePersonPflicht",
        "_3-eAU",
        without("//f:Practitioner/f:identifier"),
    ),
    ("eau-angabeVerantwortlichePersonVerbot-1", "11-eAU", put(QUALIFICATION, "00")),
    ("eau-angabeVerantwortlichePersonVerbot-2", "11-eAU", put(QUALIFICATION, "03")),
    (
        "eau-angabeIdentifikatorVerantwortlichePersonPflicht",
        "_9-eAU",
        without("//f:Practitioner/f:identifier"),
    ),
    ("eau-angabeFachgruppennummerAsvAusstellendePersonVerbot", "14-eAU", put(BASIS, "00")),
    (
        "eau-referenzAufAusstellendePerson-1",
        "_1-eAU_ERST_GKV",
        put(f"{AU}/f:asserter/f:reference", "Practitioner/x"),
    ),
    (
        "eau-referenzAufAusstellendePerson-2",
        "_1-eAU_ERST_GKV",
        put("//f:PractitionerRole/f:practitioner/f:reference", "Practitioner/x"),
    ),
    (
        "eau-angabeIdentifikatorEinrichtungPflicht",
        "_3-eAU",
        without("//f:Organization/f:identifier"),
    ),
    ("eau-angabeAUseitErstbescheinigung", "_3-eAU", without("//f:onsetPeriod/f:start")),
    ("eau-angabeAUseitFolgebescheinigung", "_3-eAU", put(TYPE, "FOLGE_END")),
    ("eau-angabeVersichertenIDbeiGKV", "13-eAU", put(PAYER, "GKV")),
    ("eau-angabeVersichertenIDbeiPKV", "13-eAU", put(PAYER, "PKV")),
    (
        "eau-angabeVersichertennummerBeiSKT",
        "13-eAU",
        put("//f:Patient/f:identifier/f:type/f:coding/f:code", "XX"),
    ),
    (
        "eau-angabeTeilweiseArbeitsfaehigPKV",
        "_3-eAU",
        add(AU, dated("KBV_EX_EAU_partially_employable")),
    ),
    ("eau-angabeBerufsunfaehigPKV", "_3-eAU", add(AU, flag("KBV_EX_EAU_unemployability"))),
    ("eau-angabeAufnahmedatumNurPKV", "11-eAU", put(PAYER, "SEL")),
    ("eau-angabeEntlassdatumNurPKV", "11-eAU", put(PAYER, "SEL")),
    ("eau-angabeWiedereingliederungabPKV", "11-eAU", put(PAYER, "SEL")),
    ("eau-angabeStationaereHeilbehandlungPKV", "11-eAU", put(PAYER, "SEL")),
    ("eau-geburtsdatumPatient", "_3-eAU", put("//f:Patient/f:birthDate", "2999-01-01")),
    ("eau-angabeAsvTeamnummerPflicht", "_5-eAU", put(BASIS, "01")),
    ("eau-angabeAsvTeamnummerVerbot", "14-eAU", put(BASIS, "00")),
    ("eau-angabePatientenAdressePflicht", "_3-eAU", without("//f:Patient/f:address")),
    (
        "eau-angabeVerantwortlichePersonPflicht",
        "_3-eAU",
        both(put(QUALIFICATION, "03"), without("//f:Practitioner/f:identifier")),
    ),
    ("eau-begrenzungDate", "_3-eAU", put("//f:Composition/f:date", "2026-11")),
    (
        "eau-begrenzungDateFestgestelltAm",
        "_3-eAU",
        put(f"{AU}/f:extension/f:valueDateTime", "2026-11"),
    ),
    ("eau-begrenzungDateStart", "_3-eAU", put("//f:onsetPeriod/f:start", "2026")),
    ("eau-begrenzungDateEnd", "_3-eAU", put("//f:onsetPeriod/f:end", "2027-01-01T10:00:00Z")),
    (
        "eau-EntlassungdatumNurRehaHeilbehandlung",
        "11-eAU",
        add(STEP.format("d_arzt"), dated("KBV_EX_EAU_discharge_date")),
    ),
    (
        "eau-AufnahmedatumNurRehaHeilbehandlung",
        "11-eAU",
        add(STEP.format("d_arzt"), dated("KBV_EX_EAU_admission_date")),
    ),
    (
        "eau-WiedereingliederungAbNurWiedereingliederung",
        "11-eAU",
        add(STEP.format("d_arzt"), dated("KBV_EX_EAU_reintegration_date")),
    ),
    (
        "eau-keinTextBeiAnderen",
        "11-eAU",
        add(STEP.format("d_arzt") + "/f:code", '<text value="x"/>'),
    ),
    ("for-laengeIK", "_3-eAU", put("//f:payor/f:identifier/f:value", "12345678")),
    ("for-laengeBSNR", "_3-eAU", put("//f:Organization/f:identifier/f:value", "1234567890")),
    ("for-laengeLANR", "_3-eAU", put("//f:Practitioner/f:identifier/f:value", "12345678A")),
    ("for-laengeVersichertenId", "_3-eAU", put("//f:Patient/f:identifier/f:value", "a123456780")),
    (
        "for-laengeWohnsitzlaendercode",
        "_1-eAU_ERST_GKV",
        put("//f:Patient/f:address/f:country", "DEUT"),
    ),
    (
        "for-angabeIKzustaendigeKrankenkasseEGKPflicht",
        "_3-eAU",
        without("//f:payor/f:identifier"),
    ),
    (
        "for-angabeVersichertenartPflicht",
        "_3-eAU",
        without("//f:Coverage/f:extension[contains(@url, 'versichertenart')]"),
    ),
    (
        "for-angabeBesonderePersonengruppePflicht",
        "_3-eAU",
        without("//f:Coverage/f:extension[contains(@url, 'personengruppe')]"),
    ),
    (
        "for-angabeDMPPflicht",
        "_3-eAU",
        without("//f:Coverage/f:extension[contains(@url, 'dmp')]"),
    ),
    ("for-angabeZahnarztnummerPflicht", "_3-eAU", put(QUALIFICATION, "01")),
    (
        "for-angabeIdentifikatorAusstellende-VerantwortlichePersonVerbot",
        "_3-eAU",
        put(QUALIFICATION, "02"),
    ),
    ("for-angabeArztnummerPflicht", "15-eAU", put(QUALIFICATION, "00")),
    (
        "for-anzahlIdentifikatorAusstellende-VerantwortlichePerson",
        "_3-eAU",
        put("//f:Practitioner/f:identifier/f:type/f:coding/f:code", "PRN"),
    ),
    (
        "for-anzahlIdentifikatorOrganizationRessource",
        "_3-eAU",
        put("//f:Organization/f:identifier/f:type/f:coding/f:code", "PRN"),
    ),
    (
        "for-adresszeilenAufbauPatientRessource-1",
        "_1-eAU_ERST_GKV",
        put("//f:Patient/f:address/f:line", "Musterstr.1"),
    ),
    (
        "for-adresszeilenAufbauPatientRessource-3",
        "_1-eAU_ERST_GKV",
        without(f"//f:Patient/f:address/f:line/f:extension[contains(@url, '{HOUSE}')]"),
    ),
    (
        "for-adresszeilenAufbauPatientRessource-2",
        "_1-eAU_ERST_GKV",
        without(f"//f:Patient/f:address/f:line/f:extension[contains(@url, '{STREET}')]"),
    ),
    (
        "for-adresszeilenAufbauOrganizationRessource-1",
        "_3-eAU",
        put("//f:Organization/f:address/f:line", "Anderswo 7"),
    ),
    (
        "for-adresszeilenAufbauOrganizationRessource-3",
        "_3-eAU",
        without(f"//f:Organization/f:address/f:line/f:extension[contains(@url, '{HOUSE}')]"),
    ),
    (
        "for-adresszeilenAufbauOrganizationRessource-4",
        "_3-eAU",
        without(f"//f:Organization/f:address/f:line/f:extension[contains(@url, '{STREET}')]"),
    ),
]


@pytest.mark.parametrize(("key", "name", "change"), BROKEN, ids=[key for key, _, _ in BROKEN])
@pytest.mark.requirement("P310-01", "P310-04", "P310-07", "P310-08", "P310-09")
def test_a_broken_invariant_is_named(
    example: Callable[[str], etree._Element],
    by_tables: Validator,
    key: str,
    name: str,
    change: Change,
) -> None:
    root = example(name)
    assert by_tables.profile_findings(root) == []
    change(root)
    assert key in [one.rule for one in by_tables.profile_findings(root)]


def test_the_packages_judge_every_twelfth_of_them_alike(
    example: Callable[[str], etree._Element], by_packages: Validator
) -> None:
    for key, name, change in BROKEN[::12]:
        root = example(name)
        change(root)
        assert key in [one.rule for one in by_packages.profile_findings(root)], key


def test_every_invariant_has_texts_and_a_judge() -> None:
    assert set(JUDGES) | {"eau-versionComposition"} >= set(catalogue())
    assert set(JUDGES) <= set(catalogue())
    assert len({key for key, _, _ in BROKEN}) >= 50
