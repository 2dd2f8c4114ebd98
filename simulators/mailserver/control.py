"""The mail server's own part of the control API: looking into mailboxes and emptying them."""

from __future__ import annotations

from aiohttp import web

from .next_mail import NextMail
from .provider import Provider
from .relay import Relay
from .stored import StoredMail, described


class MailboxControl:
    """``/mailboxes``: what tests and trainers see without logging in."""

    def __init__(self, provider: Provider, relay: Relay) -> None:
        self._provider = provider
        self._relay = relay

    def add_routes(self) -> None:
        """Add the routes and what ``POST /reset`` does here."""
        control = self._provider.process.control
        control.add("GET", "/mailboxes", self._get_all)
        control.add("GET", "/mailboxes/{address}", self._get_list)
        control.add("DELETE", "/mailboxes/{address}", self._delete_all)
        NextMail(self._provider).add_route()  # before the uids, none of which is "next"
        control.add("GET", "/mailboxes/{address}/{uid}", self._get_mail)
        control.add("DELETE", "/mailboxes/{address}/{uid}", self._delete_mail)
        control.on_reset(self._reset)

    async def _reset(self) -> None:
        self._relay.forget()
        await self._provider.store.clear()
        await self._provider.accounts.reset()

    async def _get_all(self, _: web.Request) -> web.Response:
        counts = await self._provider.store.counts()
        boxes = []
        for account in self._provider.accounts.all():
            mails, size = counts.get(account.address, (0, 0))
            boxes.append({"address": account.address, "mails": mails, "bytes": size})
        return web.json_response(boxes)

    async def _get_list(self, request: web.Request) -> web.Response:
        mails = await self._provider.store.mails(self._mailbox(request))
        return web.json_response([described(mail) for mail in mails])

    async def _delete_all(self, request: web.Request) -> web.Response:
        mailbox = self._mailbox(request)
        mails = await self._provider.store.mails(mailbox)
        await self._provider.store.delete(mailbox, [mail.id for mail in mails])
        return web.Response(status=204)

    async def _get_mail(self, request: web.Request) -> web.StreamResponse:
        mail = await self._mail(request)
        response = web.StreamResponse(headers={"Content-Type": "message/rfc822"})
        response.content_length = mail.size
        await response.prepare(request)
        async for part in self._provider.store.mail_parts(mail):
            await response.write(part)
        return response

    async def _delete_mail(self, request: web.Request) -> web.Response:
        mail = await self._mail(request)
        await self._provider.store.delete(self._mailbox(request), [mail.id])
        return web.Response(status=204)

    def _mailbox(self, request: web.Request) -> str:
        account = self._provider.accounts.find(request.match_info["address"])
        if account is None:
            raise web.HTTPNotFound(text="no such mailbox\n")
        return account.address

    async def _mail(self, request: web.Request) -> StoredMail:
        for mail in await self._provider.store.mails(self._mailbox(request)):
            if mail.uid == request.match_info["uid"]:
                return mail
        raise web.HTTPNotFound(text="no such mail\n")
