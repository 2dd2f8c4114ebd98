"""One run of a scenario: the actors, what the steps left behind, what has to be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TypeVar

from .actors import given
from .actors.insurer import Insurer
from .actors.party import Party, konnektor_failures
from .actors.practice import Made, letter_as, make_eau, make_letter, make_storno
from .documents.identities import Identities
from .documents.reading import EauDocument
from .endpoints.contract import Endpoints
from .pvs.control import Control, ControlError
from .scenario.artifacts import Artifact, Missing, Sent
from .scenario.cast import Document
from .scenario.failure import StepFailed
from .scenario.insurer import InsurerHabits
from .scenario.model import Scenario
from .services.registry import Registry, registry

A = TypeVar("A")


@dataclass
class Play:
    """The state of a run. ``place`` names the scenario; with the seed it fixes the documents.

    ``recorded`` holds the number of the last event of each process before the run, ``polled``
    when a message arrived at an insurer and when that polled (virtual time).
    """

    scenario: Scenario
    place: str
    endpoints: Endpoints
    seed: int
    inputs: Mapping[str, EauDocument] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    clock_offset: timedelta = timedelta(0)
    undo: list[Callable[[], None]] = field(default_factory=list)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    polled: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    _made: dict[str, Made] = field(default_factory=dict)
    _copies: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _opened: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.recorded = {url: _last_event(url) for url in self.endpoints.controls().values()}
        self.parties: dict[str, Party] = {}
        for name, actor in self.scenario.actors.items():
            participant = self.endpoints.participants.get(actor.participant)
            if participant is None:
                raise StepFailed(f"die Welt kennt keinen Teilnehmer {actor.participant}")
            self.parties[name] = Party(name, self.endpoints, participant)
            self.parties[name].pass_over_what_is_there()
        self.insurers = {
            name: Insurer(self.parties[name], actor.insurer or InsurerHabits(), self.seed)
            for name, actor in self.scenario.actors.items()
            if actor.plays == "insurer"
        }

    @cached_property
    def services(self) -> Registry:
        """The register of Dienstkennungen, with the scenario's own before the shipped ones."""
        return registry(self.scenario.dienstkennungen)

    def now(self) -> datetime:
        """Return the virtual time of the world."""
        return datetime.now(UTC) + self.clock_offset

    def artifact(self, name: str, kind: type[A]) -> A:
        """Return what a step left under *name*.

        Raises StepFailed with the reason when that step failed, or did not leave a *kind*.
        """
        found = self.artifacts.get(name, Missing(f"der Schritt zu {name} wurde nicht erreicht"))
        if isinstance(found, Missing):
            raise StepFailed(f"{name} fehlt: {found.reason}")
        if not isinstance(found, kind):
            raise StepFailed(f"{name} ist hier nicht verwendbar ({type(found).__name__})")
        return found

    def identities(self, place: str) -> Identities:
        """Return the source of identifiers for the document *place* of this scenario."""
        return Identities(self.seed, f"{self.place}/{place}")

    def document(self, name: str, party: Party) -> Made:
        """Return the document *name*, made by *party*'s practice, or the input given for it."""
        if name not in self._made:
            if name in self.inputs:
                given = self.inputs[name]
                self._made[name] = Made("eau", given.content, given)
            else:
                self._made[name] = self._make(name, self.scenario.documents[name], party)
        return self._made[name]

    def _make(self, name: str, wanted: Document, party: Party) -> Made:
        if wanted.kind == "eau-storno":
            cancelled = self.document(wanted.of or "", party).eau
            if cancelled is None:
                raise StepFailed(f"{wanted.of} ist keine eAU")
            return make_storno(party, self.identities(name), wanted, cancelled, self.now())
        if wanted.kind == "given":
            place = self.identities(name)
            return Made("given", given.content(wanted.content, wanted.file, place, self.now()))
        insurer = self.insurer(wanted)
        if wanted.kind == "eau":
            return make_eau(
                party,
                self.identities(name),
                wanted,
                insurer,
                self.now(),
                uuid_of=None if wanted.uuid_of is None else self.identities(wanted.uuid_of),
            )
        others = [other for other in self.parties.values() if other is not party]
        recipient = others[0] if others else party
        place = self.identities("arztbrief")
        letter = make_letter(party, place, wanted, insurer, recipient, now=self.now())
        return letter_as(wanted.kind, letter)

    def insurer(self, document: Document) -> Party:
        """Return the insurer of *document*: an actor, or a participant of the world."""
        name = document.insurer
        if name in self.parties:
            party = self.parties[name]
        elif (participant := self.endpoints.participants.get(name)) is not None:
            party = Party(name, self.endpoints, participant)
        else:
            raise StepFailed(f"die Welt kennt keinen Teilnehmer {name}")
        if party.site.kind not in (None, "insurer"):
            raise StepFailed(f"{name} ist keine Krankenkasse (kind: {party.site.kind})")
        return party

    def control(self, process: str, actor: str | None) -> Control:
        """Return the control port of *process*, that of the actor's site or provider."""
        party = self.parties[actor] if actor else None
        if process == "vzd" and self.endpoints.vzd is not None:
            return Control(self.endpoints.vzd.control)
        if party is not None and process == "provider":
            return party.provider
        if party is not None and process in ("clientmodule", "konnektor"):
            part = getattr(party.site, process)
            if part is not None:
                return Control(part.control)
        raise StepFailed(f"{process} läuft in dieser Welt nicht")

    def stored(self, sent: Sent) -> dict[str, bytes]:
        """Return the copies of *sent* at all providers, by the mailbox's address.

        For checks, when the steps are done: the providers are asked once for each message.
        """
        message_id = sent.mail.message_id
        if message_id not in self._copies:
            self._copies[message_id] = dict(self._stored(message_id))
        return self._copies[message_id]

    def opened(self, cms: bytes, party: Party) -> bytes:
        """Return what *cms* encrypts, by *party*'s SMC-B; the Konnektor is asked once for each.

        The judge opens the message himself, so that he need not believe a client module.
        """
        if cms not in self._opened:
            card = party.card("SMC-B")
            with konnektor_failures():
                self._opened[cms] = party.konnektor.decrypt(card, cms)
        return self._opened[cms]

    def _stored(self, message_id: str) -> Iterator[tuple[str, bytes]]:
        for provider in self.endpoints.providers.values():
            control = Control(provider.control)
            for address in control.addresses():
                for stored in control.mailbox(address):
                    if stored.message_id == message_id:
                        yield address, control.stored_message(address, stored.uid)

    def finish(self) -> None:
        """Undo what the steps changed in the world, last first, and close connections."""
        for action in reversed(self.undo):
            try:
                action()
            except (ControlError, StepFailed):
                continue  # the process it concerned is gone; the rest is undone all the same
        self.undo.clear()
        for party in self.parties.values():
            party.close()


def _last_event(url: str) -> int:
    try:
        return Control(url).last()
    except ControlError:
        return 0  # a process that is gone has no journal
