"""The information model of a Konnektor: the sites that use it, as Mandanten with what is theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.pki.request import HBAX, CardType
from simulators.pki.tree import PkiTree

from . import call_context
from .cards import INSTITUTION, Card, Pin, PinReference, Terminal
from .identities import Identities
from .model import Site

Model = dict[str, Any]
# A practice enters PIN.SMC once in the morning; the HBA's PINs are asked for when needed.
USUAL_PINS: dict[CardType, dict[PinReference, Pin]] = {
    "SMC-B": {"PIN.SMC": Pin(state="VERIFIED")},
    "HSM-B": {"PIN.SMC": Pin(state="VERIFIED")},
    **{kind: {"PIN.CH": Pin(), "PIN.QES": Pin()} for kind in HBAX},
    "EGK": {"PIN.CH": Pin()},
    "KVK": {},
    "UNKNOWN": {},
}


def information_model(
    sites: Mapping[str, Site],
    identities: Identities,
    tree: PkiTree,
    *,
    fingerprints: Callable[[str], list[str]],
    basic: tuple[str, str] | None,
) -> Model:
    """Return Mandanten, Clientsysteme, workplaces and terminals of the given *sites*.

    Sites may name the same Clientsystem or workplace: one practice software, two Mandanten.
    ``fingerprints`` gives the client certificates of a site.
    """
    clientsystems: dict[str, Model] = {}
    workplaces: dict[str, Model] = {}
    terminals: list[Model] = []
    for name, site in sites.items():
        client = call_context.clientsystem(name, site)
        known = clientsystems.setdefault(client, {"id": client, "certificates": [], "basic": basic})
        new = (f for f in fingerprints(name) if f not in known["certificates"])
        known["certificates"].extend(new)
        own = call_context.terminals(name, site)
        for workplace in call_context.workplaces(name, site):
            entry = workplaces.setdefault(workplace, _workplace(workplace))
            for terminal_name, terminal in own.items():
                _relate(entry, terminal_name, terminal)
        for index, (terminal_name, terminal) in enumerate(own.items()):
            number = len(terminals) + 1
            inserted = _inserted(name, terminal, identities, tree)
            found = _terminal(terminal_name, terminal, number, inserted)
            if call_context.has_gsmckt(terminal):
                found["gsmckt"] = {
                    "iccsn": identities.iccsn(f"{name}//{terminal_name}"),
                    "certificate": str(tree.terminal(call_context.gsmckt(name, index))),
                }
            terminals.append(found)
    return {
        "mandanten": [_mandant(name, site, identities) for name, site in sites.items()],
        "clientsystems": list(clientsystems.values()),
        "workplaces": list(workplaces.values()),
        "terminals": terminals,
        "cards_beside": [
            str(tree.card(identities.cards[name, card].iccsn))
            for name, site in sites.items()
            for card in call_context.beside(name, site)
        ],
    }


def _workplace(name: str) -> Model:
    return {
        "id": name, "local_terminals": [], "remote_terminals": [], "remote_pin_terminal": None
    }  # fmt: skip


def _relate(workplace: Model, name: str, terminal: Terminal) -> None:
    """Have *workplace* reach the terminal called *name*: locally where it stands, else remotely."""
    local = terminal.workplaces is None or workplace["id"] in terminal.workplaces
    workplace["local_terminals" if local else "remote_terminals"].append(name)
    if workplace["id"] in terminal.remote_pin_for:
        workplace["remote_pin_terminal"] = name


def pins(sites: Mapping[str, Site], identities: Identities) -> dict[str, Model]:
    """Return the PINs of all cards of *sites* by ICCSN and PIN reference."""
    return {
        identities.cards[name, card_name].iccsn: {
            reference: pin.model_dump() for reference, pin in pins_of(card).items()
        }
        for name, site in sites.items()
        for card_name, card in site.cards.items()
    }


def pins_of(card: Card) -> dict[PinReference, Pin]:
    """Return the PINs of *card*: the usual ones, and what the world says of them."""
    return {**USUAL_PINS[card.type], **card.pins}


def _mandant(name: str, site: Site, identities: Identities) -> Model:
    client = call_context.clientsystem(name, site)
    workplaces = call_context.workplaces(name, site)
    return {
        "id": call_context.mandant(name, site),
        "clientsystems": [client],
        "workplaces": workplaces,
        "terminals": list(call_context.terminals(name, site)),
        "cards": [
            identities.cards[name, card_name].iccsn
            for card_name, card in site.cards.items()
            if card.type in INSTITUTION
        ],
        "access": [{"clientsystem": client, "workplaces": workplaces}],
    }


def _inserted(site: str, terminal: Terminal, identities: Identities, tree: PkiTree) -> list[Model]:
    return [
        {"slot": slot, "card": str(tree.card(identities.cards[site, card].iccsn))}
        for slot, card in enumerate(terminal.cards, start=1)
        if card is not None
    ]


def _terminal(name: str, terminal: Terminal, number: int, cards: list[Model]) -> Model:
    return {
        "id": name,
        "name": terminal.name or name,
        "slots": terminal.slots,
        "mac_address": f"02-00-00-00-{number // 256:02X}-{number % 256:02X}",
        "cards": cards,
        "condition": terminal.condition,
        "attended": terminal.attended,
        "remote_pin": terminal.remote_pin,
        "physical": terminal.physical,
    }
