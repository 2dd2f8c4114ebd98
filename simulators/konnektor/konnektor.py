"""The one object on which everything of a running Konnektor hangs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import ClientSession

from simulators.process.role import Process

from .access.check import AccessCheck
from .access.identity import Identities
from .access.relations import Relations
from .cards.cards import Cards
from .cards.keys import CardKeys
from .cards.pins import PinPads
from .certificates.own import OwnCertificate
from .certificates.status import CertificateChecker
from .encryption.recipients import Recipients
from .events.events import Events
from .faults import Trace, catalogue
from .signatures.jobs import JobNumbers
from .soap import answers
from .soap.reading import Element

if TYPE_CHECKING:
    from .settings import KonnektorSettings


class Konnektor:
    """Settings, information model, cards, PIN pads, keys and certificate status of a site."""

    def __init__(self, process: Process[KonnektorSettings], session: ClientSession) -> None:
        self.process = process
        self.settings = process.settings
        self.clock = process.clock
        self.started = process.clock.now()
        self.relations = Relations(self.settings.information_model)
        self.cards = Cards(self.settings, process.clock, process.randomness)
        self.access = AccessCheck(
            self.relations,
            self.cards,
            specific_unknown=self.settings.make.unknown_context == "specific",
        )
        self.events = Events(process, self.relations, self.access)
        self.operational_state = self.events.state
        self.pads = PinPads(self.relations, process.journal, self.settings.pin_timeout)
        self.identities = Identities(self.settings)
        self.keys = CardKeys(
            self.settings.generation, self.settings.make, process.clock, self.settings.rsa_ends
        )
        self.recipients = Recipients()
        self.jobs = JobNumbers(process.randomness)
        self.own_certificate = OwnCertificate(self.settings, process.randomness)
        self.certificates = CertificateChecker(self.settings, process.clock, session)

    def worded(self, reported: Trace) -> Trace:
        """Return *reported* in the words of this make; a text given on purpose stays."""
        text = self.settings.make.texts.get(reported.code)
        entry = catalogue().get(reported.code)
        if text is None or (entry is not None and entry.text != reported.text):
            return reported
        return replace(reported, text=text)

    def error(self, traces: Sequence[Trace]) -> Element:
        """Return the gematik Error of *traces*, dated now, named after this Konnektor."""
        return answers.error(
            [self.worded(reported) for reported in traces],
            self.clock.now(),
            self.settings.name,
            lambda: self.process.randomness.uuid("error"),
        )

    def pull(self, iccsn: str) -> None:
        """Pull a card, and end the PIN entries for it. Raises KeyError for an unknown card."""
        self.cards.remove(iccsn)
        self.pads.card_pulled(iccsn)

    async def reset(self) -> None:
        """Go back to the start: cards in their slots, PINs, caches, job numbers."""
        self.cards.reset()
        for card, _, _ in self.cards.known():
            self.pads.card_pulled(card.iccsn)
        self.jobs.reset()
        self.certificates.forget()
