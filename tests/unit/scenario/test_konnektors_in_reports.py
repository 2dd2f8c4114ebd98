"""Every report names the makes it ran with, and what lenient ones swallowed."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

from lxml import etree

from scenarios.engine.endpoints.contract import Context, Endpoints, KonnektorEndpoint, SiteEndpoint
from scenarios.engine.report import files
from scenarios.engine.report.results import ScenarioResult, konnektors
from scenarios.engine.report.screen import Screen
from scenarios.engine.report.ways import deviations
from simulators.makes.make import Make


def a_result() -> ScenarioResult:
    konnektor = KonnektorEndpoint(
        service_directory="", ldap="", control="", make="ahorn (angepasst)", generation="PTV6"
    )
    context = Context(mandant="m", clientsystem="c", workplace="w")
    sites = {"praxis": SiteEndpoint(konnektor=konnektor, context=context)}
    endpoints = Endpoints(ca="ca.pem", seed=42, directory=Path(), sites=sites)
    event = {"process": "konnektor-praxis", "step": "GetCards", "at": 10.0}
    told = {**event, "data": {"deviation": "charset: fehlt <hier>"}}
    before = {**told, "at": 9.0}
    result = ScenarioResult("kim/x", "Eine Mail", "demo", 42, konnektors=konnektors(endpoints))
    result.deviations = deviations([before, told, told, {**event, "data": {}}, event], 9.5)
    return result


def test_console() -> None:
    out = StringIO()
    Screen(out).scenario_started(a_result())
    Screen(out).scenario_ended(a_result())
    assert "Konnektor praxis: ahorn (angepasst), PTV6, Seed 42" in out.getvalue()
    assert "Abweichung (2-mal): konnektor-praxis GetCards: charset: fehlt" in out.getvalue()


def test_junit() -> None:
    properties = {
        one.get("name"): one.get("value")
        for one in etree.fromstring(files.junit([a_result()])).iter("property")
    }
    assert properties["konnektor.praxis"] == "ahorn (angepasst), PTV6, Seed 42"
    assert properties["abweichung"] == "konnektor-praxis GetCards: charset: fehlt <hier>"


def test_json() -> None:
    (scenario,) = json.loads(files.as_json([a_result()]))["scenarios"]
    assert scenario["konnektors"] == [
        {"site": "praxis", "make": "ahorn (angepasst)", "generation": "PTV6", "seed": 42}
    ]
    assert [one["count"] for one in scenario["deviations"]] == [2]


def test_html() -> None:
    page = files.page([a_result()]).decode()
    assert "ahorn (angepasst), PTV6, Seed 42" in page
    assert "fehlt &lt;hier&gt;" in page


def test_a_make_is_named_by_its_profile_and_told_when_changed() -> None:
    assert Make().told == "standard"
    assert Make(fw_version="2.0.0").told == "standard (angepasst)"
    assert Make.model_validate({"profile": "ulme"}).told == "ulme"
    assert Make.model_validate({"profile": "ulme", "callers": "lenient"}).told == "ulme (angepasst)"
