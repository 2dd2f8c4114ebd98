"""I_Directory_Application_Maintenance: what the Fachdienste write (mail and KIM data)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from ..entries import Entry
from ..schema import fold
from ..settings import VzdSettings
from . import errors
from .access import Providers
from .bodies import Fachdaten, read_body
from .changing import Change, Changing
from .errors import bad_request, forbidden, not_found
from .kim_data import KimAccount, accounts_of, with_accounts
from .reading import Reading
from .server import Call, Operation, json_response
from .views import Views

PATH = "/DirectoryApplicationMaintenance"
VERSION = "1.4.9"
_FAD = PATH + "/DirectoryEntries/{telematikID}/KOM-LE_Fachdaten"
_MAX_ADDRESS = 256


class ApplicationMaintenance:
    """The operations, each named as its operationId."""

    def __init__(
        self,
        providers: Providers,
        reading: Reading,
        changing: Changing,
        views: Views,
        settings: VzdSettings,
    ) -> None:
        self._providers = providers
        self._reading = reading
        self._changing = changing
        self._views = views
        self._settings = settings

    def operations(self) -> Sequence[Operation]:
        """Return all operations of the interface."""
        caller = self._providers.caller
        table = (
            ("GET", f"{PATH}/", "getInfo", self.get_info),
            ("POST", _FAD, "add_Directory_FA-Attributes", self.add),
            ("GET", _FAD + "/{fad}", "get_Directory_FA-Attributes", self.get),
            ("PUT", _FAD + "/{fad}", "modify_Directory_FA-Attributes", self.modify),
            ("DELETE", _FAD + "/{fad}", "delete_Directory_FA-Attributes", self.delete),
            ("GET", f"{PATH}/appTags", "getAppTags", self.get_app_tags),
        )
        own = [Operation(method, path, name, to, caller) for method, path, name, to in table]
        return [*self._reading.operations(PATH, caller), *own]

    async def get_info(self, _: Call) -> web.Response:
        """getInfo."""
        return json_response(
            {
                "title": "I_Directory_Application_Maintenance",
                "description": "kimulator: TEST-ONLY",
                "version": VERSION,
            }
        )

    async def get_app_tags(self, _: Call) -> web.Response:
        """getAppTags: a FHIR CodeSystem, as a string of JSON as the OpenAPI has it."""
        system = {
            "resourceType": "CodeSystem",
            "name": "ServiceIdentifierCS",
            "status": "active",
            "content": "complete",
            "concept": [{"code": tag} for tag in self._settings.app_tags],
        }
        return json_response(json.dumps(system, ensure_ascii=False))

    async def add(self, call: Call) -> web.Response:
        """add_Directory_FA-Attributes: for the FAD of the caller's certificate.

        That there is one already is a 400 (unconfirmed: the OpenAPI knows no 409 here).
        """
        body = read_body(call.content, Fachdaten)
        async with self._changing.lock:
            entry = self._entry(call)
            if call.caller.fad in accounts_of(entry, self._providers.fad_of):
                raise bad_request("dn", "der Fachdateneintrag existiert bereits")
            await self._write(call, "add_Directory_FA-Attributes", entry, body)
        return web.Response(status=201)

    async def get(self, call: Call) -> web.Response:
        """get_Directory_FA-Attributes."""
        fad = self._own_fad(call)
        entry = self._entry(call)
        accounts = accounts_of(entry, self._providers.fad_of)
        if fad not in accounts:
            raise not_found("kein Fachdateneintrag")
        return json_response(self._views.fad(entry, fad, accounts[fad]))

    async def modify(self, call: Call) -> web.Response:
        """modify_Directory_FA-Attributes: the whole list is written anew."""
        fad = self._own_fad(call)
        body = read_body(call.content, Fachdaten)
        async with self._changing.lock:
            entry = self._entry(call)
            if fad not in accounts_of(entry, self._providers.fad_of):
                raise not_found("kein Fachdateneintrag")
            await self._write(call, "modify_Directory_FA-Attributes", entry, body)
        return web.Response()

    async def delete(self, call: Call) -> web.Response:
        """delete_Directory_FA-Attributes."""
        fad = self._own_fad(call)
        async with self._changing.lock:
            entry = self._entry(call)
            if fad not in accounts_of(entry, self._providers.fad_of):
                raise not_found("kein Fachdateneintrag")
            self._check_lock(entry)
            unseen = replace(entry.unseen, fads=entry.unseen.fads - {fad})
            attributes = with_accounts(entry, fad, (), self._providers.fad_of)
            change = Change(attributes, unseen=unseen, touches_base=False)
            changed = self._changing.made(entry.uid, entry, change)
            await self._changing.put(call, "delete_Directory_FA-Attributes", changed)
        return web.Response()

    async def _write(self, call: Call, operation: str, entry: Entry, body: Fachdaten) -> None:
        self._check_lock(entry)
        fad = call.caller.fad
        accounts = self._accounts(body, fad)
        attributes = with_accounts(entry, fad, accounts, self._providers.fad_of)
        limit = entry.value("maxkomleadr")
        if limit and accounts and len(attributes["mail"]) > int(limit):  # A_20262
            raise errors.TOO_MANY_ADDRESSES
        unseen = replace(entry.unseen, fads=entry.unseen.fads | {fad})
        change = Change(attributes, unseen=unseen, touches_base=False)
        await self._changing.put(call, operation, self._changing.made(entry.uid, entry, change))

    def _accounts(self, body: Fachdaten, fad: str) -> list[KimAccount]:
        """Return the accounts in *body*. Raises RestError 400."""
        listed = {fold(mail.strip()): mail.strip() for mail in body.mail}
        found: dict[str, KimAccount] = {}
        for one in body.kom_le_data:
            address = one.mail.strip()
            key = fold(address)
            if one.version not in self._settings.versions:
                raise errors.UNKNOWN_VERSION
            if key in found or (key not in listed and not one.no_vzd_mail_entry):
                raise errors.ADDRESSES_DIFFER
            tags = tuple(_tag(tag) for tag in one.app_tags)
            found[key] = KimAccount(
                address, one.version, tags, listed=key in listed, hidden=one.no_vzd_mail_entry
            )
        for key, address in listed.items():
            found.setdefault(key, KimAccount(address))
        for account in found.values():
            self._check_address(account.address, fad)
        return list(found.values())

    def _check_address(self, address: str, fad: str) -> None:
        local, at, domain = address.rpartition("@")
        plain = address.isprintable() and not set(address) & set(" ,|")
        if not (local and at and domain and plain and len(address) <= _MAX_ADDRESS):
            raise bad_request("mail", "keine Mail-Adresse")
        if self._providers.fad_of(address) != fad:
            raise bad_request("mail", "die Domäne gehört einem anderen Fachdienst")

    def _entry(self, call: Call) -> Entry:
        """Return the entry of the Telematik-ID in the path. Raises RestError 404."""
        entry = next(self._changing.by_telematik_id(call.path("telematikID")), None)
        if entry is None:
            raise not_found("telematikID nicht gefunden")
        return entry

    def _own_fad(self, call: Call) -> str:
        """Return the FAD in the path. Raises RestError 403 for that of another provider."""
        if call.path("fad") != call.caller.fad:
            raise forbidden("der Fachdateneintrag gehört einem anderen Fachdienst")
        return call.caller.fad

    def _check_lock(self, entry: Entry) -> None:
        if self._settings.lock_inactive and not entry.unseen.active:
            raise errors.LOCKED


def _tag(tag: str) -> str:
    """Return the Anwendungskennzeichen *tag*. Raises RestError 400 for one that splits a value."""
    if not tag.strip() or not tag.isprintable() or set(tag) & set(",|"):
        raise bad_request("appTags", "Unzulässiger Wert")
    return tag.strip()
