"""Comfort signature: sessions of an HBA that sign without asking for PIN.QES each time.

A session begins with ActivateComfortSignature (TUC_KON_171) and ends by its timer (A_18686), its
counter (A_19100), the card's limit of signatures, DeactivateComfortSignature (TUC_KON_172), when
the card is pulled, when PIN.QES is no longer raised, and when the function is switched off. Timers
and counters of several sessions do not depend on each other (A_22352, A_22459).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from simulators.process.clock import Clock
from simulators.process.journal import Journal

from ..faults import Code, fault
from ..information_model import PinReference
from .jobs import REMEMBERED, Latest
from .settings import SignatureSettings

if TYPE_CHECKING:
    from ..cards.inserted_card import CardSession, InsertedCard

QES_PIN: PinReference = "PIN.QES"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)

End = Literal[
    "timer", "counter", "card limit", "deactivated", "switched off", "PIN.QES", "card pulled"
]
_TOLD: Mapping[End, Code] = MappingProxyType(
    {
        "timer": Code.COMFORT_ABORTED,
        "counter": Code.COMFORT_ABORTED,
        "card limit": Code.COMFORT_ABORTED,
        "switched off": Code.COMFORT_OFF,
    }
)
"""The ends that the next SignDocument of the session tells, once (TAB_KON_872)."""


@dataclass(eq=False)
class ComfortSession:
    """A card session of an HBA in comfort mode; ``runs`` are the SignDocument under way in it."""

    card: InsertedCard
    session: CardSession
    ends: datetime
    remaining: int
    runs: int = 0
    ended: End | None = None


class ComfortSignatures:
    """The comfort sessions of all HBAs.

    A session that ended by itself is told once to its user, by 4271 at the next SignDocument,
    4263 where the function was switched off; after that, PIN.QES is asked for again (unconfirmed).
    """

    def __init__(self, clock: Clock, journal: Journal) -> None:
        self._clock = clock
        self._journal = journal
        self._sessions: list[ComfortSession] = []
        self._untold: deque[ComfortSession] = deque(maxlen=REMEMBERED)
        self._made: dict[str, int] = {}
        self._user_ids = Latest()
        clock.on_change(self.sweep)

    def reset(self) -> None:
        """Forget all sessions and UserIds."""
        self._sessions.clear()
        self._untold.clear()
        self._made.clear()
        self._user_ids = Latest()

    def check_user_id(self, user: str | None) -> None:
        """Check the UserId of an activation.

        Faults: 4272 no UUID in its form of 36 characters (A_20073-01), 4270 used within 1,000
        activations (A_20074).
        """
        if user is None or not _UUID.fullmatch(user):
            raise fault(Code.USER_ID_REFUSED)
        if user.lower() in self._user_ids:
            raise fault(Code.USER_ID_USED)

    def note_user_id(self, user: str | None) -> None:
        """Remember the UserId of an activation that passed the access check."""
        self._user_ids.add((user or "").lower())

    def check_room(self, card: InsertedCard, most: int) -> None:
        """Raise the fault 4278 when *card* has *most* sessions in comfort mode."""
        self.sweep()
        if len(self.of_card(card)) >= most:
            raise fault(Code.COMFORT_SESSIONS_USED)

    def activate(
        self, card: InsertedCard, session: CardSession, settings: SignatureSettings
    ) -> ComfortSession:
        """Begin comfort mode in *session*, whose PIN.QES was just typed."""
        self.sweep()
        self._end(self.find(card, session), "deactivated")
        if not self.of_card(card):  # the PIN that was typed starts the card's own counter again
            self._made.pop(card.handle, None)
        session.verified.add(QES_PIN)
        ends = self._clock.now() + timedelta(hours=settings.comfort_hours)
        comfort = ComfortSession(card, session, ends, settings.comfort_max)
        self._sessions.append(comfort)
        self._record("ComfortSignatureActivated", comfort)
        return comfort

    def find(self, card: InsertedCard, session: CardSession) -> ComfortSession | None:
        """Return the comfort mode of *session*, None when it has none (any more)."""
        self.sweep()
        return next(
            (c for c in self._sessions if c.card is card and c.session is session and not c.ended),
            None,
        )

    def of_card(self, card: InsertedCard) -> list[ComfortSession]:
        """Return the sessions of *card* that are in comfort mode."""
        return [comfort for comfort in self._sessions if comfort.card is card and not comfort.ended]

    def all(self) -> list[ComfortSession]:
        """Return all sessions in comfort mode."""
        self.sweep()
        return [comfort for comfort in self._sessions if not comfort.ended]

    @contextmanager
    def run(self, card: InsertedCard, session: CardSession) -> Iterator[ComfortSession | None]:
        """Be a SignDocument in *session*: in its comfort mode, or None where it has none.

        Faults 4271, 4263 when comfort mode ended by itself since the last SignDocument.
        """
        comfort = self.find(card, session)
        if comfort is None:
            self._tell(session)
            if any(c.session is session for c in self._sessions):  # its last runs go on
                raise fault(Code.COMFORT_ABORTED)
            yield None
            return
        comfort.runs += 1
        try:
            yield comfort
        finally:
            comfort.runs -= 1
            self.sweep()

    def count(self, comfort: ComfortSession, signatures_per_pin: int) -> None:
        """Count a signature that is about to be made; fault 4271 when comfort mode is over.

        The timer does not end runs under way.
        """
        self._look(comfort)
        made = self._made.get(comfort.card.handle, 0)
        if made >= signatures_per_pin:
            for other in self.of_card(comfort.card):
                self._end(other, "card limit")
        if comfort.ended not in (None, "timer"):
            self._tell(comfort.session)
            raise fault(Code.COMFORT_ABORTED)
        self._made[comfort.card.handle] = made + 1
        comfort.remaining -= 1
        if comfort.remaining <= 0:
            self._end(comfort, "counter")

    def deactivate(self, card: InsertedCard) -> None:
        """End comfort mode in all sessions of *card* (A_19105)."""
        for comfort in self.of_card(card):
            self._end(comfort, "deactivated")
        for comfort in [comfort for comfort in self._untold if comfort.card is card]:
            self._untold.remove(comfort)

    def switch_off(self) -> None:
        """End all sessions: the function is no longer there."""
        for comfort in self._sessions:
            self._end(comfort, "switched off")
        self.sweep()

    def sweep(self) -> None:
        """End the sessions whose time is over, whose card is gone or whose PIN.QES is lowered."""
        now = self._clock.now()
        for comfort in self._sessions:
            self._look(comfort)
            if now >= comfort.ends:
                self._end(comfort, "timer")
        for comfort in self._sessions:
            if comfort.ended and not comfort.runs:
                comfort.session.verified.discard(QES_PIN)
        self._sessions = [c for c in self._sessions if not c.ended or c.runs]

    def _look(self, comfort: ComfortSession) -> None:
        if not comfort.card.present:
            self._end(comfort, "card pulled")
        elif QES_PIN not in comfort.session.verified:
            self._end(comfort, "PIN.QES")

    def _end(self, comfort: ComfortSession | None, reason: End) -> None:
        """End comfort mode; a run under way outlives the timer only."""
        if comfort is None or comfort.ended not in (None, "timer"):
            return
        if comfort.ended is None:
            self._record("ComfortSignatureEnded", comfort, reason=reason)
            if reason in _TOLD:
                self._untold.append(comfort)
        elif reason == "timer":
            return
        comfort.ended = reason

    def _tell(self, session: CardSession) -> None:
        """Raise the fault of the end of *session*, if its user was not told yet."""
        found = next((comfort for comfort in self._untold if comfort.session is session), None)
        if found is not None:
            self._untold.remove(found)
            raise fault(_TOLD.get(found.ended or "timer", Code.COMFORT_ABORTED))

    def _record(self, step: str, comfort: ComfortSession, **data: Any) -> None:
        self._journal.record(
            step, peer="terminal", card=comfort.card.card.iccsn, user=comfort.session.user or "",
            signatures_left=str(comfort.remaining), **data,
        )  # fmt: skip
