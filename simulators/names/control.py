"""The DNS server's own part of the control port: its records."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from simulators.process.control import read_json
from simulators.process.errors import InputError, one_line
from simulators.process.role import Process

from .dns_server import DnsServer
from .records import Records
from .settings import NamesSettings, RecordSettings

_RECORDS = TypeAdapter(list[RecordSettings])


class NamesControl:
    """``GET /records``, and ``PUT /records`` that replaces them all; ``/reset`` takes it back."""

    def __init__(self, process: Process[NamesSettings], server: DnsServer) -> None:
        self._zones = process.settings.zones
        self._host = process.settings.listeners.dns.host
        self._given = process.settings.records
        self._shown = self._given
        self._server = server
        process.control.add("GET", "/records", self._get)
        process.control.add("PUT", "/records", self._put)
        process.control.on_reset(self._reset)

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response([record.model_dump() for record in self._shown])

    async def _put(self, request: web.Request) -> web.Response:
        content: Any = await read_json(request)
        try:
            records = _RECORDS.validate_python(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"records.{where}: {one_line(first['msg'])}") from None
        self._serve(records)
        return await self._get(request)

    async def _reset(self) -> None:
        self._serve(self._given)

    def _serve(self, records: list[RecordSettings]) -> None:
        self._server.records = Records(self._zones, records, self._host)
        self._shown = records
