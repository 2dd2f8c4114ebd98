"""Before a mail is sent: is this client module outdated, or newer than the directory says?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.process.ldap import LdapError

from ..administration.account_manager import AccountManager, Login
from ..administration.cards import authentication_cards
from ..administration.faults import AdministrationFault
from ..administration.rest import Who
from ..directory import DirectoryEntry, KimVersion
from ..konnektor.faults import KonnektorError
from .report_delivery import Account

if TYPE_CHECKING:
    from ..installation import Installation
    from ..logged_in import LoggedIn
    from ..operation import Operation


async def is_outdated(account: Account, operation: Operation) -> bool:
    """Compare this client module's KIM version with komLeData of *account* (A_21387-01).

    True when the holder is to be told that it is outdated, which keeps no mail from being sent.
    One that is newer is written into the directory, by the Account Manager and behind the mail's
    back. A directory that does not answer says nothing.
    """
    own, address = account.installation.own_version, account.user.address
    entry = await _entry(account, operation)
    if entry is None or entry.kim_version is None:
        return False
    newer = own.is_news(address, entry.kim_version, user=account.user.context.user)
    if newer is not None:
        account.installation.background.start(_write(account, operation, entry, newer))
    return own.is_outdated(address, entry.kim_version)


def consider(installation: Installation, who: LoggedIn) -> None:
    """Write a newer version as an HBA, too: only user names of POP3 have the UserId it takes."""
    if who.by_smtp or who.user.context.user is None:
        return
    account = Account(installation, who.konnektor, who.user, who.password)

    async def look() -> None:
        operation = installation.operation()
        entry = await _entry(account, operation)
        if entry is None or entry.kim_version is None:
            return
        newer = installation.own_version.is_news(
            who.user.address, entry.kim_version, user=who.user.context.user
        )
        if newer is not None:
            await _write(account, operation, entry, newer)

    installation.background.start(look())


async def _entry(account: Account, operation: Operation) -> DirectoryEntry | None:
    try:
        return await account.konnektor.directory.find(operation, account.user.address)
    except LdapError:
        return None


async def _write(
    account: Account, operation: Operation, entry: DirectoryEntry, version: KimVersion
) -> None:
    """Have the Account Manager write *version* (setAccount), as the card that owns the account.

    SMTP user names have no UserId: an HBA cannot be used then, and the version is written at the
    next login by POP3.
    """
    konnektor, context = account.konnektor, account.user.context
    try:
        cards = await authentication_cards(konnektor, operation, context)
        owner = next((c for c in cards if c.telematik_id in entry.telematik_ids), None)
        if owner is None:
            operation.error("setAccount: no card of the account in reach")
            return
        who = Who(konnektor, context, owner.card.iccsn)
        login = Login(account.user.address, account.password)
        await AccountManager(account.installation).change(
            operation, who, login, kim_version=str(version)
        )
    except (AdministrationFault, KonnektorError) as error:
        operation.error(f"setAccount: {type(error).__name__}")
        return
    konnektor.directory.drop(account.user.address)
    operation.event("VersionWritten", peer="provider", version=str(version))
