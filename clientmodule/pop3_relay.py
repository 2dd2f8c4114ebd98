"""What passes between a client system that is logged in and its POP3 server (3.4.3, 3.4.4)."""

from __future__ import annotations

from simulators.formats import komle
from simulators.formats.headers import Headers, split_message

from . import faults
from .gateway import where
from .lines import PIECE, DotText, LineStream, Stuffing, TextTooLong, stuff, unstuff
from .operation import Operation
from .pop3_server import Pop3Server, is_ok
from .receiving.pipeline import Fetching, deliver
from .receiving.restored import RestoredMail

MAX_MESSAGE = 64 << 20
"""The largest KOM-LE message that is decrypted: 15 MiB, signed, encrypted, encoded twice."""
MAX_HEADERS = 256 << 10
LONG_WITHOUT_ARGUMENT = frozenset({"LIST", "UIDL"})


class DialogueOver(Exception):
    """The dialogue is over; both connections are closed."""


class Pop3Relay:
    """Relays commands of *client* to *server*, and opens what *fetching*'s user retrieves."""

    def __init__(self, client: LineStream, server: Pop3Server, fetching: Fetching) -> None:
        self._installation = fetching.installation
        self._client = client
        self._server = server
        self._fetching = fetching

    async def command(self, verb: str, argument: str, line: bytes) -> None:
        """Relay a command unchanged, but TOP and RETR (KOM-LE-A_2040, 2041).

        Raises DialogueOver, ConnectionError, TimeoutError.
        """
        server = self._server
        words = argument.split()
        match verb:
            case "RETR":
                await self._retrieve(line)
            case "TOP":
                # KOM-LE-A_2041: no part of an encrypted body ever reaches the client system.
                top = f"TOP {words[0]} 0".encode("latin-1") if len(words) > 1 else line
                await self._top(await server.command(top))
            case "CAPA":
                await self._relay_text(await server.command(line))
            case _ if verb in LONG_WITHOUT_ARGUMENT and not words:
                await self._relay_text(await server.command(line))
            case "" | "STLS" | "AUTH":  # a server might pass over spaces in front of RETR
                await self._client.write(faults.POP3_UNKNOWN)
            case _:
                await self._client.write(await server.command(line) + b"\r\n")
                if verb == "QUIT":
                    raise DialogueOver

    async def _top(self, status: bytes) -> None:
        """Relay the headers of a message; for Thunderbird without MIME-Version if so configured.

        It then fetches the rest of a message whose headers it has shown (hint after
        KOM-LE-A_2041).
        """
        if not (is_ok(status) and self._installation.settings.top_hides_mime):
            await self._relay_text(status)
            return
        try:
            top = await self._server.stream.text().rest(MAX_HEADERS)
        except TextTooLong:
            await self._client.write(faults.POP3_TOO_LARGE)
            return
        shown = await self._installation.compute(len(top), without_mime_version, top)
        await self._client.write(status + b"\r\n" + shown)

    async def _relay_text(self, status: bytes) -> None:
        await self._client.write(status + b"\r\n")
        if is_ok(status):
            await self._stream(self._server.stream.text())

    async def _stream(self, text: DotText) -> None:
        """Pass on the rest of *text*; one that breaks off gets no end, and no -ERR inside it."""
        try:
            while not text.done:
                await self._client.write(await text.chunk())
        except (ConnectionError, TimeoutError):
            raise DialogueOver from None

    async def _retrieve(self, line: bytes) -> None:
        """Fetch a message; what is no KOM-LE message passes through as it comes."""
        operation = self._installation.operation()
        with operation.step("Retrieve", peer="pvs") as data:
            status = await self._server.command(line)
            if not is_ok(status):
                data["result"] = "-ERR"
                await self._client.write(status + b"\r\n")
                return
            text = self._server.stream.text()
            began = await _beginning(text)
            if not await self._installation.compute(len(began), _is_komle, began):
                operation.event("PassUnchanged", peer="provider")
                await self._client.write(status + b"\r\n" + began)
                await self._stream(text)
                return
            answer = await self._processed(operation, text, began)
            if isinstance(answer, RestoredMail):
                data["result"] = "OK"
                await self._deliver_large(operation, answer)
                return
            data["result"] = "OK" if is_ok(answer) else "-ERR"
            await self._client.write(answer)

    async def _deliver_large(self, operation: Operation, mail: RestoredMail) -> None:
        """Write a large mail piece by piece; one that breaks off is never ended (A_19374-03)."""
        in_thread = self._installation.process.in_thread
        try:
            await self._client.write(faults.POP3_OK)
            pieces = mail.text()
            while piece := await in_thread(next, pieces, b""):
                await self._client.write(piece)
        except (ConnectionError, TimeoutError):
            raise DialogueOver from None
        except Exception as error:  # the client system has seen no end, so it fetches again
            operation.error(where(error))
            raise DialogueOver from None
        finally:
            mail.close()

    async def _processed(
        self, operation: Operation, text: DotText, began: bytes
    ) -> bytes | RestoredMail:
        """Return the answer to RETR: the opened mail, or -ERR and the mail stays there."""
        try:
            stuffed = await text.rest(MAX_MESSAGE, began)
        except TextTooLong:
            operation.error("Retrieve: message too large")
            return faults.POP3_TOO_LARGE
        compute = self._installation.compute
        try:
            message = await compute(len(stuffed), unstuff, stuffed)
            del stuffed  # tens of megabytes, while the Konnektor works
            mail = await deliver(self._fetching, operation, message)
            if isinstance(mail, RestoredMail):
                return mail
            return await compute(len(mail), _delivery, mail)
        except Exception as error:  # the mail is never lost: it stays at the provider
            operation.error(where(error))
            return faults.POP3_INTERNAL


def _delivery(mail: bytes) -> bytes:
    """Return the answer to RETR that holds *mail*; no bare LF in it passes for a line end."""
    stuffing = Stuffing()  # piece by piece: other threads wait while one is looked through
    pieces = [stuffing.update(mail[i : i + PIECE]) for i in range(0, len(mail), PIECE)]
    return b"".join((faults.POP3_OK, *pieces, stuffing.finish()))


async def _beginning(text: DotText) -> bytes:
    """Return the first chunks of *text*, its header block at least unless that is endless."""
    began = bytearray()
    while not text.done and b"\r\n\r\n" not in began and len(began) <= MAX_HEADERS:
        began += await text.chunk()
    return bytes(began)


def without_mime_version(top: bytes) -> bytes:
    """Return the answer to TOP without MIME-Version, if it is about a KOM-LE message."""
    headers, body = split_message(unstuff(top))
    if not komle.is_komle(headers) or not headers.remove("MIME-Version"):
        return top
    return stuff(headers.to_bytes() + b"\r\n" + body)


def _is_komle(began: bytes) -> bool:
    block, _, _ = unstuff(began).partition(b"\r\n\r\n")
    return komle.is_komle(Headers.parse(block))
