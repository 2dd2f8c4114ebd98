"""The Account Manager's part of the control API: what an order's portal would tell and show."""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime

from aiohttp import web

from simulators.formats import certificates
from simulators.formats.errors import FormatError
from simulators.process.control import read_model
from simulators.process.errors import InputError
from simulators.process.settings import Settings

from ..address_rules import proposal
from ..provider import Provider
from .settings import AccountManagerSettings
from .turns import Turns


class ProposalRequest(Settings):
    """A card's certificate (DER in base64) and the code of the order, if there is one."""

    certificate: str
    reference_id: str | None = None


class AccountControl:
    """``/accounts``, ``/accounts/log``, ``/accounts/{address}/lock`` and ``/proposals``.

    Locking and unlocking an account (KOM-LE-A_2167, 2168) is the provider's own doing, too.
    A proposal of an address comes from the provider, but no interface of it is public: here it
    is a part of the control API.
    """

    def __init__(self, provider: Provider, settings: AccountManagerSettings, turns: Turns) -> None:
        self._provider = provider
        self._turns = turns
        self._codes = {code.reference_id: code for code in settings.codes}

    def add_routes(self) -> None:
        """Add the routes."""
        control = self._provider.process.control
        control.add("GET", "/accounts", self._get_accounts)
        control.add("GET", "/accounts/log", self._get_log)
        control.add("PUT", "/accounts/{address}/lock", self._lock)
        control.add("DELETE", "/accounts/{address}/lock", self._unlock)
        control.add("POST", "/proposals", self._post_proposal)

    async def _get_accounts(self, _: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "address": account.address,
                    "telematik_id": account.telematik_id,
                    "kim_version": account.kim_version,
                    "in_directory": account.in_directory,
                    "locked": account.locked,
                    "deregistered": None
                    if account.deregistered is None
                    else datetime.fromtimestamp(account.deregistered, UTC).isoformat(),
                }
                for account in self._provider.accounts.all()
            ]
        )

    async def _get_log(self, _: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
                    "event": event,
                    "address": address,
                    "telematik_id": telematik_id,
                }
                for at, event, address, telematik_id in await self._provider.accounts.log()
            ]
        )

    async def _lock(self, request: web.Request) -> web.Response:
        return await self._set_lock(request, locked=True)

    async def _unlock(self, request: web.Request) -> web.Response:
        return await self._set_lock(request, locked=False)

    async def _set_lock(self, request: web.Request, *, locked: bool) -> web.Response:
        address = request.match_info["address"].lower()
        async with self._turns.of(address):
            account = self._provider.accounts.find(address)
            if account is None:
                raise web.HTTPNotFound(text="no such account\n")
            if account.locked != locked:
                event = "locked" if locked else "unlocked"
                await self._provider.accounts.change(replace(account, locked=locked), event=event)
        return web.Response(status=204)

    async def _post_proposal(self, request: web.Request) -> web.Response:
        asked = await read_model(request, ProposalRequest)
        try:
            card = certificates.load(b64decode(asked.certificate, validate=True))
        except (binascii.Error, ValueError, FormatError):
            raise InputError("certificate: expected a certificate, DER in base64") from None
        code = self._codes.get(asked.reference_id or "")
        settings = self._provider.settings
        found = proposal(settings.profile, settings.domain, card, code.bsnr if code else None)
        if found is None:
            raise web.HTTPNotFound(text="this provider proposes nothing for the card\n")
        return web.json_response(
            {"address": found.address, "editable": found.editable, "fixed": found.fixed}
        )
