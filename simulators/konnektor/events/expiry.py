"""The daily look at certificates: CERT/CARD/EXPIRATION (TUC_KON_033), and what a terminal's
gSMC-KT says of itself (TAB_KON_503).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from simulators.formats.certificates import common_name
from simulators.process.clock import Clock

from ..cards.inserted_card import InsertedCard
from ..cards.terminals import Terminals
from ..certificates.devices import KonnektorCertificate, TerminalCertificate
from .error_conditions import GSMCKT_EXPIRES
from .event import Severity
from .events import Events
from .topics import EXPIRATION

EVERY = timedelta(days=1)
_AUT = "C.AUT"
_NAMES = {"EGK": "C.CH.AUT", "SMC-B": "C.HCI.AUT", "HSM-B": "C.HCI.AUT"}
_OWN, _OF_TERMINAL = "C.AK.AUT", "C.SMKT.AUT"
GSMCKT_SOON = timedelta(weeks=5)
"""So long before its end the error condition of a gSMC-KT holds."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A certificate that is looked at, and the card that it is on or the terminal that it is in;
    neither for the Konnektor's own.
    """

    certificate: x509.Certificate
    name: str
    card_type: str
    iccsn: str
    card: InsertedCard | None = None
    terminal: str | None = None


class ExpiryWatch:
    """Warns of certificates that end within the days of the settings, and of those that have.

    It looks once a day on the virtual clock, and at once when the clock has jumped by a day or
    more. Looked at is C.AUT of every card (whatever its algorithm), C.SMKT.AUT of the terminals
    that are connected, and the Konnektor's own.
    """

    def __init__(
        self,
        clock: Clock,
        warn_days: int,
        events: Events,
        *,
        cards: Callable[[], Iterable[InsertedCard]],
        gsmck: KonnektorCertificate,
        terminals: Terminals,
        of_terminals: Sequence[TerminalCertificate],
    ) -> None:
        self._clock = clock
        self._warn = timedelta(days=warn_days)
        self._events = events
        self._cards = cards
        self._gsmck = gsmck
        self._terminals = terminals
        self._of_terminals = of_terminals
        self._last = clock.now()
        self._timer: asyncio.TimerHandle | None = None
        clock.on_change(self._clock_moved)

    def start(self) -> None:
        """Look once a day from now on."""
        self._last = self._clock.now()
        self._note_terminals()
        self._schedule()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Look at every certificate now, and tell what is to be told."""
        now = self._clock.now()
        for found in self._certificates():
            ends = found.certificate.not_valid_after_utc
            if ends - now <= self._warn:
                self._tell(found, ends, now)
        self._note_terminals()

    def _clock_moved(self) -> None:
        if self._timer is None:
            return
        now = self._clock.now()
        self._last = min(self._last, now)
        self._look_if_due()

    def _look_if_due(self) -> None:
        self.stop()
        if self._clock.now() - self._last >= EVERY:
            self._last = self._clock.now()
            self.look()
        self._schedule()

    def _schedule(self) -> None:
        self.stop()
        if self._warn:
            wait = (self._last + EVERY - self._clock.now()).total_seconds()
            self._timer = asyncio.get_running_loop().call_later(max(0, wait), self._look_if_due)

    def _certificates(self) -> Iterator[_Found]:
        for card in self._cards():
            for (reference, _), entry in card.card.objects.items():
                if reference == _AUT:
                    name = _NAMES.get(card.card.type, "C.HP.AUT")
                    yield _Found(entry.certificate, name, card.card.type, card.card.iccsn, card)
        for found in self._of_terminals:
            if self._terminals.is_connected(found.terminal):
                certificate, terminal = found.certificate, found.terminal
                yield _Found(certificate, _OF_TERMINAL, "SMC-KT", found.iccsn, terminal=terminal)
        if self._gsmck.certificate is not None:
            yield _Found(self._gsmck.certificate, _OWN, "gSMC-K", self._gsmck.iccsn)

    def _note_terminals(self) -> None:
        """Have the error conditions say whose gSMC-KT ends soon."""
        state, now = self._events.state, self._clock.now()
        for found in self._of_terminals:
            ends_soon = found.certificate.not_valid_after_utc - now < GSMCKT_SOON
            note = state.raise_ if ends_soon else state.clear
            note(GSMCKT_EXPIRES, found.terminal)

    def _tell(self, found: _Found, ends: datetime, now: datetime) -> None:
        severity: Severity = "Warning" if ends <= now else "Info"
        self._events.emit(
            EXPIRATION,
            {
                "CARD_TYPE": found.card_type,
                "ICCSN": found.iccsn,
                "CARD_HANDLE": found.card.handle if found.card is not None else "",
                "CardHolderName": common_name(found.certificate) or "",
                "ZertName": found.name,
                "ExpirationDate": ends.date().isoformat(),
                "DAYS_LEFT": str(max(0, (ends - now).days)),
            },
            severity=severity,
            card=found.card,
            terminal=found.terminal,
        )
