"""Accounts come and go: registered by a card with the code of an order, deregistered, ended."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from simulators.formats.kv_addresses import bsnr

from .. import faults
from ..account import Account
from ..address_rules import broken_rule, is_member
from ..database import Conflict, Connection
from ..faults import RestRefused
from ..out_of_office import OutOfOffice, forget_note
from ..passwords import hash_password
from ..provider import Provider
from .account_data import AccountData
from .authentication import Caller
from .begun import BegunListings, forgotten
from .directory import Directory, Listing
from .one_time_passwords import forget_otp
from .settings import AccountManagerSettings, RegistrationCode
from .turns import Turns

DEFAULT_KIM_VERSION = "1.5"
DEFAULT_DATA_TIME_TO_LIVE = 90
DEFAULT_MAX_MAIL_SIZE = 734_003_200


class Registration:
    """registerAccount, setAccount, deregisterAccount, revokeDeregistration.

    The directory is written before the store: if it refuses, nothing has happened; if the store
    fails then, the directory is put back; ``begun`` knows what was cut off in between.
    """

    def __init__(
        self,
        provider: Provider,
        settings: AccountManagerSettings,
        directory: Directory | None,
        out_of_office: OutOfOffice,
        turns: Turns,
    ) -> None:
        self._out_of_office = out_of_office
        self.turns = turns
        self.begun = BegunListings(provider, directory, turns)
        self._provider = provider
        self._settings = settings
        self._directory = directory
        self._codes = {code.reference_id: code for code in settings.codes}
        self._busy: set[str] = set()

    async def register(self, caller: Caller, data: AccountData, initial_password: str) -> Account:
        """Register an account; raises RestRefused (400, 401, 409, 420, 422, 423, 502)."""
        code = self._code(caller, data, initial_password)
        if data.username is None:
            raise RestRefused(faults.REST_INPUT.saying("username: missing"))
        password = initial_password if data.password is None else data.password
        self._check_rules(caller, data.username, code)
        self.check_password(password)
        version = self._kim_version(data) or DEFAULT_KIM_VERSION
        given = self._limits()
        async with self._alone(data.username, caller.telematik_id):
            self.check_owner(caller)
            if self._provider.accounts.is_taken(
                data.username,
                caller.telematik_id,
                for_ever=self._provider.settings.profile.addresses_given_once,
            ):
                raise RestRefused(faults.REST_TAKEN)
            account = Account(
                address=data.username.lower(),
                telematik_id=caller.telematik_id,
                password=await self._provider.process.in_thread(hash_password, password),
                data_time_to_live=data.data_time_to_live or DEFAULT_DATA_TIME_TO_LIVE,
                max_mail_size=given[0],
                quota=given[1],
                kim_version=version,
                reference_id=data.reference_id or "",
                in_directory=not data.no_vzd_mail_entry,
                spelling=data.username,
            )
            await self.begun.note(account.address, account.telematik_id)
            await self._list(account)
            try:
                await self._provider.accounts.add(
                    account, "registered", forgotten(account.address, account.telematik_id)
                )
            except Conflict:  # another process on the same database was faster
                await self._provider.accounts.load()
                taken = self._provider.accounts.find(account.address)
                if taken is None or taken.telematik_id != account.telematik_id:
                    await self._unlist(account)
                raise RestRefused(faults.REST_TAKEN) from None
            except BaseException:
                await self._unlist(account)
                raise
        self._note("registered", account)
        return account

    async def change(self, account: Account, data: AccountData) -> None:
        """Change what *data* says; raises RestRefused (420, 422, 423, 502).

        referenceID and username cannot be changed: they are passed over.
        """
        changed = account
        if data.password is not None:
            self.check_password(data.password)
        version = self._kim_version(data)
        if version is not None:
            changed = replace(changed, kim_version=version)
        if data.data_time_to_live is not None:
            changed = replace(changed, data_time_to_live=data.data_time_to_live)
        if data.no_vzd_mail_entry is not None:
            changed = replace(changed, in_directory=not data.no_vzd_mail_entry)
        if data.password is not None:
            hashed = await self._provider.process.in_thread(hash_password, data.password)
            changed = replace(changed, password=hashed)
        listed = (changed.kim_version, changed.in_directory)
        is_new = listed != (account.kim_version, account.in_directory)
        if is_new and account.deregistered is None:
            await self.begun.note(account.address, account.telematik_id)
            await self._list(changed)
        try:
            await self._store(changed, "changed")
        except BaseException:
            if is_new and account.deregistered is None:
                await self._relist(account)
            raise
        self._note("changed", changed)

    async def deregister(self, account: Account) -> None:
        """Take the account out of the directory and let it end; raises RestRefused (502).

        A second time changes nothing, the end stays as it was confirmed (unconfirmed).
        """
        if account.deregistered is not None:
            return
        now = self._provider.process.clock.now()
        end = now + timedelta(days=self._settings.deregistration_days)
        ending = replace(account, deregistered=float(int(end.timestamp())))
        await self.begun.note(account.address, account.telematik_id)
        if self._directory is not None:
            await self._directory.remove(account.telematik_id, account.address)
        try:
            await self._store(ending, "deregistered")
        except BaseException:
            await self._relist(account)
            raise
        self._note("deregistered", ending)

    async def revoke(self, account: Account) -> None:
        """Take a deregistration back; raises RestRefused (403, 423, 502)."""
        if account.deregistered is None:
            raise RestRefused(faults.REST_NOT_DEREGISTERED)
        registered = replace(account, deregistered=None)
        await self.begun.note(account.address, account.telematik_id)
        await self._list(registered)
        try:
            await self._store(registered, "revoked")
        except BaseException:
            await self._unlist(registered)
            raise
        self._note("revoked", registered)

    async def certified(self, account: Account) -> None:
        """Note that *account* has got a client certificate."""
        if not account.certified:
            await self._provider.accounts.change(replace(account, certified=True))

    async def end_what_is_over(self) -> None:
        """End the accounts whose last day is over, with all their data (KOM-LE-A_2155)."""
        for account in self._provider.accounts.all():
            if not self._provider.accounts.is_over(account):
                continue
            store = self._provider.store
            mails = await store.mails(account.address)
            await store.delete(account.address, [mail.id for mail in mails])

            def forget(connection: Connection, address: str = account.address) -> None:
                forget_note(connection, address)
                forget_otp(connection, address)

            await self._provider.accounts.end(account, forget)
            self._out_of_office.forget(account.address)
            self._note("ended", account)

    def next_end(self) -> float | None:
        """Return when the next account ends, in virtual epoch seconds."""
        ends = [a.deregistered for a in self._provider.accounts.all() if a.deregistered is not None]
        return min(ends, default=None)

    def check_password(self, password: str) -> None:
        """Raise RestRefused (420) for a password that breaks the rule (KOM-LE-A_2163)."""
        profile = self._provider.settings.profile
        if not profile.accepts_password(password):
            text = f"The password does not comply with the rules: {profile.password_display}"
            raise RestRefused(faults.REST_RULES.saying(text))

    def check_owner(self, caller: Caller) -> None:
        """Raise RestRefused (400) if the card has as many addresses as one identity may have.

        Unconfirmed: that this is a 400; the OpenAPI has no status of its own for it.
        """
        most = self._provider.settings.profile.addresses_per_identity
        accounts = self._provider.accounts.all()
        held = sum(account.telematik_id == caller.telematik_id for account in accounts)
        if most is not None and held >= most:
            raise RestRefused(faults.REST_INPUT.saying(f"an identity has {most} addresses at most"))

    def check_member(self, caller: Caller) -> None:
        """Raise RestRefused (401) for a card whose holder this provider does not take."""
        areas = self._provider.settings.profile.areas
        if areas is not None and not is_member(areas, caller.certificate):
            raise RestRefused(
                faults.REST_UNAUTHORIZED.saying(
                    "Authentification failed: only members of a Kassenärztliche Vereinigung"
                )
            )

    def _code(
        self, caller: Caller, data: AccountData, initial_password: str
    ) -> RegistrationCode | None:
        """Return the code of the order (referenceID); raises RestRefused (401) for a wrong one."""
        profile = self._provider.settings.profile
        self.check_member(caller)
        code = self._codes.get(data.reference_id or "")
        if code is None:
            if profile.reference_id_required or data.reference_id:
                raise _unauthorized("the referenceID is missing or unknown")
            return None
        if code.telematik_ids and caller.telematik_id not in code.telematik_ids:
            raise _unauthorized("the referenceID belongs to another card")
        if profile.initial_password_required:
            expected = code.initial_password
            given = initial_password.encode()
            if expected is None or not hmac.compare_digest(
                expected.get_secret_value().encode(), given
            ):
                raise _unauthorized("iniPassword does not belong to the referenceID")
        return code

    def _check_rules(self, caller: Caller, username: str, code: RegistrationCode | None) -> None:
        local, _, domain = username.rpartition("@")
        settings = self._provider.settings
        if domain.lower() != settings.domain:
            raise RestRefused(
                faults.REST_RULES.saying(f"username: expected an address of {settings.domain}")
            )
        number = bsnr(caller.certificate) or (None if code is None else code.bsnr)
        broken = broken_rule(settings.profile, local, number)
        if broken is not None:
            raise RestRefused(faults.REST_RULES.saying(f"username: {broken}"))

    def _kim_version(self, data: AccountData) -> str | None:
        version = data.kim_version
        if version is not None and version not in self._provider.settings.profile.kim_versions:
            raise RestRefused(faults.REST_KIM_VERSION)
        return version

    def _limits(self) -> tuple[int, int | None]:
        """Return maximal mail size and quota, as the other accounts of the provider have them."""
        given = self._provider.settings.accounts
        return (given[0].max_mail_size, given[0].quota) if given else (DEFAULT_MAX_MAIL_SIZE, None)

    @asynccontextmanager
    async def _alone(self, address: str, telematik_id: str) -> AsyncIterator[None]:
        """Keep a second registration of *address* away (409) while one is under way.

        Those of one identity wait for each other: together they may not be too many.
        """
        key = address.lower()
        if key in self._busy:
            raise RestRefused(faults.REST_TAKEN)
        self._busy.add(key)
        try:
            async with self.turns.of(key), self.turns.of(telematik_id):
                yield
        finally:
            self._busy.discard(key)

    async def _store(self, account: Account, event: str) -> None:
        """Store a change that stands in the directory by now."""
        done = forgotten(account.address, account.telematik_id)
        await self._provider.accounts.change(account, event=event, also=done)

    async def _list(self, account: Account) -> None:
        if self._directory is not None:
            listing = Listing(account.shown, account.kim_version, not account.in_directory)
            await self._directory.put(account.telematik_id, listing)

    async def _relist(self, account: Account) -> None:
        with suppress(RestRefused):
            await asyncio.shield(self._list(account))

    async def _unlist(self, account: Account) -> None:
        if self._directory is not None:
            with suppress(RestRefused):
                await asyncio.shield(self._directory.remove(account.telematik_id, account.address))

    def _note(self, event: str, account: Account) -> None:
        """Log what became of an account (KOM-LE-A_2158), beside the log in the store."""
        self._provider.process.journal.record(
            f"account.{event}", user=account.address, telematik_id=account.telematik_id
        )
        self._provider.process.log.info("account %s: %s", event, account.address)


def _unauthorized(reason: str) -> RestRefused:
    return RestRefused(faults.REST_UNAUTHORIZED.saying(f"Authentification failed: {reason}"))
