"""EventService 7.2: GetCards and GetCardTerminals (TIP1-A_4604, 4605); what else it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..access.check import Grant, Target
from ..cards.card_pins import HBA_TYPES, SM_B_TYPES
from ..cards.inserted_card import InsertedCard
from ..faults import Code, fault
from ..operation import Call, Service
from ..soap import reading
from ..soap.answers import add
from ..soap.namespaces import CARD, CARD_COMMON, CONTEXT, EVENT, TERMINAL, name
from ..soap.reading import Element, optional, required
from .card_information import CARD_TYPES, add_card, add_terminal
from .resource_information import get_resource_information, slot_number
from .subscriptions import get_subscription, renew_subscriptions, subscribe, unsubscribe

_GROUPS = {"HBAx": HBA_TYPES, "SM-B": SM_B_TYPES}
_CONTEXT = name(CONTEXT, "Context")
_CT_ID, _SLOT_ID = name(CARD_COMMON, "CtId"), name(CARD_COMMON, "SlotId")
_CARD_TYPE = name(CARD_COMMON, "CardType")


async def get_cards(call: Call) -> Element:
    """List the cards in the terminals within reach; the SM-Bs only of the Mandant."""
    parts = reading.sequence(
        call.body, required(_CONTEXT), optional(_CT_ID), optional(_SLOT_ID), optional(_CARD_TYPE)
    )
    mandant_wide = reading.boolean(call.body.get("mandant-wide", "false"), "mandant-wide")
    wanted = parts.maybe(_CARD_TYPE)
    card_type = None if wanted is None else reading.choice(wanted, CARD_TYPES)
    slot = slot_number(parts.maybe(_SLOT_ID))
    terminal = parts.text(_CT_ID)
    grant = call.check(parts, Target(all_workplaces=mandant_wide))
    konnektor = call.konnektor
    if terminal is not None and terminal not in konnektor.relations.terminals:
        raise fault(Code.UNKNOWN_TERMINAL)
    workplace = None if mandant_wide else grant.workplace
    asked = _Asked(grant.mandant, grant.clientsystem, workplace, terminal, slot, card_type)
    inserted = konnektor.cards.inserted()
    return konnektor.prepared_cards.get(inserted, asked, lambda: _answer(call, inserted, asked))


class _Asked(NamedTuple):
    """What GetCards is asked for; without *workplace* it is mandant-wide."""

    mandant: str
    clientsystem: str
    workplace: str | None
    terminal: str | None
    slot: int | None
    card_type: str | None


def _answer(call: Call, inserted: Sequence[InsertedCard], asked: _Asked) -> Element:
    relations = call.konnektor.relations
    within = relations.terminals_within_reach(asked.mandant, asked.clientsystem, asked.workplace)
    managed = relations.mandanten[asked.mandant].cards
    wanted = asked.card_type
    allowed = None if wanted is None else _GROUPS.get(wanted, frozenset((wanted,)))
    answer = call.answer()
    call.add_status(answer)
    cards = add(answer, CARD, "Cards")
    for card in inserted:
        if (
            card.terminal in within
            and (asked.terminal is None or card.terminal == asked.terminal)
            and (asked.slot is None or card.slot == asked.slot)
            and (allowed is None or card.card.type in allowed)
            and (not card.is_smb or card.card.iccsn in managed)
        ):
            add_card(cards, card)
    return answer


async def get_card_terminals(call: Call) -> Element:
    """List the terminals of the Mandant within reach."""
    parts = reading.sequence(call.body, required(_CONTEXT))
    mandant_wide = reading.boolean(call.body.get("mandant-wide", "false"), "mandant-wide")
    grant = call.check(parts, Target(all_workplaces=mandant_wide))
    konnektor = call.konnektor
    workplace = None if mandant_wide else grant.workplace
    connected = tuple(terminal.connected for terminal in konnektor.terminals)
    asked = (grant.mandant, grant.clientsystem, workplace, connected)
    return konnektor.prepared_terminals.get(
        konnektor.relations, asked, lambda: _terminals(call, grant, workplace)
    )


def _terminals(call: Call, grant: Grant, workplace: str | None) -> Element:
    relations = call.konnektor.relations
    within = relations.terminals_within_reach(grant.mandant, grant.clientsystem, workplace)
    answer = call.answer()
    call.add_status(answer)
    terminals = add(answer, TERMINAL, "CardTerminals")
    for terminal in relations.terminals.values():
        if terminal.id in within:
            add_terminal(terminals, call.konnektor, grant.mandant, terminal)
    return answer


SERVICE = Service(
    name="EventService",
    version="7.2.0",
    namespace=EVENT,
    prefix="EVT",
    abstract="Systeminformationsdienst",
    path="/EventService",
    operations={
        "GetCards": get_cards,
        "GetCardTerminals": get_card_terminals,
        "GetResourceInformation": get_resource_information,
        "Subscribe": subscribe,
        "Unsubscribe": unsubscribe,
        "GetSubscription": get_subscription,
        "RenewSubscriptions": renew_subscriptions,
    },
)
