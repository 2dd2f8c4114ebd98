"""I_AccountManager_Service and I_ServiceInformation as their operations are called.

Every method raises AdministrationFault; every operation on an account needs its password and a
JWT of the card that it belongs to (A_19457-02).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ..installation import Installation
from ..operation import Operation
from . import account_data, faults
from .account_data import KIM_VERSION, Account, OutOfOffice, ServiceInformation
from .rest import SERVICE_INFORMATION, Request, Rest, Who, base64_text, read


@dataclass(frozen=True)
class Registration:
    """What registerAccount gets: the provider's order and the wishes of who registers.

    ``reference_id`` and ``initial_password`` are the provider's (A_19458-01); ``password`` is the
    new one of the account.
    """

    address: str
    password: str
    reference_id: str
    initial_password: str
    kim_version: str = KIM_VERSION


@dataclass(frozen=True)
class Login:
    """An account and its password."""

    address: str
    password: str

    @property
    def domain(self) -> str:
        """The domain of the provider."""
        return domain_of(self.address)


class AccountManager:
    """The Account Managers of all providers, called in the name of a card."""

    def __init__(self, installation: Installation) -> None:
        self._rest = Rest(installation)

    async def service_information(
        self, operation: Operation, who: Who, domain: str
    ) -> ServiceInformation:
        """Return what the provider of *domain* wants to know (getServiceInformation)."""
        request = Request(
            *("getServiceInformation", domain, "GET", "/serviceinfo"), root=SERVICE_INFORMATION
        )
        return read(request, await self._rest.call(operation, who, request), ServiceInformation)

    async def register(self, operation: Operation, who: Who, wanted: Registration) -> None:
        """Register an account (registerAccount, A_19459), without client certificate."""
        body = {
            "referenceID": wanted.reference_id,
            "username": wanted.address,
            "password": base64_text(wanted.password),
            "kimVersion": wanted.kim_version,
        }
        request = Request(
            "registerAccount",
            domain_of(wanted.address),
            "POST",
            "/account",
            secrets={"iniPassword": wanted.initial_password},
            body=body,
        )
        await self._rest.call(operation, who, request)

    async def show(self, operation: Operation, who: Who, login: Login) -> Account:
        """Return the account (getAccount)."""
        request = _request("getAccount", login, "GET")
        return read(request, await self._rest.call(operation, who, request), Account)

    async def change(
        self,
        operation: Operation,
        who: Who,
        login: Login,
        *,
        kim_version: str | None = None,
        password: str | None = None,
    ) -> None:
        """Change what is given of an account (setAccount)."""
        body: dict[str, Any] = {}
        if kim_version is not None:
            body["kimVersion"] = kim_version
        if password is not None:
            body["password"] = base64_text(password)
        await self._rest.call(operation, who, _request("setAccount", login, "PUT", body=body))

    async def deregister(self, operation: Operation, who: Who, login: Login) -> None:
        """Deregister the account; for 30 days that can be taken back (A_19463)."""
        await self._rest.call(operation, who, _request("deregisterAccount", login, "DELETE"))

    async def revoke(self, operation: Operation, who: Who, login: Login) -> None:
        """Take the deregistration back (revokeDeregistration, A_19464-03)."""
        request = _request("revokeDeregistration", login, "PUT", "/revokeDeregistration")
        await self._rest.call(operation, who, request)

    async def create_certificate(
        self, operation: Operation, who: Who, login: Login, common_name: str, password: str
    ) -> bytes:
        """Return a new PKCS#12, protected with *password* (createCert, A_19468-02)."""
        body = {"commonName": common_name, "certPassword": base64_text(password)}
        request = _request("createCert", login, "POST", "/cert", body=body)
        answer = read(
            request, await self._rest.call(operation, who, request), account_data.Certificate
        )
        return _decoded(request, answer.file)

    async def one_time_password(self, operation: Operation, who: Who, login: Login) -> str:
        """Return a password for porting (getOTP); *who* is the card that owns the account."""
        request = _request("getOTP", login, "GET", "/OTP")
        answer = read(
            request, await self._rest.call(operation, who, request), account_data.OneTimePassword
        )
        try:
            return _decoded(request, answer.otp).decode("utf-8")
        except UnicodeDecodeError:
            raise faults.bad_answer(request.operation, request.domain, "otp") from None

    async def port(self, operation: Operation, who: Who, login: Login, otp: str) -> None:
        """Give the account to the card of *who*, the new one (setTID)."""
        request = _request("setTID", login, "PUT", "/telematikID", secrets={"otp": otp})
        await self._rest.call(operation, who, request)

    async def out_of_office(self, operation: Operation, who: Who, login: Login) -> OutOfOffice:
        """Return the out-of-office note (getOutOfOffice, A_21380)."""
        request = _request("getOutOfOffice", login, "GET", "/outofoffice")
        return read(request, await self._rest.call(operation, who, request), OutOfOffice)

    async def set_out_of_office(
        self, operation: Operation, who: Who, login: Login, note: OutOfOffice
    ) -> None:
        """Change the out-of-office note (updateOutOfOffice, A_21380).

        An active one needs every value; switched off it keeps what is not given (FAQ).
        """
        body: dict[str, Any] = {"active": note.active}
        if note.start is not None:
            body["startDate"] = _moment(note.start)
        if note.end is not None:
            body["endDate"] = _moment(note.end)
        if note.message is not None:
            body["message"] = note.message
        request = _request("updateOutOfOffice", login, "PUT", "/outofoffice", body=body)
        await self._rest.call(operation, who, request)


def domain_of(address: str) -> str:
    """Return the domain of a KIM address."""
    return address.rpartition("@")[2].lower()


def _request(
    operation: str,
    login: Login,
    method: str,
    path: str = "",
    *,
    secrets: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Request:
    return Request(
        operation,
        login.domain,
        method,
        f"/account/{quote(login.address, safe='')}{path}",
        address=login.address,
        secrets={"password": login.password, **(secrets or {})},
        body=body,
    )


def _decoded(request: Request, text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise faults.bad_answer(request.operation, request.domain, "base64") from None


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
