"""A participant that the engine plays: its address, its client module, its Konnektor."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from simulators.process import tls
from simulators.process.errors import InputError
from simulators.process.ldap import LdapClient, LdapError, SearchResult

from ..documents.mails import Mail
from ..endpoints.contract import Endpoints, ParticipantEndpoint, SiteEndpoint
from ..pvs.control import Control, ControlError
from ..pvs.konnektor import Card, Konnektor, KonnektorFault, KonnektorUnreachable
from ..pvs.mail import Mailbox, MailError, Reply
from ..scenario.failure import StepFailed

DIRECTORY_BASE = "dc=data,dc=vzd"
SIZE_LIMIT = 100

Wanted = Callable[[bytes], bool]


@dataclass
class Party:
    """One actor's software. Every method raises StepFailed with one German line."""

    name: str
    endpoints: Endpoints
    participant: ParticipantEndpoint
    _fetched: dict[str, bytes] = field(default_factory=dict)
    _passed_over: frozenset[str] = frozenset()

    @property
    def address(self) -> str:
        """The own KIM address."""
        return self.participant.address

    @property
    def site(self) -> SiteEndpoint:
        """The site where the actor works."""
        return self.endpoints.sites[self.participant.site]

    @property
    def ca(self) -> Path:
        """What the actor's software trusts."""
        return self.endpoints.file(self.endpoints.ca)

    @cached_property
    def mailbox(self) -> Mailbox:
        """SMTP and POP3 through the client module."""
        if self.site.clientmodule is None:
            raise StepFailed(f"{self.name}: in dieser Welt läuft hier kein Clientmodul")
        return Mailbox(self.site.clientmodule, self.participant, self.ca)

    @cached_property
    def konnektor(self) -> Konnektor:
        """The Konnektor of the site."""
        if self.site.konnektor is None:
            raise StepFailed(f"{self.name}: in dieser Welt läuft hier kein Konnektor")
        return Konnektor(self.site.konnektor, self.site.context, self.endpoints.directory, self.ca)

    @cached_property
    def provider(self) -> Control:
        """The control port of the provider that keeps the own mailbox."""
        domain = self.address.rpartition("@")[2]
        if domain not in self.endpoints.providers:
            raise StepFailed(f"{self.name}: der Anbieter {domain} läuft in dieser Welt nicht")
        return Control(self.endpoints.providers[domain].control)

    @cached_property
    def _ldap_tls(self) -> ssl.SSLContext:
        context = tls.client_context(self.ca)
        konnektor = self.site.konnektor
        if konnektor is not None and konnektor.client_certificate is not None:
            file = self.endpoints.file(konnektor.client_certificate)
            tls.load_pkcs12(context, file, konnektor.client_certificate_password or "")
        return context

    def iccsn(self, card_type: str) -> str:
        """Return the ICCSN of the own card: the participant's, else the site's of that type."""
        cards = [card for card in self.site.cards if card.type == card_type]
        for card in cards:
            if card.telematik_id == self.participant.telematik_id:
                return card.iccsn
        if not cards:
            raise StepFailed(f"{self.name}: an diesem Standort gibt es keine Karte {card_type}")
        return cards[0].iccsn

    def card(self, card_type: str) -> Card:
        """Return the plugged card of that type (GetCards)."""
        iccsn = self.iccsn(card_type)
        with konnektor_failures():
            for card in self.konnektor.cards():
                if card.iccsn == iccsn:
                    return card
        raise StepFailed(f"{self.name}: {card_type} {iccsn} ist nicht gesteckt")

    def generation(self, card: Card) -> str | None:
        """Return the generation of *card* (G2.0, G2.1), None if the world does not tell."""
        return next((one.generation for one in self.site.cards if one.iccsn == card.iccsn), None)

    def search(self, filter_text: str) -> SearchResult:
        """Search the directory through the Konnektor's LDAP proxy."""
        if self.site.konnektor is None:
            raise StepFailed(f"{self.name}: in dieser Welt läuft hier kein Konnektor")
        url = self.site.konnektor.ldap
        context = self._ldap_tls if url.startswith("ldaps:") else None

        async def ask() -> SearchResult:
            async with LdapClient(url, context) as client:
                return await client.search(DIRECTORY_BASE, filter_text, size_limit=SIZE_LIMIT)

        try:
            return asyncio.run(ask())
        except (LdapError, InputError) as error:
            raise StepFailed(f"Verzeichnissuche {filter_text}: {error}") from None

    def send(
        self,
        mail: Mail,
        recipients: Sequence[str],
        *,
        dsn: bool,
        before_data: Callable[[], object] | None = None,
    ) -> Reply:
        """Hand *mail* to the client module; *before_data* is called when it only waits for DATA."""
        try:
            return self.mailbox.send(mail.content, recipients, dsn=dsn, before_data=before_data)
        except MailError as error:
            raise StepFailed(str(error)) from None

    def fetch_message(self, message_id: str, seconds: float) -> tuple[str, bytes]:
        """Fetch the mail with *message_id* as soon as it is in the mailbox; uid and content."""
        uid = self.await_message(message_id, seconds)
        return uid, self._retrieve([uid])[uid]

    def await_message(self, message_id: str, seconds: float) -> str:
        """Return the uid of the mail with *message_id* as soon as it is in the mailbox."""
        for _ in self._changes(seconds):
            for stored in self.provider.mailbox(self.address):
                if stored.message_id == message_id:
                    return stored.uid
        raise StepFailed(f"{message_id} ist nach {seconds:g} s nicht im Postfach von {self.name}")

    def pass_over_what_is_there(self) -> None:
        """Have ``fetch_matching`` look at mails alone that come from now on.

        A mailbox that nobody empties would be fetched again by every run.
        """
        try:
            stored = self.provider.mailbox(self.address)
        except (ControlError, StepFailed):
            return  # who needs the mailbox is told then
        self._passed_over = frozenset(one.uid for one in stored)

    def fetch_matching(self, wanted: Wanted, what: str, seconds: float) -> tuple[str, bytes]:
        """Fetch the first new mail for which *wanted* holds, looking at every mail once."""
        for _ in self._changes(seconds):
            stored = [one.uid for one in self.provider.mailbox(self.address)]
            uids = [uid for uid in stored if uid not in self._passed_over]
            for uid, content in self._retrieve(uids).items():
                if wanted(content):
                    return uid, content
        raise StepFailed(f"{what} ist nach {seconds:g} s nicht im Postfach von {self.name}")

    def close(self) -> None:
        """Close connections."""
        if "konnektor" in self.__dict__:
            self.konnektor.close()

    def _changes(self, seconds: float) -> Iterator[None]:
        """Yield now and after each event at the provider, until *seconds* are over."""
        deadline = time.monotonic() + seconds
        try:
            last = self.provider.last()
            yield
            for _ in self.provider.follow(last, deadline):
                yield
        except ControlError as error:
            raise StepFailed(str(error)) from None

    def _retrieve(self, uids: Sequence[str]) -> dict[str, bytes]:
        missing = [uid for uid in uids if uid not in self._fetched]
        if missing:
            try:
                self._fetched.update(self.mailbox.retrieve(missing))
            except MailError as error:
                raise StepFailed(str(error)) from None
        return {uid: self._fetched[uid] for uid in uids if uid in self._fetched}


@contextmanager
def konnektor_failures() -> Iterator[None]:
    """Turn faults of the Konnektor into StepFailed while the block runs."""
    try:
        yield
    except KonnektorFault as error:
        raise StepFailed(f"{error.operation}: Konnektor-Fehler {error.code} {error.text}") from None
    except KonnektorUnreachable as error:
        raise StepFailed(f"Konnektor: {error}") from None
