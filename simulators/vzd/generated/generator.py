"""Makes invented entries: the same number and seed give the same entries, and fewer are the first.

Making a key pair for each of 50,000 would take an hour, so entries of a kind share two certificates
(RSA and ECC), whose Telematik-ID is not that of the entry: mails can be encrypted for them, and
nobody can open these. One entry in twenty has RSA only, one ECC only, one in a hundred none.
"""

from __future__ import annotations

import random
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..attributes import Shape, Sharing, Values
from ..certificates import Certificate
from ..entries import OBJECT_CLASSES, Entry
from ..schema import key_of, spelling
from . import words

PROFESSION = "1.2.276.0.76.4."
KINDS = ("practice", "dentist", "psychotherapist", "doctor", "hospital", "pharmacy", "insurer")
_SHARES = (38, 14, 8, 30, 2, 8)
"""Of a hundred entries beside the insurers: practices, dentists, psychotherapists, doctors …"""
_TRANSCRIPTION = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i"})
_MAX_LOCAL = 60


@dataclass(frozen=True)
class Plan:
    """How many entries, of which seed, at which domains, with which certificates by kind."""

    count: int
    seed: int
    domains: Sequence[str]
    certificates: Mapping[str, Sequence[Certificate]]
    base: str
    changed: str


def generate(plan: Plan) -> Iterator[Entry]:
    """Yield the entries of *plan*: the insurers first."""
    maker = _Maker(plan)
    for number in range(plan.count):
        yield maker.entry(number)


class _Maker:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sharing = Sharing()
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._make: dict[str, Callable[[random.Random, int], dict[str, Values]]] = {
            "practice": _practice,
            "dentist": _dentist,
            "psychotherapist": _psychotherapist,
            "doctor": _doctor,
            "hospital": _hospital,
            "pharmacy": _pharmacy,
            "insurer": _insurer,
        }

    def entry(self, number: int) -> Entry:
        stream = random.Random(f"{self._plan.seed}/{number}")  # noqa: S311 (not for keys)
        kind = stream.choices(KINDS[:-1], _SHARES)[0]
        if number < words.INSURERS:
            kind = "insurer"
        uid = str(uuid.UUID(int=stream.getrandbits(128), version=4))
        given = self._make[kind](stream, number)
        given |= _location(stream)
        given |= self._accounts(stream, given["displayName"][0], number)
        person = kind == "doctor"
        shown = given["displayName"]
        given |= {
            "cn": shown,
            "sn": given.get("sn", shown),
            "countryCode": ("DE",),
            "personalEntry": ("TRUE" if person else "FALSE",),
            "dataFromAuthority": ("TRUE",),
            "holder": (f"generated-{kind}",),
            "changeDateTime": (self._plan.changed,),
            "objectClass": OBJECT_CLASSES,
            "uid": (uid,),
        }
        return self._entry(uid, given, self._certificates(stream, kind))

    def _entry(
        self, uid: str, given: Mapping[str, Values], certificates: tuple[Certificate, ...]
    ) -> Entry:
        names = tuple(given)
        shape = self._shapes.get(names)
        if shape is None:
            keys = [key_of(name) or name for name in names]
            shape = self._shapes[names] = Shape({key: spelling(key) or key for key in keys})
        shared = self._sharing.shaped(shape, given.values())
        return Entry(f"uid={uid},{self._plan.base}", shared, certificates)

    def _accounts(self, stream: random.Random, shown: str, number: int) -> dict[str, Values]:
        domain = stream.choice(self._plan.domains)
        local = f"{_address_part(shown)}.{number:05d}"
        addresses = [f"{local}@{domain}"]
        if stream.random() < 0.1:
            addresses.append(f"labor.{number:05d}@{domain}")
        versions = [stream.choice(words.VERSIONS) for _ in addresses]
        tags = [stream.choice(words.APP_TAGS) for _ in addresses]
        pairs = list(zip(addresses, versions, tags, strict=True))
        return {
            "mail": tuple(addresses),
            "komLeData": tuple(f"{version},{address}" for address, version, _ in pairs),
            "kimData": tuple(",".join(filter(None, pair)) for pair in pairs),
        }

    def _certificates(self, stream: random.Random, kind: str) -> tuple[Certificate, ...]:
        shared = tuple(self._plan.certificates.get(kind, ()))
        lot = stream.randrange(100)
        if lot == 0:
            return ()
        if lot <= 5:
            return shared[:1]
        return shared[1:] if lot <= 10 else shared


def _profession(oid: str, kind: str) -> dict[str, Values]:
    return {"professionOID": (PROFESSION + oid,), "entryType": (kind,)}


def _institution(
    name: str, telematik_id: str, number: str, oid: str, kind: str = "3"
) -> dict[str, Values]:
    return {
        "displayName": (name,),
        "organization": (name,),
        "telematikID": (telematik_id,),
        "domainID": (number,),
        **_profession(oid, kind),
    }


def _practice(stream: random.Random, number: int) -> dict[str, Values]:
    what, specialization = stream.choice(words.PRACTICES)
    bsnr = f"99{number:07d}"  # 99 is no area of a Kassenärztliche Vereinigung
    name = f"{what} {_doctor_name(stream)}"
    return {
        **_institution(name, f"1-20{number:010d}", bsnr, "50"),
        "specialization": (specialization,),
    }


def _dentist(stream: random.Random, number: int) -> dict[str, Values]:
    name = f"Zahnarztpraxis {_doctor_name(stream, 'Dr.')}"
    return _institution(name, f"2-2{number:010d}", f"99{number:07d}", "51")


def _psychotherapist(stream: random.Random, number: int) -> dict[str, Values]:
    name = f"Psychotherapeutische Praxis {_doctor_name(stream, '')}"
    return _institution(name, f"1-20{number:010d}", f"99{number:07d}", "52")


def _hospital(stream: random.Random, number: int) -> dict[str, Values]:
    name = f"{stream.choice(words.HOSPITALS)} {stream.choice(words.CITIES)[0]} {number}"
    ik = with_ik_check(f"26{90_0000 + number % 10_0000:06d}")
    return _institution(name, f"5-2-{number:010d}", ik, "53")


def _pharmacy(stream: random.Random, number: int) -> dict[str, Values]:
    name = f"{stream.choice(words.PHARMACIES)}-Apotheke {stream.choice(words.SURNAMES)}"
    ik = with_ik_check(f"30{90_0000 + number % 10_0000:06d}")
    return _institution(name, f"3-01.2{number:010d}", ik, "54")


def _insurer(stream: random.Random, number: int) -> dict[str, Values]:
    """Return an insurer; its IK (class 10) is invented: no real one begins with 1099."""
    kind = words.INSURER_KINDS[number % len(words.INSURER_KINDS)]
    name = f"Erfundene {kind} {stream.choice(words.CITIES)[0]} {number + 1}"
    ik = with_ik_check(f"1099{number:04d}")
    return {
        **_institution(name, f"8-01-{ik}", ik, "59", "5"),
        "maxKOMLEadr": ("3",),
    }


def _doctor(stream: random.Random, number: int) -> dict[str, Values]:
    surname, given = stream.choice(words.SURNAMES), stream.choice(words.GIVEN_NAMES)
    title = stream.choice(words.TITLES)
    _, specialization = stream.choice(words.PRACTICES)
    return {
        "displayName": (f"{f'{title} ' if title else ''}{surname}, {given}",),
        "sn": (surname,),
        "givenName": (given,),
        **({"title": (title,)} if title else {}),
        "telematikID": (f"1-1{number:010d}",),
        "lanr": (_lanr(number),),
        "specialization": (specialization,),
        **_profession("30", "1"),
    }


def _doctor_name(stream: random.Random, title: str | None = None) -> str:
    shown = stream.choice(words.TITLES) if title is None else title
    name = f"{stream.choice(words.GIVEN_NAMES)} {stream.choice(words.SURNAMES)}"
    return f"{shown} {name}" if shown else name


def _location(stream: random.Random) -> dict[str, Values]:
    city, state, area = stream.choice(words.CITIES)
    street = stream.choice(words.STREETS).replace("_", " ")
    return {
        "streetAddress": (f"{street} {stream.randrange(1, 180)}",),
        "postalCode": (f"{area}{stream.randrange(1000):03d}",),
        "localityName": (city,),
        "stateOrProvinceName": (state,),
    }


def _address_part(shown: str) -> str:
    """Return *shown* as it stands in an address: in ASCII, words joined by dots."""
    plain = unicodedata.normalize("NFKD", shown.lower().translate(_TRANSCRIPTION))
    letters = "".join(c if c.isascii() and c.isalnum() else " " for c in plain if c != "\u0307")
    return ".".join(letters.split())[:_MAX_LOCAL].strip(".")


def _lanr(number: int) -> str:
    digits = f"{number % 1_000_000:06d}"
    weighted = sum(int(digit) * (4, 9)[i % 2] for i, digit in enumerate(digits))
    return f"{digits}{-weighted % 10}01"


def with_ik_check(number: str) -> str:
    """Append the check digit of an Institutionskennzeichen: Luhn over the digits 3 to 8."""
    products = (int(digit) * (2, 1)[i % 2] for i, digit in enumerate(number[2:8]))
    return number + str(sum(p // 10 + p % 10 for p in products) % 10)
