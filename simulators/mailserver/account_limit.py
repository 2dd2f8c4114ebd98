"""I_AccountLimit_Service: what an account may hold (getLimits, A_22416)."""

from __future__ import annotations

import binascii
import json
import ssl
from base64 import b64decode

from aiohttp import web

from simulators.process.faults import DROP

from . import faults
from .accounts import Account
from .faults import RestError
from .provider import Provider

BASE_PATH = "/AccountLimit/v1.1"
UNLIMITED = -1
MAX_HEADER_LENGTH = 2048


class AccountLimit:
    """``GET /AccountLimit/v1.1/limit`` with HTTP Basic (the mail account) over mutual TLS."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._runner: web.AppRunner | None = None

    async def start(self, context: ssl.SSLContext) -> None:
        """Serve on the listener ``rest``."""
        app = web.Application(client_max_size=1024)
        app.router.add_get(f"{BASE_PATH}/limit", self._get_limits, allow_head=False)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.2, max_field_size=MAX_HEADER_LENGTH
        )
        await self._runner.setup()
        listening = self._provider.process.socket("rest")
        await web.SockSite(self._runner, listening, ssl_context=context).start()

    async def stop(self) -> None:
        """Close the listener and its connections."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _get_limits(self, request: web.Request) -> web.Response:
        user, password = _credentials(request.headers.get("Authorization", ""))
        effect = await self._provider.fault("REST.getLimits", user=user)
        if effect is not None and effect.kind == DROP and request.transport is not None:
            request.transport.abort()
        if effect is not None and effect.kind == faults.REPLY:
            status = effect.code if effect.code and 400 <= effect.code <= 599 else 500
            return self._error(RestError(status, effect.text or "Fault on purpose"))
        try:
            return await self._answer(user, password)
        except Exception:
            self._provider.process.log.exception("getLimits failed")
            return self._error(faults.REST_INTERNAL)

    async def _answer(self, user: str | None, password: str) -> web.Response:
        if user is None:
            return self._error(faults.REST_UNAUTHORIZED)
        if self._provider.accounts.find(user) is None:
            return self._error(faults.REST_NO_ACCOUNT)
        account = await self._provider.accounts.log_in(user, password)
        if account is None:
            return self._error(faults.REST_UNAUTHORIZED)
        self._provider.process.journal.record(
            "rest.getLimits", peer="clientmodule", user=account.address
        )
        return _json(200, await self._limits(account))

    async def _limits(self, account: Account) -> dict[str, int]:
        remaining = await self._provider.accounts.remaining(account)
        return {
            "dataTimeToLive": account.data_time_to_live,
            "maxMailSize": account.max_mail_size,
            "quota": UNLIMITED if account.quota is None else account.quota,
            "remainQuota": UNLIMITED if remaining is None else remaining,
        }

    def _error(self, error: RestError) -> web.Response:
        """Answer as CommonSchemas say; the trace id leads to the journal."""
        trace = f"{self._provider.process.randomness.stream('trace-id').getrandbits(64):016x}"
        self._provider.process.journal.record(
            "rest.refused", peer="clientmodule", status=error.status, trace_id=trace
        )
        return _json(error.status, {"message": error.message, "traceId": trace})


def _credentials(header: str) -> tuple[str | None, str]:
    """Return user name and password of HTTP Basic; no user name when there is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None, ""
    try:
        decoded = b64decode(encoded.strip().encode("ascii"), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None, ""
    user, colon, password = decoded.partition(":")
    return (user, password) if colon and user else (None, "")


def _json(status: int, content: dict[str, int] | dict[str, str]) -> web.Response:
    headers = {"WWW-Authenticate": 'Basic realm="KIM", charset="UTF-8"'} if status == 401 else None
    return web.Response(
        status=status,
        body=json.dumps(content).encode(),
        headers=headers,
        content_type="application/json",
        charset="utf-8",
    )
