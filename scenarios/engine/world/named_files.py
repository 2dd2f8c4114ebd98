"""Files that a world names beside itself: there before anything starts, or told with their line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from simulators.pki.trust import MAX_TRUST_BYTES
from simulators.process.bounded_file import read_bounded
from simulators.process.errors import reason

from ..yaml_files.yaml_source import Location
from .cards import Card
from .model import World

Finding = tuple[Location, str]


def missing_files(world: World, base: Path) -> Iterator[Finding]:
    """Find files of *world* that cannot be read; relative names start at *base*, its folder.

    What own test cards hold is read later (``own_cards``); imported CAs are read here.
    """
    for number, name in enumerate(world.trust):
        yield from _unreadable(base / name, ("trust", number))
    for name, site in world.sites.items():
        place = ("sites", name)
        if site.konnektor.imported_cas is not None:
            at = (*place, "konnektor", "imported_cas")
            yield from _no_certificates(base / site.konnektor.imported_cas, at)
        for card_name, card in site.cards.items():
            yield from _of_card(card, base, (*place, "cards", card_name, "pkcs12"))


def _of_card(card: Card, base: Path, place: tuple[str, ...]) -> Iterator[Finding]:
    for number, own in enumerate(card.pkcs12):
        yield from _unreadable(base / own.file, (*place, number, "file"))
        if own.password_file is not None:
            yield from _unreadable(base / own.password_file, (*place, number, "password_file"))


def _unreadable(path: Path, place: Location) -> Iterator[Finding]:
    try:
        read_bounded(path, MAX_TRUST_BYTES)
    except OSError as error:
        yield place, f"{path}: nicht lesbar: {reason(error)}"


def _no_certificates(path: Path, place: Location) -> Iterator[Finding]:
    try:
        x509.load_pem_x509_certificates(read_bounded(path, MAX_TRUST_BYTES))
    except OSError as error:
        yield place, f"{path}: nicht lesbar: {reason(error)}"
    except ValueError:
        yield place, f"{path}: enthält keine Zertifikate (PEM)"
