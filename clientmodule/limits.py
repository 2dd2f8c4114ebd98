"""The limits of an account at its provider, I_AccountLimit_Service (A_22416, A_22417)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from pydantic import BaseModel, Field, ValidationError

from simulators.process.clock import Clock
from simulators.process.resolver import NamesUnavailable

from .caches import TimedCache
from .discovery import Discovery
from .kas.connection import checked_session
from .konnektor.konnektor import Konnektor
from .operation import Operation
from .provider import Provider, ProviderUnreachable
from .user_name import UserName

MAX_BODY = 64 << 10
ANSWER_SECONDS = 10.0
PATH = "/AccountLimit/v1.1"
RETRY_LIFETIME = timedelta(minutes=5)


class _Answer(BaseModel):
    """What getLimits answers, with the defaults and bounds of the OpenAPI."""

    data_time_to_live: int = Field(default=90, alias="dataTimeToLive", ge=1, le=365)
    max_mail_size: int = Field(default=734_003_200, alias="maxMailSize", gt=0)


@dataclass(frozen=True)
class AccountLimits:
    """``time_to_live`` of mails at the provider, ``max_mail_size`` in bytes."""

    time_to_live: timedelta
    max_mail_size: int


DEFAULT_LIMITS = AccountLimits(timedelta(days=90), 734_003_200)


class Limits:
    """getLimits of every account, kept for at most 24 hours."""

    def __init__(
        self,
        provider: Provider,
        discovery: Discovery,
        clock: Clock,
        urls: dict[str, str],
        *,
        lifetime: timedelta,
    ) -> None:
        self._provider = provider
        self._discovery = discovery
        self._urls = urls
        self._known: TimedCache[str, AccountLimits] = TimedCache(clock, lifetime)
        self._missing: TimedCache[str, bool] = TimedCache(clock, RETRY_LIFETIME)

    async def of(
        self, operation: Operation, konnektor: Konnektor, user: UserName, password: str
    ) -> AccountLimits:
        """Return the limits of the account of *user*, whose Konnektor checks the provider.

        A provider that does not tell them must not keep a mail from being sent: the defaults of
        the interface are taken then, and it is asked again after five minutes.
        """
        key = user.address.lower()
        known = self._known.get(key)
        if known is not None:
            return known
        if self._missing.get(key):
            return DEFAULT_LIMITS
        try:
            url = await self._url(operation, key.rpartition("@")[2])
            if url is None:
                self._missing.put(key, True)
                return DEFAULT_LIMITS
            with operation.step("getLimits", peer="provider") as data:
                async with asyncio.timeout(ANSWER_SECONDS):
                    limits = await self._ask(operation, url, konnektor, user, password)
                data["result"] = "OK"
        except (
            *(aiohttp.ClientError, OSError, ValueError),
            *(ProviderUnreachable, NamesUnavailable),
        ):
            self._missing.put(key, True)
            return DEFAULT_LIMITS
        self._known.put(key, limits)
        return limits

    def forget(self) -> None:
        """Have the provider asked again."""
        self._known.clear()
        self._missing.clear()

    async def _url(self, operation: Operation, domain: str) -> str | None:
        """Return the base URL of the interface at *domain*: of the settings, or by DNS."""
        if domain in self._urls:
            return self._urls[domain]
        with operation.step("ServiceDiscovery", peer="names") as data:
            found = await self._discovery.account_manager(domain)
            data["result"] = "OK" if found else "none"
        return None if found is None else found + PATH

    async def _ask(
        self, operation: Operation, url: str, konnektor: Konnektor, user: UserName, password: str
    ) -> AccountLimits:
        async def check(certificate: bytes) -> None:
            await self._provider.check(operation, konnektor, user, certificate)

        context = await self._provider.tls_context(user.address)
        async with (
            checked_session(
                self._discovery, context, check, idle_seconds=ANSWER_SECONDS
            ) as session,
            session.get(
                url.rstrip("/") + "/limit",
                auth=aiohttp.BasicAuth(user.address, password, encoding="utf-8"),
                allow_redirects=False,
            ) as response,
        ):
            if response.status != 200:
                raise ValueError(f"HTTP {response.status}")
            content = b""
            async for piece in response.content.iter_any():
                content += piece
                if len(content) > MAX_BODY:
                    raise ValueError("getLimits: the answer is too long")
        try:
            answer = _Answer.model_validate_json(content)
        except ValidationError:
            raise ValueError("getLimits: unexpected answer") from None
        return AccountLimits(timedelta(days=answer.data_time_to_live), answer.max_mail_size)
