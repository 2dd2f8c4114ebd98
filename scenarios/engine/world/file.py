"""World files: found, read, and checked for contradictions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from simulators.pki.profiles import CARD_PROFILES
from simulators.pki.request import HBAX, CardType
from simulators.process.errors import InputError

from ..yaml_files import yaml_source
from ..yaml_files.yaml_source import Location, Source
from . import call_context
from .cards import INSTITUTION, OWN, PATIENT, Card, PinReference
from .identities import Identities
from .model import Site, World
from .named_files import missing_files
from .own_files import beside
from .parts import LISTENERS, fixed_ports, parts

WORLDS = Path(__file__).resolve().parents[2] / "worlds"
MAX_COMMON_NAME = 54  # X.520 allows 64, " TEST-ONLY" is appended
MAX_LOCAL_PART = 61  # the certificate C.CM.TLS-CS has the CN "<local part>#CM"
_EGK = {pin for pin in get_args(PinReference) if pin == "PIN.CH" or pin.startswith("MRPIN.")}
PINS_OF: dict[CardType, set[str]] = {
    "SMC-B": {"PIN.SMC"},
    "HSM-B": {"PIN.SMC"},
    **{kind: {"PIN.CH", "PIN.QES"} for kind in HBAX},
    "EGK": _EGK,
    "KVK": set(),
    "UNKNOWN": set(),
}
KEYS_OF = {
    "title": HBAX,
    "given_name": {*HBAX, "EGK", "KVK"},
    "surname": {*HBAX, "EGK", "KVK"},
    "lanr": HBAX,
    "kvnr": {"EGK"},
    "insurer": {"EGK"},
}

Finding = tuple[Location, str]


def world_path(name: str) -> Path:
    """Return the file of the world *name*: a path, or the name of a shipped world.

    Raises InputError when there is none.
    """
    given = Path(name)
    if given.suffix in {".yaml", ".yml"} or given.is_file():
        return given
    shipped = WORLDS / f"{name}.yaml"
    if given.name == name and shipped.is_file():
        return shipped
    known = ", ".join(shipped_worlds())
    raise InputError(f"{name}: keine Welt; mitgeliefert sind {known}, sonst einen Dateinamen geben")


def shipped_worlds() -> list[str]:
    """Return the names of the worlds that come with the package."""
    return sorted(path.stem for path in WORLDS.glob("*.yaml"))


def load_world(path: Path) -> World:
    """Read and check the world file *path*.

    Raises InputError ``FILE:LINE: key: what was expected`` for a mistake or a contradiction.
    """
    source = yaml_source.read(path)
    world = source.validate(World)
    check_world(world, source)
    return beside(world, path.parent)


def check_world(world: World, source: Source) -> None:
    """Raise InputError for the contradiction in *world* that stands first in its file."""
    findings = [
        *_sites(world),
        *_cards(world),
        *_participants(world),
        *_ports(world),
        *missing_files(world, source.path.parent),
    ]
    # Numbers can be compared only when nothing else is wrong.
    findings = findings or [*_identities(world)]
    if findings:
        raise source.error(*min(findings, key=lambda finding: source.line(finding[0])))


def check_identities(world: World) -> None:
    """Raise InputError when two cards of *world* have one number, whoever gave it to them."""
    for location, why in _identities(world):
        raise InputError(f"{'.'.join(map(str, location))}: {why}")


def _sites(world: World) -> Iterator[Finding]:
    for name, site in world.sites.items():
        place = ("sites", name)
        modes = site.konnektor.make.modes
        if site.konnektor.authentication not in modes:
            yield (
                (*place, "konnektor", "authentication"),
                f"dieser Konnektor kann nur {', '.join(modes)}",
            )
        if site.konnektor.signatures.comfort_signature and (
            site.konnektor.authentication not in ("certificate", "basic")
        ):
            yield (
                (*place, "konnektor", "signatures", "comfort_signature"),
                "verlangt authentication certificate oder basic (TAB_KON_852)",
            )
        if site.shares is not None:
            other = world.sites.get(site.shares)
            if other is None or other.shares is not None:
                yield (
                    (*place, "shares"),
                    f"{site.shares} ist kein Standort mit eigenem Konnektor",
                )
            for key in ("konnektor", "clientmodule"):
                if key in site.model_fields_set:
                    yield (*place, key), f"gehört zu {site.shares}, denn der Standort teilt ihn"
    for owner in world.owners():
        yield from _shared_names(world, owner)


def _shared_names(world: World, owner: str) -> Iterator[Finding]:
    """Find Mandanten and terminals that two sites of one Konnektor claim for themselves."""
    mandanten: dict[str, str] = {}
    terminals: dict[str, str] = {}
    for name, site in world.users_of(owner).items():
        place = ("sites", name)
        if site.mandant is not None and mandanten.setdefault(site.mandant, name) != name:
            first = mandanten[site.mandant]
            yield (*place, "mandant"), f"{site.mandant} ist schon der Mandant von {first}"
        for terminal in site.terminals:
            if terminals.setdefault(terminal, name) != name:
                first = terminals[terminal]
                yield (*place, "terminals", terminal), f"steht schon bei {first}"


def _cards(world: World) -> Iterator[Finding]:
    for name, site in world.sites.items():
        place = ("sites", name)
        for card_name, card in site.cards.items():
            yield from ((((*place, "cards", card_name, *at)), why) for at, why in _card(card))
        if all(card.type not in INSTITUTION for card in site.cards.values()):
            yield (*place, "cards"), "ein Standort braucht mindestens eine SMC-B"
        yield from _slots(site, (*place, "terminals"))
        yield from _workplaces(name, site)
        yield from _sign_crypt(world, name, site)


def _card(card: Card) -> Iterator[Finding]:
    if card.type == "EGK" or card.type in HBAX:
        if not (card.given_name and card.surname):
            yield (), f"eine Karte vom Typ {card.type} braucht given_name und surname"
        elif len(f"{card.title or ''} {card.given_name} {card.surname}".strip()) > MAX_COMMON_NAME:
            yield ("surname",), f"der ganze Name hat mehr als {MAX_COMMON_NAME} Zeichen"
    for key, types in KEYS_OF.items():
        if getattr(card, key) is not None and card.type not in types:
            kinds = " oder ".join(sorted(types))
            yield (key,), f"gehört zu einer Karte vom Typ {kinds}, nicht {card.type}"
    if card.type in PATIENT and card.telematik_id is not None:
        yield ("telematik_id",), "die Karte eines Patienten hat keine Telematik-ID"
    if card.expired and card.expires_in is not None:
        yield ("expires_in",), "die Zertifikate sind schon abgelaufen (expired)"
    yield from _revoked(card)
    if card.pkcs12 and card.type not in OWN:
        yield ("pkcs12",), f"eigene Testkarten sind {', '.join(sorted(OWN))}, nicht {card.type}"
    for number, file in enumerate(card.pkcs12):
        if file.password is not None and file.password_file is not None:
            yield ("pkcs12", number), "password oder password_file, nicht beides"
    for pin in card.pins:
        if pin not in PINS_OF[card.type]:
            expected = " oder ".join(sorted(PINS_OF[card.type])) or "keine PIN"
            yield ("pins", pin), f"eine Karte vom Typ {card.type} hat {expected}"


def _revoked(card: Card) -> Iterator[Finding]:
    """Find certificates that shall be revoked and that the card does not have."""
    references = CARD_PROFILES[card.type]
    if not references and card.revoked:
        yield ("revoked",), f"eine Karte vom Typ {card.type} hat keine Zertifikate"
    elif not isinstance(card.revoked, bool):
        for number, name in enumerate(card.revoked):
            reference, _, crypt = name.partition(" ")
            if reference not in references:
                expected = ", ".join(references)
                yield ("revoked", number), f"eine Karte vom Typ {card.type} hat {expected}"
            elif crypt == "ECC" and (card.generation == "G2.0" or card.type in HBAX - {"HBA"}):
                yield ("revoked", number), "eine Karte G2.0 oder vor dem HBA hat nur RSA"


def _slots(site: Site, place: Location) -> Iterator[Finding]:
    inserted: dict[str, str] = {}
    for terminal_name, terminal in site.terminals.items():
        if len(terminal.cards) > terminal.slots:
            yield (
                (*place, terminal_name, "cards"),
                f"{len(terminal.cards)} Karten, aber nur {terminal.slots} Slots",
            )
        for slot, card in enumerate(terminal.cards):
            at = (*place, terminal_name, "cards", slot)
            if card is None:
                continue
            if card not in site.cards:
                yield at, f"{card} ist keine Karte dieses Standorts ({', '.join(site.cards)})"
            if card in inserted:
                yield at, f"{card} steckt schon in {inserted[card]}"
            inserted.setdefault(card, f"{terminal_name}, Slot {slot + 1}")


def _workplaces(name: str, site: Site) -> Iterator[Finding]:
    """Find terminals that name workplaces which the site does not have, or share a remote PIN."""
    known = call_context.workplaces(name, site)
    remote: dict[str, str] = {}
    for terminal_name, terminal in site.terminals.items():
        place = ("sites", name, "terminals", terminal_name)
        for key in ("workplaces", "remote_pin_for"):
            for index, workplace in enumerate(getattr(terminal, key) or ()):
                if workplace not in known:
                    expected = ", ".join(known)
                    yield (*place, key, index), f"{workplace} ist kein Arbeitsplatz ({expected})"
        for index, workplace in enumerate(terminal.remote_pin_for):
            if remote.setdefault(workplace, terminal_name) != terminal_name:
                yield (
                    (*place, "remote_pin_for", index),
                    f"{workplace} gibt entfernte PINs schon an {remote[workplace]} ein",
                )


def _sign_crypt(world: World, name: str, site: Site) -> Iterator[Finding]:
    owner = world.sites.get(world.owner(name), site)
    wanted = owner.clientmodule.sign_crypt if owner.clientmodule else "auto"
    if wanted != "ECC":
        return
    for card_name, card in site.cards.items():
        if card.type == "SMC-B" and card.generation == "G2.0":
            yield (
                ("sites", name, "cards", card_name, "generation"),
                f"G2.0 hat nur RSA, das Clientmodul von {world.owner(name)} signiert mit ECC",
            )


def _participants(world: World) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    places: list[tuple[Location, str]] = [
        *((("participants", name, "address"), p.address) for name, p in world.participants.items()),
        *(
            (("directory", name, *(("addresses", number - 1) if number else ("address",))), address)
            for name, extra in world.directory.items()
            for number, address in enumerate(extra.all_addresses)
            if not extra.shared_address or number
        ),
    ]
    for at, address in places:
        local, _, domain = address.rpartition("@")
        if domain not in world.providers:
            yield at, f"kein Anbieter hat die Domäne {domain} ({', '.join(world.providers)})"
        if len(local) > MAX_LOCAL_PART:
            yield at, f"vor dem @ sind höchstens {MAX_LOCAL_PART} Zeichen möglich"
        owner = str(at[1])
        if owners.setdefault(address.lower(), owner) != owner:
            yield at, f"{address} gehört schon zu {owners[address.lower()]}"
    for name, extra in world.directory.items():
        if extra.shared_address and extra.address.lower() not in owners:
            yield ("directory", name, "shared_address"), f"{extra.address} hat sonst niemand"
    for name, participant in world.participants.items():
        place = ("participants", name)
        site = world.sites.get(participant.site)
        if site is None:
            yield (*place, "site"), f"{participant.site} ist kein Standort dieser Welt"
        elif participant.card not in site.cards:
            yield (
                (*place, "card"),
                f"{participant.card} ist keine Karte von {participant.site} "
                f"({', '.join(site.cards)})",
            )
        elif site.cards[participant.card].type in PATIENT:
            yield (*place, "card"), f"{participant.card} ist die Karte eines Patienten"


def _ports(world: World) -> Iterator[Finding]:
    owners: dict[int, str] = {}
    names: dict[str, str] = {}
    for part in parts(world):
        if names.setdefault(part.name, part.of) != part.of:
            yield part.location[:-1], f"heißt als Prozess wie {names[part.name]} ({part.name})"
        for listener, port in part.ports.items():
            at = (*part.location, listener)
            if listener not in LISTENERS[part.role]:
                yield at, f"erwartet wird {', '.join(LISTENERS[part.role])}"
            if port in owners:
                yield at, f"Port {port} gehört schon {owners[port]}"
            owners.setdefault(port, f"{part.name} ({listener})")
    if max(fixed_ports(world).values()) > 65535:
        yield ("base_port",), "von hier an sind nicht genug Ports bis 65535"


def _identities(world: World) -> Iterator[Finding]:
    identities = Identities(world, world.seed)
    iccsns: dict[str, str] = {}
    telematik_ids: dict[str, str] = {}
    for (site, name), card in identities.cards.items():
        place, label = ("sites", site, "cards", name), f"{site}.{name}"
        if iccsns.setdefault(card.iccsn, label) != label:
            yield (*place, "iccsn"), f"{card.iccsn} hat schon {iccsns[card.iccsn]}"
        if card.telematik_id and telematik_ids.setdefault(card.telematik_id, label) != label:
            first = telematik_ids[card.telematik_id]
            yield (*place, "telematik_id"), f"{card.telematik_id} hat schon {first}"
    for name, extra in world.directory.items():
        telematik_id = identities.telematik_id(name, extra)
        if telematik_ids.setdefault(telematik_id, name) != name:
            first = telematik_ids[telematik_id]
            yield ("directory", name, "telematik_id"), f"{telematik_id} hat schon {first}"
