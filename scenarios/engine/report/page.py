"""The report for people: one HTML page that needs nothing else, everything in it as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..xray.node import Mark, Node
from .coverage import Covered, coverage, known
from .harmless import shown
from .results import NOTICE, CheckResult, ScenarioResult, Way, XRay
from .sequence import diagram

MAX_NODES = 2000
"""Lines of one X-ray on the page."""
_MARKS: dict[Mark, str] = {"": "", "ok": "good", "bad": "bad", "warn": "warn"}


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
        f'<p class="notice">{shown(NOTICE)}</p>'
        f"<p>{good} von {len(results)} Szenarien bestanden.</p>"
        f"<table>{overview}</table>{_coverage(results)}{body}</body></html>\n"
    ).encode()


_STYLE = (
    "body{font:16px/1.45 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;width:100%;margin:.5em 0 1.5em}"
    "td,th{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}"
    ".key{white-space:nowrap}.free{overflow-wrap:anywhere;width:99%}.rule{min-width:13em}"
    "small{color:#666}.notice{background:#fff3cd;padding:.6em}"
    ".good{color:#17692a}.bad{color:#a40000;font-weight:bold}.warn{color:#8a5a00}"
    ".way{overflow-x:auto}svg{font:12px system-ui,sans-serif;fill:currentColor}"
    ".life{stroke:#999;stroke-dasharray:3 3}.call{stroke:currentColor}.who{font-weight:bold}"
    ".when{fill:#777}.xray ul{list-style:none;margin:0;padding-left:1.4em;"
    "border-left:1px solid #ccc}.xray li,summary{overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}small,a{color:#9bd}"
    ".notice{background:#443a12}.good{color:#7fd992}.bad{color:#ff8a80}.warn{color:#e8b84a}}"
)


def _overview(number: int, result: ScenarioResult) -> str:
    held = sum(check.ok for check in result.checks)
    return (
        f"<tr>{_outcome(result)}"
        f'<td class="free"><a href="#szenario-{number}">{shown(result.title)}</a></td>'
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
        f'<td class="free">{shown(step.text)}</td><td class="key">{step.seconds:.2f} s</td></tr>'
        for step in result.steps
    )
    outcome = "bestanden" if result.ok else "nicht bestanden"
    return (
        f'<h2 id="szenario-{number}">{shown(result.title)}: <span class="{_colour(result.ok)}">'
        f"{outcome}</span></h2><p>{shown(result.name)}, Welt {shown(result.world)}, "
        f"Seed {result.seed}, {result.seconds:.1f} s</p>{_surroundings(result)}"
        "<h3>Prüfungen</h3><table><tr><th>Ergebnis</th><th>Anforderung</th><th>Prüfung</th>"
        f"<th>Befund</th></tr>{checks}</table>"
        "<h3>Schritte</h3><table><tr><th></th><th>Schritt</th><th>Was geschah</th><th>Dauer</th>"
        f"</tr>{steps}</table>"
        + "".join(_way(way) for way in result.ways)
        + "".join(_xray(one) for one in result.xrays)
    )


def _surroundings(result: ScenarioResult) -> str:
    """Return the Konnektoren that were used, and what they swallowed of callers' mistakes."""
    used = "".join(
        f'<tr><td class="key">{shown(one.site)}</td><td class="free">{shown(str(one))}</td></tr>'
        for one in result.konnektors
    )
    swallowed = "".join(
        f'<tr><td class="key">{shown(one.process)} {shown(one.step)}</td>'
        f'<td class="key">{one.count}-mal</td><td class="free">{shown(one.text)}</td></tr>'
        for one in result.deviations
    )
    return (f"<h3>Konnektoren</h3><table>{used}</table>" if used else "") + (
        f"<h3>Abweichungen</h3><table>{swallowed}</table>" if swallowed else ""
    )


def _check_row(check: CheckResult) -> str:
    return (
        f'<tr><td class="key {_colour(check.ok)}">{check.verdict.status.value}</td>'
        f'<td class="key">{shown(check.rule.requirement)}</td>'
        f'<td class="rule" title="{shown(check.rule.meaning)}">{shown(check.rule.title)} '
        f"<small>({shown(check.of)})</small></td>"
        f'<td class="free">{shown(check.verdict.evidence)}</td></tr>'
    )


def _way(way: Way) -> str:
    rows = "".join(
        f'<tr><td class="key">{hop.after:.1f} ms</td><td class="key">{shown(hop.process)}</td>'
        f'<td class="key">{shown(hop.step)}</td><td class="key">{shown(hop.peer or "")}</td>'
        f'<td class="key">{"" if hop.took is None else f"{hop.took:.1f} ms"}</td>'
        f'<td class="free">{shown(hop.facts)}</td></tr>'
        for hop in way.hops
    )
    return (
        f"<h3>Weg der Nachricht {shown(way.name)}</h3><p>{shown(way.message_id)}</p>"
        f'<div class="way">{diagram(way)}</div>'
        "<details><summary>Alle Schritte als Tabelle</summary><table>"
        "<tr><th>nach</th><th>Prozess</th><th>Schritt</th><th>Gegenüber</th><th>Dauer</th>"
        f"<th></th></tr>{rows}</table></details>"
    )


def _coverage(results: Sequence[ScenarioResult]) -> str:
    """Return which requirements the checks of the run proved, and which they disproved."""
    covered = coverage(results)
    if not covered:
        return ""
    held = sum(one.held for one in covered)
    rows = "".join(_covered(one) for one in covered)
    return (
        f"<details><summary>Anforderungen: {len(covered)} geprüft, {held} erfüllt "
        f"(die Spezifikationen des Clientmoduls haben {known()})</summary>"
        "<table><tr><th>Anforderung</th><th>Prüfungen</th><th>bestanden</th>"
        f"<th>nicht bestanden</th><th>erwartet</th></tr>{rows}</table></details>"
    )


def _covered(one: Covered) -> str:
    colour = "good" if one.held else "bad" if one.failed else "warn"
    source = " – ".join(filter(None, (one.document, one.meaning)))
    return (
        f'<tr><td class="key {colour}">{shown(one.id)}</td>'
        f'<td class="free">{shown(", ".join(one.titles))}<br><small>{shown(source)}</small></td>'
        f"<td>{one.passed}</td><td>{one.failed}</td><td>{one.expected_failures}</td></tr>"
    )


def _xray(one: XRay) -> str:
    left = iter(range(MAX_NODES))
    return (
        f'<h3>Röntgenbild {shown(one.name)}</h3><div class="xray"><p>{shown(one.where)}</p>'
        f"{''.join(_tree(one.root, left))}</div>"
    )


def _tree(one: Node, left: Iterator[int], depth: int = 0) -> Iterator[str]:
    """Yield a node and what lies below it; only the outermost is unfolded."""
    if next(left, None) is None:
        return
    told = _told(one)
    if not one.children:
        yield told
        return
    yield f"<details{' open' if depth == 0 else ''}><summary>{told}</summary><ul>"
    for child in one.children:
        yield "<li>"
        yield from _tree(child, left, depth + 1)
        yield "</li>"
    yield "</ul></details>"


def _told(one: Node) -> str:
    middle = ": " if one.title and one.value else ""
    note = f" <small>({shown(one.note)})</small>" if one.note else ""
    return (
        f'<span class="{_MARKS[one.mark]}">{shown(one.title)}{middle}{shown(one.value)}</span>'
        f"{note}"
    )
