"""The directory's own part of the control port: what is in it, and changes of it."""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from simulators.process.control import read_json
from simulators.process.errors import InputError, one_line
from simulators.process.role import Process

from .certificates import parse_certificate
from .entries import PLAIN, Entry, Unseen, make_entry
from .entry_file import EntryContent
from .settings import VzdSettings
from .store import Store

MAX_LISTED = 1_000


class VzdControl:
    """``GET /entries`` (``?start=N&count=N``), ``GET/PUT/DELETE /entries/{uid}``.

    ``POST /reset`` brings back the entries of the world.
    """

    def __init__(self, process: Process[VzdSettings], store: Store) -> None:
        self._process = process
        self._store = store
        process.control.add("GET", "/entries", self._list)
        process.control.add("GET", "/entries/{uid}", self._get)
        process.control.add("PUT", "/entries/{uid}", self._put)
        process.control.add("DELETE", "/entries/{uid}", self._delete)
        process.control.on_reset(self._reset)

    async def _list(self, request: web.Request) -> web.Response:
        start, count = _number(request, "start", 0), _number(request, "count", MAX_LISTED)
        entries = list(self._store.directory)
        shown = entries[start : start + min(count, MAX_LISTED)]
        return web.json_response(
            {"total": len(entries), "entries": [self._content(entry) for entry in shown]}
        )

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._content(self._entry(request)))

    async def _put(self, request: web.Request) -> web.Response:
        uid = request.match_info["uid"]
        try:
            content = EntryContent.model_validate({"uid": uid, **_object(await read_json(request))})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"entry {one_line(uid, 60)}: {where}: {first['msg']}") from None
        entry = make_entry(
            content.uid,
            content.attributes,
            [parse_certificate(text) for text in content.certificates],
            base=self._process.settings.base,
            now=self._process.clock.now(),
            unseen=PLAIN if content.active else Unseen(active=False),
        )
        await self._process.in_thread(self._store.save, entry)
        new = self._store.directory.put(entry)
        return web.json_response(self._content(entry), status=201 if new else 200)

    async def _delete(self, request: web.Request) -> web.Response:
        uid = self._entry(request).uid
        await self._process.in_thread(self._store.delete, uid)
        self._store.directory.remove(uid)
        return web.Response(status=204)

    async def _reset(self) -> None:
        await self._process.in_thread(self._store.reset)

    def _entry(self, request: web.Request) -> Entry:
        entry = self._store.directory.get(request.match_info["uid"])
        if entry is None:
            raise web.HTTPNotFound(text="there is no such entry\n")
        return entry

    def _content(self, entry: Entry) -> dict[str, Any]:
        return {
            "uid": entry.uid,
            "dn": entry.dn,
            "found": entry.found(self._process.clock.now().timestamp()),
            "active": entry.unseen.active,
            "attributes": {name: entry.attributes[key] for key, name in entry.names.items()},
            "certificates": [base64.b64encode(c.der).decode() for c in entry.certificates],
        }


def _object(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise InputError("entry: expected an object with 'attributes' and 'certificates'")
    return {name: value for name, value in content.items() if name not in ("uid", "dn", "found")}


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal() or len(text) > 9:
        raise InputError(f"{name}: expected a whole number, got {one_line(text, 40)!r}")
    return int(text)
