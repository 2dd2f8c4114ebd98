"""Reports are valid, need nothing from elsewhere, and show hostile texts as text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree, html

from scenarios.engine.checks.catalogue import RULES
from scenarios.engine.checks.rule import Status, Verdict
from scenarios.engine.report import files
from scenarios.engine.report.coverage import coverage
from scenarios.engine.report.results import (
    CheckResult,
    Hop,
    KonnektorUsed,
    ScenarioResult,
    StepResult,
    Way,
    XRay,
)
from scenarios.engine.report.sequence import MAX_HOPS, diagram
from scenarios.engine.xray.message import xray

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=y>&\x00\x1b[2J\u202e"
SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))
MAIL = (
    b'Subject: "><script>alert(1)</script>\x1b[2J\r\n'
    b'Content-Type: application/pdf; name="<script>x</script>.pdf"\r\n\r\n%PDF-1.7'
)


def check(status: Status, evidence: str = "Befund", rule: str = "outer-subject") -> CheckResult:
    return CheckResult(RULES[rule], "mail", Verdict(status, evidence))


def a_result(*checks: CheckResult, text: str = "Text") -> ScenarioResult:
    hops = (
        Hop(0.0, "clientmodule-praxis", "ClientMail", "pvs", None, {"recipients": text}),
        Hop(1.5, "clientmodule-praxis", "SignDocument", "konnektor", 6.25, {"result": "OK"}),
        Hop(8.0, "mailserver-kv-dox", "smtp.accepted", "clientmodule", 2.0, {"reply": text}),
        Hop(9.0, "clientmodule-praxis", "Transmit", "provider", 3.0, {}),
        Hop(10.0, "mailserver-b", text, None, None, {}),
    )
    result = ScenarioResult("kim/x", text, "demo", 42)
    result.konnektors = (KonnektorUsed("praxis", "ahorn", "PTV6", 42),)
    result.steps = [StepResult(1, "send", text, 0.5, True)]
    result.checks = list(checks)
    result.ways = [Way(text, f"<{text}@b>", hops)]
    result.xrays = (XRay(text, text, xray(MAIL)),)
    return result


ALL = [check(status, HOSTILE) for status in Status]


def test_junit_xml_is_what_its_readers_agree_on() -> None:
    failed = a_result(*ALL, text=HOSTILE)
    failed.steps.append(StepResult(2, "fetch", HOSTILE, 20.0, False))
    root = etree.fromstring(files.junit([failed, a_result(check(Status.PASSED)), a_result()]))
    assert SCHEMA.validate(root), SCHEMA.error_log
    first = root[0].attrib
    assert (first["tests"], first["failures"], first["skipped"]) == ("5", "2", "2")
    assert {p.get("name"): p.get("value") for p in root[0].iter("property")} | {
        "seed": "42",
        "konnektor.praxis": "ahorn, PTV6, Seed 42",
    } == {p.get("name"): p.get("value") for p in root[0].iter("property")}


def test_the_schema_refuses_what_is_none() -> None:
    root = etree.fromstring(files.junit([a_result(check(Status.FAILED))]))
    root[0].attrib.pop("timestamp")
    assert not SCHEMA.validate(root)


def test_hostile_texts_are_text_on_the_page() -> None:
    page = files.page([a_result(*ALL, text=HOSTILE)]).decode()
    root = html.fromstring(page)
    assert root.findall(".//script") == []
    assert root.findall(".//img") == []
    assert not any(str(name).startswith("on") for one in root.iter() for name in one.attrib)
    assert "alert(1)" in "".join(map(str, root.itertext()))
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_the_page_needs_nothing_from_elsewhere() -> None:
    root = html.fromstring(files.page([a_result(*ALL)]).decode())
    addresses = [value for one in root.iter() for name, value in one.items() if name in _LINKS]
    assert all(str(value).startswith("#") for value in addresses)
    assert {one.tag for one in root.iter()}.isdisjoint({"script", "link", "iframe", "object"})


_LINKS = {"href", "src", "action", "data", "xlink:href"}


def test_the_page_shows_diagram_xray_coverage_seed_and_make() -> None:
    page = files.page([a_result(check(Status.PASSED))]).decode()
    assert "Seed 42" in page
    assert "ahorn, PTV6" in page
    text = "".join(map(str, html.fromstring(page).itertext()))
    assert "SignDocument (6.2 ms)" in text
    assert "Röntgenbild Text" in text
    assert "Anforderungen: 1 geprüft, 1 erfüllt" in text


def test_the_diagram_leads_from_who_asks_to_who_answers() -> None:
    svg = html.fromstring(diagram(a_result().ways[0]))
    lanes = [one.text for one in svg.iter("text") if one.get("class") == "who"]
    assert lanes == [
        "pvs-praxis",
        "clientmodule-praxis",
        "konnektor-praxis",
        "mailserver-kv-dox",
        "mailserver-b",
    ]
    calls = [one for one in svg.iter("line") if one.get("class") == "call"]
    assert all(int(one.get("x1") or 0) < int(one.get("x2") or 0) for one in calls)
    assert len(calls) == 4


def test_a_diagram_is_bounded_and_a_way_without_steps_has_none() -> None:
    hop = a_result().ways[0].hops[0]
    long = diagram(Way("x", "<x@y>", (hop,) * (MAX_HOPS + 50)))
    assert long.count("<g>") == MAX_HOPS
    assert diagram(Way("x", "<x@y>", ())) == ""


def test_coverage_counts_what_checks_said_of_a_requirement() -> None:
    results = [
        a_result(check(Status.PASSED), check(Status.EXPECTED_FAILURE)),
        a_result(check(Status.FAILED), check(Status.PASSED, rule="qes-valid")),
    ]
    found = {one.id: one for one in coverage(results)}
    subject = found["KOM-LE-A_2102"]
    assert (subject.passed, subject.failed, subject.expected_failures) == (1, 1, 1)
    assert not subject.held
    assert subject.document.startswith("gemSMIME")
    assert found[RULES["qes-valid"].requirement].held


@pytest.mark.parametrize("text", ["Text", HOSTILE])
def test_json_has_the_same_data(text: str) -> None:
    (scenario,) = (content := json.loads(files.as_json([a_result(*ALL, text=text)])))["scenarios"]
    assert scenario["xrays"][0]["xray"]["kind"] == "mail"
    assert scenario["messages"][0]["way"][1]["took"] == 6.25
    assert content["coverage"][0]["id"] == "KOM-LE-A_2102"


def test_the_transcript_leaves_out_what_chance_and_clock_decide() -> None:
    def told(number: int) -> str:
        text = (
            f"<{number}{number}@kimulator.invalid> um 2026-11-2{number}T10:00:0{number}Z, "
            f"{number}7 Bytes in {number}.5 s über 127.0.0.1:100{number}, "
            f"digest {f'{number}a' * 16}, Tue, 2{number} Nov 2026 02:24:03 +0000"
        )
        return files.transcript([a_result(check(Status.PASSED, text), text=text)]).decode()

    assert told(1) == told(2)
    assert "<Nachricht 1> um <Zeit>, <Anzahl> Bytes in <Dauer>" in told(1)
    assert "KOM-LE-A_2102 outer-subject (mail) bestanden" in told(1)


def test_the_transcript_shows_what_differs() -> None:
    one, other = (
        files.transcript([a_result(check(status))]) for status in (Status.PASSED, Status.FAILED)
    )
    assert one != other
