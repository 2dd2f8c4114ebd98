"""EventService 7.2: GetCards and GetCardTerminals (TIP1-A_4604, 4605)."""

from __future__ import annotations

from ..access.check import Grant, Target
from ..cards.cards import HBA_TYPES, SM_B_TYPES, InsertedCard
from ..faults import Code, fault
from ..information_model import Terminal
from ..operation import Call, Service
from ..soap import answers, reading
from ..soap.answers import add
from ..soap.namespaces import CARD, CARD_COMMON, CONN, CONTEXT, EVENT, TERMINAL, name
from ..soap.reading import Element, optional, required
from ..soap.service_directory import add_product_information

CARD_TYPES = (
    *("EGK", "HBA-qSig", "HBA", "SMC-B", "HSM-B", "SMC-KT", "KVK", "ZOD_2.0", "UNKNOWN"),
    *("HBAx", "SM-B"),
)
_GROUPS = {"HBAx": HBA_TYPES, "SM-B": SM_B_TYPES}
_CONTEXT = name(CONTEXT, "Context")
_CT_ID, _SLOT_ID = name(CARD_COMMON, "CtId"), name(CARD_COMMON, "SlotId")
_CARD_TYPE = name(CARD_COMMON, "CardType")


async def get_cards(call: Call) -> Element:
    """List the cards in the terminals within reach; the SM-Bs only of the Mandant."""
    parts = reading.sequence(
        call.body, required(_CONTEXT), optional(_CT_ID), optional(_SLOT_ID), optional(_CARD_TYPE)
    )
    mandant_wide = _mandant_wide(call.body)
    wanted = parts.maybe(_CARD_TYPE)
    card_type = None if wanted is None else reading.choice(wanted, CARD_TYPES)
    slot = _slot(parts.maybe(_SLOT_ID))
    terminal = parts.text(_CT_ID)
    grant = call.check(parts, Target(all_workplaces=mandant_wide))
    if terminal is not None and terminal not in call.konnektor.relations.terminals:
        raise fault(Code.UNKNOWN_TERMINAL)
    within = _within_reach(call, grant, mandant_wide)
    managed = call.konnektor.relations.mandanten[grant.mandant].cards
    allowed = None if card_type is None else _GROUPS.get(card_type, frozenset((card_type,)))
    answer = call.answer()
    call.add_status(answer)
    cards = add(answer, CARD, "Cards")
    for card in call.konnektor.cards.inserted():
        if (
            card.terminal in within
            and (terminal is None or card.terminal == terminal)
            and (slot is None or card.slot == slot)
            and (allowed is None or card.card.type in allowed)
            and (not card.is_smb or card.card.iccsn in managed)
        ):
            add_card(cards, card)
    return answer


async def get_card_terminals(call: Call) -> Element:
    """List the terminals of the Mandant within reach."""
    parts = reading.sequence(call.body, required(_CONTEXT))
    mandant_wide = _mandant_wide(call.body)
    grant = call.check(parts, Target(all_workplaces=mandant_wide))
    within = _within_reach(call, grant, mandant_wide)
    answer = call.answer()
    call.add_status(answer)
    terminals = add(answer, TERMINAL, "CardTerminals")
    for terminal in call.konnektor.relations.terminals.values():
        if terminal.id in within:
            _add_terminal(terminals, call, grant, terminal)
    return answer


def add_card(parent: Element, card: InsertedCard) -> None:
    """Append CARD:Card; KVK and UNKNOWN have no ICCSN and no certificates that could expire."""
    entry = add(parent, CARD, "Card")
    add(entry, CONN, "CardHandle", card.handle)
    add(entry, CARD_COMMON, "CardType", card.card.type)
    if card.iccsn is not None:
        add(entry, CARD_COMMON, "Iccsn", card.iccsn)
    add(entry, CARD_COMMON, "CtId", card.terminal)
    add(entry, CARD_COMMON, "SlotId", str(card.slot))
    add(entry, CARD, "InsertTime", answers.timestamp(card.inserted_at.astimezone()))
    add(entry, CARD, "CardHolderName", card.card.holder)
    if card.card.kvnr is not None:
        add(entry, CARD, "Kvnr", card.card.kvnr)
    expires = card.expires()
    if expires is not None:
        add(entry, CARD, "CertificateExpirationDate", expires.date().isoformat())


def _within_reach(call: Call, grant: Grant, mandant_wide: bool) -> frozenset[str]:
    return call.konnektor.relations.terminals_within_reach(
        grant.mandant, grant.clientsystem, None if mandant_wide else grant.workplace
    )


def _add_terminal(parent: Element, call: Call, grant: Grant, terminal: Terminal) -> None:
    konnektor = call.konnektor
    entry = add(parent, TERMINAL, "CardTerminal")
    add_product_information(entry, konnektor.settings, konnektor.started, "KT")
    add(entry, CARD_COMMON, "CtId", terminal.id)
    workplaces = add(entry, CONN, "WorkplaceIds")
    for workplace in konnektor.relations.local_workplaces(grant.mandant, terminal.id):
        add(workplaces, CONN, "WorkplaceId", workplace)
    add(entry, TERMINAL, "Name", terminal.name or terminal.id)
    add(entry, TERMINAL, "MacAddress", terminal.mac_address)
    address = add(entry, TERMINAL, "IPAddress")
    add(address, TERMINAL, "IPV4Address", terminal.ip_address)
    add(entry, TERMINAL, "Slots", str(terminal.slots))
    add(entry, TERMINAL, "IS_PHYSICAL", "true" if terminal.physical else "false")
    connected = konnektor.terminals.is_connected(terminal.id)
    add(entry, TERMINAL, "Connected", "true" if connected else "false")


def _mandant_wide(body: Element) -> bool:
    return reading.boolean(body.get("mandant-wide", "false"), "mandant-wide")


def _slot(element: Element | None) -> int | None:
    if element is None:
        return None
    text = reading.bounded(element, 10)
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise fault(Code.SYNTAX, f"SlotId: {text!r} ist keine Zahl ab 1")
    return int(text)


SERVICE = Service(
    name="EventService",
    version="7.2.0",
    namespace=EVENT,
    prefix="EVT",
    abstract="Systeminformationsdienst",
    path="/EventService",
    operations={"GetCards": get_cards, "GetCardTerminals": get_card_terminals},
)
