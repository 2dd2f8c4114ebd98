"""Card terminals as they are now: reachable or not, their display in use or free."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..faults import Code, fault
from ..information_model import InformationModel, Terminal, TerminalCondition


class CardTerminal:
    """One terminal: its settings, its condition, what its display shows."""

    def __init__(self, settings: Terminal) -> None:
        self.settings = settings
        self.id = settings.id
        self.display: str | None = None
        self._in_use = False
        self.held = False
        """The display is held by somebody else, as the control API has said."""
        self.reset()

    def reset(self) -> None:
        """Go back to what the settings say; what is under way there ends by itself."""
        self.condition: TerminalCondition = self.settings.condition
        self.attended = self.settings.attended
        self.held = False

    @property
    def connected(self) -> bool:
        """Whether the Konnektor is connected to it; a silent one still is."""
        return self.condition in ("connected", "silent")

    @property
    def busy(self) -> bool:
        """Whether its display is in use."""
        return self._in_use or self.held

    @contextmanager
    def use_display(self, message: str, busy: Code) -> Iterator[None]:
        """Show *message* as long as the context lasts; fault *busy* if something else is shown
        (4060 at a PIN entry, 4039 otherwise).
        """
        if self.busy:
            raise fault(busy, f"die Anzeige von {self.id} ist in Benutzung")
        self._in_use, self.display = True, message
        try:
            yield
        finally:
            self._in_use, self.display = False, None

    def show(self, message: str) -> None:
        """Change what the display shows, while it is used."""
        self.display = message

    def require_reachable(self) -> None:
        """Raise the fault of RequestCard and EjectCard for a terminal that cannot be used: 4221
        inactive, 4222 not connected, 4044 silent.
        """
        if self.condition == "inactive":
            raise fault(Code.TERMINAL_INACTIVE)
        if self.condition == "disconnected":
            raise fault(Code.TERMINAL_NOT_CONNECTED)
        if self.condition == "silent":
            raise fault(Code.TERMINAL_ACCESS, f"{self.id} antwortet nicht")

    def require_slot(self, slot: int) -> None:
        """Raise fault 4097 for a slot that the terminal does not have."""
        if not 1 <= slot <= self.settings.slots:
            raise fault(Code.UNKNOWN_SLOT, f"{self.id} hat {self.settings.slots} Slots")


class Terminals:
    """All terminals of the site by CtID."""

    def __init__(self, model: InformationModel) -> None:
        self._terminals = {entry.id: CardTerminal(entry) for entry in model.terminals}

    def __getitem__(self, terminal: str) -> CardTerminal:
        """Return the terminal with the CtID *terminal*; KeyError if there is none."""
        return self._terminals[terminal]

    def __iter__(self) -> Iterator[CardTerminal]:
        return iter(self._terminals.values())

    def get(self, terminal: str) -> CardTerminal | None:
        """Return the terminal with the CtID *terminal*, or None."""
        return self._terminals.get(terminal)

    def is_connected(self, terminal: str) -> bool:
        """Whether the Konnektor is connected to *terminal*."""
        return self._terminals[terminal].connected

    def reset(self) -> None:
        """Bring every terminal back to what the settings say."""
        for terminal in self:
            terminal.reset()
