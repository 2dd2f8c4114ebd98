"""Identities that a world leaves open: card and institution numbers, names, passwords.

Everything follows from seed and place, so that the same world is the same everywhere; every
value is drawn from a stream of its own, so that adding a card changes no other one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from simulators.process.randomness import Randomness

from ..documents.people import complete_kvnr
from .cards import PATIENT, Card
from .model import DirectoryExtra, Kind, Site, World

PROFESSION = "1.2.276.0.76.4."
PASSWORD_CHARACTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # noqa: S105
USER = "nutzer1"


@dataclass(frozen=True)
class Profession:
    """What a kind of institution is in certificates and directory.

    ``institution`` and ``person`` are professionOID suffixes below 1.2.276.0.76.4, the items are
    the Admission's texts, the prefixes those of the Telematik-ID, ``entry_type`` that of the
    institution in the directory (applications.md 4.1 and 4.3). ``organization_is_number``: the
    subject of the institution's certificates has its number as O, not its name.
    """

    institution: str
    item: str
    telematik_prefix: str
    entry_type: str
    person: str
    person_item: str
    person_prefix: str
    organization_is_number: bool = False


PROFESSIONS: dict[Kind, Profession] = {
    "practice": Profession(
        "50", "Betriebsstätte Arzt", "1-20", "3", "30", "Ärztin/Arzt", "1-1", True
    ),
    "dentist": Profession(
        "51", "Zahnarztpraxis", "2-2", "3", "31", "Zahnärztin/Zahnarzt", "2-1", True
    ),
    "psychotherapist": Profession(
        "52",
        "Betriebsstätte Psychotherapeut",
        "1-20",
        "3",
        "45",
        "Psychotherapeut/-in",
        "4-1",
        True,
    ),
    "hospital": Profession("53", "Krankenhaus", "5-2-", "3", "30", "Ärztin/Arzt", "1-1"),
    "pharmacy": Profession(
        "54", "Öffentliche Apotheke", "3-01.2", "3", "32", "Apotheker/-in", "3-01.3"
    ),
    "insurer": Profession("59", "Kostenträger", "8-01-", "5", "30", "Ärztin/Arzt", "1-1"),
}
PERSON_ENTRY_TYPE = "1"
INSURED, INSURED_ITEM = "49", "Versicherte/-r"


@dataclass(frozen=True)
class CardIdentity:
    """A card as it will be: every number given."""

    site: str
    name: str
    card: Card
    iccsn: str
    telematik_id: str
    profession_oid: str
    profession_item: str
    entry_type: str
    common_name: str
    lanr: str | None
    kvnr: str | None = None


class Identities:
    """The identities of one world under one seed."""

    def __init__(self, world: World, seed: int) -> None:
        self._seed = seed
        self.cards: dict[tuple[str, str], CardIdentity] = {
            (site_name, card_name): self._card(site_name, site, card_name, card)
            for site_name, site in world.sites.items()
            for card_name, card in site.cards.items()
        }

    def _card(self, site_name: str, site: Site, name: str, card: Card) -> CardIdentity:
        place = f"{site_name}/{name}"
        if card.type in PATIENT:
            return self._patient(site_name, name, card)
        kind = PROFESSIONS[site.kind]
        person = card.type == "HBA"
        prefix = kind.person_prefix if person else kind.telematik_prefix
        return CardIdentity(
            site=site_name,
            name=name,
            card=card,
            iccsn=card.iccsn or self.iccsn(place),
            telematik_id=card.telematik_id or prefix + self._digits(f"telematik-id/{place}", 10),
            profession_oid=card.profession_oid
            or PROFESSION + (kind.person if person else kind.institution),
            profession_item=card.profession_item or (kind.person_item if person else kind.item),
            entry_type=PERSON_ENTRY_TYPE if person else kind.entry_type,
            common_name=card.common_name
            or (
                " ".join(filter(None, (card.title, card.given_name, card.surname)))
                if person
                else site.name
            ),
            lanr=(card.lanr or self._lanr(place)) if person else None,
        )

    def _patient(self, site_name: str, name: str, card: Card) -> CardIdentity:
        """Return a patient's card, which belongs to nobody of the TI."""
        place = f"{site_name}/{name}"
        shown = " ".join(filter(None, (card.given_name, card.surname)))
        return CardIdentity(
            site=site_name,
            name=name,
            card=card,
            iccsn=card.iccsn or self.iccsn(place),
            telematik_id="",
            profession_oid=PROFESSION + INSURED,
            profession_item=INSURED_ITEM,
            entry_type="",
            common_name=shown or card.type,
            lanr=None,
            kvnr=(card.kvnr or self._kvnr(place)) if card.type == "EGK" else None,
        )

    def _kvnr(self, place: str) -> str:
        letter = self._stream(f"kvnr-letter/{place}").choice("ABCDEFGHKLMNPRSTUVWXYZ")
        return complete_kvnr(letter + self._digits(f"kvnr/{place}", 8))

    def iccsn(self, place: str) -> str:
        """Return a card number: 80 276 (health, Germany), an issuer nobody has, a number."""
        return "80276" + "99900" + self._digits(f"iccsn/{place}", 10)

    def telematik_id(self, name: str, extra: DirectoryExtra) -> str:
        """Return the Telematik-ID of the directory entry *extra*."""
        prefix = PROFESSIONS[extra.kind].telematik_prefix
        return extra.telematik_id or prefix + self._digits(f"telematik-id//{name}", 10)

    def domain_ids(self, name: str, kind: Kind, given: list[str]) -> list[str]:
        """Return BSNR or IK of an institution: those given, or one of the seed."""
        if given:
            return given
        if kind in ("practice", "psychotherapist"):
            # 99 is no area of a Kassenärztliche Vereinigung.
            return ["99" + self._digits(f"bsnr/{name}", 7)]
        return [
            _with_ik_check(
                ("1099" if kind == "insurer" else "2699") + self._digits(f"ik/{name}", 4)
            )
        ]

    def password(self, place: str) -> str:
        """Return a password for tests; it is as secret as the seed."""
        stream = self._stream(f"password/{place}")
        return "".join(stream.choice(PASSWORD_CHARACTERS) for _ in range(16))

    def uid(self, place: str) -> str:
        """Return the uid of a directory entry."""
        return str(Randomness(self._seed, "world").uuid(f"uid/{place}"))

    def _lanr(self, place: str) -> str:
        number = self._digits(f"lanr/{place}", 6)
        weighted = sum(int(digit) * (4, 9)[i % 2] for i, digit in enumerate(number))
        return f"{number}{-weighted % 10}01"

    def _stream(self, name: str) -> random.Random:
        """Return the stream *name* from its beginning: asked twice, it answers the same."""
        return Randomness(self._seed, "world").stream(name)

    def _digits(self, stream: str, count: int) -> str:
        return f"{self._stream(stream).randrange(10**count):0{count}}"


def _with_ik_check(number: str) -> str:
    """Append the check digit of an Institutionskennzeichen: Luhn over the digits 3 to 8."""
    products = (int(digit) * (2, 1)[i % 2] for i, digit in enumerate(number[2:8]))
    return number + str(sum(p // 10 + p % 10 for p in products) % 10)
