"""Who lets a card's key sign: PIN.SMC raised before, PIN.QES for a stack, or a comfort session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..access.check import Grant
from ..cards.pins import Entered
from ..faults import Code, KonnektorFault, fault
from .comfort import QES_PIN, ComfortSession
from .jobs import Job

if TYPE_CHECKING:
    from ..cards.inserted_card import InsertedCard
    from ..konnektor import Konnektor
    from .application import SignatureApplication

PIN_TROUBLE = frozenset((Code.PIN_TIMEOUT, Code.PIN_ABORTED, Code.PIN_BLOCKED, Code.PIN_TRANSPORT))


class PinTrouble(Exception):
    """PIN.QES was not raised; ``fault`` says why, where that is to be told."""

    def __init__(self, raised: KonnektorFault) -> None:
        super().__init__(str(raised))
        self.fault = raised


class Permission(Protocol):
    """Lets a key of ``card`` sign; ``documents`` is how many come with one ``obtain``."""

    card: InsertedCard
    documents: int

    async def obtain(self) -> None:
        """Get the permission for the next documents."""

    def use(self) -> None:
        """Use it for the next document; a fault where it is no longer there."""


class SmbPermission:
    """nonQES (TUC_KON_160): PIN.SMC is raised already, else fault 4085."""

    documents = 1

    def __init__(self, grant: Grant) -> None:
        self.card, self._session = grant.required_card()

    async def obtain(self) -> None:
        """Nothing is typed."""

    def use(self) -> None:
        """Raise the fault 4085 when PIN.SMC is not raised (any more)."""
        if not self.card.is_open("PIN.SMC", self._session):
            raise fault(Code.ACCESS_CONDITION)


class PinPermission:
    """QES (TUC_KON_150): PIN.QES is typed for as many documents as the card signs after it."""

    def __init__(self, konnektor: Konnektor, grant: Grant, job: Job, facts: dict[str, str]) -> None:
        self.card, self._session = grant.required_card()
        self._konnektor = konnektor
        self._grant = grant
        self._job = job
        self._facts = facts
        self.documents = konnektor.sak.settings.signatures_per_pin

    async def obtain(self) -> None:
        """Have PIN.QES typed; a state that was raised beforehand is used up first.

        Raises PinTrouble, JobStopped, and the faults of an entry that cannot begin.
        """
        if self.card.is_open(QES_PIN, self._session):
            self._use_up()
            return
        try:
            entered = await self._job.unless_stopped(self._enter())
        except KonnektorFault as raised:
            if raised.trace.code in PIN_TROUBLE:
                raise PinTrouble(raised) from None
            raise
        self._facts["pin_result"] = entered.result
        if entered.result != "OK":
            raise PinTrouble(self._refused(entered.result, entered.left_tries))

    async def _enter(self) -> Entered:
        entered = await self._konnektor.pads.enter(self._grant, QES_PIN, job=self._job.number)
        if entered.result == "OK":  # at once, before another run of the session finds it raised
            self._use_up()
        return entered

    def _use_up(self) -> None:
        """Lower the raised state: it serves this run alone, whoever signs in the session."""
        self._session.verified.discard(QES_PIN)
        self.card.raised_at_start.discard(QES_PIN)

    def use(self) -> None:
        """The card counts by itself: ``documents`` is all that it allows."""

    def _refused(self, result: str, left_tries: int | None) -> KonnektorFault:
        match result:
            case "REJECTED":
                rejected = self._konnektor.settings.make.qes_pin_rejected
                return fault(rejected, f"PIN.QES falsch, {left_tries} Versuche übrig")
            case "TRANSPORT_PIN":
                return fault(Code.PIN_TRANSPORT)
            case _:
                return fault(Code.PIN_BLOCKED)


class ComfortPermission:
    """Comfort signature (TUC_KON_170): the session has PIN.QES raised, and counts."""

    documents = 1

    def __init__(self, sak: SignatureApplication, session: ComfortSession) -> None:
        self.card = session.card
        self._sak = sak
        self._session = session

    async def obtain(self) -> None:
        """Nothing is typed."""

    def use(self) -> None:
        """Count the signature; fault 4271 when comfort mode is over."""
        self._sak.comfort.count(self._session, self._sak.settings.signatures_per_pin)
