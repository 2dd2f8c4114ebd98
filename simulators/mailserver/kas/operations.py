"""The operations of AttachmentService.yaml 2.4: who may do what with which link."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import hdrs, web

from simulators.process.faults import DROP

from .. import faults
from ..account import Account
from ..envelope import is_address
from ..faults import REST_INPUT, RestRefused
from ..provider import Provider
from ..rest import EFFECT, Rest, credentials, json_answer
from .attachments import Attachment
from .download import MEDIA_TYPE, Download, cut
from .expiry import Expiry
from .store import KasStore
from .upload import Upload

BASE_PATH = "/attachments/v2.4"
MAX_ID = 255


class AttachmentService:
    """I_Attachment_Services (A_19375): upload and delete by HTTP Basic, read by being in the list.

    All of it over mutual TLS; whoever reads needs no account here, for recipients of other
    providers do.
    """

    def __init__(self, provider: Provider, store: KasStore, expiry: Expiry) -> None:
        self._provider = provider
        self._store = store
        self._expiry = expiry

    def add_to(self, rest: Rest) -> None:
        """Add the operations to the listener."""
        every, one = f"{BASE_PATH}/attachment/", f"{BASE_PATH}/attachment/{{attachmentId}}"
        rest.add("POST", every, "addMailData", self._add, continues_later=True)
        rest.add("GET", one, "readMailData", self._read, facts=_facts)
        rest.add("HEAD", one, "headMailData", self._head, facts=_facts)
        rest.add("DELETE", one, "deleteMailData", self._delete, facts=_facts)

    async def _add(self, request: web.Request) -> web.StreamResponse:
        """Store mail data of an account of this provider under a new link.

        A deregistered account sends no more (KOM-LE-A_2150), so it uploads no more.
        """
        account = await self._account(request)
        if account.deregistered is not None:
            raise RestRefused(faults.REST_UNAUTHORIZED)
        started = time.perf_counter()
        attachment = await Upload(self._provider, self._store, account).receive(request)
        self._expiry.look_again()
        self._record("addMailData", attachment, started, recipients=len(attachment.recipients))
        await self._afterwards(request, attachment)
        return json_answer(201, {"sharedLink": self._link(attachment.id)})

    async def _afterwards(self, request: web.Request, attachment: Attachment) -> None:
        """Do what a rule wants of an upload that is stored: the sender never learns its link."""
        effect = await self._provider.fault(
            "REST.addMailData.stored",
            user=attachment.owner,
            link=attachment.id,
            message_id=attachment.message_id,
        )
        if effect is None:
            return
        if effect.kind == DROP:
            cut(request)
        elif effect.kind == faults.REPLY:
            raise RestRefused(faults.rest_error_of(effect))

    async def _read(self, request: web.Request) -> web.StreamResponse:
        """Hand out mail data to a recipient in the list, not too often."""
        started = time.perf_counter()
        id_, recipient = _id(request), _recipient(request)
        attachment = await self._find(id_)
        if not self._may_read(attachment, recipient):
            raise RestRefused(faults.KAS_NO_RECIPIENT)
        settings = self._provider.settings.kas
        counted = await self._store.attachments.count_download(
            id_,
            recipient,
            self._provider.process.clock.now().timestamp(),
            most=settings.max_downloads,
            window=settings.download_window_seconds,
        )
        if not counted:
            raise RestRefused(faults.KAS_TOO_MANY_DOWNLOADS)
        download = Download(self._provider, self._store, attachment, request.get(EFFECT))
        response, complete = await download.send(request)
        self._record("readMailData", attachment, started, recipient=recipient, complete=complete)
        return response

    async def _head(self, request: web.Request) -> web.StreamResponse:
        """Tell the size of mail data (A_24002); who may not read it is told that there is none.

        The OpenAPI has 200 and 404 here, nothing else.
        """
        try:
            recipient = _recipient(request)
            attachment = await self._find(_id(request))
        except RestRefused:
            raise RestRefused(faults.KAS_NOT_FOUND) from None
        if not self._may_read(attachment, recipient):
            raise RestRefused(faults.KAS_NOT_FOUND)
        size = {hdrs.CONTENT_LENGTH: str(attachment.size)}
        response = web.Response(content_type=MEDIA_TYPE, headers=size)
        self._record("headMailData", attachment, time.perf_counter(), recipient=recipient)
        return response

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        """Delete mail data; only the account that uploaded it can (401 for any other).

        Who asks for a link that is not there is told so only after having logged in.
        """
        account = await self._account(request)
        attachment = await self._find(_id(request))
        if attachment.owner != account.address:
            raise RestRefused(faults.REST_UNAUTHORIZED)
        started = time.perf_counter()
        try:
            await self._store.remove([attachment.id])
        except OSError as error:  # the link is gone; its bytes follow at the next sweep
            self._provider.process.log.warning("KAS: data could not be deleted yet: %s", error)
        self._record("deleteMailData", attachment, started)
        return web.Response()

    async def _account(self, request: web.Request) -> Account:
        user, password = credentials(request)
        account = None if user is None else await self._provider.accounts.log_in(user, password)
        if account is None:
            raise RestRefused(faults.REST_UNAUTHORIZED)
        return account

    async def _find(self, id_: str) -> Attachment:
        now = self._provider.process.clock.now().timestamp()
        attachment = await self._store.attachments.find(id_, now)
        if attachment is None:
            raise RestRefused(faults.KAS_NOT_FOUND)
        return attachment

    def _may_read(self, attachment: Attachment, recipient: str) -> bool:
        if recipient in attachment.recipients:
            return True
        return self._provider.settings.kas.sender_may_download and recipient == attachment.owner

    def _link(self, id_: str) -> str:
        settings = self._provider.settings
        base = settings.kas.base_url
        if base is None:
            host, port = self._provider.process.address("rest")
            if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
                host = settings.host_name
            base = f"https://{f'[{host}]' if ':' in host else host}:{port}{BASE_PATH}"
        return f"{base}/attachment/{id_}"

    def _record(self, operation: str, attachment: Attachment, started: float, **data: Any) -> None:
        self._provider.process.journal.record(
            f"rest.{operation}",
            peer="clientmodule",
            message_id=attachment.message_id,
            milliseconds=(time.perf_counter() - started) * 1e3,
            user=attachment.owner,
            link=attachment.id,
            bytes=attachment.size,
            **data,
        )


def _facts(request: web.Request) -> dict[str, str]:
    """Return what a fault may be bound to: the link's id and who asks for it."""
    return {
        "link": request.match_info["attachmentId"],
        "recipient": request.headers.get("recipient", ""),
    }


def _id(request: web.Request) -> str:
    id_ = request.match_info["attachmentId"]
    if len(id_) > MAX_ID:
        raise RestRefused(REST_INPUT.saying(f"attachmentId: longer than {MAX_ID} characters"))
    return id_


def _recipient(request: web.Request) -> str:
    """Return the header ``recipient`` in lower case: case carries no meaning in addresses."""
    given = request.headers.getall("recipient", [])
    if len(given) != 1 or not is_address(given[0]):
        raise RestRefused(REST_INPUT.saying("recipient: exactly one KIM address is required"))
    return given[0].lower()
