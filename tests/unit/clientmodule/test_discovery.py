"""Where passwords may be sent: to a provider's own host, whatever the DNS says."""

from __future__ import annotations

import pytest

from clientmodule.discovery import stands_in

DOMAIN = "anbieter.kim.telematik-test"


@pytest.mark.requirement("A_19523")
@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (f"accmgr.{DOMAIN}", True),
        (f"ACCMGR.{DOMAIN.upper()}", True),
        (DOMAIN, True),
        (f"anderer-{DOMAIN}", False),
        (f"{DOMAIN}.example", False),
        (f"boese.example/.{DOMAIN}", False),
        (f"boese.example?.{DOMAIN}", False),
        (f"boese.example#.{DOMAIN}", False),
        (f"boese.example:443/.{DOMAIN}", False),
        (f"x@y.{DOMAIN}", False),
        (f"zeile\r\n.{DOMAIN}", False),
        (f".{DOMAIN}", False),
    ],
)
def test_service_is_that_of_its_own_domain_alone(host: str, expected: bool) -> None:
    assert stands_in(host, DOMAIN) is expected
