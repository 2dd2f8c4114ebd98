"""Who an eAU is about and from: Patient, Practitioner, PractitionerRole, Organization, Coverage.

The profiles KBV_PR_FOR_* of kbv.ita.for 1.2.1, in the form of the KBV's examples.
"""

from __future__ import annotations

from lxml import etree

from .eau_case import Case
from .fhir_xml import (
    CODE_SYSTEMS,
    HL7,
    PROFILES,
    TERMINOLOGY,
    coded_extension,
    coding,
    concept,
    element,
    extension,
    identifier,
    primitive,
    reference,
    resource,
)
from .identities import Identities
from .people import ZAHNARZT, Doctor, Insurer, Patient, Practice

_GERMAN_TYPES = "http://fhir.de/CodeSystem/identifier-type-de-basis"
_IK = "http://fhir.de/sid/arge-ik/iknr"
_NO_NUMBER = "N/A"
"""A practice whose street has no number says so (KBV_PR_FOR_Organization)."""


def patient_resource(identities: Identities, person: Patient) -> etree._Element:
    """Return KBV_PR_FOR_Patient, with KVNR or with the number of a Krankenversichertenkarte."""
    number = None
    if person.kvnr:
        number = identifier(
            "http://fhir.de/sid/gkv/kvid-10", person.kvnr, type_=(_GERMAN_TYPES, "KVZ10")
        )
    elif person.kvk:
        number = identifier(
            "http://fhir.de/sid/gkv/kvk-versichertennummer",
            person.kvk,
            type_=(f"{CODE_SYSTEMS}KBV_CS_Base_identifier_type", "kvk"),
        )
    return resource(
        "Patient",
        identities.uuid("patient"),
        "KBV_PR_FOR_Patient",
        number,
        _name(person.family, person.given, person.title, person.addition, person.particle),
        primitive("birthDate", person.birth.isoformat()),
        _post_box(person) if person.post_box else _address(person),
    )


def practitioner_resource(
    identities: Identities, doctor: Doctor, place: str = "practitioner"
) -> etree._Element:
    """Return KBV_PR_FOR_Practitioner; *place* tells the issuing from the responsible doctor."""
    number = None
    if doctor.lanr and doctor.qualification == ZAHNARZT:
        number = identifier(
            "http://fhir.de/sid/kzbv/zahnarztnummer", doctor.lanr, type_=(_GERMAN_TYPES, "ZANR")
        )
    elif doctor.lanr:
        number = identifier(
            "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_ANR",
            doctor.lanr,
            type_=(f"{TERMINOLOGY}/v2-0203", "LANR"),
        )
    job = element(
        "code",
        coding(f"{CODE_SYSTEMS}KBV_CS_FOR_Berufsbezeichnung", "Berufsbezeichnung"),
        primitive("text", doctor.specialty),
    )
    kind = concept("code", f"{CODE_SYSTEMS}KBV_CS_FOR_Qualification_Type", doctor.qualification)
    group = None
    if doctor.asv_group:
        system = "https://fhir.kbv.de/NamingSystem/KBV_NS_FOR_Fachgruppennummer_ASV"
        group = element("qualification", concept("code", system, doctor.asv_group))
    return resource(
        "Practitioner",
        identities.uuid(place),
        "KBV_PR_FOR_Practitioner",
        number,
        _name(doctor.family, doctor.given, doctor.title),
        element("qualification", kind),
        element("qualification", job),
        group,
    )


def role_resource(identities: Identities, team: str, doctor: etree._Element) -> etree._Element:
    """Return KBV_PR_FOR_PractitionerRole: the doctor acts in the ASV team *team*."""
    return resource(
        "PractitionerRole",
        identities.uuid("role"),
        "KBV_PR_FOR_PractitionerRole",
        reference("practitioner", doctor),
        element("organization", identifier("http://fhir.de/NamingSystem/asv/teamnummer", team)),
    )


def organization_resource(identities: Identities, practice: Practice) -> etree._Element:
    """Return KBV_PR_FOR_Organization, with BSNR or a dentist's KZV-Abrechnungsnummer."""
    if practice.dental:
        system = "http://fhir.de/sid/kzbv/kzvabrechnungsnummer"
        number = identifier(system, practice.bsnr, type_=(_GERMAN_TYPES, "KZVA"))
    else:
        system = "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_BSNR"
        number = identifier(system, practice.bsnr, type_=(f"{TERMINOLOGY}/v2-0203", "BSNR"))
    return resource(
        "Organization",
        identities.uuid("organization"),
        "KBV_PR_FOR_Organization",
        number,
        primitive("name", practice.name),
        element("telecom", primitive("system", "phone"), primitive("value", practice.phone)),
        _address(practice),
    )


def coverage_resource(identities: Identities, case: Case, person: etree._Element) -> etree._Element:
    """Return KBV_PR_FOR_Coverage; somebody who pays himself (SEL) has none of the marks."""
    statutory = "http://fhir.de/StructureDefinition/gkv"
    marks = (
        ("besondere-personengruppe", "KBV_CS_SFHIR_KBV_PERSONENGRUPPE", case.marks.group),
        ("dmp-kennzeichen", "KBV_CS_SFHIR_KBV_DMP", case.marks.dmp),
        ("wop", "KBV_CS_SFHIR_ITA_WOP", case.marks.wop),
        ("versichertenart", "KBV_CS_SFHIR_KBV_VERSICHERTENSTATUS", case.marks.status),
    )
    insurer = case.insurer
    system = (
        f"{CODE_SYSTEMS}KBV_CS_FOR_Payor_Type_KBV"
        if insurer.type in ("SKT", "UK")
        else "http://fhir.de/CodeSystem/versicherungsart-de-basis"
    )
    until = case.marks.until
    return resource(
        "Coverage",
        identities.uuid("coverage"),
        "KBV_PR_FOR_Coverage",
        *[
            coded_extension(f"{statutory}/{name}", f"{CODE_SYSTEMS}{codes}", code)
            for name, codes, code in marks
            if insurer.type != "SEL"
        ],
        primitive("status", "active"),
        concept("type", system, insurer.type),
        reference("beneficiary", person),
        None if until is None else element("period", primitive("end", until.isoformat())),
        element("payor", _payor(insurer), primitive("display", insurer.name[:45])),
    )


def _payor(insurer: Insurer) -> etree._Element | None:
    """Return the IK of the patient's Kostenträger, with that of a BG or UK beside it."""
    if insurer.type == "SEL":
        return None
    number = identifier(_IK, insurer.ik)
    if insurer.accident_ik:
        other = identifier(
            _IK, insurer.accident_ik, type_=(f"{TERMINOLOGY}/v2-0203", "XX"), name="valueIdentifier"
        )
        number.insert(0, extension(f"{PROFILES}KBV_EX_FOR_Alternative_IK", other))
    return number


def _name(
    family: str, given: str, title: str, addition: str = "", particle: str = ""
) -> etree._Element:
    surname = primitive("family", " ".join(part for part in (addition, particle, family) if part))
    parts = (
        ("http://fhir.de/StructureDefinition/humanname-namenszusatz", addition),
        (f"{HL7}/humanname-own-name", family),
        (f"{HL7}/humanname-own-prefix", particle),
    )
    surname.extend(extension(url, primitive("valueString", part)) for url, part in parts if part)
    prefix = None
    if title:
        prefix = primitive("prefix", title)
        prefix.append(extension(f"{HL7}/iso21090-EN-qualifier", primitive("valueCode", "AC")))
    return element("name", primitive("use", "official"), surname, primitive("given", given), prefix)


def _address(place: Patient | Practice) -> etree._Element:
    """Return an address of street and number; a practice without number says so."""
    number = place.house or (_NO_NUMBER if isinstance(place, Practice) else "")
    line = primitive("line", f"{place.street} {place.house}".strip())
    if number:
        line.append(extension(f"{HL7}/iso21090-ADXP-houseNumber", primitive("valueString", number)))
    line.append(
        extension(f"{HL7}/iso21090-ADXP-streetName", primitive("valueString", place.street))
    )
    more = place.address_extra if isinstance(place, Patient) else ""
    extra = None
    if more:
        extra = primitive("line", more)
        url = f"{HL7}/iso21090-ADXP-additionalLocator"
        extra.append(extension(url, primitive("valueString", more)))
    return element("address", primitive("type", "both"), line, extra, *_town(place))


def _post_box(person: Patient) -> etree._Element:
    line = primitive("line", person.post_box)
    url = f"{HL7}/iso21090-ADXP-postBox"
    line.append(extension(url, primitive("valueString", person.post_box)))
    return element("address", primitive("type", "postal"), line, *_town(person))


def _town(place: Patient | Practice) -> tuple[etree._Element, ...]:
    return (
        primitive("city", place.city),
        primitive("postalCode", place.postal_code),
        primitive("country", "D"),
    )
