"""Own test cards as a world names them: which PKCS#12 files belong to which card.

Nothing is read here but names; ``own_cards`` reads the files, and only where there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simulators.process.errors import InputError

from .cards import OWN, Card, OwnFile
from .model import Site, World

PASSWORD_FILE = "@"  # noqa: S105 (before the name of a file that holds the password)


@dataclass(frozen=True)
class OwnArguments:
    """What ``--pkcs12`` and ``--trust`` say; passwords are never shown."""

    files: tuple[str, ...] = field(default=(), repr=False)
    trust: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files or self.trust)


def has_own_files(world: World) -> bool:
    """Whether a card of *world* has files of its own, or further authorities are trusted."""
    return bool(world.trust) or any(
        card.pkcs12 for site in world.sites.values() for card in site.cards.values()
    )


def beside(world: World, base: Path) -> World:
    """Return *world* with its files found: relative names start at *base*, the world's folder."""
    if has_own_files(world):

        def found(_site: str, _name: str, card: Card) -> Card:
            files = [_beside(file, base) for file in card.pkcs12]
            return card.model_copy(update={"pkcs12": files})

        trust = [str(base / name) for name in world.trust]
        world = map_cards(world, found).model_copy(update={"trust": trust})
    if any(site.konnektor.imported_cas for site in world.sites.values()):
        sites = {name: _imports_beside(site, base) for name, site in world.sites.items()}
        world = world.model_copy(update={"sites": sites})
    return world


def with_arguments(world: World, arguments: OwnArguments) -> World:
    """Return *world* with the files of the command line added to its cards.

    Raises InputError for a site or card that the world does not have.
    """
    if not arguments:
        return world
    named: dict[tuple[str, str], list[OwnFile]] = {}
    for text in arguments.files:
        site, card, file = _parse(world, text)
        named.setdefault((site, card), []).append(file)

    def added(at: str, name: str, found: Card) -> Card:
        return found.model_copy(update={"pkcs12": [*found.pkcs12, *named.get((at, name), ())]})

    world = map_cards(world, added)
    trust = [*world.trust, *(str(path.absolute()) for path in arguments.trust)]
    return world.model_copy(update={"trust": trust})


def map_cards(world: World, change: Callable[[str, str, Card], Card]) -> World:
    """Return *world* with each card as ``change(site, name, card)`` returns it."""
    sites = {
        at: site.model_copy(
            update={"cards": {name: change(at, name, card) for name, card in site.cards.items()}}
        )
        for at, site in world.sites.items()
    }
    return world.model_copy(update={"sites": sites})


def passwords_in(arguments: Sequence[str]) -> list[str]:
    """Return the passwords that stand in values of ``--pkcs12``, to be hidden."""
    found = (_split_file(text.partition("=")[2])[1] for text in arguments)
    return [password for password in found if password]


def _parse(world: World, text: str) -> tuple[str, str, OwnFile]:
    """Read SITE:CARD=FILE[,PASSWORD]; CARD is a type or the name of a card."""
    place, _, value = text.partition("=")
    site, _, card = place.partition(":")
    if not (site and card and value):
        raise InputError(
            "--pkcs12: erwartet wird STANDORT:KARTE=DATEI[,PASSWORT], "
            "zum Beispiel praxis:SMC-B=karte.p12,00"
        )
    if site not in world.sites:
        known = ", ".join(world.sites)
        raise InputError(f"--pkcs12 {place}: kein Standort dieser Welt ({known})")
    file, password = _split_file(value)
    path = str(Path(file).absolute())
    if password is not None and password.startswith(PASSWORD_FILE):
        by_file = str(Path(password.removeprefix(PASSWORD_FILE)).absolute())
        return site, _card(world, site, card, place), OwnFile(file=path, password_file=by_file)
    return site, _card(world, site, card, place), OwnFile(file=path, password=password)


def _split_file(value: str) -> tuple[str, str | None]:
    """Return file and password; the file ends at the first comma after which one is there."""
    at = value.find(",")
    while at >= 0:
        if Path(value[:at]).is_file():
            return value[:at], value[at + 1 :]
        at = value.find(",", at + 1)
    if Path(value).is_file():
        return value, None
    file, separator, password = value.partition(",")
    return file, password if separator else None


def _card(world: World, site: str, wanted: str, place: str) -> str:
    """Return the name of the card that *wanted* means. Raises InputError."""
    cards = world.sites[site].cards
    if wanted in cards and cards[wanted].type in OWN:
        return wanted
    found = [
        name
        for name, card in cards.items()
        if card.type.lower() == wanted.lower() and card.type in OWN
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"--pkcs12 {place}: mehrere solche Karten, eine nennen: {', '.join(found)}"
        )
    known = ", ".join(f"{name} ({card.type})" for name, card in cards.items() if card.type in OWN)
    raise InputError(f"--pkcs12 {place}: keine solche Karte dieses Standorts; es gibt {known}")


def _imports_beside(site: Site, base: Path) -> Site:
    if site.konnektor.imported_cas is None:
        return site
    path = str((base / site.konnektor.imported_cas).absolute())
    konnektor = site.konnektor.model_copy(update={"imported_cas": path})
    return site.model_copy(update={"konnektor": konnektor})


def _beside(file: OwnFile, base: Path) -> OwnFile:
    changed = {"file": str(base / file.file)}
    if file.password_file is not None:
        changed["password_file"] = str(base / file.password_file)
    return file.model_copy(update=changed)
