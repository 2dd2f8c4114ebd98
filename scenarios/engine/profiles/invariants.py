"""The catalogue of invariants: key, what is demanded, how to mend it, who judges.

The keys are those of the KBV's profiles; what they demand is said (``invariants.csv``) and judged
in our own words and code. With packages their FHIRPath is evaluated; the texts stay these.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from . import bundle_invariants as across
from . import resource_invariants as within
from .bundle_invariants import INSURED, STATUTORY, for_payers, insured_by, private_only
from .document import Document, name_of, value
from .finding import shown
from .packages import KBV
from .resource_invariants import (
    ADDITION,
    HOUSE,
    POST_BOX,
    STREET,
    Element,
    Judge,
    covered,
    date_only_with,
    identified_as,
    like,
    line_is,
    whole_days,
)
from .structure import Broken
from .tree import Rule

NINE_DIGITS = r"^[0-9]{9}$"
KVNR = r"^[A-Z][0-9]{9}$"


@dataclass(frozen=True)
class Invariant:
    """What an invariant demands and how to mend it; texts are German."""

    key: str
    expected: str
    remedy: str

    def broken(self, at: Element) -> Broken:
        """Return that it is broken at the element *at*."""
        given = value(at)
        name = name_of(at)
        found = f"nicht erfüllt von {name}" if given is None else f"{name} = {shown(given)}"
        return Broken(self.key, self.expected, found, self.remedy, at)


@cache
def catalogue() -> Mapping[str, Invariant]:
    """Return the texts of all invariants by their keys."""
    with (files(__package__) / "invariants.csv").open(encoding="utf-8") as file:
        return MappingProxyType({line["key"]: Invariant(**line) for line in csv.DictReader(file)})


def judged_by_code(_: Rule, key: str, element: Element, document: Document) -> Broken | None:
    """Judge the invariant *key* by our own code; one that we do not know holds."""
    judge = JUDGES.get(key)
    wrong = None if judge is None else judge(element, document)
    return None if wrong is None else catalogue()[key].broken(wrong)


_BUNDLE: Mapping[str, Judge] = {
    "angabePruefnummerPflicht": for_payers(STATUTORY, across.pruefnummer),
    "angabePatientPLZPflicht": for_payers(INSURED, across.postal_code),
    "angabeRechtsgrundlagePflicht": for_payers(INSURED, across.basis_given),
    "uniqueServiceRequest": across.steps_once,
    "angabeIdentifikatorAusstellendePersonPflicht": for_payers(INSURED, across.author_identified),
    "angabeVerantwortlichePersonVerbot-1": across.responsible_allowed,
    "angabeVerantwortlichePersonVerbot-2": across.responsible_doctor,
    "angabeIdentifikatorVerantwortlichePersonPflicht": for_payers(
        STATUTORY, across.responsible_identified
    ),
    "angabeFachgruppennummerAsvAusstellendePersonVerbot": across.author_asv_number,
    "angabeFachgruppennummerAsvVerantwortlichePersonVerbot": across.responsible_asv_number,
    "referenzAufAusstellendePerson-1": across.asserted_by_author,
    "referenzAufAusstellendePerson-2": across.role_of_author,
    "angabeIdentifikatorEinrichtungPflicht": for_payers(INSURED, across.organization_identified),
    "angabeAUseitErstbescheinigung": across.start_given,
    "angabeAUseitFolgebescheinigung": across.start_absent,
    "angabeVersichertenIDbeiGKV": for_payers(frozenset({"GKV"}), insured_by("KVZ10")),
    "angabeVersichertenIDbeiPKV": for_payers(frozenset({"PKV"}), insured_by("KVZ10")),
    "angabeVersichertennummerBeiSKT": for_payers(frozenset({"SKT"}), insured_by("KVZ10", "kvk")),
    "angabeTeilweiseArbeitsfaehigPKV": private_only("Condition", "KBV_EX_EAU_partially_employable"),
    "angabeBerufsunfaehigPKV": private_only("Condition", "KBV_EX_EAU_unemployability"),
    "angabeAufnahmedatumNurPKV": private_only("ServiceRequest", "KBV_EX_EAU_admission_date"),
    "angabeEntlassdatumNurPKV": private_only("ServiceRequest", "KBV_EX_EAU_discharge_date"),
    "angabeWiedereingliederungabPKV": private_only(
        "ServiceRequest", "KBV_EX_EAU_reintegration_date"
    ),
    "angabeStationaereHeilbehandlungPKV": across.inpatient_private_only,
    "geburtsdatumPatient": across.born_before,
    "angabeAsvTeamnummerPflicht": across.team_given,
    "angabeAsvTeamnummerVerbot": across.team_absent,
    "angabePatientenAdressePflicht": across.address_given,
    "angabeVerantwortlichePersonPflicht": across.responsible_needed,
}

_STAY = ("reha", "stationaere_heilbehandlung")
_EAU: Mapping[str, Judge] = {
    "begrenzungDate": whole_days("date"),
    "begrenzungDateFestgestelltAm": whole_days(
        "valueDateTime", f"{within.HL7}condition-assertedDate"
    ),
    "begrenzungDateStart": whole_days("onsetPeriod.start"),
    "begrenzungDateEnd": whole_days("onsetPeriod.end"),
    "begrenzungDateteilweise-arbeitsfaehig-ab": whole_days(
        "valueDateTime", f"{KBV}KBV_EX_EAU_partially_employable"
    ),
    "begrenzungDateWiedereingliederung-ab": whole_days(
        "valueDateTime", f"{KBV}KBV_EX_EAU_reintegration_date"
    ),
    "begrenzungDateEntlassungsdatum": whole_days(
        "valueDateTime", f"{KBV}KBV_EX_EAU_discharge_date"
    ),
    "begrenzungDateAufnahmedatum": whole_days("valueDateTime", f"{KBV}KBV_EX_EAU_admission_date"),
    "anzahlUrsache": within.causes_once,
    "EntlassungdatumNurRehaHeilbehandlung": date_only_with("KBV_EX_EAU_discharge_date", *_STAY),
    "AufnahmedatumNurRehaHeilbehandlung": date_only_with("KBV_EX_EAU_admission_date", *_STAY),
    "WiedereingliederungAbNurWiedereingliederung": date_only_with(
        "KBV_EX_EAU_reintegration_date", "wiedereingliederung"
    ),
    "keinTextBeiAnderen": within.no_text,
}

_PARTIES: Mapping[str, Judge] = {
    "begrenzungDate": whole_days("end"),
    **{
        f"laenge{what}": like(NINE_DIGITS)
        for what in ("IK", "BSNR", "KZVA", "Standortnummer", "LANR", "ZANR", "ASVnummer")
    },
    "laengeVersichertenId": like(KVNR),
    "laengeWohnsitzlaendercode": like(r"^[A-Z]{1,3}$"),
    "angabeIKzustaendigeKrankenkasseEGKPflicht": within.payer_identified,
    "angabeVersichertenartPflicht": covered("versichertenart"),
    "angabeBesonderePersonengruppePflicht": covered("besondere-personengruppe"),
    "angabeDMPPflicht": covered("dmp-kennzeichen"),
    "angabeIKKostentraegerVerbot": within.other_payer,
    "anzahlIdentifikatorOrganizationRessource": within.one_of("BSNR", "XX", "KZVA", "KSN"),
    "angabeArztnummerPflicht": identified_as("LANR", "00", "03", "04"),
    "angabeZahnarztnummerPflicht": identified_as("ZANR", "01"),
    "angabeIdentifikatorAusstellende-VerantwortlichePersonVerbot": within.midwife_unidentified,
    "anzahlIdentifikatorAusstellende-VerantwortlichePerson": within.one_of("LANR", "ZANR"),
}

_ORGANIZATION: tuple[Judge, ...] = (
    within.line_reads,
    line_is(ADDITION, line=1),
    within.has_parts(STREET, HOUSE),
    within.number_with_street,
    within.first_without_addition,
    within.second_is_addition,
    within.second_after_street(whole=True),
    within.street_without_number,
)
_PATIENT: tuple[Judge, ...] = (
    within.line_reads,
    line_is(HOUSE, beside=STREET),
    line_is(STREET, beside=HOUSE),
    within.additions_read,
    line_is(POST_BOX),
    within.street_without_addition,
    within.second_is_addition,
    within.second_after_street(whole=False),
)


def _addresses(owner: str, judges: tuple[Judge, ...]) -> Mapping[str, Judge]:
    start = f"for-adresszeilenAufbau{owner}Ressource"
    return {f"{start}-{number}": judge for number, judge in enumerate(judges, 1)}


ADDRESSES: Mapping[str, Judge] = MappingProxyType(
    {**_addresses("Organization", _ORGANIZATION), **_addresses("Patient", _PATIENT)}
)
JUDGES: Mapping[str, Judge] = MappingProxyType(
    {
        **{f"eau-{key}": judge for key, judge in (*_BUNDLE.items(), *_EAU.items())},
        **{f"for-{key}": judge for key, judge in _PARTIES.items()},
        **ADDRESSES,
    }
)
