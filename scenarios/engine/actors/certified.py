"""From what a scenario states of an eAU to what the practice certifies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import MappingProxyType

from ..documents import eau_case
from ..documents.eau_case import Case, CoverageMarks, Diagnosis, FurtherStep
from ..documents.identities import Identities
from ..documents.people import (
    DOCTORS,
    PRACTICE,
    ZAHNARZT,
    Author,
    Doctor,
    Insurer,
    Patient,
    known_patient,
)
from ..documents.people import patient as any_patient
from ..scenario.certificate import (
    Certificate,
    Day,
    DoctorFacts,
    DoctorName,
    PatientFacts,
    PatientName,
    StepFacts,
)

_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "unfall": eau_case.UNFALL,
        "arbeitsunfall": eau_case.ARBEITSUNFALL,
        "ser": eau_case.SER,
    }
)


def case_of(
    stated: Certificate, identities: Identities, insurer: Insurer, now: datetime, author: Author
) -> Case:
    """Return what is certified; *author* is the practice of the world and the holder of its HBA."""
    issued_on = _day(stated.issued, now.date())
    issued = datetime.combine(issued_on, now.timetz())
    payer = replace(insurer, type=stated.payer, accident_ik=stated.accident_ik or "")
    drawn = eau_case.case(
        identities, stated.type, payer, issued, author_of(stated, author),
        person=patient_of(stated.patient, identities),
        diagnoses=tuple(_diagnosis(text) for text in stated.diagnoses),
    )  # fmt: skip
    return replace(
        drawn,
        found=_day(stated.found, issued_on),
        since=_day(stated.since, issued_on),
        end=_day(stated.until, issued_on),
        text=stated.text,
        causes=tuple(_CAUSES[cause] for cause in stated.causes),
        seventh_week=stated.seventh_week,
        steps=tuple(_further_step(step, issued_on) for step in stated.further_steps),
        responsible=_doctor(stated.responsible, author.doctor) if stated.responsible else None,
        asv_team=stated.asv_team,
        legal_basis=stated.legal_basis,
        able_in_part_from=_if_given(stated.able_in_part_from, issued_on),
        unfit_for_job=stated.unfit_for_job,
        marks=CoverageMarks(until=_if_given(stated.insured_until, issued_on)),
    )


def author_of(stated: Certificate, author: Author) -> Author:
    """Return doctor and practice as *stated*; the KBV's doctors act for the KBV's practice."""
    doctor = _doctor(stated.doctor, author.doctor) if stated.doctor else author.doctor
    named = stated.doctor.like if isinstance(stated.doctor, DoctorFacts) else stated.doctor
    practice = author.practice if named is None else PRACTICE
    if stated.practice is not None:
        practice = replace(practice, **stated.practice.model_dump(exclude_none=True))
    return Author(doctor, replace(practice, dental=doctor.qualification == ZAHNARZT))


def patient_of(stated: PatientName | PatientFacts | None, identities: Identities) -> Patient | None:
    """Return the patient as *stated*, None if nothing is stated."""
    if stated is None:
        return None
    if not isinstance(stated, PatientFacts):
        return known_patient(identities.seed, stated)
    person = (
        any_patient(identities.choice())
        if stated.like is None
        else known_patient(identities.seed, stated.like)
    )
    return replace(person, **stated.model_dump(exclude_none=True, exclude={"like"}))


def _doctor(stated: DoctorName | DoctorFacts, own: Doctor) -> Doctor:
    if not isinstance(stated, DoctorFacts):
        return DOCTORS[stated]
    doctor = own if stated.like is None else DOCTORS[stated.like]
    return replace(doctor, **stated.model_dump(exclude_none=True, exclude={"like"}))


def _diagnosis(text: str) -> Diagnosis:
    code, *more = text.split()
    return Diagnosis(code, more[0] if more else "G", more[1] if len(more) > 1 else None)


def _further_step(stated: str | StepFacts, issued: date) -> FurtherStep:
    if not isinstance(stated, StepFacts):
        return FurtherStep(stated)
    return FurtherStep(
        stated.step,
        stated.text,
        _if_given(stated.begins, issued),
        _if_given(stated.admitted, issued),
        _if_given(stated.discharged, issued),
    )


def _day(stated: Day, start: date) -> date:
    return start + timedelta(days=stated) if isinstance(stated, int) else stated


def _if_given(stated: Day | None, start: date) -> date | None:
    return None if stated is None else _day(stated, start)
