"""The eAU of a practice: a KBV_PR_EAU_Bundle in profile version 1.2 (package 1.2.1).

Structure and order follow TA-eAU V1.26 and the KBV's examples; what is stated about whom is
invented and fixed by the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from .eau_case import Case
from .eau_findings import (
    Known,
    diagnosis_resource,
    inability_resource,
    step_resource,
    text_resource,
)
from .eau_parties import (
    coverage_resource,
    organization_resource,
    patient_resource,
    practitioner_resource,
    role_resource,
)
from .fhir_xml import (
    CODE_SYSTEMS,
    PROFILES,
    coded_extension,
    coding,
    concept,
    document_bundle,
    element,
    identifier,
    primitive,
    reference,
    resource,
)
from .identities import Identities

PRUEFNUMMER = "Y/400/2107/36/999"


@dataclass(frozen=True)
class _Parties:
    """Whom the Composition is about, who wrote it, who answers for it, who keeps it."""

    person: etree._Element
    doctor: etree._Element
    responsible: etree._Element | None
    practice: etree._Element


def bundle(
    identities: Identities,
    case: Case,
    *,
    without: tuple[str, ...] = (),
    identifier_of: Identities | None = None,
) -> bytes:
    """Return the Bundle as XML.

    *without* names resource types that are left out, to make a faulty eAU; the Composition's
    section about them goes too, so that only the profile's cardinality is broken. The identifier
    is that of the document of *identifier_of*, which is the wrong use of a UUID (P310-14 (8)).
    """
    parties = _parties(identities, case)
    known = Known(identities, parties.person, parties.doctor)
    sections = [
        (code, target)
        for code, target in _sections(known, case)
        if etree.QName(target).localname not in without
    ]
    composition = _composition(identities, case, parties, sections)
    people = [parties.person, parties.doctor, parties.responsible, parties.practice]
    resources = [composition, *people, *(target for _, target in sections)]
    return document_bundle(
        "KBV_PR_EAU_Bundle",
        identities.uuid("bundle"),
        (identifier_of or identities).uuid("identifier").urn,
        instant(case.issued),
        [one for one in resources if one is not None and etree.QName(one).localname not in without],
    )


def instant(moment: datetime) -> str:
    """Return *moment* as a FHIR instant, whole seconds."""
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _parties(identities: Identities, case: Case) -> _Parties:
    responsible = None
    if case.responsible is not None:
        responsible = practitioner_resource(identities, case.responsible, "responsible")
    return _Parties(
        patient_resource(identities, case.person),
        practitioner_resource(identities, case.author.doctor),
        responsible,
        organization_resource(identities, case.author.practice),
    )


def _sections(known: Known, case: Case) -> list[tuple[str, etree._Element]]:
    """Return what the Composition refers to, with the codes of its sections."""
    inability = inability_resource(known, case)
    sections = [
        ("ICD", diagnosis_resource(known, index, diagnosis, case.issued.year))
        for index, diagnosis in enumerate(case.diagnoses)
    ]
    if case.text is not None:
        sections.append(("ICD_Text", text_resource(known, case.text)))
    sections.append(("AU_Condition", inability))
    sections.append(("Coverage", coverage_resource(known.identities, case, known.person)))
    sections += [("AU_weiter", step_resource(known, step, inability)) for step in case.steps]
    if case.asv_team is not None:
        role = role_resource(known.identities, case.asv_team, known.doctor)
        sections.append(("FOR_PractitionerRole", role))
    return sections


def _composition(
    identities: Identities,
    case: Case,
    parties: _Parties,
    sections: list[tuple[str, etree._Element]],
) -> etree._Element:
    """Return KBV_PR_EAU_Composition; the responsible doctor is its legal attester (P310-09)."""
    attester = None
    if parties.responsible is not None:
        attester = element(
            "attester", primitive("mode", "legal"), reference("party", parties.responsible)
        )
    return resource(
        "Composition",
        identities.uuid("composition"),
        "KBV_PR_EAU_Composition",
        coded_extension(
            f"{PROFILES}KBV_EX_FOR_Legal_basis",
            f"{CODE_SYSTEMS}KBV_CS_SFHIR_KBV_STATUSKENNZEICHEN",
            case.statuskennzeichen,
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
        attester,
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
