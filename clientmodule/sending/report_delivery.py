"""The client module's own DSNs on their way to the sender, through the provider."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..konnektor.konnektor import Konnektor
from ..mta import MailEnvelope, Mta, Recipient, connect
from ..provider import LoginRefused
from ..user_name import UserName

if TYPE_CHECKING:
    from ..installation import Installation
    from ..operation import Operation

SECONDS: Final = 30.0
"""How long a report may keep the client system from the answer to its mail."""
MOST_WAITING: Final = 100
MOST_ACCOUNTS: Final = 1_000
TRANSIENT: Final = range(400, 500)


@dataclass(frozen=True)
class Account:
    """Whose reports they are: what it takes to reach the provider again."""

    installation: Installation
    konnektor: Konnektor
    user: UserName
    password: str


class Reports:
    """Hands DSNs to the MTA; one that cannot be handed over waits in memory for the next chance.

    What becomes of a report changes nothing for the mail that it is about: that was taken by the
    MTA, and a client system that were told of an error would send it twice. The next chance is a
    connection of its own at once, then every mail of the same account. Nothing is written to a
    disk (KOM-LE-A_2005), so that the end of the process loses what still waits.
    """

    def __init__(self, *, mail_from: str) -> None:
        self._mail_from = mail_from
        self._waiting: OrderedDict[str, deque[tuple[str, bytes]]] = OrderedDict()

    def forget(self) -> None:
        """Throw away what waits."""
        self._waiting.clear()

    async def send(
        self, account: Account, operation: Operation, mta: Mta, *, to: str, report: bytes
    ) -> None:
        """Send *report* to the address *to* over *mta*, which is given up if that fails."""
        self._put(account, to, report)
        await self.deliver(account, operation, mta)
        if self._waiting_for(account):
            work = self._on_another_connection(account, operation)
            account.installation.background.start(work)

    async def deliver(self, account: Account, operation: Operation, mta: Mta) -> None:
        """Hand over what waits for *account*; what the MTA refuses for good is dropped."""
        while waiting := self._waiting_for(account):
            to, report = waiting.popleft()
            if not await self._transmit(operation, mta, to, report):
                self._put(account, to, report)  # the queue may be another one by now
                return

    async def _transmit(self, operation: Operation, mta: Mta, to: str, report: bytes) -> bool:
        envelope = MailEnvelope(self._mail_from, (), (Recipient(to),))
        try:
            with operation.step("DeliveryReport", peer="provider") as data:
                async with asyncio.timeout(SECONDS):
                    transmission = await mta.transmit(envelope, report)
                data["code"] = transmission.reply.code
        except (ConnectionError, TimeoutError):
            await mta.stream.close()  # nobody knows what it would answer next
            return False
        if not transmission.reply.positive:
            operation.error(f"DeliveryReport: the MTA answered {transmission.reply.code}")
        return transmission.reply.code not in TRANSIENT

    async def _on_another_connection(self, account: Account, operation: Operation) -> None:
        try:
            mta = await connect(
                account.installation,
                operation,
                account.konnektor,
                account.user,
                account.password,
            )
        except (ConnectionError, TimeoutError, LoginRefused) as error:
            operation.error(f"DeliveryReport: {type(error).__name__}")
            return
        try:
            await self.deliver(account, operation, mta)
        finally:
            await mta.stream.close()

    def _put(self, account: Account, to: str, report: bytes) -> None:
        key = account.user.address.lower()
        waiting = self._waiting.setdefault(key, deque(maxlen=MOST_WAITING))
        waiting.append((to, report))
        self._waiting.move_to_end(key)
        while len(self._waiting) > MOST_ACCOUNTS:
            self._waiting.popitem(last=False)

    def _waiting_for(self, account: Account) -> deque[tuple[str, bytes]]:
        key = account.user.address.lower()
        waiting = self._waiting.get(key)
        if waiting is not None and not waiting:
            del self._waiting[key]
        return waiting or deque()
