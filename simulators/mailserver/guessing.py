"""Guessing passwords is slow: who has failed often waits before the next try is looked at."""

from __future__ import annotations

import asyncio

from .settings import FailedLoginSettings

FIRST_DELAY = 0.25
MAX_DOUBLINGS = 20


class Guessing:
    """Counts failed logins in a row of each account, for SMTP, POP3 and REST alike.

    The delay comes before the password is compared and holds for right ones, too: otherwise a
    guesser would know by the time. An account is never shut out by others' guesses, and the
    first right login sets its count back.
    """

    def __init__(self, settings: FailedLoginSettings) -> None:
        self._settings = settings
        self._failed: dict[str, int] = {}

    def delay(self, address: str) -> float:
        """Return for how many seconds the next login to *address* has to wait."""
        beyond = self._failed.get(address, 0) - self._settings.free
        if beyond < 0:
            return 0.0
        delay = FIRST_DELAY * (1 << min(beyond, MAX_DOUBLINGS))
        return min(self._settings.longest_delay_seconds, delay)

    async def wait(self, address: str) -> None:
        """Wait for as long as ``delay`` says."""
        seconds = self.delay(address)
        if seconds > 0:
            await asyncio.sleep(seconds)

    def note(self, address: str, *, right: bool) -> None:
        """Note how a login to *address* ended."""
        if right:
            self._failed.pop(address, None)
        else:
            self._failed[address] = self._failed.get(address, 0) + 1
