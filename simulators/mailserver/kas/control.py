"""The KAS in the control API: looking at uploads, and taking them away."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from ..provider import Provider
from .attachments import Attachment
from .store import KasStore


class KasControl:
    """``/attachments``: what tests and trainers see without being a recipient."""

    def __init__(self, provider: Provider, store: KasStore) -> None:
        self._provider = provider
        self._store = store

    def add_routes(self) -> None:
        """Add the routes and what ``POST /reset`` does here."""
        control = self._provider.process.control
        control.add("GET", "/attachments", self._get_all)
        control.add("DELETE", "/attachments/{id}", self._delete)
        control.on_reset(self._store.clear)

    async def _get_all(self, _: web.Request) -> web.Response:
        return web.json_response(
            [_described(attachment) for attachment in await self._store.attachments.all()]
        )

    async def _delete(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        if wanted not in [attachment.id for attachment in await self._store.attachments.all()]:
            raise web.HTTPNotFound(text="no such attachment\n")
        await self._store.remove([wanted])
        return web.Response(status=204)


def _described(attachment: Attachment) -> dict[str, object]:
    return {
        "id": attachment.id,
        "owner": attachment.owner,
        "recipients": list(attachment.recipients),
        "size": attachment.size,
        "sha256": attachment.sha256,
        "message_id": attachment.message_id,
        "created": _moment(attachment.created),
        "expires": _moment(attachment.expires),
        "downloads": attachment.downloads,
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
