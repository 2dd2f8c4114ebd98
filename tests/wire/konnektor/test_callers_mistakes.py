"""Strict and lenient makes: the same mistakes are refused by one and swallowed by the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from tests.konnektor_site import PREFIXES, Site, envelope

ACTION = '"http://ws.gematik.de/conn/EventService/v7.2#GetCards"'
TYPE = "text/xml; charset=utf-8"
IDS = (
    "<CONN:MandantId>m1</CONN:MandantId>",
    "<CONN:ClientSystemId>cs1</CONN:ClientSystemId>",
    "<CONN:WorkplaceId>w1</CONN:WorkplaceId>",
)
RIGHT = f"<CCTX:Context>{''.join(IDS)}</CCTX:Context>"
TURNED = f"<CCTX:Context>{''.join(reversed(IDS))}</CCTX:Context>"
STRANGE = RIGHT + "<EVT:Neuheit/>"
MISTAKES = [
    ({"SOAPAction": None}, RIGHT, "soap_action"),
    ({"SOAPAction": '"urn:falsch"'}, RIGHT, "soap_action"),
    ({"Content-Type": "text/xml"}, RIGHT, "charset"),
    ({"Content-Type": "application/xml; charset=utf-8"}, RIGHT, "content_type"),
    ({}, TURNED, "element_order"),
    ({}, STRANGE, "unknown_elements"),
]


@pytest.fixture(scope="module")
def of_make(start_site: Any) -> Any:
    """Return a function from the word of ``callers`` to a Konnektor of such a make."""
    sites: dict[str, Site] = {}

    def get(callers: str) -> Site:
        if callers not in sites:
            started = start_site(make={"callers": callers}, authentication="none", client=None)
            sites[callers] = replace(started, plain=True)
        sites[callers].role.ask("POST", "/reset")
        return sites[callers]

    return get


def call(site: Site, headers: dict[str, str | None], inner: str) -> int | None:
    """Return the code that GetCards answers, None for a proper answer."""
    sent = {"SOAPAction": ACTION, "Content-Type": TYPE, **headers}
    connection = site.connection()
    body = envelope(f"<EVT:GetCards>{inner}</EVT:GetCards>")
    given = {name: value for name, value in sent.items() if value is not None}
    connection.request("POST", "/ws/EventService", body, given)
    root = etree.fromstring(connection.getresponse().read())
    connection.close()
    codes = root.xpath("//GERROR:Code/text()", namespaces=PREFIXES)
    return int(codes[-1]) if codes else None


def deviations(site: Site) -> list[str]:
    return [e["data"]["deviation"] for e in site.role.journal() if "deviation" in e.get("data", {})]


@pytest.mark.parametrize(("headers", "inner", "mistake"), MISTAKES)
def test_strict(of_make: Any, headers: Any, inner: str, mistake: str) -> None:
    site = of_make("strict")
    assert call(site, {}, RIGHT) is None
    assert call(site, headers, inner) == 4000
    assert deviations(site) == []


@pytest.mark.parametrize(("headers", "inner", "mistake"), MISTAKES)
def test_lenient(of_make: Any, headers: Any, inner: str, mistake: str) -> None:
    site = of_make("lenient")
    assert call(site, headers, inner) is None
    (told,) = deviations(site)
    assert told.startswith(f"{mistake}: ")


def test_a_lenient_make_makes_nothing_up(of_make: Any) -> None:
    """What is missing, or no XML, or another charset, is refused whatever the make."""
    site = of_make("lenient")
    assert call(site, {}, "") == 4000
    assert call(site, {}, RIGHT + RIGHT) == 4000
    assert call(site, {"Content-Type": "text/xml; charset=latin-1"}, RIGHT) == 4000


def test_several_mistakes_are_told_once_each(of_make: Any) -> None:
    site = of_make("lenient")
    assert call(site, {"SOAPAction": None, "Content-Type": "text/xml"}, TURNED) is None
    assert [one.split(":")[0] for one in deviations(site)[0].split("; ")] == [
        "soap_action",
        "charset",
        "element_order",
    ]
