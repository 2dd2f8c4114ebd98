"""The responder's control routes: which certificates there are, and to revoke one."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import ValidationError

from simulators.process.control import read_json
from simulators.process.errors import InputError, one_line
from simulators.process.role import Process
from simulators.process.settings import Settings

from .registry import Entry, Registry, Status
from .settings import OcspSettings

Reason = Literal[
    "unspecified",
    "key_compromise",
    "ca_compromise",
    "affiliation_changed",
    "superseded",
    "cessation_of_operation",
    "certificate_hold",
    "privilege_withdrawn",
]


class StatusChange(Settings):
    """The body of ``PUT /certificates/{serial}``."""

    status: Status
    reason: Reason | None = None


class CertificateRoutes:
    """``GET /certificates`` and ``PUT /certificates/{serial}`` (decimal)."""

    def __init__(self, process: Process[OcspSettings], registry: Registry) -> None:
        self._process = process
        self._registry = registry
        process.control.add("GET", "/certificates", self._list)
        process.control.add("PUT", "/certificates/{serial}", self._change)
        process.control.on_reset(self._reset)

    async def _list(self, request: web.Request) -> web.Response:
        """List the certificates; ``?iccsn=`` and ``?profile=`` narrow the list."""
        wanted = {name: request.query[name] for name in ("iccsn", "profile") & request.query.keys()}
        entries = [
            entry
            for entry in self._registry.entries(self._process.clock.now())
            if all(getattr(entry.issued, name) == value for name, value in wanted.items())
        ]
        return web.json_response([_shown(entry) for entry in entries])

    async def _change(self, request: web.Request) -> web.Response:
        try:
            change = StatusChange.model_validate(await read_json(request))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "body"
            raise InputError(f"{where}: {one_line(first['msg'])}") from None
        serial = request.match_info["serial"]
        if not (serial.isascii() and serial.isdigit() and len(serial) <= 50):
            raise InputError("serial: expected the decimal serial number of a certificate")
        now = self._process.clock.now()
        changed = self._registry.set_status(int(serial), change.status, now, change.reason)
        if not changed:
            return web.json_response({"error": f"no certificate {serial}"}, status=404)
        self._process.journal.record("SetStatus", serial=serial, status=change.status)
        return web.json_response([_shown(entry) for entry in changed])

    async def _reset(self) -> None:
        self._registry.reset()


def _shown(entry: Entry) -> dict[str, Any]:
    revoked_at = entry.revoked_at and entry.revoked_at.isoformat()
    return {
        **entry.issued.model_dump(mode="json"),
        "status": entry.status,
        "revoked_at": revoked_at,
        "reason": entry.reason,
    }
