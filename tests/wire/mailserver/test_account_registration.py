"""registerAccount, setAccount and getAccount, with a directory that runs beside the provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.account_manager_site import (
    CODE,
    FORMER,
    NEW_PASSWORD,
    OWNED,
    PRACTICE,
    TELEMATIK_IDS,
    AccountSite,
    b64,
    start_site,
)
from tests.mail_providers import KV, PASSWORD

NEW = f"Neue.Praxis@{KV}"


@pytest.fixture(scope="module")
def running(
    start_role: Callable[..., Any],
    free_port: Callable[[], int],
    pki_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AccountSite:
    directory = tmp_path_factory.mktemp("directory")
    return start_site(start_role, free_port, pki_cache, directory)


@pytest.fixture
def site(running: AccountSite) -> Iterator[AccountSite]:
    running.reset()
    yield running
    assert "Traceback" not in running.provider.role.log()


def test_registered_account_can_be_used_and_stands_in_the_directory(site: AccountSite) -> None:
    answer = site.register(NEW, kimVersion="1.5+", dataTimeToLive=30)
    assert (answer.status, answer.content) == (204, None)
    entry = site.entry(TELEMATIK_IDS[PRACTICE])
    assert set(entry["mail"]) == {OWNED, NEW}
    assert set(entry["komLeData"]) == {f"1.5,{OWNED}", f"1.5+,{NEW}"}
    assert set(entry["kimData"]) == {f"{OWNED},1.5", f"{NEW},1.5+"}
    shown = site.call("GET", address=NEW, password=NEW_PASSWORD)
    assert shown.status == 200
    assert shown.content == {
        "username": NEW.lower(),
        "kimVersion": "1.5+",
        "regStat": "registered",
        "dataTimeToLive": 30,
        "maxMailSize": 734_003_200,
        "noVzdMailEntry": False,
        "referenceID": CODE,
    }
