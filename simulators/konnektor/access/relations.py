"""The information model at run time: who belongs to whom, who reaches what."""

from __future__ import annotations

from dataclasses import dataclass

from ..information_model import InformationModel, Terminal


@dataclass(frozen=True, slots=True)
class Context:
    """The call context as the request names it; a missing id is None."""

    mandant: str | None
    clientsystem: str | None
    workplace: str | None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class MandantRelations:
    """What belongs to a Mandant; ``access`` maps Clientsysteme to their Workplaces."""

    clientsystems: frozenset[str]
    workplaces: frozenset[str]
    terminals: frozenset[str]
    cards: frozenset[str]
    access: dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class WorkplaceRelations:
    """The terminals of a Workplace; PINs for remote ones are typed at ``remote_pin``."""

    local: frozenset[str]
    remote: frozenset[str]
    remote_pin: str | None

    def reaches(self, terminal: str) -> bool:
        """Whether *terminal* is local or remote here."""
        return terminal in self.local or terminal in self.remote


class Relations:
    """Indexes over the configured information model; they never change while it runs."""

    def __init__(self, model: InformationModel) -> None:
        self.mandanten = {
            mandant.id: MandantRelations(
                frozenset(mandant.clientsystems),
                frozenset(mandant.workplaces),
                frozenset(mandant.terminals),
                frozenset(mandant.cards),
                {access.clientsystem: frozenset(access.workplaces) for access in mandant.access},
            )
            for mandant in model.mandanten
        }
        self.clientsystems = frozenset(entry.id for entry in model.clientsystems)
        self.workplaces = {
            workplace.id: WorkplaceRelations(
                frozenset(workplace.local_terminals),
                frozenset(workplace.remote_terminals),
                workplace.remote_pin_terminal,
            )
            for workplace in model.workplaces
        }
        self.terminals: dict[str, Terminal] = {entry.id: entry for entry in model.terminals}
        self.managed_cards = frozenset(
            iccsn for mandant in model.mandanten for iccsn in mandant.cards
        )

    def terminals_within_reach(
        self, mandant: str, clientsystem: str, workplace: str | None
    ) -> frozenset[str]:
        """Return the Mandant's terminals that *workplace* reaches, or with None any Workplace
        from which *clientsystem* may act for the Mandant.
        """
        relations = self.mandanten[mandant]
        if workplace is not None:
            workplaces = frozenset((workplace,))
        else:
            workplaces = relations.access.get(clientsystem, frozenset())
        return frozenset(
            terminal
            for terminal in relations.terminals
            if any(self.workplaces[place].reaches(terminal) for place in workplaces)
        )

    def local_workplaces(self, mandant: str, terminal: str) -> list[str]:
        """Return the Mandant's Workplaces at which *terminal* is local, in order."""
        return [
            place
            for place in self.workplaces
            if place in self.mandanten[mandant].workplaces
            and terminal in self.workplaces[place].local
        ]
