"""The user names with which a mail client or PVS meets the client module, generated."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import DEFAULT_KONNEKTOR, MailServers
from ..user_name import PLACEHOLDER, SEPARATOR, CallContext, UserNameError, read_pop3, read_smtp
from . import faults


@dataclass(frozen=True)
class UserNames:
    """For outgoing mail (SMTP) and for incoming mail (POP3)."""

    smtp: str
    pop3: str


def user_names(
    address: str,
    servers: MailServers,
    context: CallContext,
    konnektor: str = DEFAULT_KONNEKTOR,
) -> UserNames:
    """Return both user names of *address* (A_21457, A_21517, A_21519-02, A_21518-02).

    ``address#host:port#MandantId#ClientsystemId#WorkplaceId``, for POP3 with the UserId, and with
    the KonnektorId where it is not the only one; ``*`` stands for what is not used in between.
    Raises AdministrationFault when a part cannot stand in a user name.
    """
    base = [context.mandant, context.clientsystem, context.workplace]
    named = [] if konnektor == DEFAULT_KONNEKTOR else [konnektor]
    user = context.user or (PLACEHOLDER if named else None)
    smtp = SEPARATOR.join([address, servers.smtp, *base, *named])
    pop3 = SEPARATOR.join([address, servers.pop3, *base, *([user] if user else []), *named])
    try:
        if any(SEPARATOR in part for part in (*base, *named, user or "")):
            raise UserNameError(f"{SEPARATOR} in a part")
        read_smtp(smtp)
        read_pop3(pop3)
    except UserNameError as error:
        raise faults.wrong_input("Benutzernamen", _german(str(error))) from None
    return UserNames(smtp, pop3)


def _german(reason: str) -> str:
    return (
        "aus Adresse und Aufrufkontext lässt sich kein Benutzername bilden "
        f"({reason}); prüfen Sie Mandant, Clientsystem, Arbeitsplatz und Benutzer"
    )
