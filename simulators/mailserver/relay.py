"""Mail to other domains: a durable queue, connections kept open, retries, and the bounce."""

from __future__ import annotations

import asyncio
import heapq
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from simulators.formats.dsn import RecipientReport
from simulators.process.errors import one_line
from simulators.process.faults import DROP
from simulators.process.resolver import NamesUnavailable, NoSuchName
from simulators.process.tls import client_context

from . import faults, reports
from .database import StoreError
from .envelope import Envelope, Recipient, dump, load
from .provider import Provider
from .reports import Reports, Subject
from .smtp_client import Outcome, ProtocolError, SmtpClient, Target
from .stored import NewMail, QueuedRelay

CONNECTION_ERRORS = (OSError, ssl.SSLError, ProtocolError, asyncio.IncompleteReadError)
EXPIRED = "4.4.7"


class Relay:
    """Hands the queue's mails to the servers of other domains."""

    def __init__(self, provider: Provider, reports_: Reports) -> None:
        self._provider = provider
        self._reports = reports_
        self._context = client_context(provider.settings.ca, provider.settings.tls)
        self._destinations: dict[str, _Destination] = {}
        self._unsettled: dict[int, Outcome] = {}
        self._stopped = False
        provider.process.clock.on_change(self._wake)

    def offer(self, queued: Sequence[QueuedRelay]) -> None:
        """Take entries that were just stored in the queue, or were found in it."""
        for entry in queued:
            destination = self._destinations.get(entry.domain)
            if destination is None:
                destination = self._destinations[entry.domain] = _Destination()
            destination.add(entry)
            self._start_worker(entry.domain, destination)

    async def take_over(self) -> None:
        """Go on looking for the queue of a process that has ended, on a shared database."""
        stopping = self._provider.process.stopping
        while not stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._provider.settings.relay.takeover_seconds):
                    await stopping.wait()
            try:
                self.offer(await self._provider.store.take_over())
            except StoreError as error:
                self._provider.process.log.error("taking over: %s", error)

    def forget(self) -> None:
        """Drop entries and connections, for the queue in the store is being emptied."""
        self._provider.routing.forget()
        for destination in self._destinations.values():
            destination.waiting.clear()
            for worker in destination.workers:
                worker.cancel()
        self._destinations = {}
        self._unsettled.clear()

    async def stop(self) -> None:
        """End the workers; what was not handed over stays in the queue."""
        self._stopped = True
        workers = [w for d in self._destinations.values() for w in d.workers]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    def _wake(self) -> None:
        for destination in self._destinations.values():
            destination.news.set()

    def _start_worker(self, domain: str, destination: _Destination) -> None:
        destination.news.set()
        enough = destination.idle >= len(destination.waiting)
        if self._stopped or enough:
            return
        if len(destination.workers) < self._provider.settings.relay.connections:
            worker = asyncio.get_running_loop().create_task(self._work(domain, destination))
            destination.workers.add(worker)
            worker.add_done_callback(lambda done: self._ended(domain, destination, done))

    def _ended(self, domain: str, destination: _Destination, worker: asyncio.Task[None]) -> None:
        destination.workers.discard(worker)
        if not worker.cancelled() and worker.exception() is not None:
            self._provider.process.log.error("relay to %s", domain, exc_info=worker.exception())
        elif destination.waiting:  # came in while the worker said goodbye
            self._start_worker(domain, destination)

    async def _work(self, domain: str, destination: _Destination) -> None:
        """Hand over what is due for one domain, on one connection, until nothing is left."""
        line = _Line(domain, self._targets)
        try:
            while destination.waiting or line.is_open:
                entry = await self._next(destination, line)
                if entry is None:
                    continue
                try:
                    await self._hand_over(entry, line)
                except StoreError as error:  # disk full: the entry still is in the queue there
                    self._provider.process.log.error("relay to %s: %s", domain, error)
                    destination.add(replace(entry, due=self._due(entry.attempts)))
                except Exception:  # a mistake of ours: the mail must not wait for a restart
                    self._provider.process.log.exception("relay to %s", domain)
                    line.abort()
                    destination.add(replace(entry, due=self._due(entry.attempts)))
            await line.close()
        finally:
            line.abort()

    async def _next(self, destination: _Destination, line: _Line) -> QueuedRelay | None:
        """Return the next entry that is due; None after a while, when *line* has been closed."""
        clock = self._provider.process.clock
        idle_seconds = self._provider.settings.relay.idle_seconds
        while True:
            now = clock.now().timestamp()
            if destination.waiting and self._is_due(destination.waiting[0][0], now):
                return heapq.heappop(destination.waiting)[2]
            destination.news.clear()
            wait = idle_seconds if line.is_open else None
            if destination.waiting:
                due = destination.waiting[0][0] - now
                wait = due if wait is None else min(wait, due)
            elif wait is None:
                return None
            destination.idle += 1
            try:
                async with asyncio.timeout(wait):
                    await destination.news.wait()
            except TimeoutError:
                if line.is_open and wait == idle_seconds:
                    await line.close()
                    return None
            finally:
                destination.idle -= 1

    async def _targets(self, domain: str) -> list[Target]:
        settings = self._provider.settings
        return [
            Target(
                *(hop.host, hop.address, hop.port, self._context),
                *(settings.host_name, settings.relay.timeout_seconds),
            )
            for hop in await self._provider.routing.next_hops(domain)
        ]

    async def _hand_over(self, entry: QueuedRelay, line: _Line) -> None:
        mail = load(entry.envelope)
        content = await self._provider.store.content_of(entry)
        if not content.head:  # another process has emptied the queue or taken it over
            return
        subject = Subject(mail, content.head, content.message_id, entry.arrived)
        outcome = self._unsettled.pop(entry.id, None)
        if outcome is None:
            outcome = await self._outcome(entry, subject, content.size, line)
        try:
            await self._settle(entry, subject, outcome, line)
        except StoreError:  # what the other server has taken must not be sent again
            self._unsettled[entry.id] = outcome
            raise

    async def _outcome(
        self, entry: QueuedRelay, subject: Subject, size: int, line: _Line
    ) -> Outcome:
        try:
            return await self._attempt(entry, subject, size, line)
        except CONNECTION_ERRORS as error:
            line.abort()
            text = f"{faults.UNREACHABLE.text}: {one_line(str(error), 200) or type(error).__name__}"
            addresses = (recipient.address for recipient in subject.envelope.recipients)
            return dict.fromkeys(addresses, faults.UNREACHABLE.saying(text))

    async def _attempt(
        self, entry: QueuedRelay, subject: Subject, size: int, line: _Line
    ) -> Outcome:
        mail = subject.envelope
        addresses = [recipient.address for recipient in mail.recipients]
        effect = await self._provider.fault(
            "relay",
            domain=entry.domain,
            sender=mail.sender.lower(),
            message_id=subject.message_id,
        )
        if effect is not None and effect.kind == DROP:
            raise ConnectionResetError("dropped on purpose")
        if effect is not None and effect.kind == faults.REPLY:
            return dict.fromkeys(addresses, faults.reply_of(effect))
        used_before = line.is_open
        try:
            return await self._send(entry, mail, size, line)
        except NoSuchName:
            return dict.fromkeys(addresses, faults.UNKNOWN_DOMAIN)
        except NamesUnavailable as error:
            reply = faults.NAMES_UNAVAILABLE
            return dict.fromkeys(addresses, reply.saying(f"{reply.text}: {error}"))
        except CONNECTION_ERRORS:
            if not used_before:
                raise
        line.abort()  # the other side had closed an idle connection: once more, afresh
        return await self._send(entry, mail, size, line)

    async def _send(self, entry: QueuedRelay, mail: Envelope, size: int, line: _Line) -> Outcome:
        client = await line.client()
        parts = self._provider.store.content_parts
        seven_bit = mail.eight_bit and "8BITMIME" not in client.extensions
        if seven_bit and not all([part.isascii() async for part in parts(entry.content)]):
            return dict.fromkeys((r.address for r in mail.recipients), faults.EIGHT_BIT)
        return await client.send(mail, size, parts(entry.content))

    async def _settle(
        self, entry: QueuedRelay, subject: Subject, outcome: Outcome, line: _Line
    ) -> None:
        """Write down what became of each recipient, and report it, in one transaction."""
        expired = self._expired(entry)
        told: list[RecipientReport] = []
        left: list[Recipient] = []
        for recipient in subject.envelope.recipients:
            reply = outcome[recipient.address]
            if reply.positive:
                if "SUCCESS" in recipient.notify and not line.reports_delivery:
                    told.append(reports.relayed(recipient))
            elif reply.code < 500 and not expired:
                left.append(recipient)
            elif "FAILURE" in recipient.notify:
                status = reply.status if reply.code >= 500 else EXPIRED
                told.append(reports.failed(recipient, status, str(reply)))
        report = self._reports.write(subject, told)
        mails: list[NewMail] = [] if report is None else [report]
        if left:
            due = self._due(entry.attempts)
            envelope = dump(subject.envelope, left)
            queued = await self._provider.store.postpone(entry, mails, envelope=envelope, due=due)
        else:
            queued = await self._provider.store.add(mails, done=entry)
        self._note(entry, subject, outcome, left)
        if report is not None:
            self._reports.sent(subject, report, told)
        self.offer(queued)

    def _note(
        self, entry: QueuedRelay, subject: Subject, outcome: Outcome, left: list[Recipient]
    ) -> None:
        positive = any(reply.positive for reply in outcome.values())
        step = "relayed" if positive else "relay.postponed" if left else "relay.failed"
        self._provider.process.journal.record(
            step,
            peer="provider",
            message_id=subject.message_id,
            domain=entry.domain,
            attempt=entry.attempts + 1,
            replies={address: str(reply) for address, reply in outcome.items()},
        )

    def _expired(self, entry: QueuedRelay) -> bool:
        now = self._provider.process.clock.now().timestamp()
        return now - entry.arrived >= self._provider.settings.relay.give_up_seconds

    def _is_due(self, due: float, now: float) -> bool:
        """Tell whether *due* is over, or so far ahead that the clock was set back meanwhile."""
        return due <= now or due - now > self._provider.settings.relay.longest_retry_seconds

    def _due(self, attempts: int) -> float:
        """Return when an entry is tried again after so many earlier attempts."""
        settings = self._provider.settings.relay
        pause: float = settings.first_retry_seconds * 2.0 ** min(attempts, 30)
        now = self._provider.process.clock.now().timestamp()
        return now + min(pause, settings.longest_retry_seconds)


class _Destination:
    """What waits for one domain, in the order in which it is due, and who works on it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, int, QueuedRelay]] = []
        self.workers: set[asyncio.Task[None]] = set()
        self.idle = 0
        self.news = asyncio.Event()

    def add(self, entry: QueuedRelay) -> None:
        heapq.heappush(self.waiting, (entry.due, entry.id, entry))


class _Line:
    """The connection of one worker: opened when needed, kept for the next mail."""

    def __init__(self, domain: str, targets: Callable[[str], Awaitable[list[Target]]]) -> None:
        self.reports_delivery = True
        self._domain = domain
        self._targets = targets
        self._client: SmtpClient | None = None

    @property
    def is_open(self) -> bool:
        return self._client is not None

    async def client(self) -> SmtpClient:
        """Return the open connection, or one to the first server that answers (RFC 5321, 5.1).

        Raises NoSuchName, NamesUnavailable, and what the last of the servers failed by.
        """
        if self._client is None:
            *others, last = await self._targets(self._domain)
            for target in others:
                with suppress(*CONNECTION_ERRORS):
                    return self._opened(await SmtpClient.connect(target))
            return self._opened(await SmtpClient.connect(last))
        return self._client

    def _opened(self, client: SmtpClient) -> SmtpClient:
        self._client = client
        self.reports_delivery = "DSN" in client.extensions
        return client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(TimeoutError):
                await client.quit()

    def abort(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.abort()
