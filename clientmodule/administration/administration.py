"""The steps of the administration module, one method each, for the assistant and for the API."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from simulators.process.resolver import NamesUnavailable, NoSuchName

from ..installation import Installation
from ..konnektor.faults import KonnektorError, NoCard
from ..konnektor.konnektor import Konnektor
from ..operation import Operation
from ..settings import DEFAULT_KONNEKTOR
from ..user_name import CallContext, UserName, UserNameError
from . import cards, faults
from .account_data import KIM_VERSION, LARGE_MAILS_SUFFIX, Account, OutOfOffice, ServiceInformation
from .account_manager import AccountManager, Login, Registration, domain_of
from .cards import AuthenticationCard
from .certificate import expires, fetch_certificate, import_certificate
from .faults import AdministrationFault
from .proposals import Proposal, proposal
from .rest import Who
from .user_names import UserNames, user_names


@dataclass(frozen=True)
class Place:
    """Where a user stands: the call context at one of the Konnektoren of the settings."""

    context: CallContext
    konnektor: str = DEFAULT_KONNEKTOR


@dataclass(frozen=True)
class KonnektorTest:
    """What a Konnektor said of itself, and how many cards the context reaches."""

    product: str
    firmware: str
    cards: int


@dataclass(frozen=True)
class Overview:
    """What a mail client or PVS is told in the end.

    ``smtp_port`` and ``pop3_port`` are this client module's, 0 where the system chooses them when
    it starts; ``certificate_expires`` is None as long as the address has none.
    """

    address: str
    names: UserNames
    host: str
    smtp_port: int
    pop3_port: int
    tls: bool
    certificate_expires: datetime | None


class Administration:
    """Everything that the user of a client module administrates.

    Each method is one step and raises AdministrationFault, whose line is for the user. *place*
    says where the user stands, *iccsn* which card proves who asks.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._accounts = AccountManager(installation)

    async def test_konnektor(self, place: Place) -> KonnektorTest:
        """Reach the Konnektor and have it check the call context (the assistant's first step)."""
        konnektor = self._konnektor(place)
        try:
            directory = await konnektor.soap.directory()
            found = await konnektor.cards.refresh(self._operation(), place.context)
        except KonnektorError as error:
            raise faults.of_konnektor(error) from error
        return KonnektorTest(directory.product_name, directory.firmware, len(found))

    async def cards(self, place: Place) -> list[AuthenticationCard]:
        """Return the SMC-B and, with a user in the context, HBA that can prove who asks."""
        try:
            return await cards.authentication_cards(
                self._konnektor(place), self._operation(), place.context
            )
        except KonnektorError as error:
            raise faults.of_konnektor(error) from error

    async def unlock(self, place: Place, iccsn: str) -> None:
        """Have the card's PIN entered where it is not verified."""
        try:
            konnektor = self._konnektor(place)
            await cards.unlock(konnektor, self._operation(), place.context, iccsn)
        except KonnektorError as error:
            raise faults.of_konnektor(error) from error

    async def providers(self) -> tuple[str, ...]:
        """Return the domains that can be chosen; another may be named all the same (A_19456-02)."""
        try:
            return await self._installation.discovery.domains()
        except (NoSuchName, NamesUnavailable):
            return ()

    async def service_information(self, place: Place, domain: str) -> ServiceInformation:
        """Return what the provider of *domain* wants to know at a registration."""
        self._check(f"postmaster@{domain}")
        who = self._who(place, None)
        return await self._accounts.service_information(self._operation(), who, domain)

    async def proposal(self, place: Place, iccsn: str, domain: str) -> Proposal:
        """Return the address to propose to the holder of the card *iccsn*."""
        self._check(f"postmaster@{domain}")
        found = await self.cards(place)
        card = next((one for one in found if one.card.iccsn == iccsn), None)
        if card is None:
            raise faults.of_konnektor(NoCard("not among the cards"))
        practice = next((one.certificate for one in found if one.card.of_institution), None)
        return proposal(domain, card.certificate, practice)

    async def register(self, place: Place, iccsn: str, wanted: Registration) -> None:
        """Register a new account (A_19458-01, A_19459)."""
        await self._accounts.register(*self._begin(place, iccsn, wanted), wanted)

    async def fetch_certificate(self, place: Place, iccsn: str, login: Login) -> datetime:
        """Have a certificate made and store it; return its end (A_19468-02, A_19453)."""
        operation, who = self._begin(place, iccsn, login)
        identity = await fetch_certificate(
            self._installation, self._accounts, operation, who, login
        )
        return identity.expires

    async def import_certificate(self, address: str, content: bytes, password: str) -> datetime:
        """Store a PKCS#12 that the user has; return its end (A_18783)."""
        self._check(address)
        return (await import_certificate(self._installation, address, content, password)).expires

    async def account(self, place: Place, iccsn: str, login: Login) -> Account:
        """Return the account as the provider has it."""
        return await self._accounts.show(*self._begin(place, iccsn, login), login)

    async def change_password(self, place: Place, iccsn: str, login: Login, new: str) -> None:
        """Give the account another password."""
        await self._accounts.change(*self._begin(place, iccsn, login), login, password=new)

    async def set_large_mails(
        self, place: Place, iccsn: str, login: Login, *, enabled: bool, confirmed: bool = False
    ) -> str:
        """Enable or disable large mails; return the KIM version that stands now (A_23505).

        Enabling needs that the user has *confirmed* to know the risks.
        """
        if enabled and not confirmed:
            raise faults.wrong_input("Große Nachrichten", faults.UNCONFIRMED_LARGE_MAILS)
        operation, who = self._begin(place, iccsn, login)
        before = (await self._accounts.show(operation, who, login)).kim_version or KIM_VERSION
        plain = before.removesuffix(LARGE_MAILS_SUFFIX)
        version = f"{max(plain, KIM_VERSION)}{LARGE_MAILS_SUFFIX}" if enabled else plain
        if version != before:
            await self._accounts.change(operation, who, login, kim_version=version)
            for konnektor in self._installation.konnektors.values():
                konnektor.directory.forget()  # it has the address's own version, too
        return version

    async def deregister(
        self, place: Place, iccsn: str, login: Login, *, confirmed: bool = False
    ) -> datetime | None:
        """Deregister the account; return until when mails can be fetched (A_19463, A_19464-03).

        None if the provider does not say. Needs that the user has *confirmed* to know that the
        account ends after 30 days.
        """
        if not confirmed:
            raise faults.wrong_input("Deregistrierung", faults.UNCONFIRMED_DEREGISTRATION)
        operation, who = self._begin(place, iccsn, login)
        await self._accounts.deregister(operation, who, login)
        with suppress(AdministrationFault):  # it is deregistered all the same
            return (await self._accounts.show(operation, who, login)).deregistered_until
        return None

    async def revoke(self, place: Place, iccsn: str, login: Login) -> None:
        """Take the deregistration back (A_19464-03)."""
        await self._accounts.revoke(*self._begin(place, iccsn, login), login)

    async def out_of_office(self, place: Place, iccsn: str, login: Login) -> OutOfOffice:
        """Return the out-of-office note (A_21380)."""
        return await self._accounts.out_of_office(*self._begin(place, iccsn, login), login)

    async def set_out_of_office(
        self, place: Place, iccsn: str, login: Login, note: OutOfOffice
    ) -> OutOfOffice:
        """Change the out-of-office note (A_21380); return it as it stands now.

        What is not given of an active one stays as the provider has it (FAQ: read, then write);
        the first one needs everything.
        """
        operation, who = self._begin(place, iccsn, login)
        if note.active and None in (note.start, note.end, note.message):
            known = await self._accounts.out_of_office(operation, who, login)
            note = replace_missing(note, known)
            if None in (note.start, note.end, note.message):
                raise faults.wrong_input("Abwesenheitsnotiz", faults.INCOMPLETE_NOTE)
        await self._accounts.set_out_of_office(operation, who, login, note)
        return await self._accounts.out_of_office(operation, who, login)

    async def one_time_password(self, place: Place, iccsn: str, login: Login) -> str:
        """Return a password for porting the address, asked with the card that owns it."""
        return await self._accounts.one_time_password(*self._begin(place, iccsn, login), login)

    async def port(self, place: Place, iccsn: str, login: Login, otp: str) -> None:
        """Give the address to the card *iccsn*, the new one."""
        await self._accounts.port(*self._begin(place, iccsn, login), login, otp)

    async def overview(self, place: Place, address: str) -> Overview:
        """Return what to enter in the mail client or PVS (A_21519-02, A_21518-02)."""
        self._check(address)
        self._konnektor(place)
        domain = domain_of(address)
        try:
            servers = await self._installation.discovery.mail_servers(domain)
        except NoSuchName:
            raise faults.unknown_provider(domain) from None
        except NamesUnavailable:
            raise faults.names_unavailable(domain) from None
        host, smtp_port = self._listener("smtp")
        return Overview(
            address=address,
            names=user_names(address, servers, place.context, place.konnektor),
            host=host,
            smtp_port=smtp_port,
            pop3_port=self._listener("pop3")[1],
            tls=self._installation.settings.client_tls,
            certificate_expires=await expires(self._installation, address),
        )

    def _listener(self, name: str) -> tuple[str, int]:
        """Return where the client module listens: as it is bound, else as the settings say."""
        process = self._installation.process
        if name in process.inherited:
            return process.address(name)
        listener = getattr(process.settings.listeners, name)
        return listener.host, listener.port

    def _begin(self, place: Place, iccsn: str, of: Login | Registration) -> tuple[Operation, Who]:
        """Return what a step on an account works with."""
        self._check(of.address)
        return self._operation(), self._who(place, iccsn)

    def _operation(self) -> Operation:
        return self._installation.operation()

    def _konnektor(self, place: Place) -> Konnektor:
        known = self._installation.konnektors
        if place.konnektor not in known:
            raise faults.wrong_input(
                "Konnektor", f"die Einstellungen kennen nur {', '.join(sorted(known))}"
            )
        return known[place.konnektor]

    def _who(self, place: Place, iccsn: str | None) -> Who:
        return Who(self._konnektor(place), place.context, iccsn)

    def _check(self, address: str) -> None:
        """Refuse what is no KIM address of this world: nobody shall reach the real TI."""
        user = UserName(address, "", 0, CallContext("", "", ""))
        try:
            if "@" not in address or len(address) > 256:
                raise UserNameError("no address")
            self._installation.konnektor(user)
        except UserNameError:
            raise faults.wrong_input("KIM-Adresse", faults.NO_ADDRESS) from None


def replace_missing(note: OutOfOffice, known: OutOfOffice) -> OutOfOffice:
    """Return *note* with what it does not say taken from *known*."""
    return note.model_copy(
        update={
            name: getattr(known, name)
            for name in ("start", "end", "message")
            if getattr(note, name) is None
        }
    )
