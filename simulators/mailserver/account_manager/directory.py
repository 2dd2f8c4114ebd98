"""Addresses in the directory, by I_Directory_Application_Maintenance (KOM-LE-A_2159)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from simulators.process.errors import one_line

from .. import faults
from ..faults import RestRefused
from ..provider import Provider
from .settings import DirectorySettings
from .turns import Turns

MAX_ANSWER = 4 << 20


@dataclass(frozen=True)
class Listing:
    """How an address stands in the directory: with its KIM version, or nowhere but in kimData.

    ``hidden`` is noVzdMailEntry: neither mail nor komLeData have the address.
    """

    address: str
    version: str
    hidden: bool = False


class Locked(Exception):
    """The entry is inactive, and the directory lets nobody change it."""


class NoAnswer(RestRefused):
    """The directory gave no answer (502); what was asked of it may be done or not."""

    def __init__(self) -> None:
        super().__init__(_refused("no answer").error)


class Directory:
    """Writes the addresses of this provider into the entries of their owners.

    The list of an entry is always written whole, so it is read before (OpenAPI, komLeData);
    changes of one entry by this process wait for each other. A change that gets no answer may
    have been made all the same: what stands there then decides.
    """

    def __init__(
        self, provider: Provider, settings: DirectorySettings, session: aiohttp.ClientSession
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._session = session
        self._fad = settings.fad or provider.settings.domain
        self._turns = Turns()

    async def put(self, telematik_id: str, listing: Listing) -> None:
        """Have *listing* stand in the entry of *telematik_id*, in place of what stood there.

        Raises RestRefused: 423 for an inactive entry, 502 where there is none, and for whatever
        the directory refuses or does not answer.
        """
        async with self._turns.of(telematik_id):
            await self._check_active(telematik_id)
            data = await self._read(telematik_id)
            accounts = [] if data is None else _without(data, listing.address)
            tags = [] if data is None else _app_tags(data, listing.address)
            entry: dict[str, Any] = {"mail": listing.address, "version": listing.version}
            if tags:
                entry["appTags"] = tags
            if listing.hidden:
                entry["noVzdMailEntry"] = True
            try:
                await self._write(telematik_id, [*accounts, entry], new=data is None)
            except Locked:
                raise RestRefused(faults.REST_ENTRY_INACTIVE) from None

    async def remove(self, telematik_id: str, address: str) -> None:
        """Take *address* out of the entry of *telematik_id*; raises RestRefused (502).

        An entry that is locked is 502, too: nothing that takes an address out has a 423.
        """
        async with self._turns.of(telematik_id):
            data = await self._read(telematik_id)
            if data is not None and _names(data, address):
                try:
                    await self._write(telematik_id, _without(data, address), new=False)
                except Locked:
                    raise _refused("the entry is locked") from None

    async def _check_active(self, telematik_id: str) -> None:
        status, content = await self._ask(
            "GET", f"/DirectoryEntries?telematikID={quote(telematik_id, safe='')}"
        )
        entries = content if status == 200 and isinstance(content, list) else []
        for entry in entries:
            base = entry.get("DirectoryEntryBase") if isinstance(entry, dict) else None
            if isinstance(base, dict) and base.get("telematikID") == telematik_id:
                if base.get("active") is False:
                    raise RestRefused(faults.REST_ENTRY_INACTIVE)
                return
        if status not in (200, 404):
            raise _refused(f"the directory answered {status}")
        raise _refused("the directory has no entry of this Telematik-ID")

    async def _read(self, telematik_id: str) -> dict[str, Any] | None:
        """Return the application data of this provider (FAD1), None if there is none."""
        status, content = await self._ask("GET", f"{_of_entry(telematik_id)}/{quote(self._fad)}")
        if status == 404:
            return None
        if status != 200 or not isinstance(content, dict):
            raise _refused(f"the directory answered {status}")
        return content

    async def _write(self, telematik_id: str, accounts: list[dict[str, Any]], *, new: bool) -> None:
        """Write the application data of this provider; raises Locked, RestRefused (502)."""
        path = _of_entry(telematik_id)
        body = {
            "mail": [a["mail"] for a in accounts if not a.get("noVzdMailEntry")],
            "komLeData": [a for a in accounts if a.get("version")],
        }
        method, path = ("POST", path) if new else ("PUT", f"{path}/{quote(self._fad)}")
        try:
            status, _ = await self._ask(method, path, body)
        except NoAnswer:
            if not _stand_in(await self._read(telematik_id), accounts):
                raise
            return
        if status == 423:
            raise Locked
        if status not in (200, 201):
            raise _refused(f"the directory answered {status}")

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Return status and JSON of the directory's answer; raises RestRefused (502)."""
        url = URL(self._settings.url + path, encoded=True)
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_seconds)
        try:
            async with self._session.request(
                method, url, json=body, timeout=timeout, allow_redirects=False
            ) as response:
                content = await _bounded(response)
                return response.status, json.loads(content) if content.strip() else None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            reason = one_line(str(error)) or type(error).__name__
            self._provider.process.journal.record("directory.failed", peer="vzd", reason=reason)
            raise NoAnswer from None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        content += chunk
        if len(content) > MAX_ANSWER:
            raise ValueError("the answer is too large")
    return bytes(content)


def _of_entry(telematik_id: str) -> str:
    return f"/DirectoryEntries/{quote(telematik_id, safe='')}/KOM-LE_Fachdaten"


def _refused(reason: str) -> RestRefused:
    error = faults.REST_NO_DIRECTORY
    return RestRefused(error.saying(f"{error.message}: {reason}"))


def _listed(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = data.get(name)
    return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []


def _mails(data: Mapping[str, Any]) -> list[str]:
    found = data.get("mail")
    return [m for m in found if isinstance(m, str)] if isinstance(found, list) else []


def _names(data: Mapping[str, Any], address: str) -> bool:
    entries = [*_listed(data, "komLeData"), *_listed(data, "kimData")]
    named = [*_mails(data), *(str(entry.get("mail")) for entry in entries)]
    return address.lower() in (mail.lower() for mail in named)


def _app_tags(data: Mapping[str, Any], address: str) -> list[str]:
    for entry in _listed(data, "kimData"):
        if str(entry.get("mail")).lower() == address.lower():
            tags = entry.get("appTags")
            return [str(tag) for tag in tags] if isinstance(tags, list) else []
    return []


def _stand_in(data: Mapping[str, Any] | None, accounts: list[dict[str, Any]]) -> bool:
    """Tell whether *accounts*, as they were written, are all that stands in *data*."""
    found = [] if data is None else _without(data, "")
    return sorted(found, key=_address) == sorted(accounts, key=_address)


def _address(account: Mapping[str, Any]) -> str:
    return str(account["mail"]).lower()


def _without(data: Mapping[str, Any], address: str) -> list[dict[str, Any]]:
    """Return the accounts of *data* without *address*, as they are written (FAD_Req).

    An address that stands in kimData alone was written with noVzdMailEntry; one that stands in
    mail alone has no version.
    """
    visible = {str(entry.get("mail")).lower(): entry for entry in _listed(data, "komLeData")}
    accounts: dict[str, dict[str, Any]] = {}
    for entry in _listed(data, "kimData"):
        mail = str(entry.get("mail"))
        account: dict[str, Any] = {"mail": mail, "version": entry.get("version")}
        if entry.get("appTags"):
            account["appTags"] = entry["appTags"]
        if mail.lower() not in visible:
            account["noVzdMailEntry"] = True
        accounts[mail.lower()] = account
    for key, entry in visible.items():
        accounts.setdefault(key, {"mail": entry["mail"], "version": entry.get("version")})
    for mail in _mails(data):
        accounts.setdefault(mail.lower(), {"mail": mail})
    accounts.pop(address.lower(), None)
    return list(accounts.values())
