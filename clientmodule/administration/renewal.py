"""A new certificate one month before the old one ends, without anybody doing anything (A_21381).

It takes the account's password and a card, and both are at hand when a client system has just
logged in: so that is when the end of the certificate is looked at, once a day for each address.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from simulators.formats.certificates import policies
from simulators.formats.dsn import RecipientReport, delivery_report
from simulators.formats.kim_codes import FEHLERMELDUNG
from simulators.process.ldap import LdapError
from simulators.process.resolver import NamesUnavailable, NoSuchName, read_place

from ..caches import TimedCache
from ..directory import DirectoryEntry
from ..gateway import where
from ..installation import Installation
from ..konnektor.faults import KonnektorError, NoCard
from ..logged_in import LoggedIn
from ..mta import connect
from ..operation import Operation
from ..provider import LoginRefused
from ..sending.report_delivery import Account
from ..user_name import UserName
from . import faults, texts
from .account_manager import AccountManager, Login
from .cards import authentication_cards
from .certificate import expires, fetch_certificate
from .faults import AdministrationFault
from .rest import Who

BEFORE: Final = timedelta(days=30)
"""One month."""
AGAIN: Final = timedelta(days=1)
CODE: Final = "4016"
PERSONS_ENCRYPTION: Final = "1.2.276.0.76.4.74"
"""Policy of C.HP.ENC: the certificate of an HBA."""
STATUS: Final = "4.7.0"
"""RFC 3463: a security matter, for the time being."""


class _WithoutUser(Exception):
    """The account is a person's, but the login names no user: another one will."""


class Renewal:
    """Renews certificates behind the dialogues of client systems."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._accounts = AccountManager(installation)
        self._looked: TimedCache[str, bool] = TimedCache(installation.clock, AGAIN)

    def consider(self, who: LoggedIn) -> None:
        """Look after the certificate of *who*, if that was not done today."""
        key = who.user.address.lower()
        if self._looked.get(key):
            return
        self._looked.put(key, True)
        self._installation.background.start(self._look(who))

    def forget(self) -> None:
        """Look again at every login."""
        self._looked.clear()

    async def _look(self, who: LoggedIn) -> None:
        operation = self._installation.operation()
        end: datetime | None = None
        try:
            end = await expires(self._installation, who.user.address)
            if end is None or end - self._installation.clock.now() > BEFORE:
                return
            iccsn = await self._card(operation, who)
            with operation.step("RenewCertificate"):
                await self._renew(operation, who, iccsn)
        except _WithoutUser:
            self._looked.drop(who.user.address.lower())
            operation.event("RenewalLater")
        except AdministrationFault as fault:
            operation.error(f"RenewCertificate: {CODE} {fault.kind}")
            await self._tell(operation, who, fault.message or fault.line, end)
        except Exception as error:  # nobody waits for this task: a bug of ours must not be lost
            operation.error(where(error))

    async def _renew(self, operation: Operation, who: LoggedIn, iccsn: str) -> None:
        login = Login(who.user.address, who.password)
        asking = Who(who.konnektor, who.user.context, iccsn)
        await fetch_certificate(self._installation, self._accounts, operation, asking, login)

    async def _card(self, operation: Operation, who: LoggedIn) -> str:
        """Return the card to which the address belongs, as the directory has it.

        User names of SMTP name no user, without whom no HBA is in reach: those of POP3 do.
        """
        try:
            found = await authentication_cards(who.konnektor, operation, who.user.context)
            entry = await who.konnektor.directory.find(operation, who.user.address)
        except KonnektorError as error:
            raise faults.of_konnektor(error) from error
        except LdapError as error:
            raise faults.directory_unreachable() from error
        for card in found:
            if card.telematik_id in entry.telematik_ids:
                return card.card.iccsn
        if who.user.context.user is None and _of_person(entry):
            raise _WithoutUser
        raise faults.of_konnektor(NoCard("the address belongs to no card in reach"))

    async def _tell(
        self, operation: Operation, who: LoggedIn, message: str, end: datetime | None
    ) -> None:
        """Send the report to the account itself; that it fails is logged alone."""
        report = failure_report(who.user.address, message, end, self._installation.clock.now())
        installation = self._installation
        try:
            account = Account(installation, who.konnektor, await self._sender(who), who.password)
            mta = await connect(
                installation, operation, who.konnektor, account.user, account.password
            )
            try:
                await installation.reports.send(
                    account, operation, mta, to=who.user.address, report=report
                )
            finally:
                await mta.stream.close()
        except (OSError, TimeoutError, LoginRefused, NoSuchName, NamesUnavailable) as error:
            operation.error(f"RenewalReport: {type(error).__name__}")

    async def _sender(self, who: LoggedIn) -> UserName:
        """Return the user name whose server takes mail: POP3 logins name another."""
        if who.by_smtp:
            return who.user
        domain = who.user.address.rpartition("@")[2]
        host, port = read_place((await self._installation.discovery.mail_servers(domain)).smtp)
        return replace(who.user, host=host, port=port)


def _of_person(entry: DirectoryEntry) -> bool:
    return any(PERSONS_ENCRYPTION in policies(certificate) for certificate in entry.certificates)


def failure_report(address: str, message: str, end: datetime | None, now: datetime) -> bytes:
    """Return the DSN that says why the PKCS#12 of *address* was not renewed (A_21381).

    Neither signed nor encrypted; *message* is what the Account Manager said, or what else went
    wrong. *end* is when the present certificate ends.
    """
    domain = address.rpartition("@")[2]
    shown = "unbekannt" if end is None else f"{end:%d.%m.%Y}"
    return delivery_report(
        reporting_mta=f"clientmodul.{domain}",
        reports=[
            RecipientReport(
                address=address,
                action="failed",
                status=STATUS,
                diagnostic=f"x-kim; {CODE} {FEHLERMELDUNG[CODE].text}".encode(
                    "ascii", "replace"
                ).decode("ascii"),
            )
        ],
        original_headers=b"",
        to=address,
        sender_text=f"KIM-Clientmodul <{address}>",
        arrival=now,
        now=now,
        message_id=f"<{uuid.uuid4()}@{domain}>",
        in_reply_to=None,
        extra_headers={"X-KIM-Fehlermeldung": CODE},
        words=(
            texts.RENEWAL_SUBJECT,
            texts.RENEWAL_FAILED.format(expires=shown, message=message),
        ),
    )
