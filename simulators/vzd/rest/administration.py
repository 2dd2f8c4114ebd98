"""I_Directory_Administration: what card issuers write (entries and certificates)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from aiohttp import web

from ..certificates import Certificate
from ..entries import Entry
from ..settings import VzdSettings
from . import errors
from .access import ADMINISTRATION, READ, Caller, Tokens
from .bodies import BaseEntry, CertificateBody, NewEntry, read_body
from .changing import Change, Changing
from .checks import EntryChecks, certificate_of_body, check_headers
from .errors import RestError, bad_request, not_found
from .queries import ENTRY_PARAMETERS, FA_PARAMETERS, boolean, read_query
from .reading import Reading, check_paging, own_or_holderless
from .server import Call, Operation, json_response
from .views import Views

PATH = "/DirectoryAdministration"
VERSION = "1.12.8"
_UID = r"{uid:(?!(?:Certificates|KOM-LE_Fachdaten)$)[^/]+}"
"""A uid in a path: not the names that stand at the same place (for the header Allow)."""


class Administration:
    """The operations, each named as its operationId."""

    def __init__(
        self,
        tokens: Tokens,
        reading: Reading,
        changing: Changing,
        views: Views,
        settings: VzdSettings,
    ) -> None:
        self._tokens = tokens
        self._reading = reading
        self._changing = changing
        self._views = views
        self._checks = EntryChecks(changing, views, frozenset(settings.clients))
        self._syncs = asyncio.Semaphore(settings.parallel_syncs)

    def operations(self) -> Sequence[Operation]:
        """Return all operations of the interface."""
        entries = f"{PATH}/DirectoryEntries"
        one, sync = entries + "/{uid}", f"{PATH}/v2/DirectoryEntriesSync"
        reader = self._authenticate(ADMINISTRATION, READ)
        table = (
            ("POST", entries, "add_Directory_Entry", self.add),
            ("PUT", one + "/baseDirectoryEntries", "modify_Directory_Entry", self.modify),
            ("DELETE", f"{entries}/{_UID}", "delete_Directory_Entry", self.delete),
            ("PUT", one + "/active", "stateSwitch_Directory_Entry", self.switch),
            (
                "POST",
                one + "/Certificates",
                "add_Directory_Entry_Certificate",
                self.add_certificate,
            ),
            (
                "DELETE",
                one + "/Certificates/{certificateEntryID}",
                "delete_Directory_Entry_Certificate",
                self.delete_certificate,
            ),
            (
                "GET",
                f"{PATH}/DirectoryEntriesSync",
                "read_Directory_Entry_for_Sync",
                self.sync,
            ),
            ("GET", sync, "read_Directory_Entry_for_Sync_paging", self.sync_page),
            (
                "GET",
                f"{sync}/KOM-LE_Fachdaten",
                "search_Directory_FA-Attributes_for_Sync_paging",
                self.sync_fachdaten_page,
            ),
        )
        writer = self._authenticate(ADMINISTRATION)
        return [
            Operation("GET", f"{PATH}/", "getInfo", self.get_info, reader),
            *self._reading.operations(PATH, reader),
            *(Operation(method, path, name, to, writer) for method, path, name, to in table),
        ]

    def _authenticate(self, *scopes: str) -> Callable[[web.Request], Caller]:
        allowed = frozenset(scopes)
        return lambda request: self._tokens.caller(request, allowed)

    async def get_info(self, _: Call) -> web.Response:
        """getInfo."""
        return json_response(
            {
                "title": "I_Directory_Administration",
                "description": "kimulator: TEST-ONLY",
                "version": VERSION,
            }
        )

    async def add(self, call: Call) -> web.Response:
        """add_Directory_Entry."""
        check_headers(call)
        body = read_body(call.content, NewEntry)
        certificates = [certificate_of_body(one) for one in body.certificates]
        async with self._changing.lock:
            change = self._checks.new_entry(body, certificates, call.caller.name)
            entry = self._changing.made(self._changing.new_uid(), None, change)
            await self._changing.put(call, "add_Directory_Entry", entry)
        return json_response(self._views.dn(entry), 201)

    async def modify(self, call: Call) -> web.Response:
        """modify_Directory_Entry: what the request leaves out stays (unconfirmed)."""
        check_headers(call)
        body = read_body(call.content, BaseEntry)
        async with self._changing.lock:
            entry = self._own(call)
            change = self._checks.changed_entry(entry, body, call.caller.name)
            changed = self._changing.made(entry.uid, entry, change)
            await self._changing.put(call, "modify_Directory_Entry", changed)
        limit = changed.value("maxkomleadr")
        count = len(changed.attributes.get("mail", ()))
        over = max(0, count - int(limit)) if limit else 0
        return json_response(self._views.dn(changed), headers={"X-maxKOMLEadr-Limit": str(over)})

    async def delete(self, call: Call) -> web.Response:
        """delete_Directory_Entry; one with a KIM address becomes inactive instead (409)."""
        async with self._changing.lock:
            entry = self._own(call)
            self._checks.no_links_to(entry)
            if entry.attributes.get("mail"):
                await self._switch(call, "delete_Directory_Entry", entry, active=False)
                raise errors.HAS_ADDRESSES
            await self._changing.remove(call, "delete_Directory_Entry", entry)
        return json_response({})

    async def switch(self, call: Call) -> web.Response:
        """stateSwitch_Directory_Entry."""
        if "active" not in call.query:
            raise bad_request("active", "fehlt")
        active = boolean("active", call.query["active"])
        async with self._changing.lock:
            await self._switch(call, "stateSwitch_Directory_Entry", self._own(call), active=active)
        return web.Response(status=204)

    async def _switch(self, call: Call, operation: str, entry: Entry, *, active: bool) -> None:
        change = Change({}, unseen=replace(entry.unseen, active=active))
        await self._changing.put(call, operation, self._changing.made(entry.uid, entry, change))

    async def add_certificate(self, call: Call) -> web.Response:
        """add_Directory_Entry_Certificate; an unknown uid is a 400, the OpenAPI has no 404."""
        check_headers(call)
        body = read_body(call.content, CertificateBody)
        certificate = certificate_of_body(body)
        async with self._changing.lock:
            entry = self._changing.get(call.path("uid"))
            if entry is None:
                raise bad_request("uid", "kein Eintrag")
            change = self._checks.new_certificate(entry, certificate, body)
            changed = self._changing.made(entry.uid, entry, change)
            await self._changing.put(call, "add_Directory_Entry_Certificate", changed)
        return json_response(self._views.dn(changed, cn=certificate.id), 201)

    async def delete_certificate(self, call: Call) -> web.Response:
        """delete_Directory_Entry_Certificate; the last one stays (409)."""
        async with self._changing.lock:
            entry = self._entry(call)
            left = [c for c in entry.certificates if c.id != call.path("certificateEntryID")]
            if len(left) == len(entry.certificates):
                raise not_found("kein solches Zertifikat")
            if not left:
                raise errors.LAST_CERTIFICATE
            change = Change(
                {"professionOID": self._professions_left(entry, left)}, certificates=left
            )
            changed = self._changing.made(entry.uid, entry, change)
            await self._changing.put(call, "delete_Directory_Entry_Certificate", changed)
        return web.Response()

    def _professions_left(self, entry: Entry, left: Sequence[Certificate]) -> list[str]:
        """Return the professionOIDs without those that only a deleted certificate had."""

        def of(certificates: Sequence[Certificate]) -> set[str]:
            return {
                oid
                for certificate in certificates
                for oid in self._views.content(certificate).get("professionOID", ())
            }

        gone = of(entry.certificates) - of(left)
        return [oid for oid in entry.attributes.get("professionoid", ()) if oid not in gone]

    async def sync(self, call: Call) -> web.StreamResponse:
        """read_Directory_Entry_for_Sync; further ones at the same time are a 503."""
        async with self._sync():
            return await self._reading.everything(call)

    async def sync_page(self, call: Call) -> web.Response:
        """read_Directory_Entry_for_Sync_paging (A_21230, A_20402)."""
        check_paging(call)
        query = read_query(call.query, ENTRY_PARAMETERS)
        async with self._sync():
            return await self._reading.page(call, (*ENTRY_PARAMETERS, "baseEntryOnly"), query)

    async def sync_fachdaten_page(self, call: Call) -> web.Response:
        """search_Directory_FA-Attributes_for_Sync_paging: own and holderless entries only."""
        name = call.caller.name
        query = read_query(call.query, FA_PARAMETERS)
        own = replace(query, predicates=(lambda entry: own_or_holderless(entry, name),))
        async with self._sync(declared=False):
            return await self._reading.page(call, FA_PARAMETERS, own)

    def _sync(self, *, declared: bool = True) -> asyncio.Semaphore:
        """Return what bounds the operations for synchronisation. Raises RestError 503.

        Where the OpenAPI knows no 503 they wait.
        """
        if declared and self._syncs.locked():
            raise errors.SYNC_BUSY
        return self._syncs

    def _entry(self, call: Call) -> Entry:
        entry = self._changing.get(call.path("uid"))
        if entry is None:
            raise not_found("kein Eintrag mit dieser uid")
        return entry

    def _own(self, call: Call) -> Entry:
        """Return the entry in the path. Raises RestError 404, or 403 for one of other holders."""
        entry = self._entry(call)
        if not own_or_holderless(entry, call.caller.name):
            raise RestError(403, "der Eintrag gehört einem anderen holder")
        return entry
