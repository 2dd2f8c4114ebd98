"""addMailData: an upload from the stream onto the disk, a link when all of it is there."""

from __future__ import annotations

import asyncio
import errno
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import timedelta

from aiohttp import hdrs, web

from .. import faults
from ..account import Account
from ..database import StoreError
from ..faults import REST_INPUT, RestRefused
from ..provider import Provider
from ..rest import refuse_encoded
from .attachments import Attachment
from .blobs import Blob
from .form import ROOM_FOR_FIELDS, Form, Start
from .store import KasStore

SLOWEST = 8 << 10
"""Bytes a second that an upload must bring on the whole, beside the time without any."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Upload:
    """One request ``addMailData`` of *account*."""

    def __init__(self, provider: Provider, store: KasStore, account: Account) -> None:
        self._provider = provider
        self._store = store
        self._account = account
        self._id = str(uuid.uuid4())  # who knows it may ask for the data: from the system's source
        self._entered = False
        self._blob: Blob | None = None
        self._size = 0

    async def receive(self, request: web.Request) -> Attachment:
        """Store the data of *request*; return what lies under the new link.

        Raises RestRefused: 400 for a broken rule, 401 if the account ends or is locked meanwhile,
        413 beyond its maxMailSize (A_19378), 507 without room. Whatever ends it, nothing is left
        of an upload that is not complete.
        """
        length = self._length(request)
        form = Form(
            request.headers.get(hdrs.CONTENT_TYPE, ""),
            max_recipients=self._provider.settings.max_recipients,
        )
        stored = False
        try:
            async with aclosing(self._body(request, length)) as body:
                async for data in body:
                    for event in form.feed(data):
                        if isinstance(event, Start):
                            await self._begin(event, length)
                        else:
                            await self._take(event)
            attachment = await self._finish(form)
            stored = True
        except (OSError, StoreError) as error:
            raise self._storage_failed(error) from None
        finally:
            if not stored:
                await self._undo()
        return attachment

    def _length(self, request: web.Request) -> int:
        refuse_encoded(request)
        length = request.content_length
        if length is None:
            raise RestRefused(REST_INPUT.saying("Content-Length is required (A_22427-01)"))
        if length > self._account.max_mail_size + ROOM_FOR_FIELDS:
            raise RestRefused(faults.KAS_TOO_LARGE)
        return length

    async def _body(self, request: web.Request, length: int) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes; a client that asked gets its 100 Continue only now."""
        if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
            assert request.transport is not None
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        idle, loop = self._provider.settings.kas.idle_seconds, asyncio.get_running_loop()
        end = loop.time() + idle + length / SLOWEST
        try:
            while True:
                async with asyncio.timeout_at(min(end, loop.time() + idle)):
                    data = await request.content.readany()
                if not data:
                    return
                yield data
        except TimeoutError:
            raise RestRefused(REST_INPUT.saying("the body did not come in time")) from None
        except (web.PayloadAccessError, ConnectionError):
            raise RestRefused(REST_INPUT.saying("the body was cut off")) from None

    async def _begin(self, start: Start, length: int) -> None:
        """Enter the upload, after what can be checked before its first byte."""
        settings, account = self._provider.settings.kas, self._account
        if start.size is None and settings.require_part_length:
            raise RestRefused(
                REST_INPUT.saying("attachment: the part needs a Content-Length (A_22427-01)")
            )
        expected = length if start.size is None else start.size
        if start.size is not None and start.size > account.max_mail_size:
            raise RestRefused(faults.KAS_TOO_LARGE)
        has_room = await self._store.attachments.reserve(
            self._id,
            account.address,
            expected,
            now=self._provider.process.clock.now().timestamp(),
            room=await self._provider.accounts.room_beside_mails(account),
            capacity=settings.capacity,
        )
        if not has_room:
            raise RestRefused(faults.KAS_NO_ROOM)
        self._entered = True
        self._blob = await self._store.blobs.create(self._id)

    async def _take(self, data: bytes) -> None:
        assert self._blob is not None  # the form yields the start first
        self._size += len(data)
        if self._size > self._account.max_mail_size:
            raise RestRefused(faults.KAS_TOO_LARGE)
        await self._blob.write(data)

    async def _finish(self, form: Form) -> Attachment:
        """Make the data durable and the link exist, if the account may still send."""
        message_id, wanted, recipients = form.close()
        now = self._provider.process.clock.now()
        if wanted <= now:
            raise RestRefused(REST_INPUT.saying("expires: lies in the past"))
        assert self._blob is not None  # the form is complete
        await self._blob.finish()
        account = self._provider.accounts.receiver(self._account.address)
        if account is None or account.locked:
            raise RestRefused(faults.REST_UNAUTHORIZED)
        kept = now + timedelta(days=account.data_time_to_live)
        attachment = Attachment(
            id=self._id,
            owner=self._account.address,
            size=self._size,
            created=now.timestamp(),
            expires=min(wanted, kept).timestamp(),
            message_id=message_id,
            sha256=self._blob.sha256.hexdigest(),
            recipients=recipients,
        )
        await self._store.attachments.publish(attachment)
        return attachment

    async def _undo(self) -> None:
        """Leave nothing of an upload that was entered; what fails now is done by a later sweep."""
        if not self._entered:
            return
        if self._blob is not None:
            with suppress(OSError):
                await self._blob.discard()
        with suppress(OSError, StoreError):
            await self._store.remove([self._id])

    def _storage_failed(self, error: OSError | StoreError) -> RestRefused:
        if isinstance(error, OSError) and error.errno in FULL:
            return RestRefused(faults.KAS_NO_ROOM)
        self._provider.process.log.error("KAS: an upload could not be stored: %s", error)
        return RestRefused(faults.REST_INTERNAL)
