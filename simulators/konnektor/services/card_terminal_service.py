"""CardTerminalService 1.1: ask for a card, give one back (TIP1-A_5412, 5413; TUC_KON_056, 057)."""

from __future__ import annotations

import asyncio

from ..access.check import Grant, Target
from ..cards.card_pins import HBA_TYPES, SM_B_TYPES
from ..cards.cards import Place
from ..cards.inserted_card import InsertedCard
from ..cards.terminals import CardTerminal
from ..faults import Code, fault
from ..operation import MAX_ID, Call, Service, read_handle
from ..soap import reading
from ..soap.answers import add
from ..soap.namespaces import CARD_COMMON, CONN, CONTEXT, TERMINAL_SERVICE, name
from ..soap.reading import Element, Parts, optional, required
from .card_information import CARD_TYPES, add_card

USUAL_TIMEOUT = 20.0
LONGEST_TIMEOUT = 600.0
"""Seconds; a caller who asks for more waits no longer than this."""
MAX_MESSAGE = 48
REQUESTABLE = {
    "EGK": frozenset(("EGK",)),
    "KVK": frozenset(("KVK",)),
    "HBAx": HBA_TYPES,
    "SM-B": SM_B_TYPES,
}
_CONTEXT, _HANDLE = name(CONTEXT, "Context"), name(CONN, "CardHandle")
_SLOT, _MESSAGE = name(TERMINAL_SERVICE, "Slot"), name(TERMINAL_SERVICE, "DisplayMsg")
_TIMEOUT = name(TERMINAL_SERVICE, "TimeOut")
_CT_ID, _SLOT_ID = name(CARD_COMMON, "CtId"), name(CARD_COMMON, "SlotId")
_CARD_TYPE = name(CARD_COMMON, "CardType")


async def request_card(call: Call) -> Element:
    """Ask at a terminal for a card and answer with it; one that is in the slot already is
    answered at once.
    """
    parts = reading.sequence(
        call.body,
        required(_CONTEXT),
        required(_SLOT),
        optional(_CARD_TYPE),
        optional(_MESSAGE),
        optional(_TIMEOUT),
    )
    place = _place(parts.one(_SLOT))
    message, seconds = _message(parts), _seconds(parts)
    wanted = parts.maybe(_CARD_TYPE)
    card_type = None if wanted is None else reading.choice(wanted, CARD_TYPES)
    if card_type is not None and card_type not in REQUESTABLE:
        raise fault(Code.CALL_NOT_ALLOWED, f"Kartentyp {card_type} kann nicht verlangt werden")
    grant = call.check(parts, Target(terminal=place.terminal))
    _require_usable(call, place)
    allowed = None if card_type is None else REQUESTABLE[card_type]
    card = call.konnektor.cards.in_slot(place)
    already = card is not None
    if card is None:
        shown = message or f"Bitte {card_type or 'Karte'} in Slot {place.slot} stecken"
        card = await _inserted(call, grant, place, shown, seconds=seconds, allowed=allowed)
    call.facts["card"] = card.card.iccsn
    if allowed is not None and card.card.type not in allowed:
        raise fault(Code.WRONG_CARD_TYPE, f"gesteckt ist {card.card.type}")
    answer = call.answer()
    call.add_status(answer)
    add(answer, TERMINAL_SERVICE, "AlreadyInserted", "true" if already else "false")
    add_card(answer, card)
    return answer


async def eject_card(call: Call) -> Element:
    """Give a card back and wait until it is taken; an empty slot is fine."""
    by_handle = call.body.find(_HANDLE) is not None
    parts = reading.sequence(
        call.body,
        required(_CONTEXT),
        required(_HANDLE if by_handle else _SLOT),
        optional(_MESSAGE),
        optional(_TIMEOUT),
    )
    message, seconds = _message(parts), _seconds(parts)
    cards = call.konnektor.cards
    if by_handle:
        target = Target(
            handle=read_handle(parts), session=False, unknown_handle=Code.HANDLE_INVALID
        )
        card = call.check(parts, target).card
        assert card is not None
        place = Place(card.terminal, card.slot)
    else:
        place = _place(parts.one(_SLOT))
        call.check(parts, Target(terminal=place.terminal))
        card = cards.in_slot(place)
    _require_usable(call, place)
    if card is not None:
        call.facts["card"] = card.card.iccsn
        card.require_free(None)
        shown = message or f"Bitte Karte aus Slot {place.slot} entnehmen"
        await _taken(call, card, shown, seconds)
    answer = call.answer()
    call.add_status(answer)
    return answer


async def _inserted(
    call: Call,
    grant: Grant,
    place: Place,
    message: str,
    *,
    seconds: float,
    allowed: frozenset[str] | None,
) -> InsertedCard:
    """Show *message* until a card is in *place*; whoever stands at the terminal takes out one that
    is no longer active and puts in one of the *allowed* types.

    Faults: 4039 the display is in use, 4202 none came in time, those of the terminal when it is
    lost meanwhile.
    """
    cards, loop = call.konnektor.cards, asyncio.get_running_loop()
    terminal = call.konnektor.terminals[place.terminal]
    deadline = loop.time() + seconds
    with terminal.use_display(message, Code.TERMINAL_BUSY):
        _record(call, terminal, message)
        if terminal.attended:
            inactive = cards.lying_in(place)
            if inactive is not None:
                cards.remove(inactive)
            found = _at_hand(call, grant, allowed)
            if found is not None:
                cards.insert(found, place)
        while (card := cards.in_slot(place)) is None:
            terminal.require_reachable()
            if not await cards.changed(place, max(deadline - loop.time(), 0)):
                raise fault(Code.CARD_NOT_INSERTED_IN_TIME)
    return card


def _at_hand(call: Call, grant: Grant, allowed: frozenset[str] | None) -> str | None:
    """Return the ICCSN of a card of a wanted type that lies beside; no SM-B of somebody else."""
    managed = call.konnektor.relations.mandanten[grant.mandant].cards
    for card in call.konnektor.cards.beside():
        foreign = card.type in SM_B_TYPES and card.iccsn not in managed
        if not foreign and (allowed is None or card.type in allowed):
            return card.iccsn
    return None


async def _taken(call: Call, card: InsertedCard, message: str, seconds: float) -> None:
    """Show *message* until *card* is taken. Faults: 4039 the display is in use, 4203 it still is
    in the slot after *seconds*, but no longer active, those of the terminal when it is lost.
    """
    cards, loop = call.konnektor.cards, asyncio.get_running_loop()
    deadline = loop.time() + seconds
    place, terminal = Place(card.terminal, card.slot), call.konnektor.terminals[card.terminal]
    with terminal.use_display(message, Code.TERMINAL_BUSY):
        _record(call, terminal, message)
        if terminal.attended:
            cards.remove(card.card.iccsn)
        while cards.place(card.card.iccsn) == place:
            terminal.require_reachable()
            if not await cards.changed(place, max(deadline - loop.time(), 0)):
                cards.deactivate(card.card.iccsn)
                raise fault(Code.CARD_NOT_TAKEN)


def _require_usable(call: Call, place: Place) -> None:
    """Raise 4221, 4222, 4044 for a terminal that cannot be used, 4097 for a slot it has not."""
    terminal = call.konnektor.terminals[place.terminal]
    terminal.require_reachable()
    terminal.require_slot(place.slot)


def _place(element: Element) -> Place:
    parts = reading.sequence(element, required(_CT_ID), required(_SLOT_ID))
    terminal = reading.bounded(parts.one(_CT_ID), MAX_ID)
    return Place(terminal, reading.whole_number(parts.one(_SLOT_ID), least=1))


def _message(parts: Parts) -> str | None:
    found = parts.maybe(_MESSAGE)
    return None if found is None else reading.bounded(found, MAX_MESSAGE)


def _seconds(parts: Parts) -> float:
    """Return how long to wait; TimeOut is in milliseconds."""
    found = parts.maybe(_TIMEOUT)
    if found is None:
        return USUAL_TIMEOUT
    return min(reading.whole_number(found, least=0) / 1000, LONGEST_TIMEOUT)


def _record(call: Call, terminal: CardTerminal, message: str) -> None:
    call.konnektor.process.journal.record(
        "Display", peer="terminal", terminal=terminal.id, message=message
    )


SERVICE = Service(
    name="CardTerminalService",
    version="1.1.0",
    namespace=TERMINAL_SERVICE,
    prefix="CTS",
    abstract="Kartenterminaldienst",
    path="/CardTerminalService",
    operations={"RequestCard": request_card, "EjectCard": eject_card},
)
