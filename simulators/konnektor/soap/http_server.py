"""The Konnektor's HTTP port: service directory and SOAP services, bounded and authenticated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from simulators.process import tls
from simulators.process.faults import DROP

from .. import on_purpose
from ..access.identity import NotAuthentic
from ..faults import Code, KonnektorFault, fault
from ..operation import Call, Service
from . import reading
from .either_port import EitherPort
from .routing import SoapEndpoint, encode, split_envelope
from .service_directory import service_directory

if TYPE_CHECKING:
    from ..konnektor import Konnektor

DIRECTORY_PATH = "/connector.sds"
BODY_SECONDS = 60.0
_LARGE = 64 << 10
_CHARSETS = frozenset(("utf-8", "utf8", "us-ascii"))
_XML_TYPES = frozenset(("text/xml", "application/xml", "application/soap+xml"))


class HttpServer:
    """Serves ``/connector.sds`` and the services of *services* on the listener ``soap``."""

    def __init__(self, konnektor: Konnektor, services: Sequence[Service]) -> None:
        self._konnektor = konnektor
        self._process = konnektor.process
        self._services = services
        base = konnektor.settings.make.base_path
        self._endpoints = {base + service.path: SoapEndpoint(service) for service in services}
        self._runner: web.ServerRunner | None = None
        self._either: EitherPort | None = None

    async def start(self) -> None:
        """Listen. Raises InputError when a certificate or key of the settings cannot be used."""
        settings = self._konnektor.settings
        context = None
        if settings.tls is not None:
            mutual = settings.authentication == "certificate"
            context = tls.server_context(
                settings.tls, settings.client_ca if mutual else None, require_client=mutual
            )
        server = web.Server(self._handle, access_log=None, keepalive_timeout=75)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.3)
        await self._runner.setup()
        listening = self._process.socket("soap")
        plain_too = settings.authentication == "none" or settings.directory_open
        if plain_too and context is not None:
            self._either = EitherPort(listening, server, context)
            self._either.start()
            return
        await web.SockSite(self._runner, listening, ssl_context=context).start()

    async def stop(self) -> None:
        """Close the port and its connections."""
        if self._either is not None:
            await self._either.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        is_directory = request.path == DIRECTORY_PATH
        try:
            if is_directory and self._konnektor.settings.directory_open:
                return self._directory(request)
            identity = self._identity(request)
            if is_directory:
                return self._directory(request)
            endpoint = self._endpoints.get(request.path)
            if endpoint is None:
                raise _Refused(404, "kein Dienst unter diesem Pfad")
            return await self._answer(request, endpoint, identity)
        except _Refused as refused:
            return refused.response

    def _identity(self, request: web.BaseRequest) -> frozenset[str] | None:
        """Return for whom the connection was authenticated (None: for nobody in particular)."""
        if not request.secure and self._konnektor.settings.authentication != "none":
            raise _Refused(403, "nur mit TLS", _LAST)
        try:
            return self._konnektor.identities.of(request)
        except NotAuthentic:
            challenge = {"WWW-Authenticate": 'Basic realm="Konnektor"'}
            raise _Refused(401, "Anmeldung erforderlich", challenge) from None

    def _directory(self, request: web.BaseRequest) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return _plain(405, "nur GET", {"Allow": "GET, HEAD"})
        authority = request.host
        if not authority or any(c in authority for c in "<>&\"' /\\@"):
            host, port = self._process.address("soap")
            authority = f"{host}:{port}"
        document = service_directory(
            self._konnektor.settings, self._services, authority, self._konnektor.started
        )
        self._process.journal.record("ServiceDirectory", peer="client")
        return web.Response(body=document, content_type="text/xml", charset="utf-8")

    async def _answer(
        self,
        request: web.BaseRequest,
        endpoint: SoapEndpoint,
        identity: frozenset[str] | None,
    ) -> web.StreamResponse:
        started = time.perf_counter()
        call: Call | None = None
        status, result = 200, "OK"
        try:
            body = await _read(request, endpoint.service.max_envelope)
            started = time.perf_counter()
            large = len(body) > _LARGE
            root = (
                await self._process.in_thread(reading.parse, body) if large else reading.parse(body)
            )
            del body
            element = split_envelope(root)
            operation = reading.local_name(element)
            call = Call(self._konnektor, endpoint.service, operation, element, identity)
            effect = await on_purpose.pick(self._process.faults, call)
            if effect is not None and effect.kind == DROP:
                return self._dropped(request, call, started)
            answer = await endpoint.call(call)
            if effect is not None and effect.kind == on_purpose.WARNING:
                on_purpose.warn(call, answer, effect)
            result = "Warning" if call.warned else "OK"
            if large:
                encoded = await self._process.in_thread(encode, answer)
            else:
                encoded = encode(answer)
        except KonnektorFault as raised:
            status, result = 500, "Fault"
            encoded = self._fault(endpoint, call, raised)
        except _Refused:
            raise
        except Exception:
            self._process.log.exception("%s failed", call.operation if call else "a request")
            status, result = 500, "Fault"
            encoded = self._fault(endpoint, call, fault(Code.INTERNAL))
        self._record(endpoint.service, call, result, started)
        return web.Response(body=encoded, status=status, content_type="text/xml", charset="utf-8")

    def _fault(self, endpoint: SoapEndpoint, call: Call | None, raised: KonnektorFault) -> bytes:
        if call is not None:
            call.facts["code"] = str(raised.trace.code)
        worded = KonnektorFault(self._konnektor.worded(raised.trace))
        return endpoint.encode_fault(worded, self._konnektor.error([worded.trace]))

    def _dropped(self, request: web.BaseRequest, call: Call, started: float) -> web.StreamResponse:
        self._record(call.service, call, "Dropped", started)
        if request.transport is not None:
            request.transport.abort()
        return _plain(500, "")

    def _record(self, service: Service, call: Call | None, result: str, started: float) -> None:
        facts: dict[str, str] = {} if call is None else call.facts
        self._process.journal.record(
            # an operation's name comes from the caller: only known ones become steps
            call.operation if call is not None and call.operation in service.operations else "SOAP",
            peer="client",
            milliseconds=(time.perf_counter() - started) * 1000,
            **{**facts, "service": service.name, "version": service.version, "result": result},
        )


class _Refused(Exception):
    """The request is answered with an HTTP status, no SOAP fault."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.response = _plain(status, text, headers)


_LAST = {"Connection": "close"}


async def _read(request: web.BaseRequest, most: int) -> bytes:
    """Return the body of a POST with XML in UTF-8, of at most *most* bytes.

    A larger one is read to its end up to twice that size, so that the caller sees the fault
    4283, and refused beyond. Raises _Refused, or the fault 4000 for another charset (A_15606).
    """
    if request.method != "POST":
        raise _Refused(405, "nur POST", {"Allow": "POST"})
    if request.content_type not in _XML_TYPES:
        raise _Refused(415, "erwartet wird text/xml", _LAST)
    if (request.content_length or 0) > 2 * most:
        raise _Refused(413, f"mehr als {most} Bytes", _LAST)
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > 2 * most:
                    raise _Refused(413, f"mehr als {most} Bytes", _LAST)
                chunks.append(chunk)
                if size > most:
                    chunks.clear()
    except TimeoutError:
        raise _Refused(408, "Zeit abgelaufen", _LAST) from None
    if size > most:
        raise fault(Code.DOCUMENT_TOO_LARGE)
    if (request.charset or "utf-8").lower() not in _CHARSETS:
        raise fault(Code.SYNTAX, "nur UTF-8 ist erlaubt")
    return b"".join(chunks)


def _plain(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers=headers)
