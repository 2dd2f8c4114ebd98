"""The access check TUC_KON_000 (TIP1-A_4524-03): may this caller use this terminal or card?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..cards.cards import Cards
from ..cards.inserted_card import CardSession, InsertedCard
from ..faults import Code, fault
from .relations import Context, MandantRelations, Relations, WorkplaceRelations

EGK_TYPES = frozenset(("EGK", "KVK"))


@dataclass(frozen=True, slots=True)
class Target:
    """What a call wants to use: a terminal, a card, or neither.

    ``session``: the operation needs a card session; ``all_workplaces``: it asks for everything
    within reach of any Workplace of the Clientsystem (mandant-wide); ``unknown_handle``: its code
    for a handle that nobody has.
    """

    terminal: str | None = None
    handle: str | None = None
    session: bool = True
    all_workplaces: bool = False
    unknown_handle: Code = Code.CARD_NOT_INSERTED


@dataclass(frozen=True, slots=True)
class Grant:
    """The result of a passed check: the ids are known; the card and its session, if any."""

    mandant: str
    clientsystem: str
    workplace: str
    user: str | None
    card: InsertedCard | None = None
    session: CardSession | None = None

    def required_card(self) -> tuple[InsertedCard, CardSession]:
        """Return card and session of a call on a card."""
        assert self.card is not None
        assert self.session is not None
        return self.card, self.session


class AccessCheck:
    """Checks call contexts against the information model.

    ``specific_unknown`` makes unknown ids answer 4004, 4005, 4006 instead of 4021.
    """

    def __init__(self, relations: Relations, cards: Cards, *, specific_unknown: bool) -> None:
        self._relations = relations
        self._cards = cards
        self._specific = specific_unknown

    def check(self, context: Context, target: Target, identity: Collection[str] | None) -> Grant:
        """Return what is granted, or raise the first fault in the order of TUC_KON_000.

        With a session come its own two: 4093 the card is reserved by another one, 4094 nothing
        comes back from it.

        *identity* are the Clientsysteme that the connection was authenticated for, None where
        the Konnektor does not authenticate them.
        """
        if not (context.mandant and context.clientsystem and context.workplace):
            raise fault(Code.CONTEXT_INCOMPLETE)
        if identity is not None and context.clientsystem not in identity:
            raise fault(Code.CLIENTSYSTEM_NOT_AUTHENTIC)
        card: InsertedCard | None = None
        if target.handle is not None:
            card = self._cards.by_handle(target.handle)
            if card is None:
                raise fault(target.unknown_handle)
        rule = _rule(target, card)
        terminal = card.terminal if card is not None else target.terminal
        if rule == "R9" and not context.user:
            raise fault(Code.USER_ID_MISSING)
        mandant = self._known(context, ignore_workplace=rule in ("R1", "R2"))
        if terminal is not None and terminal not in self._relations.terminals:
            raise fault(Code.UNKNOWN_TERMINAL)
        self._check_mandant(context, mandant, terminal, rule)
        if rule == "R7" and card is not None:
            self._check_smb(card, mandant)
        self._check_reach(context, mandant, terminal, rule)
        if rule == "R6" and card is not None:
            _check_workplace(card, context)
        if rule == "R9" and card is not None:
            card.require_not_raised(context.clientsystem, context.user)
        session = None
        if card is not None and target.session:
            session = card.session(context)
            card.require_free(session)
            card.require_answer()
        return Grant(
            context.mandant,
            context.clientsystem,
            context.workplace,
            context.user or None,
            card,
            session,
        )

    def _known(self, context: Context, *, ignore_workplace: bool) -> MandantRelations:
        mandant = self._relations.mandanten.get(context.mandant or "")
        if mandant is None:
            raise fault(Code.UNKNOWN_MANDANT if self._specific else Code.CONTEXT_INCOMPLETE)
        if context.clientsystem not in self._relations.clientsystems:
            raise fault(Code.UNKNOWN_CLIENTSYSTEM if self._specific else Code.CONTEXT_INCOMPLETE)
        if not ignore_workplace and context.workplace not in self._relations.workplaces:
            raise fault(Code.UNKNOWN_WORKPLACE if self._specific else Code.CONTEXT_INCOMPLETE)
        return mandant

    def _check_mandant(
        self, context: Context, mandant: MandantRelations, terminal: str | None, rule: str
    ) -> None:
        if context.clientsystem not in mandant.clientsystems:
            raise fault(Code.CLIENTSYSTEM_NOT_OF_MANDANT)
        if rule not in ("R1", "R2") and context.workplace not in mandant.workplaces:
            raise fault(Code.WORKPLACE_NOT_OF_MANDANT)
        if terminal is not None and terminal not in mandant.terminals:
            raise fault(Code.TERMINAL_NOT_OF_MANDANT)

    def _check_smb(self, card: InsertedCard, mandant: MandantRelations) -> None:
        if card.card.iccsn not in self._relations.managed_cards:
            raise fault(Code.SMB_NOT_MANAGED)
        if card.card.iccsn not in mandant.cards:
            raise fault(Code.SMB_NOT_OF_MANDANT)

    def _check_reach(
        self, context: Context, mandant: MandantRelations, terminal: str | None, rule: str
    ) -> None:
        allowed = mandant.access.get(context.clientsystem or "", frozenset())
        if rule == "R2" and terminal is not None:
            if not any(self._workplace(place).reaches(terminal) for place in allowed):
                raise fault(Code.TERMINAL_OUT_OF_REACH)
            return
        if rule == "R1":
            return
        if context.workplace not in allowed:
            raise fault(Code.WORKPLACE_NOT_OF_CLIENTSYSTEM)
        if terminal is None:
            return
        workplace = self._workplace(context.workplace)
        if rule in ("R5", "R6"):
            if terminal not in workplace.local:
                raise fault(Code.TERMINAL_NOT_LOCAL)
        elif not workplace.reaches(terminal):
            raise fault(Code.TERMINAL_NOT_REACHABLE)

    def _workplace(self, workplace: str) -> WorkplaceRelations:
        return self._relations.workplaces[workplace]


def _rule(target: Target, card: InsertedCard | None) -> str:
    """Choose one of the rules R1 to R9 of TUC_KON_000; fault 4019 when none fits."""
    if card is None:
        if target.terminal is None:
            return "R1" if target.all_workplaces else "R3"
        return "R2" if target.all_workplaces else "R4"
    if target.all_workplaces:
        raise fault(Code.NO_RULE)
    if card.card.type in EGK_TYPES:
        return "R6" if target.session else "R5"
    if card.is_smb:
        return "R7"
    if card.is_hba:
        return "R9" if target.session else "R8"
    return "R4"


def _check_workplace(card: InsertedCard, context: Context) -> None:
    """Raise 4017 when the eGK is in use at another Workplace."""
    sessions = card.sessions() if card.is_egk else ()
    if any(session.workplace != context.workplace for session in sessions):
        raise fault(Code.EGK_OTHER_WORKPLACE)
