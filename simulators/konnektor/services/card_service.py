"""CardService 8.1: PINs of cards (TIP1-A_4587 to 4590, 5487, 5488).

Order: 4000, access check, 4093 and 4094 of the session, 4209, then the work with the PIN.
"""

from __future__ import annotations

from ..access.check import Grant, Target
from ..cards.inserted_card import InsertedCard
from ..cards.pins import Entered
from ..faults import Code, fault
from ..information_model import PinReference
from ..operation import Call, Service, read_handle
from ..soap import reading
from ..soap.answers import add
from ..soap.namespaces import CARD, CARD_COMMON, CONN, CONTEXT, name
from ..soap.reading import Element, Part, optional, required

_PIN_TYPE = name(CARD_COMMON, "PinTyp")
_SET_NEW_PIN = name(CARD, "SetNewPin")


async def get_pin_status(call: Call) -> Element:
    """Say the state of a PIN as the caller's card session sees it (TUC_KON_022)."""
    grant, reference = _granted(call, egk=True)
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
    return _answer(call, await call.konnektor.pads.enter(grant, reference))


async def change_pin(call: Call) -> Element:
    """Have the old PIN and a new one typed; so a transport PIN is replaced."""
    grant, reference = _granted(call, egk=True)
    return _answer(call, await call.konnektor.pads.change(grant, reference))


async def unblock_pin(call: Call) -> Element:
    """Have the PUK typed, and with SetNewPin a new PIN; the PUK serves ten times."""
    asked = call.body.find(_SET_NEW_PIN)
    new_pin = asked is not None and reading.boolean(reading.text_of(asked), "SetNewPin")
    grant, reference = _granted(call, optional(_SET_NEW_PIN), egk=True)
    return _answer(call, await call.konnektor.pads.unblock(grant, reference, new_pin=new_pin))


async def enable_pin(call: Call) -> Element:
    """Switch the protection by an MRPIN of an eGK on."""
    grant, reference = _granted(call, egk=True, others=False)
    return _answer(call, await call.konnektor.pads.protect(grant, reference, on=True))


async def disable_pin(call: Call) -> Element:
    """Switch the protection by an MRPIN of an eGK off."""
    grant, reference = _granted(call, egk=True, others=False)
    return _answer(call, await call.konnektor.pads.protect(grant, reference, on=False))


def _granted(
    call: Call, *more: Part, egk: bool = False, others: bool = True
) -> tuple[Grant, PinReference]:
    """Read and check a call on a PIN: 4000, access, 4209 for a card type that the operation does
    not serve: an eGK only with *egk*, SM-B and HBAx only with *others*; 4072 for a PIN that no
    card has.
    """
    parts = reading.sequence(
        call.body,
        required(name(CONTEXT, "Context")),
        required(name(CONN, "CardHandle")),
        required(_PIN_TYPE),
        *more,
    )
    named = reading.bounded(parts.one(_PIN_TYPE), 64)
    call.facts["pin"] = named
    grant = call.check(parts, Target(handle=read_handle(parts)))
    card, _ = grant.required_card()
    if not _served(card, egk=egk, others=others):
        raise fault(Code.CARD_TYPE, value=card.card.type)
    reference = next((known for known in card.pins if known == named), None)
    if reference is None:
        raise fault(Code.PIN_REFERENCE, f"{card.card.type} hat keine {named!r:.66}")
    return grant, reference


def _served(card: InsertedCard, *, egk: bool, others: bool) -> bool:
    return (egk and card.is_egk) or (others and (card.is_smb or card.is_hba))


def _answer(call: Call, entered: Entered) -> Element:
    call.facts["pin_result"] = entered.result
    answer = call.answer()
    call.add_status(answer)
    add(answer, CARD_COMMON, "PinResult", entered.result)
    if entered.left_tries is not None:
        add(answer, CARD_COMMON, "LeftTries", str(entered.left_tries))
    return answer


SERVICE = Service(
    name="CardService",
    version="8.1.2",
    namespace=CARD,
    prefix="CARD",
    abstract="Kartendienst",
    path="/CardService",
    operations={
        "GetPinStatus": get_pin_status,
        "VerifyPin": verify_pin,
        "ChangePin": change_pin,
        "UnblockPin": unblock_pin,
        "EnablePin": enable_pin,
        "DisablePin": disable_pin,
    },
)
