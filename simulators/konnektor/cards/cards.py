"""Cards in terminals: handles for one insertion, card sessions, PIN states."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from simulators.pki.cards import Card, CardObject, read_card
from simulators.pki.request import Crypt, Reference
from simulators.process.clock import Clock
from simulators.process.errors import InputError
from simulators.process.randomness import Randomness

from ..access.relations import Context
from ..information_model import Pin, PinEntry, PinReference, PinState
from ..settings import KonnektorSettings

SM_B_TYPES = frozenset(("SMC-B", "HSM-B", "SM-B"))
HBA_TYPES = frozenset(("HBA", "HBA-qSig", "ZOD_2.0", "HBAx"))
MAX_TRIES = 3
MAX_SESSIONS = 1000

SessionKey = tuple[str, ...]


@dataclass
class CardPin:
    """A PIN of a card: what stays on the card when it is pulled, and what the holder types."""

    value: str
    state: PinState
    tries: int
    entry: PinEntry

    @classmethod
    def of(cls, configured: Pin) -> CardPin:
        """Return the PIN as the settings have it; a raised state is no state of the card."""
        pin = cls(configured.value, "VERIFIABLE", configured.tries, configured.entry)
        pin.set_state(configured.state)
        return pin

    def set_state(self, state: PinState) -> None:
        """Set the state on the card, and the tries that go with it."""
        self.state = "VERIFIABLE" if state == "VERIFIED" else state
        if self.state == "BLOCKED":
            self.tries = 0
        elif self.tries == 0:
            self.tries = MAX_TRIES


@dataclass(eq=False)
class CardSession:
    """A session: SM-B per Mandant, HBAx per Clientsystem and UserId (gemSpec_Kon, cards)."""

    clientsystem: str | None
    user: str | None
    verified: set[str] = field(default_factory=set)


class InsertedCard:
    """A card in a slot from one insertion to the next removal; its handle lives as long."""

    def __init__(
        self, handle: str, card: Card, pins: dict[PinReference, CardPin], at: datetime
    ) -> None:
        self.handle = handle
        self.card = card
        self.pins = pins
        self.inserted_at = at
        self.terminal = ""
        self.slot = 0
        self.present = True
        self.raised_at_start: set[str] = set()
        self._sessions: dict[SessionKey, CardSession] = {}

    @property
    def is_smb(self) -> bool:
        """Whether it is an SM-B, which belongs to Mandanten."""
        return self.card.type in SM_B_TYPES

    @property
    def is_hba(self) -> bool:
        """Whether it is an HBAx, which belongs to a person."""
        return self.card.type in HBA_TYPES

    @property
    def access_pin(self) -> PinReference:
        """The PIN that guards the keys for signing as institution, decrypting, authenticating."""
        return "PIN.SMC" if self.is_smb else "PIN.CH"

    def session(self, context: Context) -> CardSession:
        """Return the session of *context*, opened now if there is none.

        A PIN that the settings call VERIFIED is raised in every session of an SM-B, and for an
        HBA in the first one that is opened, for a raised HBA serves one UserId only.
        """
        key = self._session_key(context)
        session = self._sessions.get(key)
        if session is None:
            session = CardSession(context.clientsystem, context.user)
            if self.is_smb or not self._sessions:
                session.verified |= self.raised_at_start
            self._forget_idle()
            self._sessions[key] = session
        return session

    def _forget_idle(self) -> None:
        """Close the oldest sessions in which no PIN is raised, when a caller opens too many."""
        if len(self._sessions) >= MAX_SESSIONS:
            idle = [key for key, session in self._sessions.items() if not session.verified]
            for key in idle[: MAX_SESSIONS // 2]:
                del self._sessions[key]

    def sessions(self) -> Iterable[CardSession]:
        """Return the open sessions."""
        return self._sessions.values()

    def pin_state(self, reference: PinReference, session: CardSession) -> PinState:
        """Return the state of a PIN as *session* sees it."""
        pin = self.pins[reference]
        if pin.state == "VERIFIABLE" and reference in session.verified:
            return "VERIFIED"
        return pin.state

    def is_open(self, reference: PinReference, session: CardSession) -> bool:
        """Whether the access condition that *reference* guards is met in *session*."""
        return self.pin_state(reference, session) in ("VERIFIED", "DISABLED")

    def raise_state(self, reference: PinReference) -> None:
        """Raise the security state as if the PIN had been typed: for an SM-B in all sessions,
        for an HBA in the oldest one, for it serves one UserId (4018).
        """
        sessions = list(self._sessions.values())
        if self.is_smb or not sessions:
            self.raised_at_start.add(reference)
        for session in sessions if self.is_smb else sessions[:1]:
            session.verified.add(reference)

    def lower_state(self, reference: PinReference) -> None:
        """Take the raised security state back in all sessions."""
        self.raised_at_start.discard(reference)
        for session in self._sessions.values():
            session.verified.discard(reference)

    def is_raised(self, reference: PinReference) -> bool:
        """Whether the PIN is verified in any session, or will be in the next one."""
        return reference in self.raised_at_start or any(
            reference in session.verified for session in self._sessions.values()
        )

    def certificate_object(self, reference: Reference, crypt: Crypt) -> CardObject | None:
        """Return certificate and key *reference* (C.AUT, C.ENC, C.SIG, C.QES) for RSA or ECC."""
        return self.card.objects.get((reference, crypt))

    def expires(self) -> datetime:
        """Return the earliest end of validity of the card's certificates."""
        return min(entry.certificate.not_valid_after_utc for entry in self.card.objects.values())

    def holder(self) -> str:
        """Return the common name of the holder."""
        return self.card.holder

    def _session_key(self, context: Context) -> SessionKey:
        if self.is_smb:
            return (context.mandant or "",)
        return (context.clientsystem or "", context.user or "")


@dataclass(frozen=True)
class _Place:
    card: Card
    terminal: str
    slot: int


class Cards:
    """All cards of the site: those in terminals, and those that were pulled."""

    def __init__(self, settings: KonnektorSettings, clock: Clock, random: Randomness) -> None:
        self._clock = clock
        self._random = random
        self._configured = settings.pins
        self._places: dict[str, _Place] = {}
        for terminal in settings.information_model.terminals:
            for entry in terminal.cards:
                card = read_card(entry.card)
                if card.iccsn in self._places:
                    raise InputError(f"card {card.iccsn}: is in two slots")
                self._places[card.iccsn] = _Place(card, terminal.id, entry.slot)
        for iccsn in settings.pins:
            if iccsn not in self._places:
                raise InputError(f"pins.{iccsn}: no such card in any terminal")
        self._pins: dict[str, dict[PinReference, CardPin]] = {}
        self._inserted: dict[str, InsertedCard] = {}
        self._by_handle: dict[str, InsertedCard] = {}
        self._used_handles: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Put every card back into its slot, with the PINs that the settings give it."""
        for inserted in self._inserted.values():
            inserted.present = False
        self._inserted.clear()
        self._by_handle.clear()
        self._pins = {
            iccsn: {
                reference: CardPin.of(self._configured_pin(iccsn, reference))
                for reference in pin_references(place.card)
            }
            for iccsn, place in self._places.items()
        }
        for iccsn in self._places:
            inserted = self.insert(iccsn)
            for reference in inserted.pins:
                if self._configured_pin(iccsn, reference).state == "VERIFIED":
                    inserted.raise_state(reference)

    def insert(self, iccsn: str) -> InsertedCard:
        """Put a card into its slot; it gets a handle that was never used (gemSpec_Kon: 48 h).

        Raises KeyError for a card that the site does not have; inserted cards stay as they are.
        """
        place = self._places[iccsn]
        if iccsn in self._inserted:
            return self._inserted[iccsn]
        handle = self._new_handle(place.card)
        inserted = InsertedCard(handle, place.card, self._pins[iccsn], self._clock.now())
        inserted.terminal, inserted.slot = place.terminal, place.slot
        self._inserted[iccsn] = self._by_handle[handle] = inserted
        return inserted

    def remove(self, iccsn: str) -> None:
        """Pull a card: its handle and its sessions end. Raises KeyError for an unknown card."""
        self._places[iccsn]
        inserted = self._inserted.pop(iccsn, None)
        if inserted is not None:
            inserted.present = False
            del self._by_handle[inserted.handle]

    def by_handle(self, handle: str) -> InsertedCard | None:
        """Return the inserted card with *handle*."""
        return self._by_handle.get(handle)

    def by_iccsn(self, iccsn: str) -> InsertedCard | None:
        """Return the inserted card with *iccsn*."""
        return self._inserted.get(iccsn)

    def inserted(self) -> list[InsertedCard]:
        """Return the inserted cards in order of terminal and slot."""
        return sorted(self._inserted.values(), key=lambda card: (card.terminal, card.slot))

    def pins(self, iccsn: str) -> dict[PinReference, CardPin]:
        """Return the PINs of a card, inserted or not. Raises KeyError for an unknown card."""
        return self._pins[iccsn]

    def known(self) -> Iterable[tuple[Card, str, int]]:
        """Return every card of the site with its terminal and slot."""
        return ((place.card, place.terminal, place.slot) for place in self._places.values())

    def _configured_pin(self, iccsn: str, reference: PinReference) -> Pin:
        return self._configured.get(iccsn, {}).get(reference) or Pin()

    def _new_handle(self, card: Card) -> str:
        while True:
            handle = f"{card.type}-{self._random.uuid(f'handle/{card.iccsn}')}"
            if handle not in self._used_handles:
                self._used_handles.add(handle)
                return handle


def pin_references(card: Card) -> tuple[PinReference, ...]:
    """Return the PIN references that *card* has."""
    return ("PIN.SMC",) if card.type in SM_B_TYPES else ("PIN.CH", "PIN.QES")
