"""What a run did, without what chance and the clock put into it: the same for the same seed.

Keys, nonces, signatures, serial numbers, times, ports, sizes and Message-IDs are left out or named
by the order of their appearance. Where processes work side by side the order of their steps is
chance, so the way of a message is told as a set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..xray.node import Node
from .results import NOTICE, Hop, ScenarioResult, Way

_LEFT_OUT: Final = frozenset({"serial", "validity", "line", "more", "link", "hash", "k"})
"""Kinds of an X-ray's nodes whose values are chance, or the text of somebody."""
_TRACE: Final = frozenset({"received", "date", "expires", "message-id", "return-path"})
_CHANCE: Final = frozenset(
    {"LdapSearch", "ServiceDiscovery", "getLimits", "GetPinStatus", "ReadCardCertificate"}
)
"""Steps that a cache makes unnecessary, or that are asked for again when time is short."""

_PATTERNS: Final = (
    (re.compile(r"\b\w{3}, \d{1,2} \w{3} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}"), "<Zeit>"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?"), "<Zeit>"),
    (re.compile(r"\b\d{2}\.\d{2}\.\d{4}(?: \d{2}:\d{2}:\d{2}(?: UTC)?)?"), "<Zeit>"),
    (re.compile(r"\b\d{2}:\d{2}:\d{2}\b"), "<Zeit>"),
    (re.compile(r"\b\d{12}(?:\d{2})?[+-]\d{4}\b"), "<Zeit>"),
    (re.compile(r"\b(?:noch )?\d+(?:[.,]\d+)? (?:Tage|Stunden|ms|s)\b"), "<Dauer>"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d+"), "<Port>"),
    (re.compile(r"\bNr\. \d+"), "Nr. <Nummer>"),
    (re.compile(r"\b\d+ Bytes\b"), "<Anzahl> Bytes"),
    (re.compile(r"(?<==_)[0-9a-f]{16,}|(?<=-)[0-9a-f]{32}"), "<Zufall>"),
    (re.compile(r"\b(?:[0-9a-f]{2}){8,}…?"), "<Zufall>"),
)
_MESSAGE_ID: Final = re.compile(
    r"<([^<>\s@]{1,200}@[^<>\s@]{1,200})>"
    r"|\b([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}@[\w.-]{1,200})"
)
"""With angle brackets, or as FHIR quotes it, without."""


def transcript(results: Sequence[ScenarioResult]) -> bytes:
    """Return the redacted transcript of a run whose results hold X-rays."""
    lines = [NOTICE]
    for result in results:
        lines += ["", *_Redacted().scenario(result)]
    return ("\n".join(lines) + "\n").encode()


class _Redacted:
    """One scenario's texts; the same Message-ID gets the same name in all of them."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def scenario(self, result: ScenarioResult) -> Iterator[str]:
        outcome = "bestanden" if result.ok else "nicht bestanden"
        yield f"Szenario {result.name}, Welt {result.world}, Seed {result.seed}: {outcome}"
        for used in result.konnektors:
            yield f"  Konnektor {used.site}: {used}"
        for step in result.steps:
            done = "ok" if step.ok else "FEHLER"
            yield f"  Schritt {step.number} {step.keyword} {done}: {self.text(step.text)}"
        for check in result.checks:
            told = f"{check.rule.requirement} {check.rule.name} ({check.of})"
            evidence = self.text(check.verdict.evidence)
            yield f"  Prüfung {told} {check.verdict.status.value}: {evidence}"
        for way in result.ways:
            yield from self._way(way)
        for one in result.xrays:
            yield f"  Röntgenbild {self.text(one.name)}, {self.text(one.where)}"
            yield from self._tree(one.root, "    ")

    def text(self, text: str) -> str:
        """Return *text* in one line without what differs from run to run."""
        plain = " ".join(text.split())
        plain = _MESSAGE_ID.sub(lambda found: self._named(found[1] or found[2]), plain)
        for pattern, instead in _PATTERNS:
            plain = pattern.sub(instead, plain)
        return plain

    def _named(self, message_id: str) -> str:
        return self._names.setdefault(message_id, f"<Nachricht {len(self._names) + 1}>")

    def _way(self, way: Way) -> Iterator[str]:
        yield f"  Weg {self.text(way.name)} {self.text(way.message_id)}"
        seen = (hop for hop in way.hops if hop.step not in _CHANCE and not _is_late(hop))
        yield from sorted({self._hop(hop) for hop in seen})

    def _hop(self, hop: Hop) -> str:
        told = f"{hop.process} {hop.step} ↔ {hop.peer or '–'}: {hop.facts}"
        return f"    {self.text(told)}"

    def _tree(self, one: Node, indent: str) -> Iterator[str]:
        if one.kind in _LEFT_OUT:
            return
        value = "" if self._is_trace(one) else self.text(one.value)
        mark = f"[{one.mark}] " if one.mark else ""
        yield f"{indent}{mark}{self.text(one.title)}: {value}".rstrip(" :")
        for child in one.children:
            yield from self._tree(child, indent + "  ")

    def _is_trace(self, one: Node) -> bool:
        return one.kind == "header" and one.title.lower() in _TRACE


def _is_late(hop: Hop) -> bool:
    """Tell whether a provider did it on its own, perhaps after the end of the scenario."""
    return hop.process.startswith("mailserver") and (
        hop.peer != "clientmodule" or hop.step == "pop3.retr"
    )
