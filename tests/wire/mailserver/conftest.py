from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.pki.tree import PkiTree
from tests.account_manager_site import AccountSite, start_site
from tests.conftest import RunningRole
from tests.mail_providers import (
    ARV,
    FACHARZT,
    KASSE,
    KLINIK,
    KV,
    PRAXIS,
    RunningProvider,
    issue_certificates,
    provider_settings,
)

MODULE = "simulators.mailserver"


@pytest.fixture(scope="session")
def mail_pki(pki_cache: Path) -> PkiTree:
    return issue_certificates(pki_cache)


@pytest.fixture(scope="session")
def start_provider(
    start_role: Callable[[str, dict[str, Any]], RunningRole],
    mail_pki: PkiTree,
    free_port: Callable[[], int],
) -> Callable[..., RunningProvider]:
    """Return a function that starts a provider.

    ``account`` adds to the settings of every account, other keywords override the provider's.
    """

    def start(
        name: str,
        domain: str,
        accounts: list[str],
        *,
        account: dict[str, Any] | None = None,
        **overrides: Any,
    ) -> RunningProvider:
        settings = provider_settings(mail_pki, name, domain, accounts)
        settings["accounts"] = [{**each, **(account or {})} for each in settings["accounts"]]
        ports = {listener: {"port": free_port()} for listener in ("smtp", "pop3", "rest")}
        role = start_role(MODULE, {**settings, "listeners": ports, **overrides})
        return RunningProvider(role, mail_pki, domain)

    return start


@pytest.fixture(scope="session")
def running_providers(
    start_provider: Callable[..., RunningProvider], free_port: Callable[[], int]
) -> tuple[RunningProvider, RunningProvider]:
    listeners = [
        {listener: {"port": free_port()} for listener in ("smtp", "pop3", "rest")} for _ in range(2)
    ]
    routes = [f"127.0.0.1:{ports['smtp']['port']}" for ports in listeners]
    quick = {"first_retry_seconds": 600, "give_up_seconds": 3600}
    return (
        start_provider(
            *("kv", KV, [PRAXIS, FACHARZT]),
            listeners=listeners[0],
            routes={ARV: routes[1]},
            relay=quick,
        ),
        start_provider(
            *("arv", ARV, [KLINIK, KASSE]),
            listeners=listeners[1],
            routes={KV: routes[0]},
            relay=quick,
        ),
    )


@pytest.fixture
def kv(running_providers: tuple[RunningProvider, RunningProvider]) -> Iterator[RunningProvider]:
    """The provider of the practices, as after its start."""
    for provider in running_providers:
        assert provider.role.ask("POST", "/reset")[0] == 204
    yield running_providers[0]
    assert "Traceback" not in running_providers[0].role.log()


@pytest.fixture
def arv(
    kv: RunningProvider, running_providers: tuple[RunningProvider, RunningProvider]
) -> Iterator[RunningProvider]:
    """The other provider; both know the way to each other."""
    yield running_providers[1]
    assert "Traceback" not in running_providers[1].role.log()


@pytest.fixture(scope="session")
def running_account_manager(
    start_role: Callable[[str, dict[str, Any]], RunningRole],
    free_port: Callable[[], int],
    pki_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AccountSite:
    return start_site(start_role, free_port, pki_cache, tmp_path_factory.mktemp("directory"))


@pytest.fixture
def site(running_account_manager: AccountSite) -> Iterator[AccountSite]:
    """A provider with Account Manager and directory, as after its start."""
    running_account_manager.reset()
    yield running_account_manager
    assert "Traceback" not in running_account_manager.provider.role.log()
