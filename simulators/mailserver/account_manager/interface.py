"""The operations of I_AccountManager_Service as the OpenAPI AccountManager 2.4 names them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import hdrs, web

from .. import faults
from ..account import Account
from ..faults import RestRefused
from ..out_of_office import OutOfOffice
from ..provider import Provider
from ..rest import Rest, json_answer, read_object, shows_certificate
from .absence import read_note, write_note
from .account_data import MAX_TEXT, read_account, text, write_account
from .authentication import Authentication, decoded, header_value, path_address
from .client_certificates import ClientCertificates, as_base64, check_common_name
from .porting import Porting
from .registration import Registration
from .settings import AccountManagerSettings
from .turns import Turns

BASE_PATH = "/AccountMgmt/v2.4"
ACCOUNT = f"{BASE_PATH}/account/{{username}}"

Operation = Callable[[web.Request, Account], Awaitable[web.Response]]


class Interface:
    """Reads requests, has them carried out and answers; every operation needs a JWT."""

    def __init__(
        self,
        provider: Provider,
        settings: AccountManagerSettings,
        *,
        authentication: Authentication,
        registration: Registration,
        porting: Porting,
        certificates: ClientCertificates | None,
        out_of_office: OutOfOffice,
        turns: Turns,
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._authentication = authentication
        self._registration = registration
        self._porting = porting
        self._certificates = certificates
        self._out_of_office = out_of_office
        self._turns = turns

    def add_to(self, rest: Rest) -> None:
        """Add the operations.

        registerAccount and the first createCert come without client certificate (A_19457-02).
        """
        path = f"{BASE_PATH}/account"
        rest.add("POST", path, "registerAccount", self._register, certificate=False)
        rest.add("PUT", f"{ACCOUNT}/telematikID", "setTID", self._port)
        for method, rest_of_path, name, operation in (
            ("PUT", "", "setAccount", self._change),
            ("DELETE", "", "deregisterAccount", self._deregister),
            ("GET", "", "getAccount", self._show),
            ("PUT", "/revokeDeregistration", "revokeDeregistration", self._revoke),
            ("GET", "/OTP", "getOTP", self._otp),
            ("POST", "/cert", "createCert", self._certify),
            ("GET", "/outofoffice", "getOutOfOffice", self._show_note),
            ("PUT", "/outofoffice", "updateOutOfOffice", self._set_note),
        ):
            handler = self._of_owner(name, operation)
            rest.add(
                *(method, ACCOUNT + rest_of_path, name, handler),
                certificate=operation != self._certify,
            )

    def _of_owner(
        self, name: str, operation: Operation
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def call(request: web.Request) -> web.Response:
            known = await self._authentication.owner(request)
            async with self._turn(known) as account:
                answer = await operation(request, account)
            self._note(name, account.address)
            return answer

        return call

    @asynccontextmanager
    async def _turn(self, known: Account) -> AsyncIterator[Account]:
        """Have the operations on one account wait for each other; each sees what the last left."""
        async with self._turns.of(known.address):
            account = self._provider.accounts.find(known.address)
            if account is None:
                raise RestRefused(faults.REST_NO_ACCOUNT)
            yield account

    async def _register(self, request: web.Request) -> web.Response:
        initial_password = header_value(request, "iniPassword")
        data = read_account(await read_object(request))
        caller = await self._authentication.caller(request)
        account = await self._registration.register(caller, data, initial_password)
        self._note("registerAccount", account.address)
        return _done()

    async def _change(self, request: web.Request, account: Account) -> web.Response:
        await self._registration.change(account, read_account(await _optional_object(request)))
        return _done()

    async def _deregister(self, _: web.Request, account: Account) -> web.Response:
        await self._registration.deregister(account)
        return _done()

    async def _show(self, _: web.Request, account: Account) -> web.Response:
        return json_answer(200, write_account(account))

    async def _revoke(self, _: web.Request, account: Account) -> web.Response:
        await self._registration.revoke(account)
        return _done()

    async def _otp(self, _: web.Request, account: Account) -> web.Response:
        password = await self._porting.issue(account)
        return json_answer(200, {"otp": as_base64(password.encode())})

    async def _port(self, request: web.Request) -> web.Response:
        """SetTID is called with the new card, to which the account does not belong yet."""
        password, otp = header_value(request, "password"), header_value(request, "otp")
        address = path_address(request)
        caller = await self._authentication.caller(request)
        known = await self._authentication.known(address, password)
        async with self._turn(known) as account:
            await self._porting.port(caller, account, otp)
        self._note("setTID", account.address)
        return _done()

    async def _certify(self, request: web.Request, account: Account) -> web.Response:
        self._check_first_certificate(request, account)
        content = await _optional_object(request)
        common_name = check_common_name(text(content, "commonName"))
        given = text(content, "certPassword", MAX_TEXT)
        password = None if given is None else decoded(given, "certPassword")
        if self._certificates is None:
            raise RestRefused(faults.REST_NO_AUTHORITY)
        container = await self._provider.process.in_thread(
            self._certificates.issue, common_name, password, self._provider.process.clock.now()
        )
        await self._registration.certified(account)
        return json_answer(200, {"file": as_base64(container)})

    def _check_first_certificate(self, request: web.Request, account: Account) -> None:
        if shows_certificate(request) or not self._provider.settings.require_client_certificate:
            return
        if account.certified or not self._settings.first_certificate:
            raise RestRefused(faults.REST_NO_CERTIFICATE)

    async def _show_note(self, _: web.Request, account: Account) -> web.Response:
        return json_answer(200, write_note(self._out_of_office.note(account.address)))

    async def _set_note(self, request: web.Request, account: Account) -> web.Response:
        content = await _optional_object(request)
        note = read_note(content, self._out_of_office.note(account.address))
        await self._out_of_office.set(account.address, note)
        return _done()

    def _note(self, operation: str, address: str) -> None:
        self._provider.process.journal.record(
            f"rest.{operation}", peer="clientmodule", user=address
        )


async def _optional_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a body that may be left out; raises RestRefused (400)."""
    if not request.can_read_body and hdrs.CONTENT_TYPE not in request.headers:
        return {}
    return await read_object(request)


def _done() -> web.Response:
    return web.Response(status=204)
