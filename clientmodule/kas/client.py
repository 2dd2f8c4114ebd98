"""I_Attachment_Services of a provider: addMailData, readMailData, deleteMailData."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import hdrs
from pydantic import BaseModel, Field, ValidationError

from simulators.process.resolver import NamesUnavailable

from ..discovery import Discovery
from ..konnektor.konnektor import Konnektor
from ..operation import Operation
from ..provider import Provider
from ..user_name import UserName
from .connection import checked_session

PATH: Final = "/attachments/v2.4"
CREATED: Final = 201
OK: Final = 200
TOO_MANY_DOWNLOADS: Final = 429
TOO_LARGE: Final = 413
NO_ROOM: Final = 507
PIECE: Final = 256 << 10
"""How much of a download is held at once."""
MAX_ANSWER: Final = 64 << 10


class KasFailed(Exception):
    """The KAS did not do what it was asked; ``status`` is its HTTP status if it answered."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class KasUser:
    """Who asks a KAS: the mail account, and the Konnektor that checks the server's certificate.

    ``password`` is needed to upload and delete; whoever is a recipient downloads without.
    """

    konnektor: Konnektor
    user: UserName
    password: str = ""


@dataclass(frozen=True)
class MailData:
    """Sealed mail data to upload: ``size`` bytes in all that ``pieces`` yields.

    ``expires`` is when the KAS deletes them, ``recipients`` are who may fetch them.
    """

    message_id: str
    recipients: Sequence[str]
    expires: datetime
    size: int
    pieces: AsyncIterator[bytes]


class _Created(BaseModel):
    """The answer to addMailData."""

    link: str = Field(alias="sharedLink", min_length=1, max_length=4096)


class Kas:
    """The KAS of every provider: that of the sender's own for uploads, any for downloads.

    *urls* maps domains to base URLs that end in the path of the interface; the KAS of other
    domains is found by DNS service discovery (A_19361-01). A wait for a KAS in which nothing
    happens ends after *idle_seconds* (CM_KAS_TIMEOUT). All methods raise KasFailed.
    """

    def __init__(
        self,
        provider: Provider,
        discovery: Discovery,
        urls: dict[str, str],
        *,
        idle_seconds: float,
    ) -> None:
        self._provider = provider
        self._discovery = discovery
        self._urls = urls
        self._seconds = idle_seconds

    async def upload(self, operation: Operation, who: KasUser, data: MailData) -> str:
        """Store *data* on the KAS of the sender's provider; return its link (add_Attachment).

        Both lengths are told before the first byte (A_22427-01); nothing but 201 gives a link
        (A_19364-02).
        """
        form = _Form(data)
        with operation.step("addMailData", peer="provider", bytes=data.size) as step:
            async with self._session(operation, who) as session:
                url = await self._url(operation, who)
                async with (
                    asyncio.timeout(None) as deadline,
                    session.post(
                        f"{url}/attachment/",
                        data=form.body(deadline, self._seconds),
                        headers=form.headers,
                        auth=_basic(who),
                        allow_redirects=False,
                    ) as response,
                ):
                    step["status"] = response.status
                    if response.status != CREATED:
                        raise KasFailed("the upload was refused", status=response.status)
                    answer = await _bounded(response)
        try:
            return _link(_Created.model_validate_json(answer).link)
        except ValidationError:
            raise KasFailed("the KAS answered without a link", status=CREATED) from None

    async def download(
        self, operation: Operation, who: KasUser, link: str, *, address: str, most: int
    ) -> AsyncGenerator[bytes, None]:
        """Yield what lies under *link*, piece by piece (read_Attachment, A_19370-04).

        *address* is that of its host, for the sender chose the name. More than *most* bytes, or
        less than the KAS announced, are a failure.
        """
        with operation.step("readMailData", peer="provider") as step:
            async with (
                self._session(operation, who, address) as session,
                session.get(
                    _link(link), headers={"recipient": who.user.address}, allow_redirects=False
                ) as response,
            ):
                step["status"] = response.status
                if response.status != OK:
                    raise KasFailed("the download was refused", status=response.status)
                left = most
                async for piece in response.content.iter_chunked(PIECE):
                    left -= len(piece)
                    if left < 0:
                        raise KasFailed("the KAS sends more than there should be", status=OK)
                    yield piece

    async def delete(self, operation: Operation, who: KasUser, link: str) -> None:
        """Delete what was uploaded under *link* (delete_Maildata)."""
        with operation.step("deleteMailData", peer="provider") as step:
            async with (
                self._session(operation, who) as session,
                session.delete(_link(link), auth=_basic(who), allow_redirects=False) as response,
            ):
                step["status"] = response.status
                if response.status != OK:
                    raise KasFailed("the deletion was refused", status=response.status)

    @asynccontextmanager
    async def _session(
        self, operation: Operation, who: KasUser, address: str | None = None
    ) -> AsyncIterator[aiohttp.ClientSession]:
        """Yield a session for *who*; whatever the network does becomes KasFailed."""

        async def check(certificate: bytes) -> None:
            await self._provider.check(operation, who.konnektor, who.user, certificate)

        try:
            context = await self._provider.tls_context(who.user.address)
            async with checked_session(
                self._discovery, context, check, idle_seconds=self._seconds, address=address
            ) as session:
                yield session
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise KasFailed(type(error).__name__) from error

    async def _url(self, operation: Operation, who: KasUser) -> str:
        """Return the base URL of the sender's KAS: of the settings, or by DNS (A_19361-01)."""
        domain = who.user.address.rpartition("@")[2].lower()
        if domain in self._urls:
            return self._urls[domain].rstrip("/")
        with operation.step("ServiceDiscovery", peer="names") as step:
            try:
                found = await self._discovery.kas(domain)
            except NamesUnavailable:
                raise KasFailed("the KAS is not found: the DNS server does not answer") from None
            step["result"] = "OK" if found else "none"
        if found is None:
            raise KasFailed("the provider has no KAS")
        return found + PATH


class _Form:
    """The multipart/form-data body of an upload; its length is known before it is made."""

    def __init__(self, data: MailData) -> None:
        self._data = data
        self._boundary = uuid.uuid4().hex
        fields = [("messageID", data.message_id)]
        fields += [("recipients", address) for address in data.recipients]
        fields.append(("expires", format_datetime(data.expires)))
        self._front = "".join(self._field(name, value) for name, value in fields).encode()
        self._front += self._part("attachment", '; filename="attachment.enc"').encode() + (
            f"Content-Type: application/octet-stream\r\nContent-Length: {data.size}\r\n\r\n"
        ).encode("ascii")
        self._back = f"\r\n--{self._boundary}--\r\n".encode("ascii")

    @property
    def headers(self) -> dict[str, str]:
        """The header of the request that go with the body."""
        length = len(self._front) + self._data.size + len(self._back)
        return {
            hdrs.CONTENT_TYPE: f"multipart/form-data; boundary={self._boundary}",
            hdrs.CONTENT_LENGTH: str(length),
        }

    async def body(self, deadline: asyncio.Timeout, seconds: float) -> AsyncIterator[bytes]:
        """Yield the body; *deadline* moves on as the KAS takes it."""
        loop = asyncio.get_running_loop()
        deadline.reschedule(loop.time() + seconds)
        yield self._front
        async for piece in self._data.pieces:
            deadline.reschedule(loop.time() + seconds)
            yield piece
        deadline.reschedule(loop.time() + seconds)
        yield self._back
        deadline.reschedule(loop.time() + seconds)

    def _field(self, name: str, value: str) -> str:
        return self._part(name) + f"\r\n{value}\r\n"

    def _part(self, name: str, rest: str = "") -> str:
        return f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"{rest}\r\n'


def _basic(who: KasUser) -> aiohttp.BasicAuth:
    return aiohttp.BasicAuth(who.user.address, who.password, encoding="utf-8")


def _link(link: str) -> str:
    """Return *link* if it can be one. Raises KasFailed."""
    try:
        parts = urlsplit(link)
        usable = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable:
        raise KasFailed("the link is no https URL")
    return link


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    content = b""
    async for piece in response.content.iter_chunked(MAX_ANSWER):
        content += piece
        if len(content) > MAX_ANSWER:
            raise KasFailed("the answer is too long", status=response.status)
    return content
