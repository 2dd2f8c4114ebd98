"""Links of received mails: they lead to a KAS or are not followed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from clientmodule.discovery import Discovery
from clientmodule.kas.links import leads_to_kas
from clientmodule.settings import ClientModuleSettings, KonnektorAccess
from simulators.process.clock import Clock

KAS = "https://kas.eins.kim.telematik-test:8443/attachments/v2.4"


def allowed(link: str, **settings: Any) -> bool:
    made = ClientModuleSettings(
        name="clientmodule",
        ca=Path("ca.pem"),
        client_tls=False,
        konnektors={
            "default": KonnektorAccess(
                service_directory="http://k", ldap="ldap://k", authentication="none"
            )
        },
        data_dir=Path(),
        **settings,
    )
    return asyncio.run(leads_to_kas(link, made, Discovery(made, Clock())))


@pytest.mark.requirement("A_19370-04")
@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (f"{KAS}/attachment/1", True),
        ("https://KAS.eins.kim.telematik-test:8443/anderswo/1", True),
        ("https://kas.eins.kim.telematik-test/attachment/1", False),
        ("https://kas.zwei.kim.telematik-test:8443/attachment/1", False),
        ("http://kas.eins.kim.telematik-test:8443/attachment/1", False),
        ("https://kas.eins.kim.telematik-test:8443@127.0.0.1/1", False),
        ("https://kas.eins.kim.telematik-test:99999/1", False),
        ("https://[::1/1", False),
        ("", False),
    ],
)
def test_places_of_the_settings(link: str, expected: bool) -> None:
    assert allowed(link, kas={"eins.kim.telematik-test": KAS}) is expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://kas.zwei.kim.telematik-test/1", True),
        ("https://127.0.0.1/1", False),
        ("https://kas.example.de/1", False),
        ("https://kim.telematik-test.example.de/1", False),
        ("https://kas.eins.kim.telematik/1", False),
    ],
)
def test_without_any_known_the_domains_decide(link: str, expected: bool) -> None:
    assert allowed(link) is expected


def test_hosts_of_the_real_ti_are_refused() -> None:
    real = "https://kas.eins.kim.telematik/attachments/v2.4"
    assert not allowed(f"{real}/attachment/1", kas={"eins.kim.telematik-test": real})
