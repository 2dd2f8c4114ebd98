"""What happens to a mail that came in whole: judged, stored or queued, reported; then accepted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import format_datetime
from functools import partial
from time import perf_counter

from simulators.formats.headers import Headers
from simulators.process.errors import one_line
from simulators.process.faults import DROP, Effect

from . import faults
from .database import StoreError
from .envelope import Envelope, Recipient, Refused, dump
from .faults import Reply
from .intake import Received
from .originator import broken_rule
from .out_of_office import OutOfOffice, remember
from .provider import Provider
from .relay import Relay
from .reports import Reports, Subject, delivered, failed, header_block
from .store import NoRoom
from .stored import NewDelivery, NewMail, NewRelay
from .tampering import alter

MAX_HOPS = 50
_UNPRINTABLE = re.compile(r"[^A-Za-z0-9.:\[\]-]")


@dataclass(frozen=True)
class Origin:
    """Who handed a mail in: the logged-in ``user`` (None for a provider), EHLO name, address."""

    user: str | None
    helo: str
    host: str

    @property
    def peer(self) -> str:
        """The other side's role, as the journal names it."""
        return "provider" if self.user is None else "clientmodule"


@dataclass(frozen=True)
class _Incoming:
    mail: Envelope
    received: Received
    headers: Headers
    origin: Origin
    subject: Subject


class Delivery:
    """Takes accepted mails to mailboxes and to the relay."""

    def __init__(
        self, provider: Provider, relay: Relay, reports: Reports, out_of_office: OutOfOffice
    ) -> None:
        self._provider = provider
        self._relay = relay
        self._reports = reports
        self._out_of_office = out_of_office

    def originator_refusal(self, requirement: str, reason: str) -> Reply:
        """Return the answer to a breach of *requirement* (A_23421 or A_23422)."""
        refusal = self._provider.settings.originator_refusal
        return Reply(refusal.code, refusal.status, f"{requirement}: {reason}")

    async def check_reachable(self, recipient: Recipient, size: int) -> None:
        """Raise Refused for a recipient that this server can neither store for nor relay to."""
        settings = self._provider.settings
        if recipient.domain != settings.domain:
            if not await self._provider.routing.is_known(recipient.domain):
                raise Refused(faults.UNKNOWN_DOMAIN)
            return
        if self._provider.accounts.receiver(recipient.address) is None:  # KOM-LE-A_2149
            raise Refused(faults.UNKNOWN_RECIPIENT)
        if not await self._has_room(recipient, size):
            raise Refused(faults.MAILBOX_FULL)

    async def _has_room(self, recipient: Recipient, size: int) -> bool:
        """Tell whether the recipient's quota leaves room for a mail of *size* and its trace.

        Asked at RCPT with what the sender announces, and again when the size is known.
        """
        account = self._provider.accounts.find(recipient.address)
        if account is None:
            return False
        remaining = await self._provider.accounts.remaining(account)
        return remaining is None or remaining > size

    async def accept(self, mail: Envelope, received: Received, origin: Origin) -> Reply | None:
        """Store the mail for its recipients; return the reply to DATA.

        The reply is positive only when everything is on the disk: mailboxes, queue and the
        reports that were asked for (NOTIFY=SUCCESS, KOM-LE-A_2147) in one transaction. None
        means that a fault cuts the connection; then nothing is stored.
        """
        started = perf_counter()
        headers = Headers.parse(header_block(received.head))
        message_id = headers.get("Message-ID")
        message_id = one_line(message_id.strip(), 998) if message_id else None
        now = self._provider.process.clock.now().timestamp()
        subject = Subject(mail, received.head, message_id, now)
        incoming = _Incoming(mail, received, headers, origin, subject)
        refusal = self._judge(incoming)
        if refusal is None:
            refusal = await self._store(incoming)
        if refusal is not faults.ACCEPTED and received.content is not None:
            await self._provider.store.discard(received.content)
        self._provider.process.journal.record(
            "smtp.accepted" if refusal is faults.ACCEPTED else "smtp.refused",
            peer=origin.peer,
            message_id=message_id,
            milliseconds=(perf_counter() - started) * 1000,
            sender=mail.sender,
            recipients=[recipient.address for recipient in mail.recipients],
            size=received.size,
            reply=str(refusal) if refusal is not None else "dropped",
        )
        return refusal

    def _judge(self, incoming: _Incoming) -> Reply | None:
        if len(incoming.headers.get_all("Received")) > MAX_HOPS:
            return faults.ROUTING_LOOP
        if incoming.origin.user is None:
            return None
        recipients = [recipient.address for recipient in incoming.mail.recipients]
        broken = broken_rule(
            incoming.headers, incoming.mail.sender, recipients, incoming.origin.user
        )
        return None if broken is None else self.originator_refusal("A_23422", broken)

    async def _store(
        self, incoming: _Incoming, no_room: frozenset[str] = frozenset()
    ) -> Reply | None:
        """Store the mail for all but the full mailboxes; those of *no_room* are known to be."""
        own = self._provider.settings.domain
        local = [r for r in incoming.mail.recipients if r.domain == own]
        full = [
            r
            for r in local
            if r.address.lower() in no_room or not await self._has_room(r, incoming.received.size)
        ]
        if full and len(full) == len(incoming.mail.recipients):
            return faults.MAILBOX_FULL
        local = [r for r in local if r not in full]
        main = self._main(incoming)
        mails = [main]
        prefix = f"Return-Path: <{incoming.mail.sender}>\r\n".encode()
        for recipient in local:
            room = await self._provider.accounts.room_for_mails(recipient.address)
            delivery = NewDelivery(recipient.address.lower(), prefix, room)
            effect = await self._fault(incoming, recipient)
            if effect is None:
                main.deliveries.append(delivery)
            elif effect.kind == DROP:
                return None
            elif effect.kind == faults.REPLY:
                return faults.reply_of(effect)
            else:
                mails.append(await self._altered(incoming, main, effect, delivery))
        if not main.deliveries and not main.relays:
            mails.remove(main)
        outcomes = [delivered(r) for r in local if "SUCCESS" in r.notify]
        why = faults.MAILBOX_FULL
        outcomes += [failed(r, why.status, str(why)) for r in full if "FAILURE" in r.notify]
        report = self._reports.write(incoming.subject, outcomes)
        told = self._out_of_office.answers(
            incoming.mail.sender,
            incoming.headers,
            incoming.subject.message_id,
            [recipient.address for recipient in local],
        )
        written = [*mails, *([report] if report else []), *(one.mail for one in told)]
        try:
            queued = await self._provider.store.add(
                written, also=partial(remember, answers=told) if told else None
            )
        except NoRoom as error:  # mails that came at the same time were quicker
            self._out_of_office.take_back(told)
            return await self._store(incoming, no_room | {error.mailbox})
        except StoreError as error:
            self._out_of_office.take_back(told)
            self._provider.process.log.error("a mail cannot be stored: %s", error)
            return faults.of_store(error)
        if main not in mails and main.content is not None:
            await self._provider.store.discard(main.content)
        self._relay.offer(queued)
        self._note(mails)
        if report is not None:
            self._reports.sent(incoming.subject, report, outcomes)
        self._out_of_office.sent(told, incoming.subject.message_id)
        return faults.ACCEPTED

    def _note(self, mails: list[NewMail]) -> None:
        for mail in mails:
            for stored in mail.deliveries:
                self._provider.process.journal.record(
                    "stored", message_id=mail.message_id, mailbox=stored.mailbox
                )

    def _main(self, incoming: _Incoming) -> NewMail:
        trace = self._trace(incoming.origin)
        received = incoming.received
        main = NewMail(
            trace + received.head,
            incoming.subject.message_id,
            incoming.subject.arrived,
            received.size + len(trace),
            received.content,
        )
        elsewhere: dict[str, list[Recipient]] = {}
        for recipient in incoming.mail.recipients:
            if recipient.domain != self._provider.settings.domain:
                elsewhere.setdefault(recipient.domain, []).append(recipient)
        main.relays = [
            NewRelay(domain, dump(incoming.mail, recipients))
            for domain, recipients in elsewhere.items()
        ]
        return main

    def _trace(self, origin: Origin) -> bytes:
        process = self._provider.process
        number = process.randomness.stream("received").getrandbits(64)
        protocol = "ESMTPS" if origin.user is None else "ESMTPSA"
        helo = _UNPRINTABLE.sub("?", origin.helo[:255])
        return (
            f"Received: from {helo} ([{origin.host}])\r\n"
            f" by {self._provider.settings.host_name} with {protocol} id {number:016x};\r\n"
            f" {format_datetime(process.clock.now())}\r\n"
        ).encode()

    async def _fault(self, incoming: _Incoming, recipient: Recipient) -> Effect | None:
        return await self._provider.fault(
            "store",
            recipient=recipient.address.lower(),
            sender=incoming.mail.sender.lower(),
            message_id=incoming.subject.message_id,
            dienstkennung=incoming.headers.get("X-KIM-Dienstkennung"),
        )

    async def _altered(
        self, incoming: _Incoming, main: NewMail, effect: Effect, delivery: NewDelivery
    ) -> NewMail:
        content = main.head
        if incoming.received.content is not None:
            parts = self._provider.store.parts(incoming.received.content)
            content += b"".join([part async for part in parts])
        altered = await self._provider.process.in_thread(alter, content, effect)
        return NewMail(altered, main.message_id, main.received, deliveries=[delivery])
