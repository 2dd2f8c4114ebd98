"""The persons of generated documents: patients and doctors of the KBV's test cases.

They are invented; the practice is the one of the Prüfpaket eAU (LANR 838382201, BSNR 241234601).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

DIGITS_OF_A_KVNR = 8


@dataclass(frozen=True)
class Patient:
    """A patient with the address and the KVNR that an eAU and an eArztbrief ask for."""

    given: str
    family: str
    birth: date
    kvnr: str
    street: str
    house: str
    postal_code: str
    city: str
    gender: str


@dataclass(frozen=True)
class Doctor:
    """The doctor who writes and signs."""

    given: str
    family: str
    title: str
    lanr: str
    specialty: str


@dataclass(frozen=True)
class Practice:
    """The practice for which the doctor acts."""

    name: str
    bsnr: str
    street: str
    house: str
    postal_code: str
    city: str
    phone: str


@dataclass(frozen=True)
class Author:
    """Who answers for a document: the doctor and the practice."""

    doctor: Doctor
    practice: Practice


@dataclass(frozen=True)
class Insurer:
    """A statutory insurer: IK and name."""

    ik: str
    name: str


DOCTOR = Doctor("Annie", "More", "Dr. med.", "838382201", "Fachärztin für Allgemeinmedizin")
PRACTICE = Practice(
    "Praxis Annie More", "241234601", "Musterallee", "12", "12345", "Musterstadt", "0301234567"
)
AUTHOR = Author(DOCTOR, PRACTICE)

_NAMES = (
    ("Karl-Friederich", "Schaumberg", "male"),
    ("Brigitte", "Althaus", "female"),
    ("Viktor", "Müller", "male"),
    ("Brigitte", "Neuhaus", "female"),
    ("Martin", "Frühstück", "male"),
)
_STREETS = ("Hauptstraße", "Lindenweg", "Am Waldrand", "Schloßgasse")
_CITIES = (("10623", "Berlin"), ("50667", "Köln"), ("80331", "München"), ("04109", "Leipzig"))


def patient(choice: random.Random) -> Patient:
    """Return a patient drawn from *choice*."""
    given, family, gender = choice.choice(_NAMES)
    postal_code, city = choice.choice(_CITIES)
    birth = date(choice.randint(1950, 2001), choice.randint(1, 12), choice.randint(1, 28))
    number = choice.randrange(10**DIGITS_OF_A_KVNR)
    kvnr = complete_kvnr(f"{choice.choice('ABCDEFGHKLMNPRSTUVWXYZ')}{number:08d}")
    return Patient(
        given, family, birth, kvnr, choice.choice(_STREETS), str(choice.randint(1, 99)),
        postal_code, city, gender,
    )  # fmt: skip


def complete_kvnr(start: str) -> str:
    """Return *start* (a letter and eight digits) with its check digit.

    The letter counts as two digits (A is 01); the digits are weighted 1, 2, 1, 2 …, and the
    digit sums of the products are added modulo 10.
    """
    digits = [int(d) for d in f"{ord(start[0]) - ord('A') + 1:02d}{start[1:]}"]
    products = [digit * (1 + index % 2) for index, digit in enumerate(digits)]
    return start + str(sum(sum(divmod(product, 10)) for product in products) % 10)
