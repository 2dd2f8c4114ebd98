"""A call of an operation from its HTTP request to its HTTP answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web

from simulators.process.faults import DROP, Effect

from .. import on_purpose
from ..faults import Code, KonnektorFault, fault
from ..operation import Call, Service
from . import mtom, reading
from .compression import expand
from .deviations import Deviations, noted_by
from .http_body import Refused, read_body
from .http_rules import judge
from .reading import Element
from .room import Room, Share
from .routing import SoapEndpoint, encode, encode_fault, encode_large, split_envelope

if TYPE_CHECKING:
    from ..konnektor import Konnektor

T = TypeVar("T")
_LARGE, _LONG = 64 << 10, 1 << 20
"""From these sizes on, in bytes, messages are read and written off the event loop, and work on
them may take so long that nothing shorter is to wait behind it."""
XML = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Request:
    """What came: the envelope, its size in bytes, whether MTOM is the form of the answer."""

    envelope: Element
    size: int
    packaged: bool

    @property
    def is_large(self) -> bool:
        """Whether to write the answer off the event loop, too."""
        return self.size > _LARGE


class Exchange:
    """Reads requests, has them worked on, and writes answers and faults."""

    def __init__(self, konnektor: Konnektor) -> None:
        self._konnektor = konnektor
        self._process = konnektor.process
        self._make = konnektor.settings.make
        self._room = Room()

    async def answer(
        self, request: web.BaseRequest, endpoint: SoapEndpoint, identity: frozenset[str] | None
    ) -> web.StreamResponse:
        """Return the answer to *request*; a fault is an answer too. Raises Refused."""
        with noted_by(Deviations(self._make.callers)) as deviations, self._room.share() as share:
            return await self._answer(request, endpoint, identity, deviations, share)

    async def _answer(
        self,
        request: web.BaseRequest,
        endpoint: SoapEndpoint,
        identity: frozenset[str] | None,
        deviations: Deviations,
        share: Share,
    ) -> web.StreamResponse:
        started = time.perf_counter()
        call: Call | None = None
        effect: Effect | None = None
        status, result, content_type = 200, "OK", XML
        try:
            received = await self._receive(request, endpoint.service, share)
            started = time.perf_counter()
            body = split_envelope(received.envelope)
            operation = reading.local_name(body)
            long = received.size > _LONG
            call = Call(self._konnektor, endpoint.service, operation, body, identity, is_long=long)
            judge(request, call, deviations)
            effect = await on_purpose.pick(self._process.faults, call)
            if effect is not None and effect.kind == DROP:
                self._record(endpoint.service, call, "Dropped", started)
                return on_purpose.abort(request)
            self._konnektor.operational_state.check(endpoint.service.name, operation)
            answer = await endpoint.call(call)
            if effect is not None and effect.kind == on_purpose.WARNING:
                on_purpose.warn(call, answer, effect)
            result = "Warning" if call.warned else "OK"
            encoded, content_type = await self._encode(answer, received)
        except KonnektorFault as raised:
            status, result = 500, "Fault"
            encoded = self._fault(call, raised)
        except Refused:
            raise
        except Exception:
            self._process.log.exception("%s failed", call.operation if call else "a request")
            status, result = 500, "Fault"
            encoded = self._fault(call, fault(Code.INTERNAL))
        if call is not None:
            if deviations.told:
                call.facts["deviation"] = deviations.told
            await self._latency(call.operation)
        self._record(endpoint.service, call, result, started)
        return await on_purpose.respond(request, effect, status, encoded, content_type)

    async def _latency(self, operation: str) -> None:
        """Wait as this make is slow: the time of *operation* and a share of the jitter."""
        latency = self._make.latency
        usual = latency.of(operation)
        if usual or latency.jitter:
            share = self._process.randomness.stream("latency").uniform(-1, 1)
            await asyncio.sleep(max(0.0, usual + share * latency.jitter) / 1000)

    async def _receive(self, request: web.BaseRequest, service: Service, share: Share) -> _Request:
        most, spoken = service.max_envelope, mtom.is_spoken_by(service.name)
        body = await read_body(request, most, share, multipart=spoken)
        coding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if coding != "identity":
            body = await self._process.at_length(expand, body, coding)
        content_type = request.headers.get("Content-Type", "") if spoken else ""
        packaged = mtom.is_package(content_type)

        def read() -> Element:
            if not packaged:
                return reading.parse(body)
            package = mtom.unpack(body, content_type)
            envelope = reading.parse(package.envelope)
            mtom.resolve(envelope, package.parts, most)
            return envelope

        envelope = await self._off_loop(len(body), read)
        accept = request.headers.get("Accept", "") if spoken else ""
        return _Request(envelope, len(body), self._packs(packaged, accept))

    def _packs(self, packaged: bool, accept: str) -> bool:
        """Tell whether the answer is to be MTOM, to a request that was *packaged* (A_15610)."""
        match self._make.mtom_answers:
            case "never":
                return False
            case "request":
                return packaged
        return packaged or mtom.is_accepted(accept)

    async def _encode(self, answer: Element, received: _Request) -> tuple[bytes, str]:
        unique = str(self._process.randomness.uuid("mtom")) if received.packaged else ""

        def write() -> tuple[bytes, str]:
            if received.packaged:
                return mtom.pack(answer, unique)
            return encode_large(answer) if received.is_large else encode(answer), XML

        return await self._off_loop(received.size, write)

    async def _off_loop(self, size: int, work: Callable[[], T]) -> T:
        """Do *work* on a message of *size* bytes: at once where that takes no time."""
        if size <= _LARGE:
            return work()
        run = self._process.at_length if size > _LONG else self._process.in_thread
        return await run(work)

    def _fault(self, call: Call | None, raised: KonnektorFault) -> bytes:
        """Return the message with the fault; it is no MTOM, for it has nothing to optimise."""
        if call is not None:
            call.facts["code"] = str(raised.trace.code)
        operation = None if call is None else call.operation
        worded = KonnektorFault(self._konnektor.worded(raised.trace, operation))
        return encode_fault(worded, self._konnektor.error([worded.trace], operation))

    def _record(self, service: Service, call: Call | None, result: str, started: float) -> None:
        facts: dict[str, str] = {} if call is None else call.facts
        self._process.journal.record(
            # an operation's name comes from the caller: only known ones become steps
            call.operation if call is not None and call.operation in service.operations else "SOAP",
            peer="client",
            milliseconds=(time.perf_counter() - started) * 1000,
            **{**facts, "service": service.name, "version": service.version, "result": result},
        )
