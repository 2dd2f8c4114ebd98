"""A running world as tests see it: its participants, its processes, back to the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from simulators.process.errors import InputError

from ..endpoints.contract import Endpoints
from ..pvs.control import Control, ControlError
from ..pvs.reset import reset_all
from .practice import Practice


class KimWorld:
    """A running world.

    ``endpoints`` is what ``endpoints.json`` says, typed.
    """

    def __init__(self, endpoints: Endpoints, last_words: Callable[[], str] = str) -> None:
        """*last_words* says why the world is gone when it is."""
        self.endpoints = endpoints
        self._last_words = last_words
        self._practices: dict[str, Practice] = {}

    @property
    def directory(self) -> Path:
        """The run directory, with ``endpoints.json``, ``kimulator.env`` and the logs."""
        return self.endpoints.directory

    @property
    def ca(self) -> Path:
        """The certificate authority (PEM) that the software under test has to trust."""
        return self.endpoints.file(self.endpoints.ca)

    @property
    def seed(self) -> int:
        """The seed that fixed identities, documents and faults."""
        return self.endpoints.seed

    @property
    def controls(self) -> Mapping[str, Control]:
        """The control port of every process, by its name: faults, clock, journal, cards."""
        return {name: Control(url) for name, url in self.endpoints.controls().items()}

    def practice(self, name: str | None = None) -> Practice:
        """Return the participant *name*: a practice, a hospital, an insurer.

        Without a name it is the first practice of the world. Raises InputError when there is none.
        """
        name = self._first_practice() if name is None else name
        if name not in self.endpoints.participants:
            known = ", ".join(self.endpoints.participants) or "keine"
            raise InputError(f"{name}: diesen Teilnehmer hat die Welt nicht (möglich: {known})")
        if name not in self._practices:
            self._practices[name] = Practice(name, self.endpoints)
        return self._practices[name]

    def reset(self) -> None:
        """Put every process back to its start: mailboxes, cards, clock, faults, journals.

        Raises InputError when a process is gone.
        """
        self._practices.clear()
        try:
            reset_all(self.endpoints.controls().values())
        except ControlError as error:
            raise InputError(
                f"die Welt antwortet nicht mehr: {self._last_words() or error}"
            ) from None

    def _first_practice(self) -> str:
        sites = self.endpoints.sites
        for name, participant in self.endpoints.participants.items():
            if sites[participant.site].kind == "practice":
                return name
        raise InputError("die Welt hat keinen Teilnehmer, der eine Praxis ist")
