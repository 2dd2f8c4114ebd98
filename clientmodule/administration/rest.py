"""One HTTPS call to an Account Manager: TLS, who asks, what came back."""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
from pydantic import BaseModel, ValidationError

from simulators.process import tls
from simulators.process.errors import InputError
from simulators.process.resolver import NamesUnavailable

from ..installation import Installation
from ..kas.connection import checked_session
from ..konnektor.faults import KonnektorError
from ..konnektor.konnektor import Konnektor
from ..operation import Operation
from ..provider import ProviderUnreachable
from ..user_name import CallContext, UserName
from . import faults
from .account_data import Refusal
from .cards import signed_token
from .faults import AdministrationFault

SECONDS: Final = 30.0
MAX_ANSWER: Final = 2 << 20
GOOD: Final = frozenset({200, 201, 204})
"""createCert answers 201 in some descriptions, 200 in the OpenAPI."""
PATH: Final = "/AccountMgmt/v2.4"
SERVICE_INFORMATION: Final = "/ServiceInformation/v1.0"

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True)
class Who:
    """Who asks: the card *iccsn* in a call context at a Konnektor.

    Without a card only what everybody may ask is answered.
    """

    konnektor: Konnektor
    context: CallContext
    iccsn: str | None = None


@dataclass(frozen=True)
class Request:
    """A call of *operation* at the provider of *domain*.

    ``address`` is the account whose certificate is shown; without one it is only the server that
    proves itself (A_19457-02). ``secrets`` are headers that go in base64; ``body`` becomes JSON
    in UTF-8 (A_20773).
    """

    operation: str
    domain: str
    method: str
    path: str
    address: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    root: str = PATH


class Rest:
    """Calls the Account Managers of all providers.

    Everything that goes wrong is an AdministrationFault with one line for the user (A_21396).
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    async def call(self, operation: Operation, who: Who, request: Request) -> bytes:
        """Return the body of the answer, empty for 204; the card signs a fresh JWT."""
        token = await self._token(operation, who)
        url = await self._url(operation, request)
        with operation.step(request.operation, peer="provider") as data:
            try:
                async with asyncio.timeout(SECONDS):
                    status, answer = await self._exchange(operation, who, request, url, token)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise faults.unreachable(
                    request.operation, request.domain, _reason(error)
                ) from error
            data["status"] = status
            if status not in GOOD:
                message = _message(answer)
                raise faults.refused(request.operation, request.domain, status, message)
            return answer

    async def _token(self, operation: Operation, who: Who) -> str | None:
        if who.iccsn is None:
            return None
        try:
            clock = self._installation.clock
            return await signed_token(who.konnektor, operation, who.context, who.iccsn, clock)
        except KonnektorError as error:
            raise faults.of_konnektor(error) from error

    async def _exchange(
        self, operation: Operation, who: Who, request: Request, url: str, token: str | None
    ) -> tuple[int, bytes]:
        installation = self._installation
        parts = urlsplit(url)
        user = UserName(request.address or "", parts.hostname or "", parts.port or 443, who.context)

        sent = False

        async def check(certificate: bytes) -> None:
            nonlocal sent
            if sent and request.method != "GET":
                # The client library would repeat PUT and DELETE when an answer is lost: a
                # one-time password that was taken the first time would be refused then.
                raise ConnectionResetError("the answer was lost")
            sent = True
            await installation.provider.check(operation, who.konnektor, user, certificate)

        headers = {name: base64_text(value) for name, value in request.secrets.items()}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        content = None
        if request.body is not None:
            content = json.dumps(request.body, ensure_ascii=False).encode("utf-8")
            headers["Content-Type"] = "application/json; charset=utf-8"
        tls_context = await self._tls_context(request.address)
        async with (
            checked_session(
                installation.discovery, tls_context, check, idle_seconds=SECONDS
            ) as session,
            session.request(
                request.method,
                url,
                data=content,
                headers=headers,
                allow_redirects=False,
            ) as response,
        ):
            return response.status, await _bounded(response)

    async def _tls_context(self, address: str | None) -> ssl.SSLContext:
        """Return the TLS context with the account's certificate (KOM-LE-A_2182-01).

        An account whose own does not hold takes that of another: one may serve all addresses.
        """
        installation = self._installation
        if address is not None:
            try:
                owner = await installation.process.in_thread(
                    installation.keys.owner_of_some_key, address, installation.clock.now()
                )
                if owner is not None:
                    return await installation.provider.tls_context(owner)
            except (InputError, ProviderUnreachable) as error:
                raise AdministrationFault("key-store", faults.UNUSABLE_KEY) from error
        return await installation.process.in_thread(tls.client_context, installation.settings.ca)

    async def _url(self, operation: Operation, request: Request) -> str:
        """Return the URL of the call: its base of the settings, or by DNS (A_19523)."""
        domain = request.domain.lower()
        base = self._installation.settings.account_manager.get(domain)
        if base is not None:
            return base.rstrip("/").removesuffix(PATH) + request.root + request.path
        with operation.step("ServiceDiscovery", peer="names") as data:
            try:
                found = await self._installation.discovery.account_manager(domain)
            except NamesUnavailable:
                raise faults.names_unavailable(request.domain) from None
            data["result"] = "OK" if found else "none"
        if found is None:
            raise faults.unknown_provider(request.domain)
        return found + request.root + request.path


def read(request: Request, content: bytes, model: type[Answer]) -> Answer:
    """Return the answer *content* as *model*. Raises AdministrationFault."""
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise faults.bad_answer(request.operation, request.domain, where) from None


def _reason(error: Exception) -> str:
    """Return in German why there was no answer; the client library wraps what a check says."""
    match error.__cause__ if isinstance(error, aiohttp.ClientOSError) else error:
        case ProviderUnreachable():
            return "der Konnektor hält sein Zertifikat für ungültig"
        case TimeoutError():
            return f"keine Antwort in {SECONDS:.0f} Sekunden"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "einer von beiden erkennt das Zertifikat des anderen nicht an"
        case aiohttp.ClientResponseError() | ValueError():
            return "seine Antwort ist unbrauchbar"
    return "die Verbindung kommt nicht zustande oder bricht ab"


def _message(content: bytes) -> str:
    try:
        return Refusal.model_validate_json(content).message
    except ValidationError:
        return ""


def base64_text(text: str) -> str:
    """Return *text* as the interface wants secrets: UTF-8 in base64."""
    return b64encode(text.encode("utf-8")).decode("ascii")


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > MAX_ANSWER:
            raise ValueError("the answer is too large")
    return bytes(content)
