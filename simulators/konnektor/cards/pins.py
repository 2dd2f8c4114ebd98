"""Work with PINs at a terminal: verify, change, unblock, switch the protection on and off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from simulators.makes.make import Make

from ..access.check import Grant
from ..access.relations import Relations
from ..faults import Code, fault
from ..information_model import PinReference
from .announcements import Announcements, PinAction
from .card_pins import LONGEST, SHORTEST, CardPin, PinResult
from .cards import Cards
from .inserted_card import CardSession, InsertedCard
from .pin_entry import Asked, PinEntries, Prompt
from .terminals import CardTerminal

Ask = Callable[[Asked], Awaitable[str]]
REMOTE: frozenset[PinReference] = frozenset(("PIN.SMC", "PIN.CH", "PIN.QES"))
"""PINs of SM-B and HBAx that can be typed at a Remote-PIN-KT (TIP1-A_5012)."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What came of typing; ``left_tries`` (of the PIN, or of the PUK) where it was wrong."""

    result: PinResult
    left_tries: int | None = None


@dataclass(frozen=True, slots=True)
class PinRules:
    """What the specification leaves open about PINs, as ``Make`` explains it."""

    unblock_open_pin: Literal["ok", "prompt"]
    qes_with_new_pin: int
    egk_needs_card: bool

    @classmethod
    def of(cls, make: Make) -> PinRules:
        """Return what *make* does."""
        return cls(make.unblock_open_pin, make.unblock_qes_new_pin, make.egk_pin_needs_card)


class PinPads:
    """The PIN pads of all terminals; each works on one PIN at a time (TUC_KON_012, 019, 021, 027).

    Faults of every operation: 4072 no such PIN on this card, 4092 no terminal to type at, 4053 it
    cannot do Remote-PIN, 4040 it is not connected, 4060 it is busy, 4043 nobody typed, 4049 the
    entry was aborted, 4008 the card was pulled meanwhile, 4094 it no longer answers. Wrong entries
    are results.
    """

    def __init__(
        self,
        relations: Relations,
        cards: Cards,
        entries: PinEntries,
        announce: Announcements,
        rules: PinRules,
    ) -> None:
        self._relations = relations
        self._cards = cards
        self._entries = entries
        self._announce = announce
        self._rules = rules

    async def enter(
        self, grant: Grant, reference: PinReference, *, job: str | None = None
    ) -> Entered:
        """Have the PIN *reference* of the granted card typed, and raise its state if right
        (TUC_KON_012). *job* is the job number that the display shows. Fault 4018 where PIN.CH was
        raised for another user while this one was asked.
        """
        card, session = grant.required_card()
        pin = self._pin(card, reference)
        terminal = self._terminal(grant, card, reference)
        if (done := _not_usable(pin)) is not None:
            return done

        async def work(ask: Ask) -> Entered:
            digits = await ask("PIN")
            if reference == "PIN.CH":  # who typed at another terminal meanwhile was first
                card.require_not_raised(session.clientsystem, session.user)
            result = _try(pin, session, reference, digits)
            if result.result == "OK":
                session.verified.add(reference)
            return result

        return await self._at(terminal, "VERIFY", card, reference, work, job=job)

    async def change(self, grant: Grant, reference: PinReference) -> Entered:
        """Have the old PIN typed, a transport PIN as a rule, and a new one twice (TUC_KON_019).

        Faults: 4067 the new ones differ, 4068 not 6 to 8 digits, 4071 no card for C2C (eGK).
        """
        card, session = grant.required_card()
        pin = self._pin(card, reference)
        if pin.state == "BLOCKED":
            return Entered("WASBLOCKED")
        self._require_partner(grant, card, Code.NO_CARD_FOR_C2C)
        terminal = self._terminal(grant, card, reference)

        async def work(ask: Ask) -> Entered:
            old = None if pin.state == "EMPTY_PIN" else await ask("OLD_PIN")
            new = await _new_pin(ask)
            result = Entered("OK") if old is None else _try(pin, session, reference, old)
            if result.result == "OK":
                pin.secret.set_value(new)
            return result

        with card.reserved(session):
            return await self._at(terminal, "CHANGE", card, reference, work)

    async def unblock(self, grant: Grant, reference: PinReference, *, new_pin: bool) -> Entered:
        """Have the PUK typed and give the tries back, with *new_pin* for a new PIN (TUC_KON_021).

        A PIN that is not blocked is left alone where the make does so: the answer is OK, and no
        use of the PUK is lost. The fault for PIN.QES with *new_pin* is the make's.
        """
        card, session = grant.required_card()
        pin = self._pin(card, reference)
        if new_pin and reference == "PIN.QES":
            raise fault(self._rules.qes_with_new_pin, "PIN.QES: nur ohne neue PIN")
        open_states = ("VERIFIABLE", "DISABLED", "EMPTY_PIN")
        if pin.state in open_states and self._rules.unblock_open_pin == "ok":
            return Entered("OK")
        terminal = self._terminal(grant, card, reference)

        async def work(ask: Ask) -> Entered:
            puk = await ask("PUK")
            new = await _new_pin(ask) if new_pin else None
            result = pin.secret.try_puk(puk)
            if result == "OK" and new is not None:
                pin.secret.set_value(new)
            return Entered(result, pin.secret.puk_uses if result == "REJECTED" else None)

        with card.reserved(session):
            return await self._at(terminal, None, card, reference, work)

    async def protect(self, grant: Grant, reference: PinReference, *, on: bool) -> Entered:
        """Have the PIN typed and switch the protection by it *on* or off (TUC_KON_027): MRPIN.* of
        an eGK only. Fault 4085 where no SM-B or HBA is there for card-to-card.
        """
        card, session = grant.required_card()
        pin = self._pin(card, reference)
        if not reference.startswith("MRPIN."):
            raise fault(Code.PIN_REFERENCE, f"{reference} ist immer eingeschaltet")
        self._require_partner(grant, card, Code.ACCESS_CONDITION)
        terminal = self._terminal(grant, card, reference)
        if (done := _not_usable(pin)) is not None:
            return done

        async def work(ask: Ask) -> Entered:
            result = _try(pin, session, reference, await ask("PIN"))
            if result.result == "OK":
                pin.enabled = on
            return result

        action: PinAction = "ENABLE" if on else "DISABLE"
        with card.reserved(session):
            return await self._at(terminal, action, card, reference, work)

    async def _at(
        self,
        terminal: CardTerminal,
        action: PinAction | None,
        card: InsertedCard,
        reference: PinReference,
        work: Callable[[Ask], Awaitable[Entered]],
        *,
        job: str | None = None,
    ) -> Entered:
        """Do *work* at *terminal*, whose display it has for itself, between the two events."""

        async def ask(asked: Asked) -> str:
            prompt = Prompt(card, reference, action or "UNBLOCK", terminal.id, asked, job)
            terminal.show(prompt.message)
            return await self._entries.digits(prompt)

        with terminal.use_display(f"{card.card.type} {reference}", Code.RESOURCE_BUSY):
            if action is None:
                return await work(ask)
            self._announce.pin_started(action, card, reference, terminal.id)
            result: PinResult | Literal["ERROR"] = "ERROR"
            try:
                entered = await work(ask)
                result = entered.result
            finally:
                self._announce.pin_finished(action, card, reference, terminal.id, result)
            return entered

    def _pin(self, card: InsertedCard, reference: PinReference) -> CardPin:
        pin = card.pins.get(reference)
        if pin is None:
            raise fault(Code.PIN_REFERENCE, f"{card.card.type} hat keine {reference}")
        return pin

    def _require_partner(self, grant: Grant, card: InsertedCard, code: Code) -> None:
        """Raise *code* if *card* is an eGK and the Mandant has no SM-B or HBA to open it with."""
        if not (card.is_egk and self._rules.egk_needs_card):
            return
        mandant = self._relations.mandanten[grant.mandant]
        if not any(
            other.is_hba or (other.is_smb and other.card.iccsn in mandant.cards)
            for other in self._cards.inserted()
            if other.terminal in mandant.terminals
        ):
            raise fault(code, "es steckt weder eine SM-B des Mandanten noch ein HBA")

    def _terminal(self, grant: Grant, card: InsertedCard, reference: PinReference) -> CardTerminal:
        """Return where to type: at the card's own terminal if local, else at the Remote-PIN-KT of
        the Workplace, for those PINs only that allow it. The logical terminal of an HSM-B has no
        PIN pad: without a Remote-PIN-KT the fault is 4066 (TAB_KON_093 has it for ChangePin;
        unconfirmed for the others).
        """
        workplace = self._relations.workplaces[grant.workplace]
        terminal = self._cards.terminals[card.terminal]
        has_pad = terminal.settings.physical
        if card.terminal not in workplace.local or not has_pad:
            if card.is_egk or reference not in REMOTE:
                raise fault(Code.NO_REMOTE_PIN)
            if workplace.remote_pin is None:
                raise fault(Code.NO_REMOTE_PIN_TERMINAL if has_pad else Code.PIN_PAD_MISSING)
            terminal = self._cards.terminals[workplace.remote_pin]
            if not terminal.settings.remote_pin:
                raise fault(Code.NO_REMOTE_PIN, f"in {terminal.id} steckt keine gSMC-KT")
        if not terminal.connected or terminal.condition == "silent":
            raise fault(Code.TERMINAL_CONNECT, f"{terminal.id}: {terminal.condition}")
        return terminal


def _not_usable(pin: CardPin) -> Entered | None:
    """Return the result for a PIN that cannot be verified: blocked (4063), not yet set (4065)."""
    if pin.state == "BLOCKED":
        return Entered("WASBLOCKED")
    if pin.state in ("TRANSPORT_PIN", "EMPTY_PIN"):
        return Entered("TRANSPORT_PIN")
    return None


def _try(pin: CardPin, session: CardSession, reference: PinReference, digits: str) -> Entered:
    """Have the card compare *digits*; wrong ones lower the state of this session (TIP1-A_4560)."""
    result = pin.secret.try_pin(digits)
    if result != "OK":
        session.verified.discard(reference)
    return Entered(result, pin.tries if result == "REJECTED" else None)


async def _new_pin(ask: Ask) -> str:
    """Have a new PIN typed twice; the terminal compares both before the card sees any."""
    new = await ask("NEW_PIN")
    if not SHORTEST <= len(new) <= LONGEST:
        raise fault(Code.NEW_PIN_LENGTH)
    if await ask("REPEAT") != new:
        raise fault(Code.NEW_PIN_DIFFERS)
    return new
