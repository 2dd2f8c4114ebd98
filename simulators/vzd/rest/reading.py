"""Reading entries: what both maintenance interfaces have in common."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from simulators.process.role import Process

from ..entries import Entry
from ..filters import compile_filter
from ..settings import VzdSettings
from ..store import LogEntry, Store
from .access import Caller
from .errors import bad_request, forbidden, not_found
from .queries import (
    ENTRY_PARAMETERS,
    FA_PARAMETERS,
    Query,
    boolean,
    holds,
    moment,
    number,
    read_query,
)
from .server import Call, Operation, json_response
from .views import Json, Views

MAX_HITS = 100
_SLICE_SECONDS = 0.004
_CERTIFICATE_TEXTS = ("entryType", "telematikID", "serialNumber", "issuer", "publicKeyAlgorithm")
_LOG_KEYS = ("uid", "telematikID", "clientID", "operation", "noDataChanged")
OPERATIONS = (
    "add_Directory_Entry",
    "modify_Directory_Entry",
    "delete_Directory_Entry",
    "add_Directory_Entry_Certificate",
    "delete_Directory_Entry_Certificate",
    "add_Directory_FA-Attributes",
    "modify_Directory_FA-Attributes",
    "delete_Directory_FA-Attributes",
    "mark_Directory_Entry_Certless",
    "unmark_Directory_Entry_Certless",
)
"""What readLog may be asked for (the OpenAPI leaves out stateSwitch_Directory_Entry here)."""


class Reading:
    """The reading operations over the store's directory; entries without certificate too."""

    def __init__(self, process: Process[VzdSettings], store: Store, views: Views) -> None:
        settings = process.settings
        self._process = process
        self._store = store
        self._views = views
        self._page_limit = settings.page_limit
        self._sync_seconds = settings.sync_seconds

    def operations(
        self, interface: str, authenticate: Callable[[web.Request], Caller]
    ) -> list[Operation]:
        """Return the operations that both interfaces have, below the path *interface*."""
        entries = f"{interface}/DirectoryEntries"
        table = (
            (entries, "read_Directory_Entry", self.entries),
            (f"{entries}/Certificates", "read_Directory_Certificates", self.certificates),
            (f"{entries}/KOM-LE_Fachdaten", "search_Directory_FA-Attributes", self.by_fachdaten),
            (f"{interface}/Log", "readLog", self.log),
        )
        return [Operation("GET", path, name, to, authenticate) for path, name, to in table]

    async def entries(self, call: Call) -> web.Response:
        """read_Directory_Entry: at most 100."""
        query = read_query(call.query, ENTRY_PARAMETERS)
        return await self._first_hits(call, query, base_only=_base_only(call))

    async def by_fachdaten(self, call: Call) -> web.Response:
        """search_Directory_FA-Attributes: at most 100."""
        return await self._first_hits(call, read_query(call.query, FA_PARAMETERS))

    async def _first_hits(
        self, call: Call, query: Query, *, base_only: bool = False
    ) -> web.Response:
        shown: list[Json] = []
        async for _, entry in self.matching(query):
            shown.append(self._views.entry(entry, call.at, base_only=base_only))
            if len(shown) == MAX_HITS:
                break
        if not shown:
            raise not_found("kein Eintrag gefunden")
        return json_response(shown)

    async def matching(self, query: Query, start: int = 0) -> AsyncIterator[tuple[int, Entry]]:
        """Yield ordinal and entry of what *query* finds; others have their turn meanwhile."""
        directory = self._store.directory
        found = compile_filter(query.filter, directory.knows)
        loop = asyncio.get_running_loop()
        slice_end = loop.time() + _SLICE_SECONDS
        for ordinal in directory.candidates(query.filter, start):
            if loop.time() > slice_end:
                await asyncio.sleep(0)
                slice_end = loop.time() + _SLICE_SECONDS
            if ordinal is None:
                continue
            entry = directory.at(ordinal)
            if entry is not None and found(entry) and all(p(entry) for p in query.predicates):
                yield ordinal, entry

    async def certificates(self, call: Call) -> web.Response:
        """read_Directory_Certificates: at most 100."""
        given = call.query
        active = boolean("active", given["active"]) if "active" in given else None
        shown: list[Json] = []
        for entry in self._certificate_owners(given):
            for certificate in entry.certificates:
                if given.get("certificateEntryID", certificate.id) != certificate.id:
                    continue
                view = self._views.certificate(entry, certificate, call.at)
                if _certificate_matches(view, given, active):
                    shown.append(view)
            if len(shown) >= MAX_HITS:
                break
            await asyncio.sleep(0)
        if not shown:
            raise not_found("kein Zertifikat gefunden")
        return json_response(shown[:MAX_HITS])

    def _certificate_owners(self, given: Mapping[str, str]) -> Sequence[Entry]:
        if "uid" in given:
            entry = self._store.directory.get(given["uid"])
            return () if entry is None else (entry,)
        return tuple(self._store.directory)

    async def log(self, call: Call) -> web.Response:
        """readLog: only some combinations of parameters are allowed, all others are a 400."""
        given = call.query
        keys = [name for name in _LOG_KEYS if name in given]
        since = moment("logTimeFrom", given["logTimeFrom"]) if "logTimeFrom" in given else None
        until = moment("logTimeTo", given["logTimeTo"]) if "logTimeTo" in given else None
        if len(keys) > 1 or (not keys and since is None and until is None):
            raise bad_request("query", "diese Verbindung von Suchparametern ist nicht erlaubt")
        if "operation" in given and given["operation"] not in OPERATIONS:
            raise bad_request("operation", "unbekannte Operation")
        unchanged = (
            boolean("noDataChanged", given["noDataChanged"]) if "noDataChanged" in given else None
        )
        found = [
            _log_view(one)
            for one in await self._process.in_thread(self._store.log)
            if _log_matches(one, given, unchanged)
            and (since is None or moment("logTime", one.at) >= since)
            and (until is None or moment("logTime", one.at) <= until)
        ]
        if not found:
            raise not_found("nichts gefunden")
        return json_response(found)

    async def page(self, call: Call, parameters: Sequence[str], query: Query) -> web.Response:
        """Answer a page (RFC 2696): ``size`` is the number of all hits, no cookie the end."""
        size = number("size", call.query["size"]) if "size" in call.query else self._page_limit
        if size < 1:
            raise bad_request("size", "mindestens 1")
        size = min(size, self._page_limit)
        digest = _digest(call, parameters)
        start, total = _read_cookie(call.query.get("cookie", ""), digest)
        base_only = _base_only(call)
        shown: list[Json] = []
        following = None
        counted = 0
        async for ordinal, entry in self.matching(query, start):
            counted += 1
            if len(shown) < size:
                shown.append(self._views.entry(entry, call.at, base_only=base_only))
            elif following is None:
                following = ordinal
                if total is not None:
                    break
        if not shown:
            raise not_found("kein Eintrag gefunden")
        total = counted if total is None else total
        cookie = "" if following is None else _cookie(following, total, digest)
        return json_response(
            {"searchControlValue": {"size": total, "cookie": cookie}, "directoryEntries": shown}
        )

    async def everything(self, call: Call) -> web.StreamResponse:
        """read_Directory_Entry_for_Sync: without a limit, so as a stream."""
        query, base_only = read_query(call.query, ENTRY_PARAMETERS), _base_only(call)
        hits = self.matching(query)
        first = await anext(hits, None)
        if first is None:
            raise not_found("kein Eintrag gefunden")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(call.request)
        await response.write(b"[" + self._encoded(first[1], call, base_only))
        if call.truncate:
            call.end()
            return response
        try:
            async with asyncio.timeout(self._sync_seconds):
                async for _, entry in hits:
                    await response.write(b",\n" + self._encoded(entry, call, base_only))
                await response.write(b"]")
                await response.write_eof()
        except TimeoutError:  # nobody reads
            call.end(at_once=True)
        return response

    def _encoded(self, entry: Entry, call: Call, base_only: bool) -> bytes:
        view = self._views.entry(entry, call.at, base_only=base_only)
        return json.dumps(view, ensure_ascii=False).encode("utf-8", "replace")


def own_or_holderless(entry: Entry, name: str) -> bool:
    """Whether *name* is a holder of *entry*, or nobody is (A_20402)."""
    holders = entry.attributes.get("holder", ())
    return not holders or name in holders


def check_paging(call: Call) -> None:
    """Raise RestError 403 unless the holder asked for is the caller, or none (A_21230)."""
    holder = call.query.get("holder")
    if holder is None or holder not in ("", "\\00", call.caller.name):
        raise forbidden("Paging gibt es für eigene Einträge und solche ohne holder")


def _base_only(call: Call) -> bool:
    given = call.query
    return "baseEntryOnly" in given and boolean("baseEntryOnly", given["baseEntryOnly"])


def _certificate_matches(view: Json, given: Mapping[str, str], active: bool | None) -> bool:
    return (
        all(view.get(name) == given[name] for name in _CERTIFICATE_TEXTS if name in given)
        and (
            "professionOID" not in given or given["professionOID"] in view.get("professionOID", ())
        )
        and active in (None, view["active"])
    )


def _log_matches(one: LogEntry, given: Mapping[str, str], unchanged: bool | None) -> bool:
    return (
        given.get("uid", one.uid) == one.uid
        and holds(given.get("telematikID", "*"), one.telematik_id)
        and holds(given.get("clientID", "*"), one.client)
        and given.get("operation", one.operation) == one.operation
        and unchanged in (None, one.unchanged)
    )


def _log_view(one: LogEntry) -> dict[str, Any]:
    return {
        "clientID": one.client,
        "logTime": one.at,
        "uid": one.uid,
        "telematikID": one.telematik_id,
        "operation": one.operation,
        "noDataChanged": one.unchanged,
    }


def _digest(call: Call, parameters: Sequence[str]) -> str:
    """Return what ties a cookie to its search: the parameters must stay the same."""
    asked = [(name, call.query[name]) for name in parameters if name in call.query]
    text = json.dumps([call.caller.name, call.request.path, asked])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _cookie(start: int, total: int, digest: str) -> str:
    return base64.urlsafe_b64encode(f"{start}:{total}:{digest}".encode()).decode()


def _read_cookie(cookie: str, digest: str) -> tuple[int, int | None]:
    """Return where the page begins and how many hits there are in all, if that is known."""
    if not cookie:
        return 0, None
    try:
        start, total, of = base64.urlsafe_b64decode(cookie).decode().split(":")
        if of != digest:
            raise ValueError
        return number("cookie", start), number("cookie", total)
    except ValueError:
        raise bad_request("cookie", "gehört nicht zu dieser Suche") from None
