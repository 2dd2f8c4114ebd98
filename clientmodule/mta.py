"""The client module as SMTP client of the provider (MTA)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .lines import CONTROLS, LineStream, LineTooLong, stuff
from .provider import LoginRefused, ProviderUnreachable

if TYPE_CHECKING:
    from .installation import Installation
    from .konnektor.konnektor import Konnektor
    from .operation import Operation
    from .user_name import UserName

MAX_REPLY_LINES = 100
DATA_STARTS = 354
QUIET_SECONDS = 60.0
"""How long the MTA hears nothing while a mail is read or its data are uploaded."""
HELO_NAME = "clientmodul.kim.telematik-test"


@dataclass(frozen=True)
class MtaReply:
    """A reply of the MTA: its code and all its lines as they came."""

    code: int
    raw: bytes

    @property
    def positive(self) -> bool:
        """Tell whether it is a 2xx."""
        return 200 <= self.code < 300

    @property
    def negative(self) -> bool:
        """Tell whether it is a 4xx or 5xx."""
        return 400 <= self.code < 600

    @property
    def text(self) -> str:
        """The last line, for a DSN's diagnostic code."""
        return self.raw.splitlines()[-1].decode("ascii", "replace")


@dataclass(frozen=True)
class Recipient:
    """A RCPT TO: address and the parameters that go on to the MTA (NOTIFY, ORCPT)."""

    address: str
    parameters: tuple[str, ...] = ()

    @property
    def original(self) -> str | None:
        """The value of ORCPT."""
        return _value(self.parameters, "ORCPT")

    @property
    def failure_is_reported(self) -> bool:
        """Tell whether the sender wants to hear of a failure: unless NOTIFY says otherwise.

        RFC 3461, 4.1, which KOM-LE-A_2024-01 and 2192-01 name for their reports.
        """
        wanted = _value(self.parameters, "NOTIFY")
        return wanted is None or "FAILURE" in wanted.upper().split(",")


@dataclass(frozen=True)
class MailEnvelope:
    """A MAIL FROM with the parameters that go on to the MTA (RET, ENVID), and its recipients."""

    sender: str
    parameters: tuple[str, ...] = ()
    recipients: tuple[Recipient, ...] = ()

    @property
    def envelope_id(self) -> str | None:
        """The value of ENVID."""
        return _value(self.parameters, "ENVID")


@dataclass
class Transmission:
    """How the MTA answered: the deciding reply, and the recipients it refused."""

    reply: MtaReply
    refused: list[tuple[Recipient, MtaReply]] = field(default_factory=list)


class Mta:
    """A logged-in connection to the MTA.

    Its methods raise ConnectionLost or TimeoutError (SMTP_TIMEOUT_SERVER).
    """

    def __init__(self, stream: LineStream) -> None:
        self.stream = stream
        self.in_doubt = False
        """Whether a mail was sent to whose end the MTA did not answer."""
        self._capabilities: dict[str, str] = {}

    async def log_in(self, user: str, password: str) -> None:
        """Greet and log in with PLAIN, else LOGIN (KOM-LE-A_2012, 2013).

        Raises ProviderUnreachable if it does not speak SMTP, LoginRefused.
        """
        if (await self.reply()).code != 220:
            raise ProviderUnreachable("no SMTP greeting")
        hello = await self.command(f"EHLO {HELO_NAME}")
        if not hello.positive:
            raise ProviderUnreachable("EHLO refused")
        for line in hello.raw.decode("ascii", "replace").splitlines()[1:]:
            keyword, _, rest = line[4:].partition(" ")
            self._capabilities[keyword.upper()] = rest.upper()
        mechanisms = self._capabilities.get("AUTH", "").split()
        if "PLAIN" in mechanisms or not mechanisms:
            secret = base64.b64encode(b"\0" + user.encode() + b"\0" + password.encode())
            answer = await self.command("AUTH PLAIN " + secret.decode("ascii"))
        else:
            answer = await self._auth_login(user, password)
        if not answer.positive:
            raise LoginRefused(answer.raw.rstrip())

    async def _auth_login(self, user: str, password: str) -> MtaReply:
        answer = await self.command("AUTH LOGIN")
        for secret in (user, password):
            if answer.code != 334:
                break
            answer = await self.command(base64.b64encode(secret.encode()).decode("ascii"))
        return answer

    async def command(self, line: str | bytes) -> MtaReply:
        """Send one line and return the reply to it."""
        content = line if isinstance(line, bytes) else line.encode("ascii", "replace")
        await self.stream.write(content + b"\r\n")
        return await self.reply()

    async def reply(self) -> MtaReply:
        """Read the next reply. Raises ConnectionLost if it is none.

        It goes on to the client system and into DSNs, without what would break their lines.
        """
        lines: list[bytes] = []
        while True:
            try:
                line = await self.stream.line()
            except LineTooLong:
                raise ProviderUnreachable("the MTA answers with endless lines") from None
            line = CONTROLS.sub(b" ", line)
            lines.append(line + b"\r\n")
            if not line[:3].isdigit() or len(lines) > MAX_REPLY_LINES:
                raise ProviderUnreachable("the MTA's answer is no SMTP")
            if line[3:4] != b"-":
                return MtaReply(int(line[:3]), b"".join(lines))

    @asynccontextmanager
    async def kept_alive(self, seconds: float = QUIET_SECONDS) -> AsyncIterator[None]:
        """Say NOOP every *seconds* while the block runs, in which nothing else is said.

        A large mail takes minutes to come and to be uploaded, and an MTA gives up who is silent
        for five (RFC 5321, 4.5.3.2.7). The block ends with ConnectionLost if the MTA is gone.
        """
        over = asyncio.Event()
        beating: list[asyncio.Task[None]] = []
        timer = asyncio.get_running_loop().call_later(
            seconds, lambda: beating.append(asyncio.create_task(self._beat(over, seconds)))
        )
        try:
            yield
        except asyncio.CancelledError:
            for task in beating:
                task.cancel()
            raise
        finally:
            timer.cancel()
            over.set()
            for task in beating:
                await task

    async def _beat(self, over: asyncio.Event, seconds: float) -> None:
        while not over.is_set():
            await self.command("NOOP")
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), seconds)

    async def transmit(self, envelope: MailEnvelope, message: bytes) -> Transmission:
        """Send *message*; MAIL, RCPT and DATA are pipelined where the MTA can (RFC 2920).

        The reply that decides is the one to DATA's content, or the first refusal if there is
        nobody left; the MTA has no transaction open afterwards. Raises ConnectionLost for another
        reply than SMTP has there: 250 to DATA would pass for a mail that is sent.
        """
        count = len(envelope.recipients)
        mail, *others = await self._begin(envelope, message)
        each, start = others[:count], others[count:]
        refused = [
            (recipient, reply)
            for recipient, reply in zip(envelope.recipients, each, strict=False)
            if not reply.positive
        ]
        left = mail.positive and len(refused) < count
        if left and start and start[0].code == DATA_STARTS:
            self.in_doubt = True
            await self.stream.write(stuff(message))
            reply = await self.reply()
            if not (reply.positive or reply.negative):
                raise ProviderUnreachable("the MTA does not say what becomes of the mail")
            self.in_doubt = False
            return Transmission(reply, refused)
        if start and start[0].code == DATA_STARTS:
            await self.command(".")  # RFC 2920, 3.1: it wants a mail for nobody
        await self.command("RSET")
        decides = mail if not mail.positive else start[0] if left else refused[0][1]
        if not decides.negative:
            raise ProviderUnreachable("the MTA's answers do not belong to the commands")
        return Transmission(decides, refused if mail.positive else [])

    async def _begin(self, envelope: MailEnvelope, message: bytes) -> list[MtaReply]:
        """Return the replies to MAIL, each RCPT, and DATA; fewer if it is of no use to go on."""
        mail = mail_command(envelope, message, self._capabilities)
        recipients = [self._rcpt(recipient) for recipient in envelope.recipients]
        if "PIPELINING" in self._capabilities:
            commands = "\r\n".join((mail, *recipients, "DATA", ""))
            await self.stream.write(commands.encode("ascii", "replace"))
            return [await self.reply() for _ in range(len(recipients) + 2)]
        replies = [await self.command(mail)]
        if replies[0].positive:
            replies += [await self.command(recipient) for recipient in recipients]
            if any(reply.positive for reply in replies[1:]):
                replies.append(await self.command("DATA"))
        return replies

    def _rcpt(self, recipient: Recipient) -> str:
        parameters = recipient.parameters if "DSN" in self._capabilities else ()
        return " ".join([f"RCPT TO:<{recipient.address}>", *parameters])


async def connect(
    installation: Installation,
    operation: Operation,
    konnektor: Konnektor,
    user: UserName,
    password: str,
) -> Mta:
    """Return a logged-in connection to the MTA that *user* names (KOM-LE-A_2011, 2012).

    Raises ProviderUnreachable, ConnectionLost, TimeoutError, LoginRefused.
    """
    seconds = installation.settings.smtp_timeout_server
    stream = await installation.provider.connect(operation, konnektor, user, seconds=seconds)
    mta = Mta(stream)
    try:
        with operation.step("Auth", peer="provider"):
            await mta.log_in(user.address, password)
    except BaseException:
        await stream.close()
        raise
    return mta


def mail_command(envelope: MailEnvelope, message: bytes, capabilities: Collection[str]) -> str:
    """Return MAIL FROM with the parameters that an MTA of *capabilities* takes.

    SIZE is that of the S/MIME message (KOM-LE-A_2018). 8-bit text, which a header of the client's
    may hold, must be announced (RFC 6152).
    """
    parameters = [f"SIZE={len(message)}"] if "SIZE" in capabilities else []
    if "8BITMIME" in capabilities and not message.isascii():
        parameters.append("BODY=8BITMIME")
    if "DSN" in capabilities:
        parameters += envelope.parameters
    return " ".join([f"MAIL FROM:<{envelope.sender}>", *parameters])


def _value(parameters: Sequence[str], wanted: str) -> str | None:
    """Return the value of the parameter called *wanted*; None without it."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.upper() == wanted:
            return value
    return None
