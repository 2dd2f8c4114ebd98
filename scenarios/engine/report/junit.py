"""The report for pipelines: JUnit XML as Ant wrote it first, which Jenkins and others read."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from ..checks.rule import Status
from .results import NOTICE, CheckResult, ScenarioResult

HOST = "localhost"


def junit(results: Sequence[ScenarioResult]) -> bytes:
    """Return a suite for each scenario, a case for each check and for each step that failed."""
    root = etree.Element("testsuites")
    for number, result in enumerate(results):
        root.append(_suite(number, result))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _suite(number: int, result: ScenarioResult) -> etree._Element:
    cases = [_step(result, step.number) for step in result.steps if not step.ok]
    cases += [_check(result, check) for check in result.checks]

    def count(kind: str) -> str:
        return str(sum(case.find(kind) is not None for case in cases))

    suite = etree.Element(
        "testsuite",
        name=result.name,
        package="kimulator",
        id=str(number),
        timestamp=f"{result.began:%Y-%m-%dT%H:%M:%S}",
        hostname=HOST,
        tests=str(len(cases)),
        failures=count("failure"),
        errors="0",
        skipped=count("skipped"),
        time=f"{result.seconds:.3f}",
    )
    properties = etree.SubElement(suite, "properties")
    for name, value in _told(result):
        etree.SubElement(properties, "property", name=name, value=printable(value))
    suite.extend(cases)
    etree.SubElement(suite, "system-out").text = "\n".join(_evidence(result))
    etree.SubElement(suite, "system-err")
    return suite


def _told(result: ScenarioResult) -> list[tuple[str, str]]:
    told = [("seed", str(result.seed)), ("hinweis", NOTICE)]
    told += [(f"konnektor.{used.site}", str(used)) for used in result.konnektors]
    told += [("abweichung", f"{d.process} {d.step}: {d.text}") for d in result.deviations]
    return told


def _evidence(result: ScenarioResult) -> list[str]:
    """Return what the checks rest on that hold; a case has no room for it."""
    return [
        printable(f"{_name(check)}: {check.verdict.evidence}")
        for check in result.checks
        if check.verdict.status is Status.PASSED
    ]


def _step(result: ScenarioResult, number: int) -> etree._Element:
    step = next(one for one in result.steps if one.number == number)
    case = _case(result, f"Schritt {step.number} {step.keyword}", step.seconds)
    etree.SubElement(case, "failure", type="step", message=printable(step.text))
    return case


def _check(result: ScenarioResult, check: CheckResult) -> etree._Element:
    case = _case(result, _name(check), 0.0)
    evidence = printable(check.verdict.evidence)
    if check.verdict.status is Status.FAILED:
        etree.SubElement(case, "failure", type=check.rule.name, message=evidence)
    elif check.verdict.status is not Status.PASSED:
        etree.SubElement(case, "skipped", message=evidence)
    return case


def _name(check: CheckResult) -> str:
    return f"{check.rule.requirement} {check.rule.title} ({check.of})"


def _case(result: ScenarioResult, name: str, seconds: float) -> etree._Element:
    return etree.Element(
        "testcase", classname=result.name, name=printable(name), time=f"{seconds:.3f}"
    )


def printable(text: str) -> str:
    """Replace characters that XML cannot hold: evidence may quote hostile bytes."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
