"""The eAU of a practice: a KBV_PR_EAU_Bundle in profile version 1.2 (package 1.2.1).

Structure and order follow TA-eAU V1.26 and the KBV's examples; what is stated about whom is
invented and fixed by the seed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from lxml import etree

from .fhir_xml import (
    CODE_SYSTEMS,
    PROFILES,
    coded_extension,
    coding,
    concept,
    document_bundle,
    element,
    extension,
    identifier,
    primitive,
    reference,
    resource,
)
from .identities import Identities
from .people import AUTHOR, Author, Doctor, Insurer, Patient, Practice, patient

FIRST_TYPES = ("ERST", "ERST_END")
PRUEFNUMMER = "Y/400/2107/36/999"
DIAGNOSES = (("J06.9", None), ("U07.1", None), ("S42.3", "L"), ("M54.5", None), ("H16.4", "R"))

_HL7 = "http://hl7.org/fhir/StructureDefinition"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"


@dataclass(frozen=True)
class Case:
    """What the practice certifies."""

    type: str
    person: Patient
    insurer: Insurer
    issued: datetime
    diagnoses: tuple[tuple[str, str | None], ...]
    author: Author = AUTHOR

    @property
    def until(self) -> datetime:
        """Probable end of the inability to work: within 31 days of the finding (TA-eAU)."""
        return self.issued + timedelta(days=6)


@dataclass(frozen=True)
class _Parties:
    """Whom the Composition is about, who wrote it, who keeps it."""

    person: etree._Element
    doctor: etree._Element
    practice: etree._Element


def case(
    identities: Identities,
    type_: str,
    insurer: Insurer,
    issued: datetime,
    author: Author = AUTHOR,
) -> Case:
    """Return what is certified, drawn from the seed."""
    choice: random.Random = identities.choice()
    person = patient(choice)
    diagnoses = tuple(choice.sample(DIAGNOSES, choice.randint(1, 3)))
    return Case(type_, person, insurer, issued, diagnoses, author)


def bundle(identities: Identities, case: Case, *, without: tuple[str, ...] = ()) -> bytes:
    """Return the Bundle as XML.

    *without* names resource types that are left out, to make a faulty eAU; the Composition's
    section about them goes too, so that only the profile's cardinality is broken.
    """
    person = patient_resource(identities, case.person)
    doctor = practitioner_resource(identities, case.author.doctor)
    practice = organization_resource(identities, case.author.practice)
    inability = _inability(identities, case, person, doctor)
    coverage = _coverage(identities, case.insurer, person)
    diagnoses = [
        _diagnosis(identities, case, index, person, doctor) for index in range(len(case.diagnoses))
    ]
    sections = [("ICD", diagnosis) for diagnosis in diagnoses]
    sections += [("AU_Condition", inability), ("Coverage", coverage)]
    sections = [
        (code, target) for code, target in sections if etree.QName(target).localname not in without
    ]
    composition = _composition(identities, case, _Parties(person, doctor, practice), sections)
    resources = [composition, person, doctor, practice, inability, coverage, *diagnoses]
    return document_bundle(
        "KBV_PR_EAU_Bundle",
        identities.uuid("bundle"),
        identities.uuid("identifier").urn,
        instant(case.issued),
        [one for one in resources if etree.QName(one).localname not in without],
    )


def instant(moment: datetime) -> str:
    """Return *moment* as a FHIR instant, whole seconds."""
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def patient_resource(identities: Identities, person: Patient) -> etree._Element:
    """Return KBV_PR_FOR_Patient."""
    return resource(
        "Patient",
        identities.uuid("patient"),
        "KBV_PR_FOR_Patient",
        identifier(
            "http://fhir.de/sid/gkv/kvid-10",
            person.kvnr,
            type_=("http://fhir.de/CodeSystem/identifier-type-de-basis", "KVZ10"),
        ),
        _name(person.family, person.given),
        primitive("birthDate", person.birth.isoformat()),
        _address(person.street, person.house, person.city, person.postal_code),
    )


def practitioner_resource(identities: Identities, doctor: Doctor) -> etree._Element:
    """Return KBV_PR_FOR_Practitioner with qualification 00 (Arzt)."""
    return resource(
        "Practitioner",
        identities.uuid("practitioner"),
        "KBV_PR_FOR_Practitioner",
        identifier(
            "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_ANR",
            doctor.lanr,
            type_=(f"{_TERMINOLOGY}/v2-0203", "LANR"),
        ),
        _name(doctor.family, doctor.given, doctor.title),
        element(
            "qualification",
            concept("code", f"{CODE_SYSTEMS}KBV_CS_FOR_Qualification_Type", "00"),
        ),
        element(
            "qualification",
            element(
                "code",
                coding(f"{CODE_SYSTEMS}KBV_CS_FOR_Berufsbezeichnung", "Berufsbezeichnung"),
                primitive("text", doctor.specialty),
            ),
        ),
    )


def organization_resource(identities: Identities, practice: Practice) -> etree._Element:
    """Return KBV_PR_FOR_Organization."""
    return resource(
        "Organization",
        identities.uuid("organization"),
        "KBV_PR_FOR_Organization",
        identifier(
            "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_BSNR",
            practice.bsnr,
            type_=(f"{_TERMINOLOGY}/v2-0203", "BSNR"),
        ),
        primitive("name", practice.name),
        element("telecom", primitive("system", "phone"), primitive("value", practice.phone)),
        _address(practice.street, practice.house, practice.city, practice.postal_code),
    )


def _composition(
    identities: Identities,
    case: Case,
    parties: _Parties,
    sections: list[tuple[str, etree._Element]],
) -> etree._Element:
    return resource(
        "Composition",
        identities.uuid("composition"),
        "KBV_PR_EAU_Composition",
        coded_extension(
            f"{PROFILES}KBV_EX_FOR_Legal_basis",
            f"{CODE_SYSTEMS}KBV_CS_SFHIR_KBV_STATUSKENNZEICHEN",
            "00",
        ),
        primitive("status", "final"),
        element(
            "type",
            coding(f"{CODE_SYSTEMS}KBV_CS_EAU_AU_Type", case.type),
            coding(f"{CODE_SYSTEMS}KBV_CS_SFHIR_KBV_FORMULAR_ART", "e010"),
        ),
        reference("subject", parties.person),
        primitive("date", case.issued.date().isoformat()),
        reference("author", parties.doctor, type_="Practitioner"),
        element(
            "author",
            primitive("type", "Device"),
            identifier("https://fhir.kbv.de/NamingSystem/KBV_NS_FOR_Pruefnummer", PRUEFNUMMER),
        ),
        primitive("title", "Arbeitsunfähigkeit"),
        reference("custodian", parties.practice),
        *[
            element(
                "section",
                concept("code", f"{CODE_SYSTEMS}KBV_CS_FOR_Section_Type", code),
                reference("entry", target),
            )
            for code, target in sections
        ],
    )


def _inability(
    identities: Identities, case: Case, person: etree._Element, doctor: etree._Element
) -> etree._Element:
    """Return KBV_PR_EAU_Condition_AU; the start is stated in a first certificate only."""
    issued = case.issued.date().isoformat()
    first = case.type in FIRST_TYPES
    return resource(
        "Condition",
        identities.uuid("inability"),
        "KBV_PR_EAU_Condition_AU",
        extension(f"{_HL7}/condition-assertedDate", primitive("valueDateTime", issued)),
        *_active_and_confirmed(),
        concept("code", f"{CODE_SYSTEMS}KBV_CS_SFHIR_KBV_FHIR_DOKUMENTTYPE", "eAU"),
        reference("subject", person),
        element(
            "onsetPeriod",
            primitive("start", issued) if first else None,
            primitive("end", case.until.date().isoformat()),
        ),
        reference("asserter", doctor),
    )


def _diagnosis(
    identities: Identities, case: Case, index: int, person: etree._Element, doctor: etree._Element
) -> etree._Element:
    """Return KBV_PR_EAU_Condition_ICD with certainty G and, where it makes sense, the side."""
    code, side = case.diagnoses[index]
    german = "http://fhir.de/StructureDefinition"
    return resource(
        "Condition",
        identities.uuid(f"diagnosis-{index}"),
        "KBV_PR_EAU_Condition_ICD",
        *_active_and_confirmed(),
        element(
            "code",
            element(
                "coding",
                coded_extension(
                    f"{german}/icd-10-gm-diagnosesicherheit",
                    f"{CODE_SYSTEMS}KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT",
                    "G",
                ),
                None
                if side is None
                else coded_extension(
                    f"{german}/seitenlokalisation",
                    f"{CODE_SYSTEMS}KBV_CS_SFHIR_ICD_SEITENLOKALISATION",
                    side,
                ),
                primitive("system", "http://fhir.de/CodeSystem/bfarm/icd-10-gm"),
                primitive("version", str(case.issued.year)),
                primitive("code", code),
            ),
        ),
        reference("subject", person),
        reference("asserter", doctor),
    )


def _coverage(identities: Identities, insurer: Insurer, person: etree._Element) -> etree._Element:
    """Return KBV_PR_FOR_Coverage of type GKV."""
    statutory = "http://fhir.de/StructureDefinition/gkv"
    facts = (
        ("besondere-personengruppe", "KBV_CS_SFHIR_KBV_PERSONENGRUPPE", "00"),
        ("dmp-kennzeichen", "KBV_CS_SFHIR_KBV_DMP", "00"),
        ("wop", "KBV_CS_SFHIR_ITA_WOP", "72"),
        ("versichertenart", "KBV_CS_SFHIR_KBV_VERSICHERTENSTATUS", "1"),
    )
    return resource(
        "Coverage",
        identities.uuid("coverage"),
        "KBV_PR_FOR_Coverage",
        *[
            coded_extension(f"{statutory}/{name}", f"{CODE_SYSTEMS}{system}", code)
            for name, system, code in facts
        ],
        primitive("status", "active"),
        concept("type", "http://fhir.de/CodeSystem/versicherungsart-de-basis", "GKV"),
        reference("beneficiary", person),
        element(
            "payor",
            identifier("http://fhir.de/sid/arge-ik/iknr", insurer.ik),
            primitive("display", insurer.name),
        ),
    )


def _active_and_confirmed() -> tuple[etree._Element, etree._Element]:
    return (
        concept("clinicalStatus", f"{_TERMINOLOGY}/condition-clinical", "active"),
        concept("verificationStatus", f"{_TERMINOLOGY}/condition-ver-status", "confirmed"),
    )


def _name(family: str, given: str, title: str | None = None) -> etree._Element:
    surname = primitive("family", family)
    surname.append(extension(f"{_HL7}/humanname-own-name", primitive("valueString", family)))
    prefix = None
    if title is not None:
        prefix = primitive("prefix", title)
        prefix.append(extension(f"{_HL7}/iso21090-EN-qualifier", primitive("valueCode", "AC")))
    return element("name", primitive("use", "official"), surname, primitive("given", given), prefix)


def _address(street: str, house: str, city: str, postal_code: str) -> etree._Element:
    line = primitive("line", f"{street} {house}")
    line.append(extension(f"{_HL7}/iso21090-ADXP-houseNumber", primitive("valueString", house)))
    line.append(extension(f"{_HL7}/iso21090-ADXP-streetName", primitive("valueString", street)))
    return element(
        "address",
        primitive("type", "both"),
        line,
        primitive("city", city),
        primitive("postalCode", postal_code),
        primitive("country", "D"),
    )
