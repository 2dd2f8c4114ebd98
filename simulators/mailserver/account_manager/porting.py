"""Porting an address to another card: getOTP with the old one, setTID with the new one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from .. import faults
from ..account import Account
from ..database import Connection
from ..faults import RestRefused
from ..provider import Provider
from .authentication import Caller
from .begun import forgotten
from .directory import Directory, Listing
from .one_time_passwords import OneTimePasswords, OtpResult, forget_otp
from .registration import Registration
from .settings import AccountManagerSettings


class Porting:
    """getOTP and setTID: an address leaves the entry of one Telematik-ID for that of another."""

    def __init__(
        self,
        provider: Provider,
        settings: AccountManagerSettings,
        directory: Directory | None,
        passwords: OneTimePasswords,
        registration: Registration,
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._directory = directory
        self._passwords = passwords
        self._registration = registration

    async def issue(self, account: Account) -> str:
        """Return a new one-time password of *account*."""
        now = self._provider.process.clock.now()
        holds = timedelta(days=self._settings.otp_days)
        password = await self._passwords.issue(account.address, now, holds)
        self._provider.process.journal.record("account.otp", user=account.address)
        return password

    async def port(self, caller: Caller, account: Account, password: str) -> None:
        """Give *account* to the card of *caller*; raises RestRefused (400, 401, 403, 408, …)."""
        now = self._provider.process.clock.now()
        match await self._passwords.check(account.address, password, now):
            case OtpResult.WRONG:
                raise RestRefused(faults.REST_INVALID_OTP)
            case OtpResult.EXPIRED:
                raise RestRefused(faults.REST_OTP_EXPIRED)
        self._registration.check_member(caller)
        ported = replace(account, telematik_id=caller.telematik_id)
        async with self._registration.turns.of(caller.telematik_id):
            if caller.telematik_id != account.telematik_id:
                self._registration.check_owner(caller)
            await self._give(account, ported)
        self._provider.process.journal.record(
            "account.ported", user=account.address, telematik_id=ported.telematik_id
        )

    async def _give(self, account: Account, ported: Account) -> None:
        """Change directory and store; a failure leaves both as they were."""
        entries = account.telematik_id, ported.telematik_id
        await self._registration.begun.note(account.address, *entries)
        await self._move(account, ported)

        def forget(connection: Connection) -> None:
            forget_otp(connection, account.address)
            forgotten(account.address, *entries)(connection)

        try:
            await self._provider.accounts.change(ported, event="ported", also=forget)
        except BaseException:
            with suppress(RestRefused):
                await self._move(ported, account)
            raise

    async def _move(self, before: Account, after: Account) -> None:
        """Carry the address from one entry into the other; if that fails it stays in the first."""
        if self._directory is None or before.deregistered is not None:
            return
        listing = Listing(before.shown, before.kim_version, not before.in_directory)
        if before.telematik_id == after.telematik_id:
            await self._directory.put(after.telematik_id, listing)
            return
        await self._directory.put(after.telematik_id, listing)
        try:
            await self._directory.remove(before.telematik_id, before.address)
        except BaseException:
            with suppress(RestRefused):
                await self._directory.remove(after.telematik_id, before.address)
            raise
