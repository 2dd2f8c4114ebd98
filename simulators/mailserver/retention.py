"""How long mails are kept: dataTimeToLive of their account, by the virtual clock."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from .account import Account
from .database import StoreError
from .deletion_notice import deletion_notice
from .provider import Provider
from .stored import StoredMail

DAY_SECONDS = 86_400
LONGEST_WAIT_SECONDS = 60.0
"""When to look again even if no mail was due: somebody may have shortened his dataTimeToLive."""


class Retention:
    """Deletes mails whose time is over; 90 days by default, 10 to 365 (AccountManager 2.4)."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._look = asyncio.Event()
        provider.process.clock.on_change(self._look.set)

    async def run(self) -> None:
        """Delete what is due, now and whenever something becomes due, until cancelled."""
        while True:
            self._look.clear()
            wait = LONGEST_WAIT_SECONDS
            try:
                wait = min(wait, await self._sweep())
            except StoreError as error:
                self._provider.process.log.error("old mails cannot be deleted: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._look.wait()

    async def mails(self, account: Account) -> list[StoredMail]:
        """Return the mails of *account* whose time is not over; delete the others."""
        mails = await self._provider.store.mails(account.address)
        limit = self._limit(account)
        if all(mail.received > limit for mail in mails):
            return mails
        await self._delete(account, [mail for mail in mails if mail.received <= limit])
        return [mail for mail in mails if mail.received > limit]

    async def _sweep(self) -> float:
        """Delete what is due; return in how many seconds the next mail will be."""
        oldest = await self._provider.store.oldest()
        wait = LONGEST_WAIT_SECONDS
        for account in self._provider.accounts.all():
            received = oldest.get(account.address)
            if received is None:
                continue
            if received <= self._limit(account):
                await self.mails(account)
            else:
                wait = min(wait, received - self._limit(account))
        return wait

    def _limit(self, account: Account) -> float:
        """Return when the youngest mails came that are not to be kept any more."""
        now = self._provider.process.clock.now().timestamp()
        return now - account.data_time_to_live * DAY_SECONDS

    async def _delete(self, account: Account, mails: list[StoredMail]) -> None:
        ids = [mail.id for mail in mails]
        deleted = await self._provider.store.delete(account.address, ids)
        gone = [mail for mail in mails if mail.id in deleted]  # or somebody else was quicker
        if self._provider.settings.deletion_notice:
            days = account.data_time_to_live
            notice = deletion_notice(self._provider, account.address, days, gone)
            await self._provider.store.add([notice] if notice else [])
        for mail in gone:
            self._provider.process.journal.record(
                "retention.deleted", message_id=mail.message_id, mailbox=account.address
            )
