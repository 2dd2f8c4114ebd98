"""CARD:Card and CT:CardTerminal, as several operations answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cards.inserted_card import InsertedCard
from ..cards.versions import CardVersion
from ..information_model import Terminal
from ..soap import answers
from ..soap.answers import add
from ..soap.namespaces import CARD, CARD_COMMON, CONN, TERMINAL
from ..soap.reading import Element
from ..soap.service_directory import add_product_information

if TYPE_CHECKING:
    from ..konnektor import Konnektor

CARD_TYPES = (
    *("EGK", "HBA-qSig", "HBA", "SMC-B", "HSM-B", "SMC-KT", "KVK", "ZOD_2.0", "UNKNOWN"),
    *("HBAx", "SM-B"),
)
"""What a caller may name: single types, and the groups HBAx and SM-B."""


def add_card(parent: Element, card: InsertedCard) -> None:
    """Append CARD:Card (TIP1-A_4605): of a KVK or an unknown card only what can be seen of it."""
    entry = add(parent, CARD, "Card")
    add(entry, CONN, "CardHandle", card.handle)
    add(entry, CARD_COMMON, "CardType", card.card.type)
    if card.version is not None:
        _add_version(entry, card.version)
    if card.iccsn is not None:
        add(entry, CARD_COMMON, "Iccsn", card.iccsn)
    add(entry, CARD_COMMON, "CtId", card.terminal)
    add(entry, CARD_COMMON, "SlotId", str(card.slot))
    add(entry, CARD, "InsertTime", answers.timestamp(card.inserted_at.astimezone()))
    if card.card.holder:
        add(entry, CARD, "CardHolderName", card.card.holder)
    if card.card.kvnr:
        add(entry, CARD, "Kvnr", card.card.kvnr)
    expires = card.expires()
    if expires is not None:
        add(entry, CARD, "CertificateExpirationDate", expires.date().isoformat())


def add_terminal(parent: Element, konnektor: Konnektor, mandant: str, terminal: Terminal) -> None:
    """Append CT:CardTerminal as *mandant* sees it: its Workplaces are those where it is local."""
    entry = add(parent, TERMINAL, "CardTerminal")
    add_product_information(entry, konnektor.settings, konnektor.started, "KT")
    add(entry, CARD_COMMON, "CtId", terminal.id)
    workplaces = add(entry, CONN, "WorkplaceIds")
    for workplace in konnektor.relations.local_workplaces(mandant, terminal.id):
        add(workplaces, CONN, "WorkplaceId", workplace)
    add(entry, TERMINAL, "Name", terminal.name or terminal.id)
    add(entry, TERMINAL, "MacAddress", terminal.mac_address)
    address = add(entry, TERMINAL, "IPAddress")
    add(address, TERMINAL, "IPV4Address", terminal.ip_address)
    add(entry, TERMINAL, "Slots", str(terminal.slots))
    add(entry, TERMINAL, "IS_PHYSICAL", "true" if terminal.physical else "false")
    connected = konnektor.cards.terminals.is_connected(terminal.id)
    add(entry, TERMINAL, "Connected", "true" if connected else "false")


def _add_version(parent: Element, version: CardVersion) -> None:
    entry = add(parent, CARD, "CardVersion")
    for name, numbers in (
        ("COSVersion", version.cos),
        ("ObjectSystemVersion", version.object_system),
    ):
        system = add(entry, CARD, name)
        for part, number in zip(("Major", "Minor", "Revision"), numbers, strict=True):
            add(system, CARD, part, str(number))
