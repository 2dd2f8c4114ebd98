"""From AUTH to a logged-in connection at the MTA (KOM-LE-A_2010 to 2015-01)."""

from __future__ import annotations

import asyncio

from . import faults
from .faults import Reply
from .installation import Installation
from .konnektor.faults import CONTEXT_REFUSED, KonnektorError, KonnektorFault
from .konnektor.konnektor import Konnektor
from .logged_in import LoggedIn
from .mta import Mta, connect
from .operation import Operation
from .provider import LoginRefused
from .sending.session import Session
from .user_name import UserName, UserNameError, read_smtp


class LoginFailed(Exception):
    """The login ends with ``reply``."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


async def log_in(
    installation: Installation, operation: Operation, user_name: str, password: str
) -> Session:
    """Return a session for *user_name*: its context is checked while the MTA is connected.

    Raises LoginFailed with the reply of Tab_SMTP_Verbindung.
    """
    try:
        user = read_smtp(user_name)
        konnektor = installation.konnektor(user)
    except UserNameError as error:
        operation.error(f"Login: {error}")
        raise LoginFailed(faults.BAD_USER_NAME) from None
    context, server = await asyncio.gather(
        check_context(operation, konnektor, user),
        connect(installation, operation, konnektor, user, password),
        return_exceptions=True,
    )
    if isinstance(context, BaseException) or isinstance(server, BaseException):
        if isinstance(server, Mta):
            await server.stream.close()
        raise _failure(context, server)
    konnektor.job_numbers.prepare(operation, user.context)
    installation.logged_in(LoggedIn(konnektor, user, password, by_smtp=True))
    return Session(installation, konnektor, user, password, server)


async def check_context(operation: Operation, konnektor: Konnektor, user: UserName) -> None:
    """Ask for the context's cards. Raises KonnektorFault only for a context that is refused.

    A Konnektor that does not work now is met again, and told, when a mail needs it.
    """
    try:
        await konnektor.cards.refresh(operation, user.context)
    except KonnektorFault as fault:
        if fault.code in CONTEXT_REFUSED:
            raise
    except KonnektorError:
        pass


def _failure(context: object, server: object) -> BaseException:
    for outcome in (context, server):
        if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
            return outcome
    if isinstance(context, KonnektorFault):
        return LoginFailed(faults.BAD_CONTEXT)
    if isinstance(context, BaseException):
        return context
    if isinstance(server, LoginRefused):
        return LoginFailed(faults.LOGIN_REFUSED)
    if isinstance(server, (ConnectionError, TimeoutError)):
        return LoginFailed(faults.MTA_UNREACHABLE)
    assert isinstance(server, BaseException)
    return server
