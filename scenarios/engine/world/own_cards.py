"""Own test cards of a world: their files read, and the world as it is with them.

What the certificates say of card and holder takes the place of what the world says: ICCSN,
Telematik-ID, profession, names. All that follows from them (the card's other certificates, the
directory's entry, the account) then follows from the own card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from pydantic import ValidationError

from simulators.pki.own_cards import OwnCard, add_own_cards
from simulators.pki.own_pkcs12 import OwnObject, holder_of_own, missing_type, read_own_objects
from simulators.pki.request import HBAX, TEST_ONLY, Crypt, Reference
from simulators.pki.tree import PkiTree
from simulators.pki.trust import Trust
from simulators.process.bounded_file import FileTooLarge, read_bounded
from simulators.process.errors import InputError, one_line, reason

from .cards import Card, OwnFile
from .file import MAX_COMMON_NAME, check_identities
from .identities import Identities
from .model import World
from .own_files import map_cards

MAX_PEM_BYTES = 4 << 20
MAX_PASSWORD_BYTES = 1 << 12
PEM_BEGIN = b"-----BEGIN"

Place = tuple[str, str]
Objects = dict[tuple[Reference, Crypt], OwnObject]


@dataclass(frozen=True)
class OwnTestCards:
    """The own test cards of a world.

    ``world`` is the world with their numbers and names, ``notes`` what a tester has to know of
    them in German, ``unfit`` the cards that cannot do everything: something is noted of them.
    """

    world: World
    cards: Mapping[Place, Objects]
    authorities: tuple[x509.Certificate, ...]
    notes: tuple[str, ...]
    unfit: frozenset[Place]

    def added_to(self, tree: PkiTree, identities: Identities, directory: Path) -> PkiTree:
        """Write the cards into the new *directory* and return *tree* with them."""
        cards = [
            OwnCard(identities.cards[place].card.type, identities.cards[place].iccsn, objects)
            for place, objects in self.cards.items()
        ]
        return add_own_cards(tree, cards, self.authorities, directory)


def read_own_cards(world: World) -> OwnTestCards:
    """Read the PKCS#12 files that the cards of *world* name, and its further authorities.

    Raises InputError in one line for a file that cannot be used, two files for the same object,
    or numbers that another card of the world has.
    """
    cards: dict[Place, Objects] = {}
    changes: dict[Place, Card] = {}
    for site, found in world.sites.items():
        for name, card in found.cards.items():
            if card.pkcs12:
                objects = _objects(card, f"{site}:{name}")
                cards[site, name] = objects
                changes[site, name] = _with_holder(card, objects, f"{site}:{name}")
    world = map_cards(world, lambda site, name, card: changes.get((site, name), card))
    check_identities(world)
    authorities = tuple(_authorities(world, cards))
    notes = {
        place: [*_notes(place, objects, Trust(authorities)), *_untyped(world, place, objects)]
        for place, objects in cards.items()
    }
    unfit = frozenset(place for place, found in notes.items() if found)
    told = [note for found in notes.values() for note in found]
    told += _left_out(cards, authorities)
    return OwnTestCards(world, cards, authorities, tuple(told), unfit)


def _objects(card: Card, place: str) -> Objects:
    objects: Objects = {}
    for file in card.pkcs12:
        try:
            found = read_own_objects(Path(file.file), _password(file), card.type)
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        for own in found:
            key = (own.reference, own.crypt)
            if key in objects:
                raise InputError(
                    f"{place}: {own.reference} {own.crypt} ist doppelt da: "
                    f"{objects[key].path}, {own.path}"
                )
            objects[key] = own
    return objects


def _password(file: OwnFile) -> str:
    if file.password_file is None:
        return file.password or ""
    path = Path(file.password_file)
    try:
        content = read_bounded(path, MAX_PASSWORD_BYTES)
    except FileTooLarge as error:
        raise InputError(f"{path}: größer als {error.limit} Bytes, kein Passwort") from None
    except OSError as error:
        raise InputError(f"{path}: nicht lesbar: {reason(error)}") from None
    return content.decode("utf-8", "replace").rstrip("\r\n")


def _with_holder(card: Card, objects: Objects, place: str) -> Card:
    """Return *card* as its certificates describe it. Raises InputError."""
    try:
        holder = holder_of_own(list(objects.values()))
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    common_name = (holder.common_name or "").removesuffix(TEST_ONLY)[:MAX_COMMON_NAME].strip()
    told: dict[str, Any] = {
        "iccsn": holder.iccsn,
        "telematik_id": holder.telematik_id,
        "profession_oid": holder.profession_oid,
        "profession_item": holder.profession_item,
        "common_name": common_name or None,
    }
    if card.type in HBAX:
        told |= {"given_name": holder.given_name, "surname": holder.surname}
    content = card.model_dump(exclude_unset=True)
    content |= {name: value for name, value in told.items() if value is not None}
    try:
        return Card.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{place}: {first['loc'][0]} aus dem Zertifikat ist nicht brauchbar: "
            f"{one_line(str(first['input']), 80)}"
        ) from None


def _authorities(world: World, cards: Mapping[Place, Objects]) -> list[x509.Certificate]:
    """Return what Konnektoren shall trust besides: the files' chains, and the PEM files."""
    found = [
        certificate
        for objects in cards.values()
        for own in objects.values()
        for certificate in own.chain
    ]
    found += [certificate for name in world.trust for certificate in _read_authorities(Path(name))]
    unique = list(dict.fromkeys(found))
    try:
        trust = Trust(unique)
    except InputError:
        raise InputError("--trust: Vertrauensanker der echten TI werden abgelehnt") from None
    known = set(trust.authorities)
    return [certificate for certificate in unique if certificate in known]


def _read_authorities(path: Path) -> list[x509.Certificate]:
    try:
        content = read_bounded(path, MAX_PEM_BYTES)
        if PEM_BEGIN in content:
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except FileTooLarge as error:
        raise InputError(f"{path}: größer als {error.limit} Bytes") from None
    except OSError as error:
        raise InputError(f"{path}: nicht lesbar: {reason(error)}") from None
    except ValueError:
        raise InputError(f"{path}: enthält keine Zertifikate (PEM oder DER)") from None


def _left_out(
    cards: Mapping[Place, Objects], authorities: Sequence[x509.Certificate]
) -> Iterator[str]:
    """Say which files hold certificates that are neither a CA's nor have their key beside them."""
    for place, objects in cards.items():
        files = {own.path: own.chain for own in objects.values()}
        for path, others in files.items():
            if any(certificate not in authorities for certificate in others):
                yield (
                    f"{':'.join(place)}: {path.name} enthält Zertifikate ohne ihren Schlüssel; "
                    "übernommen werden nur die mit Schlüssel"
                )


def _untyped(world: World, place: Place, objects: Objects) -> Iterator[str]:
    """Say which certificates do not name their type: by it, others know what they are for."""
    site, name = place
    for own in objects.values():
        oid = missing_type(own, world.sites[site].cards[name].type)
        if oid is not None:
            yield (
                f"{':'.join(place)}: {own.reference} {own.crypt} ({own.path.name}) nennt keinen "
                f"Zertifikatstyp (certificatePolicies {oid}): Clientmodule und Prüfungen erkennen "
                f"es nicht als {own.reference}"
            )


def _notes(place: Place, objects: Objects, trust: Trust) -> list[str]:
    """Return what is wrong with the certificates of a card that is used all the same."""
    now = datetime.now(UTC)
    notes = []
    for own in objects.values():
        which = f"{':'.join(place)}: {own.reference} {own.crypt} ({own.path.name})"
        certificate = own.certificate
        if now > certificate.not_valid_after_utc:
            notes.append(
                f"{which} ist seit {certificate.not_valid_after_utc:%d.%m.%Y} abgelaufen: "
                "die Karte entschlüsselt damit, der Konnektor verschlüsselt nicht dafür (4105)"
            )
        elif now < certificate.not_valid_before_utc:
            notes.append(
                f"{which} gilt erst ab {certificate.not_valid_before_utc:%d.%m.%Y}; "
                "bis dahin lehnt der Konnektor es ab"
            )
        if trust.issuer_of(certificate) is None:
            issuer = one_line(certificate.issuer.rfc4514_string(), 80)
            notes.append(
                f"{which}: die ausstellende CA fehlt ({issuer}); ohne --trust DATEI gilt es "
                "als nicht vertrauenswürdig (1027, 4105)"
            )
    return notes
