"""The control routes of the signature application: its settings, jobs, comfort sessions."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import ValidationError

from simulators.process.control import Control, read_json
from simulators.process.errors import InputError, one_line

from ..konnektor import Konnektor
from ..settings import COMFORT_NEEDS_AUTHENTICATION
from .comfort import ComfortSession
from .settings import SignatureSettings


class SignatureControl:
    """``GET`` and ``PUT /signatures``, ``PUT`` and ``DELETE /cards/{iccsn}/defect``.

    ``PUT /signatures`` changes settings as the administrator of a Konnektor does; what is left
    out stays. A card with a defect signs wrongly (4120).
    """

    def __init__(self, konnektor: Konnektor) -> None:
        self._konnektor = konnektor
        self._sak = konnektor.sak

    def add_to(self, control: Control) -> None:
        """Add the routes."""
        control.add("GET", "/signatures", self._get)
        control.add("PUT", "/signatures", self._put)
        control.add("PUT", "/cards/{iccsn}/defect", self._break)
        control.add("DELETE", "/cards/{iccsn}/defect", self._repair)

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "settings": self._sak.settings.model_dump(),
                "jobs": self._sak.jobs.running(),
                "comfort_sessions": [_session(comfort) for comfort in self._sak.comfort.all()],
            }
        )

    async def _put(self, request: web.Request) -> web.Response:
        changed = await read_json(request)
        if not isinstance(changed, dict):
            raise InputError("expected an object with settings")
        try:
            settings = SignatureSettings.model_validate(
                {**self._sak.settings.model_dump(), **changed}
            )
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{where}: {one_line(first['msg'])}") from None
        if settings.comfort_signature and not self._konnektor.settings.authenticates:
            raise InputError(COMFORT_NEEDS_AUTHENTICATION)
        self._sak.change(settings)
        self._record("SignaturesChanged", **changed)
        return await self._get(request)

    async def _break(self, request: web.Request) -> web.Response:
        iccsn = self._known(request)
        self._sak.signers.defective.add(iccsn)
        self._record("CardBroken", card=iccsn)
        return web.json_response({"iccsn": iccsn, "defect": True})

    async def _repair(self, request: web.Request) -> web.Response:
        iccsn = self._known(request)
        self._sak.signers.defective.discard(iccsn)
        self._record("CardRepaired", card=iccsn)
        return web.json_response({"iccsn": iccsn, "defect": False})

    def _known(self, request: web.Request) -> str:
        iccsn = request.match_info["iccsn"]
        try:
            self._konnektor.cards.pins(iccsn)
        except KeyError:
            raise InputError(f"no card {iccsn!r:.40} at this Konnektor") from None
        return iccsn

    def _record(self, step: str, **data: Any) -> None:
        self._konnektor.process.journal.record(step, peer="control", **data)


def _session(comfort: ComfortSession) -> dict[str, Any]:
    return {
        "card": comfort.card.card.iccsn,
        "clientsystem": comfort.session.clientsystem,
        "user": comfort.session.user,
        "remaining": comfort.remaining,
        "ends": comfort.ends.isoformat(timespec="seconds"),
    }
