"""CardService 8.1: GetPinStatus and VerifyPin (TIP1-A_4587, 4589)."""

from __future__ import annotations

from ..access.check import Grant, Target
from ..faults import Code, fault
from ..information_model import PinReference
from ..operation import Call, Service, read_handle
from ..soap import reading
from ..soap.answers import add
from ..soap.namespaces import CARD, CARD_COMMON, CONN, CONTEXT, name
from ..soap.reading import Element, required


async def get_pin_status(call: Call) -> Element:
    """Say the state of a PIN as the caller's card session sees it."""
    grant, reference = _granted(call)
    card, session = grant.required_card()
    state = card.pin_state(reference, session)
    answer = call.answer()
    call.add_status(answer)
    add(answer, CARD, "PinStatus", state)
    if state in ("VERIFIABLE", "BLOCKED"):
        add(answer, CARD, "LeftTries", str(card.pins[reference].tries))
    return answer


async def verify_pin(call: Call) -> Element:
    """Have a PIN typed at the terminal; a wrong one is a result, no fault."""
    grant, reference = _granted(call)
    entered = await call.konnektor.pads.enter(grant, reference)
    call.facts["pin_result"] = entered.result
    answer = call.answer()
    call.add_status(answer)
    add(answer, CARD_COMMON, "PinResult", entered.result)
    if entered.left_tries is not None:
        add(answer, CARD_COMMON, "LeftTries", str(entered.left_tries))
    return answer


def _granted(call: Call) -> tuple[Grant, PinReference]:
    """Read and check a call on a PIN: 4000, access, 4209 card type, 4072 reference."""
    parts = reading.sequence(
        call.body,
        required(name(CONTEXT, "Context")),
        required(name(CONN, "CardHandle")),
        required(name(CARD_COMMON, "PinTyp")),
    )
    reference = reading.bounded(parts.one(name(CARD_COMMON, "PinTyp")), 64)
    call.facts["pin"] = reference
    grant = call.check(parts, Target(handle=read_handle(parts)))
    card, _ = grant.required_card()
    if not (card.is_smb or card.is_hba):
        raise fault(Code.CARD_TYPE, value=card.card.type)
    if reference not in card.pins:
        raise fault(Code.PIN_REFERENCE, f"{card.card.type} hat keine {reference!r:.64}")
    return grant, reference


SERVICE = Service(
    name="CardService",
    version="8.1.2",
    namespace=CARD,
    prefix="CARD",
    abstract="Kartendienst",
    path="/CardService",
    operations={"GetPinStatus": get_pin_status, "VerifyPin": verify_pin},
)
