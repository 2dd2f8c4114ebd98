"""What a scenario states of an eAU: patient, doctor, dates, diagnoses, and what is wrong with it.

Whatever is left out is drawn from the seed, taken from the world, or as TA-eAU has it.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from simulators.process.settings import Settings

PatientName = Literal[
    "schaumberg",
    "althaus",
    "mueller",
    "neuhaus",
    "fruehstueck",
    "ernesto-mueller",
    "schimmelpfennig",
]
DoctorName = Literal["arzt-1", "arzt-2", "vertreter", "zahnarzt"]
Payer = Literal["GKV", "PKV", "BG", "SKT", "UK", "SEL"]
Cause = Literal["unfall", "arbeitsunfall", "ser"]
StepCode = Literal[
    "d_arzt", "reha", "wiedereingliederung", "sonstige", "stationaere_heilbehandlung"
]
Encoding = Literal["utf-8", "utf-8-bom", "utf-16", "iso-8859-1"]
Kvnr = Annotated[str, Field(pattern=r"^[A-Z][0-9]{9}$")]
NineDigits = Annotated[str, Field(pattern=r"^[0-9]{9}$")]
IcdCode = Annotated[
    str,
    Field(
        pattern=r"^[A-Z][0-9]{2}(\.[0-9]{1,2})?( [AGVZ]( [LRB])?)?$",
        description="ICD-10-GM, Sicherheit (ohne Angabe G) und Seite: I83.9 G L",
    ),
]
Day = Annotated[int, Field(ge=-1000, le=1000)] | date
"""A date, or a number of days: from today for the day of issue, from there for every other."""


class PatientFacts(Settings):
    """A patient; what is not given is that of ``like``, else drawn from the seed."""

    like: PatientName | None = None
    given: str | None = Field(default=None, max_length=200)
    family: str | None = Field(default=None, max_length=200)
    title: str | None = Field(default=None, max_length=200)
    addition: str | None = Field(default=None, description="Namenszusatz", max_length=200)
    particle: str | None = Field(default=None, description="Vorsatzwort", max_length=200)
    birth: date | None = None
    kvnr: Kvnr | Literal[""] | None = Field(default=None, description="leer: keine KVNR")
    kvk: str | None = Field(default=None, description="Nummer der alten KVK", max_length=20)
    street: str | None = Field(default=None, max_length=200)
    house: str | None = Field(default=None, max_length=50)
    address_extra: str | None = Field(default=None, max_length=200)
    post_box: str | None = Field(default=None, max_length=50)
    postal_code: str | None = Field(default=None, max_length=20)
    city: str | None = Field(default=None, max_length=200)


class DoctorFacts(Settings):
    """A doctor; what is not given is that of ``like``, else that of the practice's HBA."""

    like: DoctorName | None = None
    given: str | None = Field(default=None, max_length=200)
    family: str | None = Field(default=None, max_length=200)
    title: str | None = Field(default=None, max_length=200)
    lanr: NineDigits | Literal[""] | None = Field(default=None, description="leer: keine Nummer")
    specialty: str | None = Field(default=None, max_length=200)
    qualification: Literal["00", "01", "03", "04"] | None = Field(
        default=None, description="00 Arzt, 01 Zahnarzt, 03 in Weiterbildung, 04 Vertreter"
    )
    asv_group: NineDigits | None = Field(default=None, description="ASV-Fachgruppennummer")


class PracticeFacts(Settings):
    """A practice; what is not given is that of the world."""

    name: str | None = Field(default=None, max_length=200)
    bsnr: NineDigits | None = Field(default=None, description="BSNR, KZV-Abrechnungsnummer")


class StepFacts(Settings):
    """A further step; the dates are allowed for those insured by a PKV."""

    step: StepCode
    text: str | None = Field(default=None, description="bei sonstige", max_length=1000)
    begins: Day | None = Field(default=None, description="Wiedereingliederung ab")
    admitted: Day | None = Field(default=None, description="Aufnahmedatum")
    discharged: Day | None = Field(default=None, description="Entlassungsdatum")


def _in_words_or_facts(value: object) -> str:
    """Say which branch of a union is meant, so that the mistakes told are those of that branch."""
    return "name" if isinstance(value, str) else "facts"


_ByShape = Discriminator(_in_words_or_facts)
AnyPatient = Annotated[
    Annotated[PatientName, Tag("name")] | Annotated[PatientFacts, Tag("facts")], _ByShape
]
AnyDoctor = Annotated[
    Annotated[DoctorName, Tag("name")] | Annotated[DoctorFacts, Tag("facts")], _ByShape
]
AnyStep = Annotated[Annotated[StepCode, Tag("name")] | Annotated[StepFacts, Tag("facts")], _ByShape]


class Certificate(Settings):
    """What an eAU states; TA-eAU's rules are not enforced, so that they can be broken."""

    type: Literal["ERST", "FOLGE", "ERST_END", "FOLGE_END"] = Field(
        default="ERST", description="Art der eAU"
    )
    payer: Payer = Field(default="GKV", description="Art des Kostenträgers")
    accident_ik: NineDigits | None = Field(default=None, description="IK der BG oder Unfallkasse")
    patient: AnyPatient | None = None
    doctor: AnyDoctor | None = Field(
        default=None, description="ausstellende Person; ohne Angabe die des HBA"
    )
    responsible: AnyDoctor | None = Field(
        default=None, description="verantwortliche Person, bei Weiterbildung und Vertretung"
    )
    practice: PracticeFacts | None = None
    issued: Day = Field(default=0, description="Ausstellungsdatum, Tage ab heute oder Datum")
    found: Day = Field(default=0, description="festgestellt am, Tage ab Ausstellung oder Datum")
    since: Day = Field(default=0, description="AU seit, nur bei ERST und ERST_END")
    until: Day = Field(default=6, description="voraussichtlich AU bis")
    diagnoses: tuple[IcdCode, ...] = Field(default=(), max_length=20)
    text: str | None = Field(default=None, description="Diagnosetext", max_length=1000)
    causes: tuple[Cause, ...] = Field(default=(), max_length=3)
    seventh_week: bool = Field(default=False, description="7. AU-Woche")
    further_steps: tuple[AnyStep, ...] = Field(default=(), max_length=10)
    asv_team: NineDigits | None = Field(default=None, description="ASV-Teamnummer")
    legal_basis: Annotated[str, Field(pattern=r"^[0-9]{2}$")] = Field(
        default="00", description="Statuskennzeichen; mit asv_team 01"
    )
    able_in_part_from: Day | None = Field(default=None, description="teilweise arbeitsfähig, PKV")
    unfit_for_job: bool = Field(default=False, description="berufsunfähig, PKV")
    insured_until: Day | None = Field(default=None, description="Ende des Versicherungsschutzes")
    encoding: Encoding = Field(default="utf-8", description="alles außer utf-8 ist ein Fehler")
    profile_version: str = Field(
        default="1.2",
        pattern=r"^[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?$",
        description="Version in meta.profile, zum Beispiel 1.1.0; der Inhalt bleibt der von 1.2",
    )

    @model_validator(mode="after")
    def _accident_insurance(self) -> Certificate:
        if self.accident_ik is not None and self.payer not in ("BG", "UK"):
            raise ValueError("accident_ik: nur bei payer BG und UK")
        return self
