"""The set-up assistant: from a Konnektor and a card to user names for the PVS, in six steps.

The order is that of kv.dox (kvdox.md). What was given as an argument is not asked; what the
Konnektor or the provider refuses is said in one line and asked again (A_19460, A_19462).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from simulators.process.errors import InputError

from ..settings import DEFAULT_KONNEKTOR
from ..user_name import MAX_ID, PLACEHOLDER, SEPARATOR, CallContext
from . import texts
from .account_data import ServiceInformation
from .account_manager import Login, Registration
from .administration import Administration, Place
from .cards import AuthenticationCard
from .dialogue import Dialogue
from .faults import AdministrationFault
from .overview import overview_lines

R = TypeVar("R")
STEPS = ("Konnektor", "Karte", "Konto", "Zertifikat", "Benutzernamen", "Übersicht")


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
        self._head(4)
        expires = await self._again(
            lambda: self.administration.fetch_certificate(place, card.card.iccsn, login)
        )
        self.dialogue.say(f"Das Zertifikat ist abgelegt und gilt bis {expires:%d.%m.%Y}.")
        self._head(5)
        found = await self._again(lambda: self.administration.overview(place, login.address))
        self.dialogue.say("Die Benutzernamen für Ihr Mailprogramm oder PVS sind erzeugt.")
        self._head(6)
        for line in overview_lines(found):
            self.dialogue.say(line)

    async def place(self) -> Place:
        """Return the call context, once the Konnektor accepts it."""
        while True:
            place = self._place()
            try:
                found = await self.administration.test_konnektor(place)
            except AdministrationFault as fault:
                self._refused(fault)
                names = ("mandant", "clientsystem", "workplace", "user", "konnektor")
                self._given = replace(self._given, **dict.fromkeys(names))
                continue
            self.dialogue.say(
                f"Der Konnektor antwortet: {found.product} {found.firmware}, "
                f"{found.cards} {'Karte' if found.cards == 1 else 'Karten'} erreichbar."
            )
            return place

    async def card(self, place: Place) -> AuthenticationCard:
        """Return the chosen card, unlocked."""
        while True:
            found = await self._again(lambda: self.administration.cards(place))
            wanted = self._given.iccsn
            if wanted is not None:
                found = [card for card in found if card.card.iccsn == wanted]
            if not found:
                fault = _no_card()
                self._refused(fault)
                self._given = replace(self._given, iccsn=None)
                continue
            card = self.dialogue.choose("Karte", "--iccsn", found, _card_line)
            try:
                await self.administration.unlock(place, card.card.iccsn)
            except AdministrationFault as fault:
                self._refused(fault)
                continue
            self.dialogue.say("Die Karte ist freigeschaltet.")
            return card

    async def provider(self) -> str:
        """Return the domain of the provider (A_19456-02)."""
        if self._given.domain is not None:
            return self._given.domain.lower()
        if self._given.address is not None:
            return self._given.address.rpartition("@")[2].lower()
        known = await self.administration.providers()
        for domain in known:
            self.dialogue.say(f"  {domain}")
        return self.dialogue.ask(
            "Domain Ihres Anbieters", "--domain", default=known[0] if len(known) == 1 else None
        ).lower()

    def password(self, question: str = "Passwort des Kontos") -> str:
        """Return the password of the account."""
        return self._given.password or self.dialogue.secret(question, "--password-file")

    def address(self) -> str:
        """Return the KIM address of the account."""
        return self._given.address or self.dialogue.ask("KIM-Adresse", "--address")

    async def _account(self, place: Place, card: AuthenticationCard) -> Login:
        """Register, or log in to an account that is registered already."""
        domain, information = await self._provider_of(place)
        registered = self._given.registered
        if registered is None:
            registered = self.dialogue.interactive and not self.dialogue.confirm(
                "Möchten Sie eine neue KIM-Adresse registrieren?"
            )
        if registered:
            login = Login(self.address(), self.password())
            account = await self._again(
                lambda: self.administration.account(place, card.card.iccsn, login)
            )
            self.dialogue.say(f"Das Konto {account.address} ist beim Anbieter bekannt.")
            return login
        return await self._register(place, card, domain, information)

    async def _provider_of(self, place: Place) -> tuple[str, ServiceInformation]:
        """Return the provider's domain, once its Account Manager answers, and what it wants."""
        while True:
            domain = await self.provider()
            try:
                return domain, await self.administration.service_information(place, domain)
            except AdministrationFault as fault:
                self._refused(fault)
                self._given = replace(self._given, domain=None, address=None)

    async def _register(
        self, place: Place, card: AuthenticationCard, domain: str, information: ServiceInformation
    ) -> Login:
        proposal = await self.administration.proposal(place, card.card.iccsn, domain)
        self.dialogue.say(texts.BLIND_COPY)
        while True:
            wanted = Registration(
                address=self._given.address or self._new_address(proposal.free, proposal.with_free),
                password=self._new_password(information),
                reference_id=self._given.reference_id
                or self.dialogue.ask("Registrierungscode", "--reference-id"),
                initial_password=self._initial_password(information),
            )
            if not wanted.initial_password:  # the header has to be there all the same
                wanted = replace(wanted, initial_password=wanted.password)
            try:
                await self.administration.register(place, card.card.iccsn, wanted)
            except AdministrationFault as fault:
                self._refused(fault)
                names = ("address", "password", "reference_id", "initial_password")
                self._given = replace(self._given, **dict.fromkeys(names))
                continue
            self.dialogue.say(f"Die Adresse {wanted.address} ist registriert.")
            return Login(wanted.address, wanted.password)

    def _place(self) -> Place:
        given, ask = self._given, self.dialogue.ask
        konnektor = given.konnektor
        if konnektor is None:
            konnektor = DEFAULT_KONNEKTOR
            if len(self._konnektors) > 1:
                konnektor = self.dialogue.choose(
                    "Konnektor", "--konnektor", self._konnektors, lambda name: name
                )
        context = CallContext(
            mandant=given.mandant or ask("Mandant", "--mandant", check=_identifier),
            clientsystem=given.clientsystem
            or ask("Clientsystem", "--clientsystem", check=_identifier),
            workplace=given.workplace or ask("Arbeitsplatz", "--workplace", check=_identifier),
            user=given.user
            or ask("Benutzer (nur für den HBA)", "--user", check=_identifier, optional=True)
            or None,
        )
        return Place(context, konnektor)

    def _new_address(self, free: str, whole: Callable[[str], str]) -> str:
        self.dialogue.say(f"Vorschlag: {whole(free)}")
        return whole(self.dialogue.ask("Änderbarer Teil der Adresse", "--address", default=free))

    def _new_password(self, information: ServiceInformation) -> str:
        if self._given.password is not None:
            return self._given.password
        if information.password_rule:
            self.dialogue.say(f"Regel des Anbieters: {information.password_rule}")
        while True:
            first, second = (
                self.dialogue.secret(question, "--password-file")
                for question in ("Neues Passwort", "Neues Passwort noch einmal")
            )
            if first == second:
                return first
            self.dialogue.say("  Neues Passwort: die beiden Eingaben sind verschieden")

    def _initial_password(self, information: ServiceInformation) -> str:
        if self._given.initial_password is not None:
            return self._given.initial_password
        if not information.initial_password_required:
            return ""
        question = "Startpasswort aus Ihren Unterlagen"
        return self.dialogue.secret(question, "--initial-password-file")

    def _head(self, number: int) -> None:
        self.dialogue.say(f"\nSchritt {number} von {len(STEPS)}: {STEPS[number - 1]}")

    async def _again(self, step: Callable[[], Awaitable[R]]) -> R:
        """Take a step until it succeeds or the person gives up."""
        while True:
            try:
                return await step()
            except AdministrationFault as fault:
                self._refused(fault)
                if not self.dialogue.confirm("Noch einmal versuchen?"):
                    raise InputError("abgebrochen") from None

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


def _no_card() -> AdministrationFault:
    return AdministrationFault(
        "card-missing",
        "Karte: keine passende SMC-B und kein HBA ist erreichbar; stecken Sie die Karte, für den "
        "HBA nennen Sie auch den Benutzer",
    )
