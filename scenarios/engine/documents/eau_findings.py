"""What an eAU finds: the inability to work, the diagnoses, the further steps.

The profiles KBV_PR_EAU_Condition_* and KBV_PR_EAU_ServiceRequest_steps of kbv.ita.eau 1.2.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from lxml import etree

from .eau_case import Case, Diagnosis, FurtherStep
from .fhir_xml import (
    CODE_SYSTEMS,
    HL7,
    PROFILES,
    TERMINOLOGY,
    coded_extension,
    concept,
    element,
    extension,
    primitive,
    reference,
    resource,
)
from .identities import Identities

_STATES: Mapping[str, tuple[str | None, str]] = MappingProxyType(
    {
        "G": ("active", "confirmed"),
        "V": ("active", "provisional"),
        "Z": ("resolved", "confirmed"),
        "A": (None, "refuted"),
    }
)
"""clinicalStatus and verificationStatus by certainty: G, V and Z as in the KBV's examples, which
hold no A (unconfirmed)."""


@dataclass(frozen=True)
class Known:
    """Whom findings refer to: the patient and the doctor who issues the certificate."""

    identities: Identities
    person: etree._Element
    doctor: etree._Element


def inability_resource(known: Known, case: Case) -> etree._Element:
    """Return KBV_PR_EAU_Condition_AU; the start is stated in a first certificate only."""
    causes = [
        extension(
            f"{HL7}/condition-dueTo",
            concept("valueCodeableConcept", f"{CODE_SYSTEMS}KBV_CS_FOR_Ursache_Type", cause),
        )
        for cause in case.causes
    ]
    return resource(
        "Condition",
        known.identities.uuid("inability"),
        "KBV_PR_EAU_Condition_AU",
        extension(f"{HL7}/condition-assertedDate", _date_time(case.found_on)),
        _mark("7_weeks", case.seventh_week),
        _day("partially_employable", case.able_in_part_from),
        _mark("unemployability", case.unfit_for_job),
        *causes,
        *_states("active", "confirmed"),
        concept("code", f"{CODE_SYSTEMS}KBV_CS_SFHIR_KBV_FHIR_DOKUMENTTYPE", "eAU"),
        reference("subject", known.person),
        element(
            "onsetPeriod",
            primitive("start", case.starts.isoformat()) if case.first else None,
            primitive("end", case.until.isoformat()),
        ),
        reference("asserter", known.doctor),
    )


def diagnosis_resource(known: Known, index: int, diagnosis: Diagnosis, year: int) -> etree._Element:
    """Return KBV_PR_EAU_Condition_ICD; *year* is the version of the ICD-10-GM."""
    german = "http://fhir.de/StructureDefinition"
    side = None
    if diagnosis.side is not None:
        side = coded_extension(
            f"{german}/seitenlokalisation",
            f"{CODE_SYSTEMS}KBV_CS_SFHIR_ICD_SEITENLOKALISATION",
            diagnosis.side,
        )
    code = element(
        "coding",
        coded_extension(
            f"{german}/icd-10-gm-diagnosesicherheit",
            f"{CODE_SYSTEMS}KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT",
            diagnosis.certainty,
        ),
        side,
        primitive("system", "http://fhir.de/CodeSystem/bfarm/icd-10-gm"),
        primitive("version", str(year)),
        primitive("code", diagnosis.code),
    )
    return resource(
        "Condition",
        known.identities.uuid(f"diagnosis-{index}"),
        "KBV_PR_EAU_Condition_ICD",
        *_states(*_STATES[diagnosis.certainty]),
        element("code", code),
        reference("subject", known.person),
        reference("asserter", known.doctor),
    )


def text_resource(known: Known, text: str) -> etree._Element:
    """Return KBV_PR_EAU_Condition_Text: at most 70 characters are allowed (P310-06)."""
    return resource(
        "Condition",
        known.identities.uuid("diagnosis-text"),
        "KBV_PR_EAU_Condition_Text",
        *_states(None, "confirmed"),
        element("code", primitive("text", text)),
        reference("subject", known.person),
        reference("asserter", known.doctor),
    )


def step_resource(known: Known, step: FurtherStep, inability: etree._Element) -> etree._Element:
    """Return KBV_PR_EAU_ServiceRequest_steps, each code at most once in an eAU (P310-14)."""
    code = concept("code", f"{CODE_SYSTEMS}KBV_CS_EAU_WeitereSchritte_Type", step.code)
    if step.text is not None:
        code.append(primitive("text", step.text))
    return resource(
        "ServiceRequest",
        known.identities.uuid(f"step-{step.code}"),
        "KBV_PR_EAU_ServiceRequest_steps",
        _day("reintegration_date", step.begins),
        _day("admission_date", step.admitted),
        _day("discharge_date", step.discharged),
        primitive("status", "active"),
        primitive("intent", "proposal"),
        code,
        reference("subject", known.person),
        reference("requester", known.doctor),
        reference("reasonReference", inability),
    )


def _states(clinical: str | None, verification: str) -> tuple[etree._Element | None, ...]:
    return (
        None
        if clinical is None
        else concept("clinicalStatus", f"{TERMINOLOGY}/condition-clinical", clinical),
        concept("verificationStatus", f"{TERMINOLOGY}/condition-ver-status", verification),
    )


def _mark(name: str, holds: bool) -> etree._Element | None:
    if not holds:
        return None
    return extension(f"{PROFILES}KBV_EX_EAU_{name}", primitive("valueBoolean", "true"))


def _day(name: str, day: date | None) -> etree._Element | None:
    return None if day is None else extension(f"{PROFILES}KBV_EX_EAU_{name}", _date_time(day))


def _date_time(day: date) -> etree._Element:
    return primitive("valueDateTime", day.isoformat())
