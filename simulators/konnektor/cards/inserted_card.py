"""A card in a slot: its handle, its sessions, its raised states, its exclusive reservation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from simulators.pki.cards import Card, CardObject
from simulators.pki.request import Crypt, Reference

from ..access.relations import Context
from ..faults import Code, fault
from ..information_model import PinReference, PinState
from .card_pins import HBA_TYPES, SM_B_TYPES, Pins
from .versions import CardVersion, version_of

MAX_SESSIONS = 1000
UNREADABLE = frozenset(("KVK", "UNKNOWN"))
"""Cards of which the Konnektor knows the type at most: no ICCSN, no version, no certificate."""

SessionKey = tuple[str, ...]


@dataclass(eq=False)
class CardSession:
    """A session: SM-B per Mandant, HBAx per Clientsystem and UserId (gemSpec_Kon, cards); one
    of an eGK also remembers its Workplace (4017).
    """

    clientsystem: str | None
    user: str | None
    workplace: str | None = None
    verified: set[str] = field(default_factory=set)


class InsertedCard:
    """A card in a slot from one insertion to the next removal; its handle lives as long.

    ``answers`` is false while its terminal is silent (4094).
    """

    def __init__(
        self, handle: str, card: Card, pins: Pins, *, at: datetime, terminal: str, slot: int
    ) -> None:
        self.handle = handle
        self.card = card
        self.pins = pins
        self.inserted_at = at
        self.terminal = terminal
        self.slot = slot
        self.present = True
        self.answers = True
        self.is_smb = card.type in SM_B_TYPES
        self.is_hba = card.type in HBA_TYPES
        self.is_egk = card.type == "EGK"
        self.raised_at_start: set[str] = set()
        self._sessions: dict[SessionKey, CardSession] = {}
        self._owner: object | None = None
        self._reservations = 0
        ends = [entry.certificate.not_valid_after_utc for entry in card.objects.values()]
        self._expires = min(ends, default=None)

    @property
    def iccsn(self) -> str | None:
        """The ICCSN where the Konnektor can read one: not from KVK and UNKNOWN."""
        return None if self.card.type in UNREADABLE else self.card.iccsn

    @property
    def version(self) -> CardVersion | None:
        """Its CardVersion where the Konnektor can read one (TIP1-A_4605)."""
        return None if self.card.type in UNREADABLE else version_of(self.card.generation)

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
            session = CardSession(context.clientsystem, context.user, context.workplace)
            if self.is_smb or not self._sessions:
                session.verified |= self.raised_at_start
            self._forget_idle()
            self._sessions[key] = session
        return session

    def _forget_idle(self) -> None:
        """Close the oldest sessions when a caller opens too many; those in which a PIN is raised
        only where there are no others.
        """
        if len(self._sessions) >= MAX_SESSIONS:
            idle = [key for key, session in self._sessions.items() if not session.verified]
            for key in (idle or list(self._sessions))[: MAX_SESSIONS // 2]:
                del self._sessions[key]

    def sessions(self) -> Iterable[CardSession]:
        """Return the open sessions."""
        return self._sessions.values()

    def reserve(self, owner: object) -> None:
        """Reserve the card for *owner* alone, a session as a rule; it may do so several times.

        Fault 4093 when somebody else has reserved it (TUC_KON_023).
        """
        self.require_free(owner)
        self._owner = owner
        self._reservations += 1

    def release(self, owner: object) -> None:
        """Give one reservation of *owner* back; nothing if it has none."""
        if self._owner is owner and self._reservations:
            self._reservations -= 1
            if not self._reservations:
                self._owner = None

    @contextmanager
    def reserved(self, owner: object) -> Iterator[None]:
        """Reserve the card for *owner* as long as the context lasts; fault 4093 as ``reserve``."""
        self.reserve(owner)
        try:
            yield
        finally:
            self.release(owner)

    def require_free(self, owner: object | None) -> None:
        """Raise fault 4093 if the card is reserved by somebody else than *owner*."""
        if self._owner is not None and self._owner is not owner:
            raise fault(Code.CARD_RESERVED)

    def require_answer(self) -> None:
        """Raise fault 4094 if nothing comes back from the card, for its terminal is silent."""
        if not self.answers:
            raise fault(Code.CARD_TIMEOUT, f"{self.terminal} antwortet nicht")

    def require_not_raised(self, clientsystem: str | None, user: str | None) -> None:
        """Raise fault 4018 where PIN.CH is raised for another user of *clientsystem*.

        PIN.QES does not count: several users of one client system may be in comfort mode (A_22344).
        """
        for session in self._sessions.values():
            is_other = session.clientsystem == clientsystem and session.user != user
            if is_other and "PIN.CH" in session.verified:
                raise fault(Code.OTHER_USER_RAISED)

    @property
    def is_reserved(self) -> bool:
        """Whether somebody has reserved the card."""
        return self._owner is not None

    def pin_state(self, reference: PinReference, session: CardSession) -> PinState:
        """Return the state of a PIN as *session* sees it: a raised one stays raised, whatever
        was typed in other sessions (TIP1-A_4560).
        """
        return "VERIFIED" if reference in session.verified else self.pins[reference].state

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

    def expires(self) -> datetime | None:
        """Return the earliest end of validity of the card's certificates, None without any."""
        return self._expires

    def holder(self) -> str:
        """Return the common name of the holder."""
        return self.card.holder

    def _session_key(self, context: Context) -> SessionKey:
        if self.is_smb:
            return (context.mandant or "",)
        if self.is_egk:
            return (context.clientsystem or "", context.workplace or "")
        return (context.clientsystem or "", context.user or "")
