"""Reports as files: JUnit XML for pipelines, JSON for programs, one HTML page for people."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from lxml import etree

from simulators.process.errors import InputError, reason

from ..checks.rule import Status
from .results import NOTICE, CheckResult, ScenarioResult, Way


def check_writable(paths: Sequence[Path | None]) -> None:
    """Raise InputError now if a report could not be written later."""
    for path in paths:
        if path is None:
            continue
        target = path if path.exists() else path.absolute().parent
        if path.is_dir() or not target.exists() or not os.access(target, os.W_OK):
            raise InputError(f"{path}: dorthin kann kein Bericht geschrieben werden")


def write(path: Path, content: bytes) -> None:
    """Write a report. Raises InputError when the file cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path}: nicht schreibbar: {reason(error)}") from None


def junit(results: Sequence[ScenarioResult]) -> bytes:
    """Return JUnit XML: a suite for each scenario, a case for each step that failed and check."""
    root = etree.Element("testsuites", name="kimulator")
    for result in results:
        suite = etree.SubElement(root, "testsuite", name=result.name, time=f"{result.seconds:.3f}")
        properties = etree.SubElement(suite, "properties")
        told = [("seed", str(result.seed)), ("hinweis", NOTICE)]
        told += [(f"konnektor.{used.site}", str(used)) for used in result.konnektors]
        told += [
            ("abweichung", _xml(f"{one.process} {one.step}: {one.text}"))
            for one in result.deviations
        ]
        for name, value in told:
            etree.SubElement(properties, "property", name=name, value=value)
        for step in result.steps:
            if not step.ok:
                case = _case(suite, result, f"Schritt {step.number} {step.keyword}")
                etree.SubElement(case, "failure", message=_xml(step.text))
        for check in result.checks:
            _junit_check(suite, result, check)
        suite.set("tests", str(len(suite.findall("testcase"))))
        suite.set("failures", str(len(suite.findall(".//failure"))))
        suite.set("skipped", str(len(suite.findall(".//skipped"))))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def as_json(results: Sequence[ScenarioResult]) -> bytes:
    """Return everything as JSON."""
    content = {"notice": NOTICE, "ok": all(r.ok for r in results), "scenarios": []}
    content["scenarios"] = [_scenario(result) for result in results]
    return json.dumps(content, indent=1, ensure_ascii=False, default=str).encode()


def page(results: Sequence[ScenarioResult]) -> bytes:
    """Return one HTML page that needs nothing else: no script, no font, no network."""
    body = "".join(_section(number, result) for number, result in enumerate(results, 1))
    overview = "".join(_overview(number, result) for number, result in enumerate(results, 1))
    good = sum(result.ok for result in results)
    return (
        '<!DOCTYPE html><html lang="de"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>kimulator: {good} von {len(results)} bestanden</title>"
        f"<style>{_STYLE}</style></head><body><h1>kimulator</h1>"
        f'<p class="notice">{escape(NOTICE)}</p>'
        f"<p>{good} von {len(results)} Szenarien bestanden.</p>"
        f"<table>{overview}</table>{body}</body></html>\n"
    ).encode()


_STYLE = (
    "body{font:16px/1.45 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;width:100%;margin:.5em 0 1.5em}"
    "td,th{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}"
    ".key{white-space:nowrap}.free{overflow-wrap:anywhere;width:99%}.rule{min-width:13em}"
    "small{color:#666}.notice{background:#fff3cd;padding:.6em}"
    ".good{color:#17692a}.bad{color:#a40000;font-weight:bold}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}small,a{color:#9bd}"
    ".notice{background:#443a12}.good{color:#7fd992}.bad{color:#ff8a80}}"
)


def _case(suite: etree._Element, result: ScenarioResult, name: str) -> etree._Element:
    return etree.SubElement(suite, "testcase", classname=result.name, name=_xml(name))


def _junit_check(suite: etree._Element, result: ScenarioResult, check: CheckResult) -> None:
    name = f"{check.rule.requirement} {check.rule.title} ({check.of})"
    case = _case(suite, result, name)
    evidence = _xml(check.verdict.evidence)
    if check.verdict.status is Status.FAILED:
        etree.SubElement(case, "failure", message=evidence)
    elif check.verdict.status is not Status.PASSED:
        etree.SubElement(case, "skipped", message=evidence)
    else:
        etree.SubElement(case, "system-out").text = evidence


def _xml(text: str) -> str:
    """Replace characters that XML cannot hold: evidence may quote hostile bytes."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _scenario(result: ScenarioResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "title": result.title,
        "world": result.world,
        "seed": result.seed,
        "konnektors": [vars(used) for used in result.konnektors],
        "deviations": [vars(one) for one in result.deviations],
        "ok": result.ok,
        "seconds": round(result.seconds, 3),
        "steps": [vars(step) for step in result.steps],
        "checks": [
            {
                "rule": check.rule.name,
                "requirement": check.rule.requirement,
                "title": check.rule.title,
                "of": check.of,
                "status": check.verdict.status.name.lower(),
                "evidence": check.verdict.evidence,
            }
            for check in result.checks
        ],
        "messages": [
            {
                "name": way.name,
                "message_id": way.message_id,
                "way": [vars(hop) for hop in way.hops],
            }
            for way in result.ways
        ],
    }


def _overview(number: int, result: ScenarioResult) -> str:
    held = sum(check.ok for check in result.checks)
    return (
        f"<tr>{_outcome(result)}"
        f'<td class="free"><a href="#szenario-{number}">{escape(result.title)}</a></td>'
        f'<td class="key">{held} von {len(result.checks)} Prüfungen</td></tr>'
    )


def _outcome(result: ScenarioResult) -> str:
    word = "bestanden" if result.ok else "nicht bestanden"
    return f'<td class="key {_colour(result.ok)}">{word}</td>'


def _colour(good: bool) -> str:
    return "good" if good else "bad"


def _section(number: int, result: ScenarioResult) -> str:
    checks = "".join(_check_row(check) for check in result.checks)
    steps = "".join(
        f'<tr><td>{step.number}</td><td class="key {_colour(step.ok)}">{step.keyword}</td>'
        f'<td class="free">{escape(step.text)}</td><td class="key">{step.seconds:.2f} s</td></tr>'
        for step in result.steps
    )
    outcome = "bestanden" if result.ok else "nicht bestanden"
    return (
        f'<h2 id="szenario-{number}">{escape(result.title)}: <span class="{_colour(result.ok)}">'
        f"{outcome}</span></h2><p>{escape(result.name)}, Welt {escape(result.world)}, "
        f"Seed {result.seed}, {result.seconds:.1f} s</p>{_surroundings(result)}"
        "<h3>Prüfungen</h3><table><tr><th>Ergebnis</th><th>Anforderung</th><th>Prüfung</th>"
        f"<th>Befund</th></tr>{checks}</table>"
        "<h3>Schritte</h3><table><tr><th></th><th>Schritt</th><th>Was geschah</th><th>Dauer</th>"
        f"</tr>{steps}</table>" + "".join(_way(way) for way in result.ways)
    )


def _surroundings(result: ScenarioResult) -> str:
    """Return the Konnektoren that were used, and what they swallowed of callers' mistakes."""
    used = "".join(
        f'<tr><td class="key">{escape(one.site)}</td><td class="free">{escape(str(one))}</td></tr>'
        for one in result.konnektors
    )
    swallowed = "".join(
        f'<tr><td class="key">{escape(one.process)} {escape(one.step)}</td>'
        f'<td class="key">{one.count}-mal</td><td class="free">{escape(one.text)}</td></tr>'
        for one in result.deviations
    )
    return (f"<h3>Konnektoren</h3><table>{used}</table>" if used else "") + (
        f"<h3>Abweichungen</h3><table>{swallowed}</table>" if swallowed else ""
    )


def _check_row(check: CheckResult) -> str:
    return (
        f'<tr><td class="key {_colour(check.ok)}">{check.verdict.status.value}</td>'
        f'<td class="key">{escape(check.rule.requirement)}</td>'
        f'<td class="rule" title="{escape(check.rule.meaning)}">{escape(check.rule.title)} '
        f"<small>({escape(check.of)})</small></td>"
        f'<td class="free">{escape(check.verdict.evidence)}</td></tr>'
    )


def _way(way: Way) -> str:
    rows = "".join(
        f'<tr><td class="key">{hop.after:.1f} ms</td><td class="key">{escape(hop.process)}</td>'
        f'<td class="key">{escape(hop.step)}</td><td class="key">{escape(hop.peer or "")}</td>'
        f'<td class="key">{"" if hop.took is None else f"{hop.took:.1f} ms"}</td>'
        f'<td class="free">{escape(hop.facts)}</td></tr>'
        for hop in way.hops
    )
    return (
        f"<h3>Weg der Nachricht {escape(way.name)}</h3><p>{escape(way.message_id)}</p>"
        "<table><tr><th>nach</th><th>Prozess</th><th>Schritt</th><th>Gegenüber</th>"
        f"<th>Dauer</th><th></th></tr>{rows}</table>"
    )
