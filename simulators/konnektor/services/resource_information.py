"""GetResourceInformation: one card, one terminal, or the Konnektor itself (TIP1-A_4607)."""

from __future__ import annotations

from ..access.check import Target
from ..access.relations import Context
from ..cards.inserted_card import InsertedCard
from ..events.error_conditions import NO_VPN_SIS, NO_VPN_TI
from ..faults import Code, fault
from ..operation import MAX_HANDLE, MAX_ID, Call
from ..soap import answers, reading
from ..soap.answers import add
from ..soap.namespaces import CARD_COMMON, CONN, CONTEXT, name
from ..soap.reading import Element, optional, required
from .card_information import add_card, add_terminal

MAX_ICCSN = 20
_CONTEXT = name(CONTEXT, "Context")
_CT_ID, _SLOT_ID = name(CARD_COMMON, "CtId"), name(CARD_COMMON, "SlotId")
_ICCSN, _HANDLE = name(CARD_COMMON, "Iccsn"), name(CONN, "CardHandle")


async def get_resource_information(call: Call) -> Element:
    """Tell about the card that CardHandle, ICCSN or slot name, else the terminal, else itself.

    Access is checked by R1 for the Konnektor, R2 for a terminal, and the card's rule without
    session for a card. Faults 4101, 4099, 4007, 4097, 4098; 4000 for a slot without terminal.
    Where several ways to name a card are given the first of them counts (unconfirmed).
    """
    parts = reading.sequence(
        call.body,
        required(_CONTEXT),
        *(optional(part) for part in (_CT_ID, _SLOT_ID, _ICCSN, _HANDLE)),
    )
    texts = {
        part: None if (found := parts.maybe(part)) is None else reading.bounded(found, most)
        for part, most in ((_CT_ID, MAX_ID), (_ICCSN, MAX_ICCSN), (_HANDLE, MAX_HANDLE))
    }
    slot = slot_number(parts.maybe(_SLOT_ID))
    terminal, iccsn, handle = texts[_CT_ID], texts[_ICCSN], texts[_HANDLE]
    if slot is not None and terminal is None:
        raise fault(Code.SYNTAX, "SlotId ohne CtId")
    context = call.context(parts)
    grant = call.konnektor.access.check(
        context,
        Target(terminal=None if handle or iccsn else terminal, all_workplaces=True),
        call.identity,
    )
    answer = call.answer()
    call.add_status(answer)
    if handle is not None or iccsn is not None or slot is not None:
        card = _find(call, handle, iccsn, terminal, slot)
        _check_card(call, context, card)
        add_card(answer, card)
    elif terminal is not None:
        add_terminal(
            answer, call.konnektor, grant.mandant, call.konnektor.relations.terminals[terminal]
        )
    else:
        _add_connector(answer, call)
    return answer


def slot_number(element: Element | None) -> int | None:
    """Return the number of a slot, from 1; fault 4000 for anything else."""
    return None if element is None else reading.whole_number(element, least=1)


def _find(
    call: Call, handle: str | None, iccsn: str | None, terminal: str | None, slot: int | None
) -> InsertedCard:
    konnektor = call.konnektor
    if handle is not None:
        card = konnektor.cards.by_handle(handle)
        if card is None:  # some makes have another code
            code = konnektor.settings.make.unknown_handle.get(call.operation)
            raise fault(code or Code.HANDLE_INVALID)
        return card
    inserted = konnektor.cards.inserted()
    if iccsn is not None:
        card = next((card for card in inserted if card.iccsn == iccsn), None)
        if card is None:
            raise fault(Code.UNKNOWN_ICCSN)
        return card
    if slot is None or slot > konnektor.relations.terminals[terminal or ""].slots:
        raise fault(Code.UNKNOWN_SLOT)
    card = next((card for card in inserted if (card.terminal, card.slot) == (terminal, slot)), None)
    if card is None:
        raise fault(Code.SLOT_EMPTY)
    return card


def _check_card(call: Call, context: Context, card: InsertedCard) -> None:
    """Check access to *card* itself, by the rule of its type without session."""
    call.note_card(card.handle)
    target = Target(handle=card.handle, session=False)
    call.konnektor.access.check(context, target, call.identity)


def _add_connector(parent: Element, call: Call) -> None:
    """Append CONN:Connector: the tunnels, and every error condition with its value."""
    state = call.konnektor.operational_state
    connector = add(parent, CONN, "Connector")
    for tunnel, condition in (("VPNTIStatus", NO_VPN_TI), ("VPNSISStatus", NO_VPN_SIS)):
        status = add(connector, CONN, tunnel)
        add(status, CONN, "ConnectionStatus", "Offline" if state.holds(condition) else "Online")
        add(status, CONN, "Timestamp", answers.timestamp(state.since(condition)))
    states = add(connector, CONN, "OperatingState")
    for error in state.states():
        entry = add(states, CONN, "ErrorState")
        add(entry, CONN, "ErrorCondition", error.label)
        add(entry, CONN, "Severity", error.condition.severity)
        add(entry, CONN, "Type", error.condition.type)
        add(entry, CONN, "Value", "true" if error.value else "false")
        add(entry, CONN, "ValidFrom", answers.timestamp(error.since))
