"""Faults on purpose: which call is met, and every way in which an answer can go wrong."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from tests.konnektor_site import ENVELOPING, PREFIXES, SMCB, Site, context, document, envelope

PATH = "/ws/EventService"
GET_CARDS = f"<EVT:GetCards>{context()}</EVT:GetCards>"


def misbehave(site: Site, **effect: Any) -> None:
    """Put one rule: *effect* and, among it, where and when it holds."""
    places = ("operation", "match", "nth", "times", "probability")
    rule = {name: effect.pop(name) for name in places if name in effect}
    rules = [{"id": "r", "operation": "GetCards", "effect": effect, **rule}]
    status, body = site.role.ask("PUT", "/faults", rules)
    assert status == 200, body


def get_cards(site: Site, **who: Any) -> int | None:
    return site.call("EVT", "GetCards", context(**who)).code


def raw(site: Site) -> tuple[http.client.HTTPResponse, Callable[[], bytes]]:
    connection = site.connection()
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    connection.request("POST", PATH, envelope(GET_CARDS), headers)
    response = connection.getresponse()
    return response, response.read


def test_the_nth_call(site: Site) -> None:
    misbehave(site, kind="soap_fault", code=4060, nth=2)
    assert [get_cards(site) for _ in range(3)] == [None, 4060, None]


def test_a_given_context(site: Site) -> None:
    misbehave(site, kind="soap_fault", code=4060, match={"mandant": "m2", "workplace": "w*"})
    assert [get_cards(site), get_cards(site, mandant="m2")] == [None, 4060]


@pytest.mark.parametrize("match", [{"card": SMCB}, {"card_type": "SMC-B", "terminal": "t1"}])
def test_a_given_card(site: Site, match: dict[str, str]) -> None:
    misbehave(site, kind="soap_fault", code=4094, operation="*", match=match)
    assert get_cards(site) is None
    signed = site.sign(SMCB, document(b"x"), ENVELOPING)
    assert (signed.code, signed.text("faultstring")) == (
        4094,
        "Timeout beim Kartenzugriff aufgetreten",
    )


def test_a_seeded_probability(site: Site) -> None:
    def outcomes() -> list[int | None]:
        site.role.ask("POST", "/reset")
        misbehave(site, kind="soap_fault", code=4060, probability=0.5)
        return [get_cards(site) for _ in range(12)]

    first = outcomes()
    assert set(first) == {None, 4060}
    assert outcomes() == first


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"operation": "GetKards"}, "operation: 'GetKards' is none of"),
        ({"operation": "GetKards"}, "perhaps GetCards?"),
        ({"match": {"mandat": "m1"}}, "match: 'mandat' is none of card, card_type, clientsystem"),
        ({"operation": "TLS"}, "effect.kind: 'soap_fault' is none of refused"),
        ({"operation": "Get*", "effect": {"kind": "refused"}}, "effect.kind: 'refused' is none of"),
        ({"effect": {"kind": "soap_falt"}}, "perhaps soap_fault?"),
        ({"effect": {"kind": "soap_fault", "code": 42}}, "effect.code: 42 is no code for"),
        ({"effect": {"kind": "http_error", "code": 200}}, "effect.code: 200 is no code for"),
        ({"effect": {"kind": "delay"}}, "effect.seconds: how long"),
    ],
)
def test_rules_that_could_never_hold(site: Site, rule: dict[str, Any], said: str) -> None:
    usual = {"id": "r", "operation": "GetCards", "effect": {"kind": "soap_fault", "code": 4060}}
    status, body = site.role.ask("PUT", "/faults", [usual | rule])
    assert status == 400
    assert json.loads(body)["error"].startswith("faults[0].")
    assert said in json.loads(body)["error"]
    assert json.loads(site.role.ask("GET", "/faults")[1])["rules"] == []


def test_rules_for_everything_count_only_what_they_can_happen_to(site: Site) -> None:
    """A SOAP fault is none for a search in the directory or a handshake."""
    misbehave(site, kind="soap_fault", code=4060, operation="*", nth=2)
    assert [get_cards(site) for _ in range(3)] == [None, 4060, None]


def test_a_vendors_fault_with_its_text(site: Site) -> None:
    misbehave(site, kind="soap_fault", code=10_345, text="Netzteil überhitzt")
    answer = site.call("EVT", "GetCards", context())
    assert (answer.status, answer.code) == (500, 10_345)
    assert answer.text("faultstring") == answer.text("//GERROR:ErrorText") == "Netzteil überhitzt"


def test_a_warning_on_top_of_the_work(site: Site) -> None:
    misbehave(site, kind="warning", code=4264)
    answer = site.call("EVT", "GetCards", context())
    assert (answer.status, answer.text("//CONN:Result")) == (200, "Warning")
    assert answer.code == 4264
    assert answer.body.xpath("//CARD:Card", namespaces=PREFIXES)


def test_a_delay_is_told_by_the_journal(site: Site) -> None:
    misbehave(site, kind="delay", seconds=0.05)
    assert get_cards(site) is None
    took = [e["milliseconds"] for e in site.role.journal() if e["step"] == "GetCards"]
    assert took[0] >= 50


@pytest.mark.parametrize("kind", ["drop", "lost"])
def test_a_connection_closed_without_an_answer(site: Site, kind: str) -> None:
    misbehave(site, kind=kind)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        raw(site)
    assert get_cards_in_journal(site) == [("Dropped" if kind == "drop" else "OK", kind)]


def get_cards_in_journal(site: Site) -> list[tuple[str, str | None]]:
    events = [e["data"] for e in site.role.journal() if e["step"] == "GetCards"]
    return [(event["result"], event.get("fault")) for event in events]


def test_a_lost_answer_was_worked_for(site: Site) -> None:
    """The job number is used up, as it is when a real connection breaks."""
    misbehave(site, kind="lost", operation="SignDocument", nth=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        site.sign(SMCB, document(b"x"), ENVELOPING, job="LST-001")
    assert site.sign(SMCB, document(b"x"), ENVELOPING, job="LST-001").code == 4252


def test_an_answer_broken_off(site: Site) -> None:
    misbehave(site, kind="broken_off")
    response, read = raw(site)
    promised = int(response.headers["Content-Length"])
    with pytest.raises(http.client.IncompleteRead) as broken:
        read()
    assert len(broken.value.partial) == promised // 2


@pytest.mark.parametrize("kind", ["truncated", "malformed"])
def test_xml_that_is_none(site: Site, kind: str) -> None:
    misbehave(site, kind=kind)
    response, read = raw(site)
    content = read()
    assert response.status == 200
    assert len(content) == int(response.headers["Content-Length"])
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(content)


def test_an_http_error_without_soap(site: Site) -> None:
    misbehave(site, kind="http_error", code=503, text="Wartung")
    response, read = raw(site)
    assert (response.status, read()) == (503, b"Wartung\n")


def test_another_content_type(site: Site) -> None:
    misbehave(site, kind="content_type", value="text/plain")
    response, _ = raw(site)
    assert response.headers["Content-Type"] == "text/plain"


def test_a_refused_handshake(site: Site) -> None:
    misbehave(site, kind="refused", operation="TLS", times=1)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        raw(site)
    assert get_cards(site) is None


@pytest.mark.parametrize(
    ("effect", "status", "whole"),
    [({"kind": "http_error"}, 500, False), ({"kind": "truncated"}, 200, False), (None, 200, True)],
)
def test_the_service_directory(
    site: Site, effect: dict[str, Any] | None, status: int, whole: bool
) -> None:
    if effect is not None:
        misbehave(site, operation="ServiceDirectory", **effect)
    answered, content = site.get("/connector.sds")
    assert answered == status
    assert content.endswith(b"ConnectorServices>") == whole


def test_the_control_api_knows_the_effects_and_counts(site: Site) -> None:
    misbehave(site, kind="soap_fault", code=4060, nth=2)
    get_cards(site)
    get_cards(site)
    told = json.loads(site.role.ask("GET", "/faults")[1])
    assert [(r["seen"], r["fired"]) for r in told["rules"]] == [(2, 1)]
    assert {"soap_fault", "warning", "delay", "drop", "truncated"} <= set(told["effects"])
    status, body = site.role.ask(
        "PUT", "/faults", [{"id": "r", "operation": "*", "effect": {"kind": "explode"}}]
    )
    assert (status, b"explode" in body) == (400, True)


def test_a_rule_for_everything_meets_calls_and_not_handshakes(site: Site) -> None:
    misbehave(site, kind="warning", code=4264, operation="*", nth=2)
    assert [get_cards(site) for _ in range(3)] == [None, 4264, None]
