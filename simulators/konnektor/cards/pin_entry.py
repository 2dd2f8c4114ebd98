"""Typing at the PIN pads: by whoever the settings put there, or over the control API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Literal

from simulators.process.journal import Journal

from ..faults import Code, KonnektorFault, fault
from ..information_model import PinEntry, PinReference
from .inserted_card import InsertedCard

Asked = Literal["PIN", "OLD_PIN", "NEW_PIN", "REPEAT", "PUK"]
MAX_DIGITS = 12

_SHOWN: dict[Asked, str] = {
    "PIN": "eingeben",
    "OLD_PIN": "alte eingeben",
    "NEW_PIN": "neue eingeben",
    "REPEAT": "neue wiederholen",
    "PUK": "PUK eingeben",
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a PIN pad asks for: *asked* of the PIN *reference*, as a step of *operation*.

    ``job`` is the job number of the signature that it is for; the display shows it (TIP1-A_4640).
    """

    card: InsertedCard
    reference: PinReference
    operation: str
    terminal: str
    asked: Asked
    job: str | None = None

    @property
    def message(self) -> str:
        """What the display shows (the simulator's own words)."""
        job = "" if self.job is None else f" ({self.job})"
        return f"{self.card.card.type} {self.reference}: {_SHOWN[self.asked]}{job}"


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """A prompt that waits for somebody to type; ``deadline`` is real time."""

    id: str
    prompt: Prompt
    deadline: datetime
    typed: asyncio.Future[str] = field(repr=False)


class PinEntries:
    """Gets digits for prompts: at once where ``entry`` of the PIN says what happens, else from
    the control API within *timeout* seconds of real time.

    Digits are handed to the card and kept nowhere: neither journal nor log hold them.
    """

    def __init__(self, journal: Journal, timeout: float) -> None:
        self._journal = journal
        self._timeout = timeout
        self._numbers = count(1)
        self._pending: dict[str, PendingEntry] = {}

    async def digits(self, prompt: Prompt) -> str:
        """Return what is typed. Faults: 4043 nobody typed, 4049 it was aborted, 4008 the card was
        pulled meanwhile, 4094 it no longer answers, 4040 the terminal was lost.
        """
        entry = prompt.card.pins[prompt.reference].entry
        how: str = entry
        try:
            if entry == "manual":
                how = "typed"
                digits = await self._wait(prompt)
            else:
                digits = self._by_itself(prompt, entry)
            if not prompt.card.present:
                raise _pulled()
            prompt.card.require_answer()
        except KonnektorFault as stopped:
            how = {Code.PIN_TIMEOUT: "timeout", Code.PIN_ABORTED: "abort"}.get(
                Code(stopped.trace.code), "lost"
            )
            raise
        except asyncio.CancelledError:  # by StopSignature, or with the process
            how = "stopped"
            raise
        finally:
            self._record("PinEntry", prompt, how)
        return digits

    def pending(self) -> Iterable[PendingEntry]:
        """Return the prompts that wait, oldest first."""
        return [entry for entry in self._pending.values() if not entry.typed.done()]

    def type(self, number: str, digits: str) -> bool:
        """Type *digits* and the confirmation key; False if the prompt *number* does not wait."""
        entry = self._open(number)
        if entry is not None:
            entry.typed.set_result(digits)
        return entry is not None

    def abort(self, number: str) -> bool:
        """Press the cancel key; False if the prompt *number* does not wait."""
        entry = self._open(number)
        if entry is not None:
            entry.typed.set_exception(fault(Code.PIN_ABORTED))
        return entry is not None

    def decide(self, iccsn: str, reference: PinReference, entry: PinEntry) -> None:
        """Let happen what *entry* says at the pad that waits for this PIN; nothing if none does."""
        for pending in list(self._pending.values()):
            prompt = pending.prompt
            wanted = (prompt.card.card.iccsn, prompt.reference) == (iccsn, reference)
            if not wanted or entry == "manual" or pending.typed.done():
                continue
            try:
                pending.typed.set_result(self._by_itself(prompt, entry))
            except KonnektorFault as stopped:
                pending.typed.set_exception(stopped)

    def card_pulled(self, card: InsertedCard) -> None:
        """End the prompts for a PIN of *card*, which is no longer there."""
        for pending in self._pending.values():
            if pending.prompt.card is card and not pending.typed.done():
                pending.typed.set_exception(_pulled())

    def terminal_lost(self, terminal: str) -> None:
        """End the prompts at *terminal*, from which nothing comes any more."""
        for pending in self._pending.values():
            if pending.prompt.terminal == terminal and not pending.typed.done():
                pending.typed.set_exception(fault(Code.TERMINAL_CONNECT))

    async def _wait(self, prompt: Prompt) -> str:
        typed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        number = str(next(self._numbers))
        deadline = datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=self._timeout)
        self._pending[number] = PendingEntry(number, prompt, deadline, typed)
        self._record("PinPrompt", prompt, number)
        try:
            return await asyncio.wait_for(typed, self._timeout)
        except TimeoutError:
            raise fault(Code.PIN_TIMEOUT) from None
        finally:
            del self._pending[number]

    def _open(self, number: str) -> PendingEntry | None:
        entry = self._pending.get(number)
        return None if entry is None or entry.typed.done() else entry

    def _by_itself(self, prompt: Prompt, entry: PinEntry) -> str:
        """Return what is typed where *entry* says it; raise the fault of an entry not made."""
        if entry == "timeout":
            raise fault(Code.PIN_TIMEOUT)
        if entry == "abort":
            raise fault(Code.PIN_ABORTED)
        pin = prompt.card.pins[prompt.reference]
        if prompt.asked in ("NEW_PIN", "REPEAT"):
            return pin.new_value
        right = pin.secret.puk if prompt.asked == "PUK" else pin.secret.value
        return right if entry == "correct" else right[:-1] + str((int(right[-1]) + 1) % 10)

    def _record(self, step: str, prompt: Prompt, entry: str) -> None:
        """Have the journal say what is asked (with the entry's number) or how it ended."""
        self._journal.record(
            step, peer="terminal", card=prompt.card.card.iccsn, pin=prompt.reference,
            terminal=prompt.terminal, asked=prompt.asked, entry=entry,
        )  # fmt: skip


def _pulled() -> KonnektorFault:
    return fault(Code.CARD_NOT_INSERTED, "die Karte wurde während der PIN-Eingabe gezogen")
