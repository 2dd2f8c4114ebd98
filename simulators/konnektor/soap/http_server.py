"""The Konnektor's HTTP port: service directory and SOAP services, bounded and authenticated."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from simulators.makes.make import DIRECTORY_PATH, Tls
from simulators.process import tls

from .. import on_purpose
from ..access.identity import NotAuthentic
from ..operation import Service
from .either_port import EitherPort
from .exchange import XML, Exchange
from .http_body import LAST, Refused, plain
from .patience import PatientServer
from .routing import SoapEndpoint
from .service_directory import path_of, service_directory
from .wsdl import wsdl

if TYPE_CHECKING:
    from ..konnektor import Konnektor

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class HttpServer:
    """Serves ``/connector.sds`` and the services of *services* on the listener ``soap``."""

    def __init__(self, konnektor: Konnektor, services: Sequence[Service]) -> None:
        self._konnektor = konnektor
        self._process = konnektor.process
        self._services = services
        make = konnektor.settings.make
        self._endpoints = {path_of(make, service): SoapEndpoint(service) for service in services}
        self._exchange = Exchange(konnektor)
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
            limit_versions(context, settings.make.tls)
            on_purpose.refuse_handshakes(context, self._process.faults)
        server = PatientServer(self._handle)
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
        """Answer *request*, unless a boot is under way or comes between (TIP1-A_4507)."""
        boot = self._konnektor.boot
        before = boot.number
        if not boot.under_way:
            response = await self._respond(request)
            if boot.number == before:
                return response
        if request.transport is not None:
            request.transport.abort()
        return plain(503, "")

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        is_directory = request.path == DIRECTORY_PATH
        try:
            if is_directory and self._konnektor.settings.directory_open:
                return await self._directory(request)
            identity = self._identity(request)
            if is_directory:
                return await self._directory(request)
            endpoint = self._endpoints.get(request.path)
            if endpoint is None:
                raise Refused(404, "kein Dienst unter diesem Pfad")
            if request.method in ("GET", "HEAD") and request.query_string.lower() == "wsdl":
                return self._wsdl(request, endpoint.service)
            return await self._exchange.answer(request, endpoint, identity)
        except Refused as refused:
            return refused.response

    def _identity(self, request: web.BaseRequest) -> frozenset[str] | None:
        """Return for whom the connection was authenticated (None: for nobody in particular)."""
        if not request.secure and self._konnektor.settings.authentication != "none":
            raise Refused(403, "nur mit TLS", LAST)
        try:
            return self._konnektor.identities.of(request)
        except NotAuthentic:
            challenge = {"WWW-Authenticate": 'Basic realm="Konnektor"'}
            raise Refused(401, "Anmeldung erforderlich", challenge) from None

    async def _directory(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return plain(405, "nur GET", {"Allow": "GET, HEAD"})
        document = service_directory(
            self._konnektor.settings,
            self._services,
            self._authority(request),
            self._konnektor.started,
        )
        effect = await on_purpose.pick_directory(self._process.faults)
        fault = None if effect is None else effect.kind
        self._process.journal.record("ServiceDirectory", peer="client", fault=fault)
        return await on_purpose.respond(request, effect, 200, document, XML)

    def _wsdl(self, request: web.BaseRequest, service: Service) -> web.Response:
        """Return the WSDL of *service*; its endpoint is what the client called."""
        scheme = "https" if request.secure else "http"
        document = wsdl(service, f"{scheme}://{self._authority(request)}{request.path}")
        return web.Response(body=document, content_type="text/xml", charset="utf-8")

    def _authority(self, request: web.BaseRequest) -> str:
        """Return host and port as the client called them, the listener's where that is none."""
        authority = request.host
        if not authority or any(c in authority for c in "<>&\"' /\\@"):
            host, port = self._process.address("soap")
            return f"{host}:{port}"
        return authority


def limit_versions(context: ssl.SSLContext, spoken: Tls) -> None:
    """Have *context* speak only the versions of TLS that the make does."""
    context.minimum_version = _VERSIONS[spoken.minimum]
    context.maximum_version = _VERSIONS[spoken.maximum]
