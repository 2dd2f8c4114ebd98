"""A_19361-01: the provider's services and host names come from DNS."""

from __future__ import annotations

import json
import smtplib
from typing import Any

import pytest

from tests.clientmodule_world import World

DOMAIN = "erst.kim.telematik-test"
HOST = f"mail.{DOMAIN}"


def names(kim: World) -> str:
    assert kim.endpoints.names is not None
    return kim.endpoints.names.control


def asked(kim: World) -> list[tuple[str, str]]:
    events = [json.loads(line) for line in kim.raw(names(kim), "/journal").splitlines()]
    return [(e["data"]["name"], e["data"]["type"]) for e in events if "type" in e["data"]]


@pytest.fixture
def dns(kim: World) -> Any:
    """Reset what client module and DNS server know; tell the DNS server its faults."""
    kim.ask(names(kim), "POST", "/reset")
    kim.ask(kim.module("praxis"), "POST", "/reset")

    def tell(effect: dict[str, Any], **match: str) -> None:
        rule = {"id": "dns", "operation": "query", "match": match, "effect": effect}
        kim.ask(names(kim), "PUT", "/faults", [rule])

    yield tell
    kim.raw(names(kim), "/faults", "DELETE")
    kim.ask(kim.module("praxis"), "POST", "/reset")


def by_name(kim: World, host: str = HOST) -> tuple[str, str]:
    """Return the login of praxis with the provider's host name in the user name."""
    user, password = kim.user("praxis")
    address, place, *context = user.split("#")
    return "#".join([address, f"{host}:{place.rpartition(':')[2]}", *context]), password


def login(kim: World, host: str = HOST) -> int:
    with kim.smtp("praxis") as smtp:
        return smtp.login(*by_name(kim, host))[0]


def test_the_host_name_of_a_user_name_is_resolved(kim: World, dns: Any) -> None:
    assert login(kim) == 235
    assert (HOST, "A") in asked(kim)


@pytest.mark.parametrize("effect", [{"kind": "rcode", "text": "SERVFAIL"}, {"kind": "empty"}])
def test_a_name_that_cannot_be_resolved_is_a_server_that_is_not_there(
    kim: World, dns: Any, effect: dict[str, Any]
) -> None:
    dns(effect, name=HOST)
    with pytest.raises(smtplib.SMTPAuthenticationError) as raised:
        login(kim)
    assert raised.value.smtp_code == 454


def test_the_certificate_must_carry_the_name_that_was_resolved(kim: World, dns: Any) -> None:
    """DNS is not trusted: whoever it names must prove to be the one."""
    records = kim.ask(names(kim), "GET", "/records")
    foreign = {"name": f"fremd.{DOMAIN}", "type": "A", "data": "127.0.0.1"}
    kim.ask(names(kim), "PUT", "/records", [*records, foreign])
    with pytest.raises(smtplib.SMTPAuthenticationError) as raised:
        login(kim, f"fremd.{DOMAIN}")
    assert raised.value.smtp_code == 454


def steps(kim: World, step: str) -> list[dict[str, Any]]:
    events = kim.raw(kim.module("praxis"), "/journal").splitlines()
    return [e for e in map(json.loads, events) if e["step"] == step]


@pytest.mark.requirement("A_19361-01", "A_22416")
def test_the_limits_come_from_the_account_manager_that_dns_names(kim: World, dns: Any) -> None:
    kim.send("praxis", "praxis")
    kim.fetch("praxis")
    assert steps(kim, "ServiceDiscovery")[-1]["data"]["result"] == "OK"
    assert steps(kim, "getLimits")[-1]["data"]["result"] == "OK"
    questions = asked(kim)
    assert ("_accmgr._tcp.kim.telematik-test", "PTR") in questions
    assert {"SRV", "TXT"} <= {kind for _, kind in questions}


@pytest.mark.parametrize(
    "effect", [{"kind": "rcode", "text": "SERVFAIL"}, {"kind": "rcode", "text": "NXDOMAIN"}]
)
def test_mails_are_sent_without_service_discovery_too(
    kim: World, dns: Any, effect: dict[str, Any]
) -> None:
    dns(effect, name="_accmgr.*")
    before = len(steps(kim, "getLimits"))
    kim.send("praxis", "praxis")
    kim.fetch("praxis")
    assert len(steps(kim, "getLimits")) == before
