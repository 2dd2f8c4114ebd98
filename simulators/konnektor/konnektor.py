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
from .boot import Boot
from .cards.announcements import Announcements
from .cards.cards import Cards, Change
from .cards.inserted_card import InsertedCard
from .cards.keys import CardKeys
from .cards.pin_entry import PinEntries
from .cards.pins import PinPads, PinRules
from .certificates.devices import KonnektorCertificate, terminal_certificates
from .certificates.status import CertificateChecker
from .encryption.recipients import Recipients
from .events.error_conditions import TERMINAL_NOT_AVAILABLE
from .events.events import Events
from .events.expiry import ExpiryWatch
from .faults import Trace, catalogue
from .information_model import TerminalCondition
from .signatures.application import SignatureApplication
from .signatures.pdf import PdfReader
from .soap import answers
from .soap.prepared import PreparedAnswers
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
        self.prepared_cards = PreparedAnswers()
        self.prepared_terminals = PreparedAnswers()
        self.events = Events(process, self.relations, self.access)
        self.operational_state = self.events.state
        self.terminals = self.cards.terminals
        self.announce = Announcements(self.events.emit)
        self.pin_entries = PinEntries(process.journal, self.settings.pin_timeout)
        rules = PinRules.of(self.settings.make)
        self.pads = PinPads(self.relations, self.cards, self.pin_entries, self.announce, rules)
        self.cards.watch(self._card_changed)
        self.identities = Identities(self.settings)
        self.keys = CardKeys(
            self.settings.generation, self.settings.make, process.clock, self.settings.rsa_ends
        )
        self.recipients = Recipients(self.settings.make.ecc_encryption)
        self.sak = SignatureApplication(
            self.settings.signatures, process.clock, process.journal, process.randomness
        )
        self.pdfs = PdfReader()
        self.gsmck = KonnektorCertificate(self.settings, process.randomness)
        self.terminal_certificates = terminal_certificates(self.settings)
        self.certificates = CertificateChecker(
            self.settings, process.clock, session, lambda: self.operational_state.is_online
        )
        self.expiry = ExpiryWatch(
            process.clock,
            self.settings.events.expiration_warn_days,
            self.events,
            cards=self.cards.inserted,
            gsmck=self.gsmck,
            terminals=self.terminals,
            of_terminals=self.terminal_certificates,
        )
        self.boot = Boot(self)
        self._note_terminals()

    def worded(self, reported: Trace, operation: str | None = None) -> Trace:
        """Return *reported* as *operation* and this make say it; a text given on purpose stays."""
        reported = reported.at(operation)
        text = self.settings.make.texts.get(reported.code)
        entry = catalogue().get(reported.code)
        if text is None or (entry is not None and entry.text != reported.text):
            return reported
        return replace(reported, text=text)

    def error(self, traces: Sequence[Trace], operation: str | None = None) -> Element:
        """Return the gematik Error of *traces* at *operation*, dated now, in this make's form.

        The last Trace is gematik's; where the make has one of its own it stands before (A_14159).
        """
        worded = [self.worded(reported, operation) for reported in traces]
        vendor = self.settings.make.vendor_trace_of(worded[-1].code)
        if vendor is not None:
            own = replace(worded[-1], code=vendor.code, text=vendor.text, detail=vendor.detail)
            worded.insert(-1, own)
        return answers.error(
            worded,
            self.clock.now(),
            self.settings.make.trace,
            self.settings.name,
            lambda: self.process.randomness.uuid("error"),
        )

    def set_condition(self, terminal: str, condition: TerminalCondition) -> None:
        """Connect or disconnect a terminal, or let it fall silent; what is typed there ends.

        Raises KeyError for an unknown terminal.
        """
        changed = self.terminals[terminal]
        before, changed.condition = changed.connected, condition
        if condition != "connected":
            self.pin_entries.terminal_lost(terminal)
        if before and not changed.connected:
            self.cards.terminal_changed(terminal, reconnected=False)
        if before != changed.connected:
            self.announce.terminal(changed.settings, connected=changed.connected)
        self._note_terminals()
        if changed.connected:
            self.cards.terminal_changed(terminal, reconnected=not before)

    def _note_terminals(self) -> None:
        """Have the error conditions say which active terminals cannot be reached."""
        for terminal in self.terminals:
            lost = terminal.condition == "disconnected"
            note = self.operational_state.raise_ if lost else self.operational_state.clear
            note(TERMINAL_NOT_AVAILABLE, terminal.id)

    def _card_changed(self, change: Change, card: InsertedCard) -> None:
        if change == "REMOVED":
            self.pin_entries.card_pulled(card)
        self.process.journal.record(
            "CardInserted" if change == "INSERTED" else "CardRemoved",
            peer="terminal", card=card.card.iccsn, terminal=card.terminal, slot=card.slot,
        )  # fmt: skip
        self.announce.card(change, card)

    def forget_sessions(self) -> None:
        """Forget what a boot forgets: handles, sessions and raised states, jobs, answers of OCSP.

        The PINs on the cards stay as they are.
        """
        for card in self.cards.inserted():
            self.pin_entries.card_pulled(card)
        self.cards.find_anew()
        self.sak.forget()
        self.certificates.forget()

    async def reset(self) -> None:
        """Go back to the start: cards in their slots, PINs, events, caches, job numbers."""
        self.boot.reset()
        self.events.reset()
        for card in self.cards.inserted():
            self.pin_entries.card_pulled(card)
        self.cards.reset()
        self._note_terminals()
        self.expiry.start()
        self.sak.reset()
        self.certificates.forget()
