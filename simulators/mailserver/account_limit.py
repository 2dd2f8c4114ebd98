"""I_AccountLimit_Service: what an account may hold (getLimits, A_22416)."""

from __future__ import annotations

from aiohttp import web

from . import faults
from .account import Account
from .faults import RestRefused
from .provider import Provider
from .rest import Rest, credentials, json_answer

BASE_PATH = "/AccountLimit/v1.1"
UNLIMITED = -1


class AccountLimit:
    """``GET /AccountLimit/v1.1/limit`` with HTTP Basic (the mail account) over mutual TLS."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def add_to(self, rest: Rest) -> None:
        """Add the operation."""
        rest.add("GET", f"{BASE_PATH}/limit", "getLimits", self._get_limits)

    async def _get_limits(self, request: web.Request) -> web.Response:
        account = await basic_account(self._provider, request)
        self._provider.process.journal.record(
            "rest.getLimits", peer="clientmodule", user=account.address
        )
        return json_answer(200, await self._limits(account))

    async def _limits(self, account: Account) -> dict[str, int]:
        remaining = await self._provider.accounts.remaining(account)
        return {
            "dataTimeToLive": account.data_time_to_live,
            "maxMailSize": account.max_mail_size,
            "quota": UNLIMITED if account.quota is None else account.quota,
            "remainQuota": UNLIMITED if remaining is None else remaining,
        }


async def basic_account(provider: Provider, request: web.Request) -> Account:
    """Return the account that HTTP Basic shows; raises RestRefused (401, 404 for no account)."""
    user, password = credentials(request)
    if user is None:
        raise RestRefused(faults.REST_UNAUTHORIZED)
    if provider.accounts.find(user) is None:
        raise RestRefused(faults.REST_NO_ACCOUNT)
    account = await provider.accounts.log_in(user, password)
    if account is None:
        raise RestRefused(faults.REST_UNAUTHORIZED)
    return account
