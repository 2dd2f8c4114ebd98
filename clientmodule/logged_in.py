"""Who has just logged in: context, password and provider are at hand at that moment alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .konnektor.konnektor import Konnektor
from .user_name import UserName


@dataclass(frozen=True)
class LoggedIn:
    """A client system whose login the provider has accepted, by SMTP or POP3."""

    konnektor: Konnektor
    user: UserName
    password: str = field(repr=False)
    by_smtp: bool


LoginListener = Callable[[LoggedIn], None]
"""Is told of every login; it must not wait for anything."""
