"""What a practice certifies in an eAU: the facts, before they are FHIR.

Defaults follow TA-eAU and pass the KBV's rules; whoever states more himself (a scenario) may
break them on purpose.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .identities import Identities
from .people import AUTHOR, Author, Doctor, Insurer, Patient, patient

FIRST_TYPES = ("ERST", "ERST_END")
USUAL_DAYS = 6
"""From the finding to the probable end; at most 31 are allowed (P310-04)."""

UNFALL, ARBEITSUNFALL, SER = "1", "2", "3"
"""KBV_CS_FOR_Ursache_Type."""

ASV = "01"
"""KBV_CS_SFHIR_KBV_STATUSKENNZEICHEN: 00 without, 01 ASV."""


@dataclass(frozen=True)
class Diagnosis:
    """An ICD-10-GM code with certainty (A, G, V, Z) and side (L, R, B), if there is one."""

    code: str
    certainty: str = "G"
    side: str | None = None


@dataclass(frozen=True)
class FurtherStep:
    """A further step: a code of KBV_CS_EAU_WeitereSchritte_Type, ``text`` for sonstige.

    The dates are for those insured by a PKV: ``begins`` a Wiedereingliederung, ``admitted`` and
    ``discharged`` Reha or Heilbehandlung.
    """

    code: str
    text: str | None = None
    begins: date | None = None
    admitted: date | None = None
    discharged: date | None = None


@dataclass(frozen=True)
class CoverageMarks:
    """Besondere Personengruppe, DMP-Kennzeichen, WOP and Versichertenart; the last day insured."""

    group: str = "00"
    dmp: str = "00"
    wop: str = "72"
    status: str = "1"
    until: date | None = None


@dataclass(frozen=True)
class Case:
    """What the practice certifies.

    ``since`` and ``end`` of the inability to work and the day of the finding default to the day
    of issue, the end to six days later. ``causes`` are codes of KBV_CS_FOR_Ursache_Type,
    ``legal_basis`` one of the Statuskennzeichen (01 with an ``asv_team``). ``responsible`` is the
    doctor for whom one in training or a deputy acts. ``able_in_part_from`` and ``unfit_for_job``
    are for those insured by a PKV.
    """

    type: str
    person: Patient
    insurer: Insurer
    issued: datetime
    diagnoses: tuple[Diagnosis, ...]
    author: Author = AUTHOR
    since: date | None = None
    found: date | None = None
    end: date | None = None
    text: str | None = None
    causes: tuple[str, ...] = ()
    seventh_week: bool = False
    steps: tuple[FurtherStep, ...] = ()
    responsible: Doctor | None = None
    asv_team: str | None = None
    legal_basis: str = "00"
    able_in_part_from: date | None = None
    unfit_for_job: bool = False
    marks: CoverageMarks = CoverageMarks()

    @property
    def first(self) -> bool:
        """Whether it is a first certificate, which alone states since when (P310-04)."""
        return self.type in FIRST_TYPES

    @property
    def found_on(self) -> date:
        """Festgestellt am."""
        return self.found or self.issued.date()

    @property
    def starts(self) -> date:
        """Arbeitsunfähig seit."""
        return self.since or self.found_on

    @property
    def until(self) -> date:
        """Voraussichtlich arbeitsunfähig bis."""
        return self.end or self.found_on + timedelta(days=USUAL_DAYS)

    @property
    def statuskennzeichen(self) -> str:
        """Kennzeichen der Rechtsgrundlage; a team number goes with ASV only."""
        return ASV if self.asv_team and self.legal_basis == "00" else self.legal_basis


USUAL_DIAGNOSES = (
    Diagnosis("J06.9"),
    Diagnosis("U07.1"),
    Diagnosis("S42.3", side="L"),
    Diagnosis("M54.5"),
    Diagnosis("H16.4", side="R"),
)


def case(
    identities: Identities,
    type_: str,
    insurer: Insurer,
    issued: datetime,
    author: Author = AUTHOR,
    *,
    person: Patient | None = None,
    diagnoses: tuple[Diagnosis, ...] = (),
) -> Case:
    """Return what is certified; *person* and *diagnoses* are drawn from the seed if not given."""
    choice: random.Random = identities.choice()
    drawn = patient(choice)
    drawn_diagnoses = tuple(choice.sample(USUAL_DIAGNOSES, choice.randint(1, 3)))
    return Case(type_, person or drawn, insurer, issued, diagnoses or drawn_diagnoses, author)
