"""ActivateComfortSignature, DeactivateComfortSignature, GetSignatureMode: SignatureService 7.5."""

from __future__ import annotations

from datetime import timedelta

from ..access.check import Grant, Target
from ..cards.pins import Entered
from ..faults import Code, KonnektorFault, Trace, fault, trace
from ..operation import MAX_HANDLE, Call, read_handle
from ..signatures.comfort import QES_PIN
from ..soap import reading
from ..soap.answers import add
from ..soap.namespaces import CONN, CONTEXT, name
from ..soap.reading import Element, required, several

MAX_HANDLES = 100
_PASSED_ON = frozenset((Code.RESOURCE_BUSY, Code.PIN_TIMEOUT, Code.PIN_ABORTED))
"""What of a PIN entry TUC_KON_171 names itself; anything else is 4267."""


async def activate_comfort_signature(call: Call) -> Element:
    """Have PIN.QES typed and begin comfort mode in this card session (A_19107, TUC_KON_171).

    Faults: 4000; 4272, 4270 for the UserId; the access check; 4263 not switched on; 4274 no
    HBA; 4278 no session left; 4060 the terminal is busy; 4043, 4049, 4275, 4276 for PIN.QES;
    4267 anything else that hinders.
    """
    parts = _read(call)
    comfort = call.konnektor.sak.comfort
    user = call.context(parts).user
    comfort.check_user_id(user)
    grant = call.check(parts, Target(handle=read_handle(parts)))
    comfort.note_user_id(user)
    call.konnektor.sak.require_comfort()
    card, session = grant.required_card()
    if card.card.type != "HBA":
        raise fault(Code.COMFORT_ONLY_HBA)
    settings = call.konnektor.sak.settings
    comfort.check_room(card, settings.comfort_sessions)
    if not card.is_open(QES_PIN, session):
        _judge(call, await _enter(call, grant), card.handle)
    comfort.check_room(card, settings.comfort_sessions)  # others may have been quicker
    comfort.activate(card, session, settings)
    answer = call.answer()
    call.add_status(answer)
    add(answer, call.service.namespace, "SignatureMode", "COMFORT")
    return answer


async def _enter(call: Call, grant: Grant) -> Entered:
    try:
        return await call.konnektor.pads.enter(grant, QES_PIN)
    except KonnektorFault as raised:
        if raised.trace.code in _PASSED_ON:
            raise
        handle = grant.required_card()[0].handle
        detail = f"{raised.trace.code} {raised.trace.text}"
        raise fault(Code.COMFORT_ACTIVATION, detail, value=handle) from None


def _judge(call: Call, entered: Entered, handle: str) -> None:
    call.facts["pin_result"] = entered.result
    match entered.result:
        case "OK":
            return
        case "REJECTED":
            raise fault(Code.COMFORT_PIN_REJECTED)
        case "NOWBLOCKED" | "WASBLOCKED":
            raise fault(Code.COMFORT_PIN_BLOCKED)
        case _:
            raise fault(Code.COMFORT_ACTIVATION, entered.result, value=handle)


async def deactivate_comfort_signature(call: Call) -> Element:
    """End comfort mode of cards, whoever began it: no Context, no access check (A_19108).

    PIN.QES is lowered in all sessions of the card. Faults: 4000, 4263 not switched on, 4268 a
    card that is no HBA. Warnings: 4265 no such handle, 4266 no session of this card is open.
    """
    parts = reading.sequence(call.body, several(name(CONN, "CardHandle")))
    handles = [reading.bounded(part, MAX_HANDLE) for part in parts.all(name(CONN, "CardHandle"))]
    if len(handles) > MAX_HANDLES:
        raise fault(Code.SYNTAX, f"mehr als {MAX_HANDLES} CardHandles")
    call.konnektor.sak.require_comfort()
    for handle in dict.fromkeys(handles):
        call.note_card(handle)
        warning = _deactivate(call, handle)
        if warning is not None:
            call.warnings.append(warning)
    answer = call.answer()
    call.add_status(answer)
    return answer


def _deactivate(call: Call, handle: str) -> Trace | None:
    card = call.konnektor.cards.by_handle(handle)
    if card is None:
        return trace(Code.COMFORT_HANDLE_INVALID, value=handle)
    if not card.is_hba:
        raise fault(Code.COMFORT_DEACTIVATION, f"{card.card.type} ist kein HBA", value=handle)
    if not any(card.sessions()):
        return trace(Code.COMFORT_NO_SESSION, value=handle)
    call.konnektor.sak.comfort.deactivate(card)
    card.lower_state(QES_PIN)
    return None


async def get_signature_mode(call: Call) -> Element:
    """Tell what the comfort signature allows, and what is left in this session (A_19109-02).

    Without comfort mode there is no SessionInfo. Faults: 4000, the access check, 4269 a card
    that is no HBA.
    """
    parts = _read(call)
    grant = call.check(parts, Target(handle=read_handle(parts)))
    card, session = grant.required_card()
    if not card.is_hba:
        raise fault(Code.SIGNATURE_MODE, f"{card.card.type} ist kein HBA", value=card.handle)
    sak, own = call.konnektor.sak, call.service.namespace
    answer = call.answer()
    call.add_status(answer)
    enabled = sak.settings.comfort_signature
    add(answer, own, "ComfortSignatureStatus", "ENABLED" if enabled else "DISABLED")
    add(answer, own, "ComfortSignatureMax", str(sak.settings.comfort_max))
    add(answer, own, "ComfortSignatureTimer", f"PT{sak.settings.comfort_hours}H")
    comfort = sak.comfort.find(card, session)
    if comfort is not None:
        info = add(answer, own, "SessionInfo")
        add(info, own, "SignatureMode", "COMFORT")
        add(info, own, "CountRemaining", str(comfort.remaining))
        left = comfort.ends - call.konnektor.clock.now()
        add(info, own, "TimeRemaining", _duration(left))
    return answer


def _read(call: Call) -> reading.Parts:
    return reading.sequence(
        call.body, required(name(CONN, "CardHandle")), required(name(CONTEXT, "Context"))
    )


def _duration(left: timedelta) -> str:
    """Return *left* as xs:duration in whole seconds, none below zero."""
    seconds = max(0, int(left.total_seconds()))
    return f"PT{seconds // 3600}H{seconds // 60 % 60}M{seconds % 60}S"
