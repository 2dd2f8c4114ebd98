"""Calls over HTTP: connections kept alive, service directory cached, faults told apart."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import aiohttp
from lxml import etree

from ..operation import Operation
from ..settings import KonnektorAccess
from .faults import KonnektorFault, KonnektorSilent, KonnektorUnreachable, NotConnected
from .service_directory import ServiceDirectory, read_service_directory
from .xml import parse

_SOAP: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"
_ERROR: Final = "{http://ws.gematik.de/tel/error/v2.0}"
_CODE: Final = re.compile(r"[0-9]{1,9}")
MAX_ANSWER: Final = 64 << 20
MAX_DIRECTORY: Final = 4 << 20
SMALL: Final = 64 << 10
PIECE: Final = 256 << 10
CONNECTIONS: Final = 32
CONNECT_SECONDS: Final = 10.0
FALLBACK_CODE: Final = 4001

R = TypeVar("R")


class InThread(Protocol):
    """Runs a function off the event loop."""

    def __call__(self, function: Callable[[Any], R], argument: Any, /) -> Awaitable[R]:
        """Return what *function* makes of *argument*."""


class SoapTransport:
    """The way to one Konnektor.

    ``context`` is its TLS context, None for plain HTTP. Connections and the service directory are
    kept; on trouble with a connection the directory is read again and the call repeated once
    (KOM-LE-A_2076). One that is not ``repeatable`` is repeated only if the Konnektor cannot have
    heard of it; nothing is repeated after ``seconds`` (KONNEKTOR_TIMEOUT) without an answer.
    """

    def __init__(
        self,
        access: KonnektorAccess,
        context: ssl.SSLContext | None,
        *,
        seconds: float,
        in_thread: InThread,
    ) -> None:
        self._access = access
        self._in_thread = in_thread
        self._directory: ServiceDirectory | None = None
        self._reading: asyncio.Task[ServiceDirectory] | None = None
        basic = access.basic_auth if access.authentication == "basic" else None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=context if context is not None else True, limit=CONNECTIONS
            ),
            auth=aiohttp.BasicAuth(*basic, encoding="utf-8") if basic else None,
            timeout=aiohttp.ClientTimeout(
                total=seconds, sock_connect=min(seconds, CONNECT_SECONDS)
            ),
            auto_decompress=False,
        )

    async def directory(self) -> ServiceDirectory:
        """Return the service directory, read at first use (KOM-LE-A_2076).

        All who need it wait for the same answer. Raises KonnektorUnreachable.
        """
        if self._directory is not None:
            return self._directory
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_directory())
            self._reading.add_done_callback(_seen)
        return await asyncio.shield(self._reading)

    def forget_directory(self) -> None:
        """Have the service directory read again at the next call."""
        self._directory = None

    async def call(
        self,
        operation: Operation,
        name: str,
        service: str,
        supported: dict[str, str],
        build: Callable[[str], bytes],
        *,
        large: bool = False,
        repeatable: bool = True,
    ) -> etree._Element:
        """Call operation *name* of *service*; return the element inside the SOAP body.

        *supported* maps namespaces the client module speaks to their SOAPAction prefix, *build*
        makes the request for the chosen namespace, in a thread when it is *large*. *repeatable*
        is what may be done twice when the answer to the first call is lost. Raises
        KonnektorFault, KonnektorUnreachable.
        """
        with operation.step(name, peer="konnektor") as data:
            try:
                call = _Call(name, service, supported, build, large)
                answer = await self._call(call, repeatable)
            except KonnektorFault as fault:
                data["code"] = fault.code
                raise
            data["result"] = "OK"
            return answer

    async def close(self) -> None:
        """Close all connections."""
        if self._reading is not None:
            self._reading.cancel()
        await self._session.close()

    async def _call(self, call: _Call, repeatable: bool) -> etree._Element:
        used = self._directory
        try:
            return await self._post(call)
        except KonnektorUnreachable as error:
            if self._directory is used:  # unless another call has had it read again meanwhile
                self.forget_directory()
            unheard = isinstance(error, NotConnected)
            if used is None or isinstance(error, KonnektorSilent) or not (unheard or repeatable):
                raise
        return await self._post(call)

    async def _read_directory(self) -> ServiceDirectory:
        status, content = await self._http("GET", self._access.service_directory, None, {})
        if status != 200:
            raise KonnektorUnreachable(f"service directory: HTTP {status}")
        self._directory = read_service_directory(content[:MAX_DIRECTORY])
        return self._directory

    async def _post(self, call: _Call) -> etree._Element:
        version = (await self.directory()).newest(call.service, call.supported)
        plain = self._access.authentication == "none"
        url = (version.endpoint if plain else None) or version.endpoint_tls
        if url is None:
            raise KonnektorUnreachable(f"{call.service}: no usable endpoint is offered")
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{call.supported[version.namespace]}#{call.name}"',
        }
        namespace = version.namespace
        in_thread = call.large
        body = await self._in_thread(call.build, namespace) if in_thread else call.build(namespace)
        status, content = await self._http("POST", url, body, headers)
        root = parse(content) if len(content) < SMALL else await self._in_thread(parse, content)
        return _body(call.name, status, root)

    async def _http(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        length = {} if body is None else {"Content-Length": str(len(body))}
        data = body if body is None or len(body) <= PIECE else _pieces(body)
        try:
            async with self._session.request(
                method, url, data=data, headers={**headers, **length}, allow_redirects=False
            ) as response:
                content = bytearray()
                async for chunk in response.content.iter_any():
                    content += chunk
                    if len(content) > MAX_ANSWER:
                        raise KonnektorUnreachable("the answer is too large")
                return response.status, bytes(content)
        except TimeoutError as error:
            raise KonnektorSilent(type(error).__name__) from error
        except aiohttp.ClientConnectorError as error:
            raise NotConnected(type(error).__name__) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise KonnektorUnreachable(type(error).__name__) from error


@dataclass(frozen=True)
class _Call:
    name: str
    service: str
    supported: dict[str, str]
    build: Callable[[str], bytes]
    large: bool


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    """Yield *body* so that other dialogues have their turn while 20 MB are being encrypted."""
    view = memoryview(body)
    for begin in range(0, len(body), PIECE):
        yield view[begin : begin + PIECE]


def _seen(task: asyncio.Task[ServiceDirectory]) -> None:
    """Look at how *task* ended: perhaps nobody waits for it any more."""
    if not task.cancelled():
        task.exception()


def _body(name: str, status: int, root: etree._Element) -> etree._Element:
    body = root.find(_SOAP + "Body")
    answer = None if body is None else next(iter(body), None)
    if answer is None:
        raise KonnektorUnreachable(f"{name}: HTTP {status}, no SOAP body")
    if answer.tag == _SOAP + "Fault":
        code, text = last_trace(answer) or (
            FALLBACK_CODE,
            answer.findtext("faultstring") or "",
        )
        raise KonnektorFault(name, code, text)
    return answer


def last_trace(element: etree._Element) -> tuple[int, str] | None:
    """Return code and text of the last Trace below *element*; None without one."""
    traces = list(element.iter(_ERROR + "Trace"))
    if not traces:
        return None
    written = (traces[-1].findtext(_ERROR + "Code") or "").strip()
    code = int(written) if _CODE.fullmatch(written) else FALLBACK_CODE
    return code, " ".join((traces[-1].findtext(_ERROR + "ErrorText") or "").split())


def trace_codes(element: etree._Element) -> tuple[int, ...]:
    """Return the codes of all Traces below *element*; what is no code is left out."""
    found = ((code.text or "").strip() for code in element.iter(_ERROR + "Code"))
    return tuple(int(text) for text in found if _CODE.fullmatch(text))
