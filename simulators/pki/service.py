"""The OCSP responder as a process: HTTP in, signed answers out."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote

from aiohttp import web

from simulators.formats.errors import FormatError
from simulators.process.faults import DROP, Effect, delay
from simulators.process.role import Process, Role

from .control import CertificateRoutes
from .faults import BAD_SIGNATURE, EFFECTS, HTTP_STATUS, OCSP_ERROR, OPERATION, OUTDATED
from .ocsp import (
    MAX_REQUEST_BYTES,
    Questions,
    ResponseStatus,
    answer,
    read_request,
    refusal,
)
from .registry import Registry, Status
from .settings import OcspSettings

CONTENT_TYPE = "application/ocsp-response"
READ_SECONDS = 10.0


class Responder:
    """Answers OCSP requests over HTTP, by POST or GET (RFC 6960, appendix A)."""

    def __init__(self, process: Process[OcspSettings], registry: Registry) -> None:
        self._process = process
        self._registry = registry

    def application(self) -> web.Application:
        """Return the HTTP application to be served."""
        application = web.Application(client_max_size=MAX_REQUEST_BYTES)
        application.add_routes(
            [web.post("/ocsp", self._post), web.get("/ocsp/{request:.+}", self._get)]
        )
        return application

    async def _post(self, request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(READ_SECONDS):
                content = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        return await self._respond(request, content)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        try:
            # The path as it came: what the framework decodes may hold slashes of base64.
            encoded = unquote(request.raw_path.partition("/ocsp/")[2])
            content = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            content = b""
        return await self._respond(request, content)

    async def _respond(self, request: web.Request, content: bytes) -> web.StreamResponse:
        began = time.perf_counter()
        process = self._process
        try:
            now = process.clock.now()
            questions = await process.in_thread(read_request, content, self._registry, now)
        except FormatError as error:
            process.journal.record("OCSP", peer="konnektor", error=str(error))
            return _response(refusal(ResponseStatus.MALFORMED_REQUEST))
        first = questions.asked[0]
        facts = _facts(questions)
        effect = await delay(process.faults.pick(OPERATION, **facts))
        response = await self._answer(request, questions, effect)
        process.journal.record(
            "OCSP",
            peer="konnektor",
            milliseconds=(time.perf_counter() - began) * 1000,
            **facts,
            status=str(first.entry.status if first.entry else Status.UNKNOWN),
            fault=effect and effect.kind,
        )
        return response

    async def _answer(
        self, request: web.Request, questions: Questions, effect: Effect | None
    ) -> web.StreamResponse:
        kind = effect.kind if effect else None
        code = effect.code if effect else None
        if kind == DROP:
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=503)
        if kind == HTTP_STATUS:
            return web.Response(status=code if code and 400 <= code <= 599 else 503)
        if kind == OCSP_ERROR:
            known = [status for status in ResponseStatus if status == code and status]
            return _response(refusal(known[0] if known else ResponseStatus.TRY_LATER))
        now = self._process.clock.now()
        der = await self._process.in_thread(answer, questions, now, outdated=kind == OUTDATED)
        if kind == BAD_SIGNATURE:
            der = _spoil_signature(der)
        return _response(der)


def _facts(questions: Questions) -> dict[str, str | None]:
    """Return what rules of faults and the journal say of a request: its first certificate."""
    first = questions.asked[0]
    issued = first.entry.issued if first.entry else None
    return {
        "serial": str(first.serial),
        "iccsn": issued.iccsn if issued else None,
        "profile": issued.profile if issued else None,
        "authority": questions.authority.name if questions.authority else None,
    }


def _spoil_signature(der: bytes) -> bytes:
    """Return the answer *der* with one bit of its signature turned."""
    from asn1crypto import ocsp  # only where a fault wants it

    response = ocsp.OCSPResponse.load(der)
    if response["response_status"].native != "successful":
        return der
    basic = response["response_bytes"]["response"].parsed
    signature = bytearray(basic["signature"].native)
    signature[-1] ^= 1
    basic["signature"] = bytes(signature)
    response["response_bytes"]["response"] = basic
    return bytes(response.dump(force=True))


def _response(der: bytes) -> web.Response:
    return web.Response(body=der, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


@asynccontextmanager
async def serve(process: Process[OcspSettings]) -> AsyncIterator[None]:
    """Answer on the listener ``ocsp`` while the block runs."""
    settings = process.settings
    registry = await process.in_thread(
        Registry.load,
        settings.pki,
        settings.rsa_ends,
        own=settings.own,
        revoked=settings.revoked,
    )
    CertificateRoutes(process, registry)
    runner = web.AppRunner(
        Responder(process, registry).application(), access_log=None, shutdown_timeout=0.2
    )
    await runner.setup()
    try:
        await web.SockSite(runner, process.socket("ocsp")).start()
        yield
    finally:
        await runner.cleanup()


ROLE = Role(name="ocsp", settings=OcspSettings, serve=serve, effects=EFFECTS)
