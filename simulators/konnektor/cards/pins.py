"""Typing PINs at the simulated terminal: TUC_KON_012, one entry per terminal at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from simulators.process.journal import Journal

from ..access.check import Grant
from ..access.relations import Relations
from ..faults import Code, fault
from ..information_model import PinEntry, PinReference
from .cards import MAX_TRIES, InsertedCard

PinResult = Literal["OK", "REJECTED", "NOWBLOCKED", "WASBLOCKED", "TRANSPORT_PIN"]


@dataclass(frozen=True, slots=True)
class Entered:
    """What came of typing a PIN; ``left_tries`` where the PIN was wrong."""

    result: PinResult
    left_tries: int | None = None


class PinPads:
    """The PIN pads of all terminals, and whoever types there.

    What is typed comes from the PIN's ``entry``; with ``manual`` the pad waits until ``decide``
    says, at most *timeout* seconds.
    """

    def __init__(self, relations: Relations, journal: Journal, timeout: float) -> None:
        self._relations = relations
        self._journal = journal
        self._timeout = timeout
        self._busy: set[str] = set()
        self._waiting: dict[tuple[str, PinReference], asyncio.Future[PinEntry]] = {}

    async def enter(self, grant: Grant, reference: PinReference) -> Entered:
        """Have the PIN *reference* of the granted card typed, and raise its state if right.

        Faults: 4072 no such PIN on this card, 4092 no terminal to type at, 4060 the terminal is
        busy, 4043 nobody typed, 4049 the entry was aborted, 4008 the card was pulled meanwhile.
        """
        card, session = grant.required_card()
        pin = card.pins.get(reference)
        if pin is None:
            raise fault(Code.PIN_REFERENCE, f"{card.card.type} hat keine {reference}")
        terminal = self._terminal_for(grant, card)
        if pin.state == "BLOCKED":
            return Entered("WASBLOCKED")
        if pin.state in ("TRANSPORT_PIN", "EMPTY_PIN"):
            return Entered("TRANSPORT_PIN")
        typed = await self._typed(card, reference, terminal)
        if typed == "correct":
            pin.tries = MAX_TRIES
            session.verified.add(reference)
            return Entered("OK")
        session.verified.discard(reference)
        pin.tries -= 1
        if pin.tries <= 0:
            pin.tries, pin.state = 0, "BLOCKED"
            card.lower_state(reference)
            return Entered("NOWBLOCKED")
        return Entered("REJECTED", pin.tries)

    def decide(self, iccsn: str, reference: PinReference, entry: PinEntry) -> None:
        """Type at a pad that waits for a manual entry of this PIN; nothing if none waits."""
        waiting = self._waiting.get((iccsn, reference))
        if waiting is not None and not waiting.done() and entry != "manual":
            waiting.set_result(entry)

    def card_pulled(self, iccsn: str) -> None:
        """End the manual entries that wait for a PIN of this card, which is no longer there."""
        for (waiting_for, _), waiting in self._waiting.items():
            if waiting_for == iccsn and not waiting.done():
                waiting.set_result("abort")

    async def _typed(self, card: InsertedCard, reference: PinReference, terminal: str) -> PinEntry:
        """Return what was typed, ``correct`` or ``wrong``; raise the fault of an entry not made."""
        if terminal in self._busy:
            raise fault(Code.RESOURCE_BUSY, f"an {terminal} wird gerade eine PIN eingegeben")
        self._busy.add(terminal)
        try:
            entry = card.pins[reference].entry
            if entry == "manual":
                entry = await self._wait(card.card.iccsn, reference, terminal)
        finally:
            self._busy.discard(terminal)
        self._journal.record(
            "PinEntry", peer="terminal", card=card.card.iccsn, pin=reference,
            terminal=terminal, entry=entry,
        )  # fmt: skip
        if not card.present:
            raise fault(Code.CARD_NOT_INSERTED, "die Karte wurde während der PIN-Eingabe gezogen")
        if entry == "timeout":
            raise fault(Code.PIN_TIMEOUT)
        if entry == "abort":
            raise fault(Code.PIN_ABORTED)
        return entry

    async def _wait(self, iccsn: str, reference: PinReference, terminal: str) -> PinEntry:
        waiting: asyncio.Future[PinEntry] = asyncio.get_running_loop().create_future()
        self._waiting[iccsn, reference] = waiting
        self._journal.record(
            "PinPrompt", peer="terminal", card=iccsn, pin=reference, terminal=terminal
        )
        try:
            return await asyncio.wait_for(waiting, self._timeout)
        except TimeoutError:
            return "timeout"
        finally:
            del self._waiting[iccsn, reference]

    def _terminal_for(self, grant: Grant, card: InsertedCard) -> str:
        """Return the terminal to type at: the card's own if local, else the Remote-PIN-KT."""
        workplace = self._relations.workplaces[grant.workplace]
        if card.terminal in workplace.local:
            return card.terminal
        if workplace.remote_pin is None:
            raise fault(Code.NO_REMOTE_PIN_TERMINAL)
        return workplace.remote_pin
