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

if TYPE_CHECKING:
    from ..operation import Operation
    from .report_delivery import Account


async def is_outdated(account: Account, operation: Operation) -> bool:
    """Compare this client module's KIM version with komLeData of *account* (A_21387-01).

    True when the holder is to be told that it is outdated, which keeps no mail from being sent.
    One that is newer is written into the directory, by the Account Manager and behind the mail's
    back. A directory that does not answer says nothing.
    """
    installation, address = account.installation, account.user.address
    try:
        entry = await account.konnektor.directory.find(operation, address)
    except LdapError:
        return False
    if entry.kim_version is None:
        return False
    newer = installation.own_version.is_news(address, entry.kim_version)
    if newer is not None:
        installation.background.start(_write(account, operation, entry, newer))
    return installation.own_version.is_outdated(address, entry.kim_version)


async def _write(
    account: Account, operation: Operation, entry: DirectoryEntry, version: KimVersion
) -> None:
    """Have the Account Manager write *version* (setAccount), as the card that owns the account.

    SMTP user names have no UserId: the HBA of an account cannot be used here, and its version is
    written when the administration module is next used.
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
