"""readMailData: the bytes under a link, checked against their hash, at the client's pace."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from simulators.process.faults import Effect

from .. import faults
from ..faults import RestRefused
from ..provider import Provider
from .attachments import Attachment
from .blobs import Blobs
from .on_purpose import Truncated, spoiled
from .store import KasStore

MEDIA_TYPE = "application/octet-stream"


class Damaged(Exception):
    """A blob is not what was uploaded."""


class Download:
    """One answer to ``readMailData``; *effect* cuts it short or alters a byte of it."""

    def __init__(
        self, provider: Provider, store: KasStore, attachment: Attachment, effect: Effect | None
    ) -> None:
        self._provider = provider
        self._store = store
        self._attachment = attachment
        self._effect = effect

    async def send(self, request: web.Request) -> tuple[web.StreamResponse, bool]:
        """Answer *request*; return the answer, and whether all of it was sent.

        Data whose hash is no longer that of the upload is never completed: the connection is cut
        before the last piece. Raises RestRefused (500) when not even the first can be sent.
        """
        response = web.StreamResponse()
        response.content_type = MEDIA_TYPE
        response.content_length = self._attachment.size
        try:
            async with aclosing(verified(self._store.blobs, self._attachment)) as pieces:
                await self._send(request, response, pieces)
        except Truncated:
            cut(request)
        except (OSError, TimeoutError, Damaged) as error:
            if not isinstance(error, ConnectionError | TimeoutError):
                self._provider.process.log.error("KAS: %s: %s", self._attachment.id, error)
            if not response.prepared:
                raise RestRefused(faults.REST_INTERNAL) from None
            cut(request)
        else:
            return response, True
        return response, False

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        pieces: AsyncGenerator[bytes, None],
    ) -> None:
        async for piece in spoiled(pieces, self._effect, self._attachment.size):
            if not response.prepared:
                await response.prepare(request)
            async with asyncio.timeout(self._provider.settings.kas.idle_seconds):
                await response.write(piece)
        if not response.prepared:  # nothing was uploaded
            await response.prepare(request)
        await response.write_eof()


async def verified(blobs: Blobs, attachment: Attachment) -> AsyncGenerator[bytes, None]:
    """Yield the blob of *attachment*, its last piece only if the hash of all is right.

    Raises OSError, and Damaged when it is another one.
    """
    sha256, left = hashlib.sha256(), attachment.size
    async with aclosing(blobs.read(attachment.id, sha256)) as pieces:
        async for piece in pieces:
            left -= len(piece)
            if left < 0 or (left == 0 and sha256.hexdigest() != attachment.sha256):
                raise Damaged("the data is not what was uploaded")
            yield piece
    if left:
        raise Damaged("data is missing")


def cut(request: web.Request) -> None:
    """Close the connection in the middle of the answer."""
    if request.transport is not None:
        request.transport.abort()
