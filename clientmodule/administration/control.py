"""``/administration/…`` of the control API: the same steps as the assistant's, in JSON.

Every step is a POST with an object; errors are ``{"error": line, "kind": …}`` with what the
Account Manager answered. Passwords and one-time passwords stand in bodies only.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import AwareDatetime, Field

from simulators.process.control import Control, read_model
from simulators.process.settings import Settings

from ..settings import DEFAULT_KONNEKTOR
from ..user_name import CallContext
from . import faults
from .account_data import KIM_VERSION, OutOfOffice
from .account_manager import Login, Registration
from .administration import Administration, Place
from .faults import AdministrationFault

Model = TypeVar("Model", bound=Settings)
Id = Field(min_length=1, max_length=64)
Secret = Field(min_length=1, max_length=256, repr=False)


class Context(Settings):
    """A call context: Mandant, Clientsystem, Workplace, User for an HBA, KonnektorId."""

    mandant: str = Id
    clientsystem: str = Id
    workplace: str = Id
    user: str | None = Field(default=None, min_length=1, max_length=64)
    konnektor: str = DEFAULT_KONNEKTOR

    @property
    def place(self) -> Place:
        """Where the user stands."""
        context = CallContext(self.mandant, self.clientsystem, self.workplace, self.user)
        return Place(context, self.konnektor)


class AtPlace(Settings):
    """A step at a place."""

    context: Context


class WithCard(AtPlace):
    """A step that a card proves."""

    iccsn: str = Field(min_length=1, max_length=20)


class AtProvider(AtPlace):
    """A question to a provider."""

    domain: str = Field(min_length=1, max_length=253)


class WithCardAtProvider(AtProvider, WithCard):
    """A question about a card at a provider."""


class OfAddress(AtPlace):
    """A question about an address."""

    address: str = Field(min_length=3, max_length=256)


class OfAccount(WithCard, OfAddress):
    """A step on an account, whose password is given."""

    password: str = Secret

    @property
    def login(self) -> Login:
        """The account and its password."""
        return Login(self.address, self.password)


class Register(OfAccount):
    """A registration with the code of an order."""

    reference_id: str = Field(min_length=1, max_length=256)
    initial_password: str = Secret
    kim_version: str = Field(default=KIM_VERSION, max_length=4)


class ChangePassword(OfAccount):
    """Another password for an account."""

    new_password: str = Secret


class LargeMails(OfAccount):
    """Large mails on or off; ``confirmed`` says that the user knows the risks."""

    enabled: bool
    confirmed: bool = False


class Deregister(OfAccount):
    """A deregistration; ``confirmed`` says that the user knows what follows."""

    confirmed: bool = False


class Note(OfAccount):
    """An out-of-office note; the times with a zone."""

    active: bool
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    message: str | None = Field(default=None, max_length=2048)


class Port(OfAccount):
    """A porting with the one-time password; ``iccsn`` is the new card."""

    otp: str = Secret


class Import(Settings):
    """A PKCS#12 in base64 with its password."""

    address: str = Field(min_length=3, max_length=256)
    pkcs12: str = Field(min_length=1, max_length=1 << 19)
    password: str = Field(max_length=256, repr=False)


class AdministrationControl:
    """The routes; see the method of each step in ``Administration``."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    def add_to(self, control: Control) -> None:
        """Add the routes, one for each step."""
        control.add("GET", "/administration/providers", self._providers)

        def step(
            name: str, model: type[Model], do: Callable[[Model], Awaitable[dict[str, Any]]]
        ) -> None:
            async def handle(request: web.Request) -> web.Response:
                given = await read_model(request, model)
                try:
                    return web.json_response(await do(given))
                except AdministrationFault as fault:
                    return _refused(fault)

            control.add("POST", f"/administration/{name}", handle)

        step("konnektor-test", AtPlace, self._test)
        step("cards", AtPlace, self._cards)
        step("unlock", WithCard, self._unlock)
        step("service-information", AtProvider, self._information)
        step("proposal", WithCardAtProvider, self._proposal)
        step("register", Register, self._register)
        step("certificate", OfAccount, self._certificate)
        step("import-certificate", Import, self._import)
        step("account", OfAccount, self._account)
        step("password", ChangePassword, self._password)
        step("large-mails", LargeMails, self._large_mails)
        step("deregister", Deregister, self._deregister)
        step("revoke-deregistration", OfAccount, self._revoke)
        step("out-of-office", OfAccount, self._note)
        step("set-out-of-office", Note, self._set_note)
        step("one-time-password", OfAccount, self._otp)
        step("port", Port, self._port)
        step("overview", OfAddress, self._overview)

    async def _providers(self, _: web.Request) -> web.Response:
        return web.json_response({"providers": list(await self._administration.providers())})

    async def _test(self, given: AtPlace) -> dict[str, Any]:
        return asdict(await self._administration.test_konnektor(given.context.place))

    async def _cards(self, given: AtPlace) -> dict[str, Any]:
        return {
            "cards": [
                {
                    "iccsn": one.card.iccsn,
                    "type": one.card.type,
                    "holder": one.holder,
                    "telematik_id": one.telematik_id,
                    "certificate_expires": one.certificate.not_valid_after_utc.isoformat(),
                    "certificate": one.certificate.public_bytes(Encoding.PEM).decode("ascii"),
                }
                for one in await self._administration.cards(given.context.place)
            ]
        }

    async def _unlock(self, given: WithCard) -> dict[str, Any]:
        await self._administration.unlock(given.context.place, given.iccsn)
        return {}

    async def _information(self, given: AtProvider) -> dict[str, Any]:
        place = given.context.place
        return (await self._administration.service_information(place, given.domain)).model_dump()

    async def _proposal(self, given: WithCardAtProvider) -> dict[str, Any]:
        found = await self._administration.proposal(given.context.place, given.iccsn, given.domain)
        return {"address": found.address, **asdict(found)}

    async def _register(self, given: Register) -> dict[str, Any]:
        wanted = Registration(
            given.address,
            given.password,
            given.reference_id,
            given.initial_password,
            given.kim_version,
        )
        await self._administration.register(given.context.place, given.iccsn, wanted)
        return {}

    async def _certificate(self, given: OfAccount) -> dict[str, Any]:
        place = given.context.place
        return _expiry(
            await self._administration.fetch_certificate(place, given.iccsn, given.login)
        )

    async def _import(self, given: Import) -> dict[str, Any]:
        try:
            content = b64decode(given.pkcs12, validate=True)
        except (binascii.Error, ValueError):
            raise faults.wrong_input("Import", faults.WRONG_PKCS12) from None
        return _expiry(
            await self._administration.import_certificate(given.address, content, given.password)
        )

    async def _account(self, given: OfAccount) -> dict[str, Any]:
        place = given.context.place
        found = await self._administration.account(place, given.iccsn, given.login)
        until = found.deregistered_until
        return {
            **found.model_dump(exclude={"dereg_date"}),
            "takes_large_mails": found.takes_large_mails,
            "deregistered_until": _text(until),
        }

    async def _password(self, given: ChangePassword) -> dict[str, Any]:
        place = given.context.place
        await self._administration.change_password(
            place, given.iccsn, given.login, given.new_password
        )
        return {}

    async def _large_mails(self, given: LargeMails) -> dict[str, Any]:
        version = await self._administration.set_large_mails(
            given.context.place,
            given.iccsn,
            given.login,
            enabled=given.enabled,
            confirmed=given.confirmed,
        )
        return {"kim_version": version}

    async def _deregister(self, given: Deregister) -> dict[str, Any]:
        until = await self._administration.deregister(
            given.context.place, given.iccsn, given.login, confirmed=given.confirmed
        )
        return {"deregistered_until": _text(until)}

    async def _revoke(self, given: OfAccount) -> dict[str, Any]:
        await self._administration.revoke(given.context.place, given.iccsn, given.login)
        return {}

    async def _note(self, given: OfAccount) -> dict[str, Any]:
        place = given.context.place
        return _as_json(await self._administration.out_of_office(place, given.iccsn, given.login))

    async def _set_note(self, given: Note) -> dict[str, Any]:
        note = OutOfOffice(
            start=given.start, end=given.end, message=given.message, active=given.active
        )
        place = given.context.place
        return _as_json(
            await self._administration.set_out_of_office(place, given.iccsn, given.login, note)
        )

    async def _otp(self, given: OfAccount) -> dict[str, Any]:
        place = given.context.place
        return {
            "otp": await self._administration.one_time_password(place, given.iccsn, given.login)
        }

    async def _port(self, given: Port) -> dict[str, Any]:
        await self._administration.port(given.context.place, given.iccsn, given.login, given.otp)
        return {}

    async def _overview(self, given: OfAddress) -> dict[str, Any]:
        found = await self._administration.overview(given.context.place, given.address)
        return {**asdict(found), "certificate_expires": _text(found.certificate_expires)}


def _refused(fault: AdministrationFault) -> web.Response:
    """Answer 400 for what the user gave, 502 for the Account Manager's answer, else 409."""
    status = 502 if fault.kind.startswith("account-manager") else 409
    content = {"error": fault.line, "kind": fault.kind}
    if fault.status is not None:
        content |= {"status": fault.status, "message": fault.message}  # type: ignore[dict-item]
    return web.json_response(content, status=400 if fault.kind == "input" else status)


def _expiry(moment: datetime) -> dict[str, Any]:
    return {"certificate_expires": moment.isoformat()}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _as_json(note: OutOfOffice) -> dict[str, Any]:
    return note.model_dump(mode="json")
