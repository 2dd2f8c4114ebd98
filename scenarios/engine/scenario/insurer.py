"""How a simulated insurer works: whom it insures, how often it polls, what it takes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from simulators.process.settings import Settings

from .certificate import Kvnr, PatientName

Version = Annotated[str, Field(pattern=r"^[0-9]{1,2}\.[0-9]{1,2}$")]


class Validity(Settings):
    """First and last day on which a version is taken, by the mail's Date."""

    since: date | None = None
    until: date | None = None


class InsurerHabits(Settings):
    """Everything about an insurer that a scenario may want to be otherwise.

    The end of 1.1 is TA-eAU's (P5-08); from when 1.2 is taken, too. What becomes of a UUID that
    names two different files is not said there (KP5-06): rejecting it is our reading.
    """

    insured: tuple[Kvnr | PatientName, ...] | None = Field(
        default=None, description="wen die Kasse versichert (KVNR, Prüfpatient); sonst jeden"
    )
    poll_minutes: float | None = Field(
        default=None,
        gt=0,
        le=1440,
        description="Abruf alle so viele Minuten der virtuellen Zeit (KP5-09: höchstens 10); "
        "ohne Angabe sofort",
    )
    virus_pattern: str | None = Field(
        default=None,
        min_length=8,
        max_length=200,
        description="was als Virus gilt; ohne Angabe die EICAR-Testdatei",
    )
    versions: dict[Version, Validity] = Field(
        default={
            "1.1": Validity(since=date(2023, 7, 1), until=date(2026, 3, 31)),
            "1.2": Validity(since=date(2025, 10, 1)),
        },
        description="welche FHIR-Versionen wann angenommen werden",
    )
    reject_with: str | None = Field(
        default=None,
        pattern=r"^[0-9]{3}$",
        description="weist auch ab, was in Ordnung ist (PF07); ein Code, den die Tabelle nicht "
        "kennt, ist eine fehlerhafte Fehlernachricht (PF11)",
    )
    uuid_reuse: Literal["reject", "note"] = Field(
        default="reject", description="dieselbe UUID für eine andere Datei: abweisen, vermerken"
    )
