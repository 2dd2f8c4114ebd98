"""The names of a site at its Konnektor: Mandant, Clientsystem, workplaces, terminals, user."""

from __future__ import annotations

from .cards import Terminal
from .model import Site

SLOTS = 4


def mandant(name: str, site: Site) -> str:
    """Return the MandantId of the site called *name*."""
    return site.mandant or f"Mandant-{name}"


def clientsystem(name: str, site: Site) -> str:
    """Return the ClientsystemId of the site called *name*."""
    return site.clientsystem or f"PVS-{name}"


def workplaces(name: str, site: Site) -> list[str]:
    """Return the WorkplaceIds of the site called *name*, the usual one first."""
    return site.workplaces or [f"Arbeitsplatz-{name}"]


def user(name: str, site: Site) -> str:
    """Return the UserId under which the site called *name* uses its HBA."""
    return site.user or f"Nutzer-{name}"


def terminals(name: str, site: Site) -> dict[str, Terminal]:
    """Return the card terminals of the site called *name*, by default one with all cards that
    are not said to lie beside.
    """
    if site.terminals:
        return site.terminals
    slots = max(SLOTS, len(site.cards))
    inserted: list[str | None] = [key for key, card in site.cards.items() if card.inserted]
    return {f"KT-{name}": Terminal(slots=slots, cards=inserted)}


def beside(name: str, site: Site) -> list[str]:
    """Return the cards of the site called *name* that are in no terminal."""
    inserted = {card for one in terminals(name, site).values() for card in one.cards}
    return [card for card in site.cards if card not in inserted]


def has_gsmckt(terminal: Terminal) -> bool:
    """Whether there is a gSMC-KT in *terminal*, with its certificate."""
    return terminal.physical and terminal.remote_pin


def gsmckt(site: str, index: int) -> str:
    """Return the name of the gSMC-KT in a terminal of *site*, counted from 0."""
    return f"{site}.{index}"
