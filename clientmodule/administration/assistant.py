"""The set-up assistant: from a Konnektor and a card to user names for the PVS, in six steps.

The order is that of kv.dox (kvdox.md). What was given as an argument is not asked; what the
Konnektor or the provider refuses is said in one line, and what it was about is asked again
(A_19460, A_19462). Nothing is tried again before the person says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from ..settings import DEFAULT_KONNEKTOR
from ..user_name import MAX_ID, PLACEHOLDER, SEPARATOR, CallContext
from . import faults, texts
from .account_data import ServiceInformation
from .account_manager import Login, Registration
from .administration import Administration, Place
from .cards import AuthenticationCard
from .dialogue import Dialogue
from .faults import AdministrationFault
from .overview import day, overview_lines
from .proposals import Proposal

R = TypeVar("R")
STEPS = ("Konnektor", "Karte", "Konto", "Zertifikat", "Benutzernamen", "Übersicht")
TAKEN = "account-manager-409"
OF_THE_ORDER = ("reference_id", "initial_password")
OF_THE_ACCOUNT = ("address", "password")
TO_CORRECT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "input": ("address",),
        "account-manager-400": OF_THE_ACCOUNT + OF_THE_ORDER,
        "account-manager-401": OF_THE_ORDER,
        TAKEN: ("address",),
        "account-manager-420": OF_THE_ACCOUNT,
    }
)
"""What to ask again after a registration was refused; after all else the same can be tried."""
WRONG_LOGIN = frozenset({"input", "account-manager-401", "account-manager-404"})


@dataclass(frozen=True)
class Given:
    """What was given as arguments; None is asked."""

    mandant: str | None = None
    clientsystem: str | None = None
    workplace: str | None = None
    user: str | None = None
    konnektor: str | None = None
    iccsn: str | None = None
    domain: str | None = None
    address: str | None = None
    reference_id: str | None = None
    initial_password: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    registered: bool | None = None


class Assistant:
    """One run of the assistant; its questions serve single steps, too."""

    def __init__(
        self,
        administration: Administration,
        dialogue: Dialogue,
        given: Given,
        konnektors: list[str],
    ) -> None:
        self.administration = administration
        self.dialogue = dialogue
        self._given = given
        self._konnektors = konnektors

    async def run(self) -> None:
        """Take all steps. Raises AdministrationFault, InputError where nobody can correct it."""
        self._head(1)
        place = await self.place()
        self._head(2)
        card = await self.card(place)
        self._head(3)
        login = await self._account(place, card)
        try:
            await self._finish(place, card, login)
        except BaseException:  # Ctrl-C, too: what is registered can be finished later
            self.dialogue.say(texts.UNFINISHED.format(address=login.address))
            raise

    async def _finish(self, place: Place, card: AuthenticationCard, login: Login) -> None:
        self._head(4)
        address, expires = await self._certificate(place, card, login)
        self.dialogue.say(f"Das Zertifikat ist abgelegt und gilt bis {day(expires)}.")
        self._head(5)
        found = await self._again(lambda: self.administration.overview(place, address))
        self.dialogue.say("Die Benutzernamen für Ihr Mailprogramm oder PVS sind erzeugt.")
        self._head(6)
        for line in overview_lines(found):
            self.dialogue.say(line)

    async def place(self) -> Place:
        """Return the call context, once the Konnektor accepts it."""
        place: Place | None = None
        while True:
            place = self._place(None if place is None else place.context)
            try:
                found = await self.administration.test_konnektor(place)
            except AdministrationFault as fault:
                self._refused(fault)
                self._forget("mandant", "clientsystem", "workplace", "user", "konnektor")
                continue
            self.dialogue.say(
                f"Der Konnektor antwortet: {found.product} {found.firmware}, "
                f"{found.cards} {'Karte' if found.cards == 1 else 'Karten'} erreichbar."
            )
            return place

    async def card(self, place: Place) -> AuthenticationCard:
        """Return the chosen card, unlocked."""
        while True:
            try:
                card = self._choose(await self.administration.cards(place))
                await self.administration.unlock(place, card.card.iccsn)
            except AdministrationFault as fault:
                self._try_again(fault)
                self._forget("iccsn")
                continue
            self.dialogue.say("Die Karte ist freigeschaltet.")
            return card

    def _choose(self, cards: list[AuthenticationCard]) -> AuthenticationCard:
        wanted = self._given.iccsn
        found = [card for card in cards if wanted in (None, card.card.iccsn)]
        if not found:
            raise faults.no_fitting_card()
        return self.dialogue.choose("Karte", "--iccsn", found, _card_line)

    async def _provider(self, before: str | None) -> str:
        """Return the domain of the provider (A_19456-02); *before* is what was named last."""
        if self._given.domain is not None:
            return self._given.domain.lower()
        if self._given.address is not None:
            return self._given.address.rpartition("@")[2].lower()
        known = await self.administration.providers()
        for domain in known:
            self.dialogue.say(f"  {domain}")
        default = before or (known[0] if len(known) == 1 else None)
        return self.dialogue.ask("Domain Ihres Anbieters", "--domain", default=default).lower()

    def password(self) -> str:
        """Return the password of the account."""
        return self._given.password or self.dialogue.secret(
            "Passwort des Kontos", "--password-file"
        )

    def address(self, before: str | None = None) -> str:
        """Return the KIM address of the account; *before* is what was named last."""
        return self._given.address or self.dialogue.ask("KIM-Adresse", "--address", default=before)

    async def _account(self, place: Place, card: AuthenticationCard) -> Login:
        """Register, or log in to an account that is registered already."""
        domain, information = await self._provider_of(place)
        registered = self._given.registered
        if registered is None:
            registered = self.dialogue.interactive and not self.dialogue.confirm(
                "Möchten Sie eine neue KIM-Adresse registrieren?"
            )
        if registered:
            return Login(self.address(), self.password())
        return await self._register(place, card, domain, information)

    async def _provider_of(self, place: Place) -> tuple[str, ServiceInformation]:
        """Return the provider's domain, once its Account Manager answers, and what it wants."""
        domain: str | None = None
        while True:
            domain = await self._provider(domain)
            try:
                return domain, await self.administration.service_information(place, domain)
            except AdministrationFault as fault:
                self._refused(fault)
                self._forget("domain", "address")

    async def _register(
        self, place: Place, card: AuthenticationCard, domain: str, information: ServiceInformation
    ) -> Login:
        proposal = await self._again(
            lambda: self.administration.proposal(place, card.card.iccsn, domain)
        )
        self.dialogue.say(texts.BLIND_COPY)
        while True:
            wanted = self._order(proposal, information)
            try:
                await self.administration.register(place, card.card.iccsn, wanted)
            except AdministrationFault as fault:
                self._refused(fault)
                if fault.kind == TAKEN and self.dialogue.confirm("Ist es Ihre eigene Adresse?"):
                    return Login(wanted.address, wanted.password)
                self._correct(fault)
                continue
            self.dialogue.say(f"Die Adresse {wanted.address} ist registriert.")
            return Login(wanted.address, wanted.password)

    def _order(self, proposal: Proposal, information: ServiceInformation) -> Registration:
        """Return what to register: what is known of it already is not asked."""
        given = self._given
        address = given.address or self._new_address(proposal)
        password = given.password or self._new_password(information)
        code = given.reference_id or self.dialogue.ask("Registrierungscode", "--reference-id")
        initial = given.initial_password
        if initial is None and information.initial_password_required:
            question = "Startpasswort aus Ihren Unterlagen"
            initial = self.dialogue.secret(question, "--initial-password-file")
        self._given = replace(
            given, address=address, password=password, reference_id=code, initial_password=initial
        )
        # The header has to be there even where the provider does not want it.
        return Registration(address, password, code, initial or password)

    def _correct(self, fault: AdministrationFault) -> None:
        """Have asked again what *fault* is about, all else is kept."""
        wrong = TO_CORRECT.get(fault.kind)
        if wrong is None:
            self.dialogue.try_again()
        else:
            self._forget(*wrong)

    async def _certificate(
        self, place: Place, card: AuthenticationCard, login: Login
    ) -> tuple[str, datetime]:
        """Fetch the certificate; return whose it is and its end.

        That an account is known already shows here: without a certificate the provider answers
        nothing else (A_22348).
        """
        while True:
            try:
                iccsn = card.card.iccsn
                return login.address, await self.administration.fetch_certificate(
                    place, iccsn, login
                )
            except AdministrationFault as fault:
                self._try_again(fault)
                if fault.kind in WRONG_LOGIN:
                    self._forget(*OF_THE_ACCOUNT)
                    login = Login(self.address(login.address), self.password())

    def _place(self, before: CallContext | None) -> Place:
        given = self._given

        def ask(question: str, argument: str, last: str | None, *, optional: bool = False) -> str:
            return self.dialogue.ask(
                question, argument, default=last or None, check=_identifier, optional=optional
            )

        konnektor = given.konnektor
        if konnektor is None:
            konnektor = DEFAULT_KONNEKTOR
            if len(self._konnektors) > 1:
                konnektor = self.dialogue.choose(
                    "Konnektor", "--konnektor", self._konnektors, lambda name: name
                )
        last = before or CallContext("", "", "")
        context = CallContext(
            mandant=given.mandant or ask("Mandant", "--mandant", last.mandant),
            clientsystem=given.clientsystem
            or ask("Clientsystem", "--clientsystem", last.clientsystem),
            workplace=given.workplace or ask("Arbeitsplatz", "--workplace", last.workplace),
            user=given.user
            or ask("Benutzer (nur für den HBA)", "--user", last.user, optional=True)
            or None,
        )
        return Place(context, konnektor)

    def _new_address(self, proposal: Proposal) -> str:
        self.dialogue.say(f"Vorschlag: {proposal.address}")
        question = "Änderbarer Teil der Adresse"
        return proposal.with_free(self.dialogue.ask(question, "--address", default=proposal.free))

    def _new_password(self, information: ServiceInformation) -> str:
        if information.password_rule:
            self.dialogue.say(f"Regel des Anbieters: {information.password_rule}")
        return self.dialogue.new_secret("Neues Passwort", "--password-file")

    def _forget(self, *names: str) -> None:
        """Have what was given asked again."""
        self._given = replace(self._given, **dict.fromkeys(names))

    def _head(self, number: int) -> None:
        self.dialogue.say(f"\nSchritt {number} von {len(STEPS)}: {STEPS[number - 1]}")

    async def _again(self, step: Callable[[], Awaitable[R]]) -> R:
        """Take a step until it succeeds or the person gives up."""
        while True:
            try:
                return await step()
            except AdministrationFault as fault:
                self._try_again(fault)

    def _try_again(self, fault: AdministrationFault) -> None:
        """Say what went wrong and return if the person wants to try once more."""
        self._refused(fault)
        self.dialogue.try_again()

    def _refused(self, fault: AdministrationFault) -> None:
        """Say what went wrong; where nobody can correct it, that is the end."""
        if not self.dialogue.interactive:
            raise fault
        self.dialogue.say(f"  {fault.line}")


def _identifier(text: str) -> str | None:
    if len(text) > MAX_ID:
        return f"höchstens {MAX_ID} Zeichen"
    if SEPARATOR in text or text == PLACEHOLDER or not text.isprintable():
        return f"die Zeichen {SEPARATOR} und ein einzelnes {PLACEHOLDER} sind nicht möglich"
    return None


def _card_line(card: AuthenticationCard) -> str:
    return f"{card.card.type} {card.card.iccsn}  {card.holder}  Telematik-ID {card.telematik_id}"
