"""The persons of generated documents: patients, doctors and practice of the KBV's test cases.

They are invented; doctors and practice are those of the Prüfpaket eAU (LANR 838382201 and
728382503, BSNR 241234601). What the Prüfpaket leaves open, the seed fixes: the same patient has
the same KVNR in every document of a run.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

DIGITS_OF_A_KVNR = 8

ARZT, ZAHNARZT, IN_WEITERBILDUNG, VERTRETER = "00", "01", "03", "04"
"""KBV_CS_FOR_Qualification_Type."""


@dataclass(frozen=True)
class Patient:
    """A patient with the address and the KVNR that an eAU and an eArztbrief ask for.

    ``addition`` is the Namenszusatz (Graf Freiherr), ``particle`` the Vorsatzwort (von). Who has
    no KVNR has the number of the old Krankenversichertenkarte (``kvk``). With ``post_box`` the
    address is that of a Postfach. What somebody does not have is empty.
    """

    given: str
    family: str
    birth: date
    kvnr: str
    street: str
    house: str
    postal_code: str
    city: str
    gender: str
    title: str = ""
    addition: str = ""
    particle: str = ""
    kvk: str = ""
    post_box: str = ""
    address_extra: str = ""


@dataclass(frozen=True)
class Doctor:
    """The doctor who writes and signs; ``lanr`` is a dentist's Zahnarztnummer.

    ``qualification`` is a code of KBV_CS_FOR_Qualification_Type. A doctor without a number has
    an ``asv_group`` (Fachgruppennummer) in the ASV, or a responsible doctor beside him.
    """

    given: str
    family: str
    title: str
    lanr: str
    specialty: str
    qualification: str = ARZT
    asv_group: str = ""


@dataclass(frozen=True)
class Practice:
    """The practice for which the doctor acts; ``bsnr`` is a dentist's KZV-Abrechnungsnummer."""

    name: str
    bsnr: str
    street: str
    house: str
    postal_code: str
    city: str
    phone: str
    dental: bool = False


@dataclass(frozen=True)
class Author:
    """Who answers for a document: the doctor and the practice."""

    doctor: Doctor
    practice: Practice


@dataclass(frozen=True)
class Insurer:
    """A Kostenträger: IK and name; ``type`` is GKV, PKV, BG, SKT, UK or SEL.

    ``accident_ik`` is the IK of a BG or UK, beside that of the patient's Krankenkasse.
    """

    ik: str
    name: str
    type: str = "GKV"
    accident_ik: str = ""


DOCTOR = Doctor("Annie", "More", "Dr. med.", "838382201", "Fachärztin für Allgemeinmedizin")
PRACTICE = Practice(
    "Praxis Annie More", "241234601", "Musterallee", "12", "12345", "Musterstadt", "0301234567"
)
AUTHOR = Author(DOCTOR, PRACTICE)

DOCTORS: Mapping[str, Doctor] = MappingProxyType(
    {
        "arzt-1": Doctor("Annie", "More", "Dr.", "838382201", "Chefärztin"),
        "arzt-2": Doctor("Jonas", "Lehmann", "Dr.", "728382503", "Arzt", IN_WEITERBILDUNG),
        "vertreter": Doctor("Ruth", "Kessler", "", "987654423", "Ärztin", VERTRETER),
        "zahnarzt": Doctor("Paul", "Zander", "Dr. med. dent.", "123456628", "Zahnarzt", ZAHNARZT),
    }
)
"""The doctors of the Prüfpaket eAU (arzt-1, arzt-2), a deputy and a dentist."""

_NAMES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "schaumberg": ("Karl-Friederich", "Schaumberg", "male"),
        "althaus": ("Brigitte", "Althaus", "female"),
        "mueller": ("Viktor", "Müller", "male"),
        "neuhaus": ("Brigitte", "Neuhaus", "female"),
        "fruehstueck": ("Martin", "Frühstück", "male"),
    }
)
_MORE_NAMES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "ernesto-mueller": ("Ernesto", "Müller", "male"),
        "schimmelpfennig": ("Ingrid", "Schimmelpfennig-Hammerschmidt", "female"),
    }
)
_STREETS = ("Hauptstraße", "Lindenweg", "Am Waldrand", "Schloßgasse")
_CITIES = (("10623", "Berlin"), ("50667", "Köln"), ("80331", "München"), ("04109", "Leipzig"))

PATIENTS = (*_NAMES, *_MORE_NAMES)
"""The patients of the Prüfpakete eAU and eArztbrief, as scenarios name them."""


def patient(choice: random.Random) -> Patient:
    """Return a patient drawn from *choice*."""
    return _drawn(choice, choice.choice(tuple(_NAMES.values())))


def known_patient(seed: int, name: str) -> Patient:
    """Return the patient whom scenarios call *name*: the same one for the same *seed*.

    Raises KeyError for a name that is none of PATIENTS.
    """
    names = {**_NAMES, **_MORE_NAMES}[name]
    return _drawn(random.Random(f"{seed}/patient/{name}"), names)  # noqa: S311 (no key is made of it)


def complete_kvnr(start: str) -> str:
    """Return *start* (a letter and eight digits) with its check digit.

    The letter counts as two digits (A is 01); the digits are weighted 1, 2, 1, 2 …, and the
    digit sums of the products are added modulo 10.
    """
    digits = [int(d) for d in f"{ord(start[0]) - ord('A') + 1:02d}{start[1:]}"]
    products = [digit * (1 + index % 2) for index, digit in enumerate(digits)]
    return start + str(sum(sum(divmod(product, 10)) for product in products) % 10)


def _drawn(choice: random.Random, names: tuple[str, str, str]) -> Patient:
    given, family, gender = names
    postal_code, city = choice.choice(_CITIES)
    birth = date(choice.randint(1950, 2001), choice.randint(1, 12), choice.randint(1, 28))
    number = choice.randrange(10**DIGITS_OF_A_KVNR)
    kvnr = complete_kvnr(f"{choice.choice('ABCDEFGHKLMNPRSTUVWXYZ')}{number:08d}")
    return Patient(
        given, family, birth, kvnr, choice.choice(_STREETS), str(choice.randint(1, 99)),
        postal_code, city, gender,
    )  # fmt: skip
