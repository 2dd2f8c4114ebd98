"""A sequence diagram of a message's way, drawn as SVG: nothing but text and lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .harmless import shown
from .results import Hop, Way

MAX_HOPS: Final = 200
_LANE, _ROW, _LEFT, _TOP = 184, 30, 90, 46
_MAX_LABEL: Final = 26
_ANSWERS: Final = frozenset({"Send", "Retrieve", "IntegrityCheck"})
"""Steps that end in what a process tells its caller: the arrow points to the peer."""
_ASKED: Final = frozenset({"pvs", "clientmodule"})
"""Peers that call the process whose journal names them, and not the other way round."""


@dataclass(frozen=True)
class _Arrow:
    source: str
    target: str
    hop: Hop


def diagram(way: Way) -> str:
    """Return the SVG of *way*: a line for each process, an arrow for each step, durations."""
    arrows = list(_arrows(way))
    if not arrows:
        return ""
    lanes = list(dict.fromkeys(name for one in arrows for name in (one.source, one.target)))
    places = {name: _LEFT + _LANE // 2 + index * _LANE for index, name in enumerate(lanes)}
    width, height = _LEFT + _LANE * len(lanes), _TOP + _ROW * (len(arrows) + 1)
    body = "".join(_lane(name, place, height) for name, place in places.items())
    body += "".join(_row(index, one, places) for index, one in enumerate(arrows))
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
        f"<title>{shown(f'Weg der Nachricht {way.name}')}</title>{body}</svg>"
    )


def _arrows(way: Way) -> Iterator[_Arrow]:
    hops = way.hops[:MAX_HOPS]
    for index, hop in enumerate(hops):
        peer = _peer(hops, index)
        calls = hop.peer in _ASKED and hop.step not in _ANSWERS
        is_relayed = hop.peer == "provider" and hop.step.endswith("accepted")
        if calls or is_relayed:
            yield _Arrow(peer, hop.process, hop)
        else:
            yield _Arrow(hop.process, peer, hop)


def _peer(hops: tuple[Hop, ...], index: int) -> str:
    """Return who the peer of a hop is: a process of the way where one fits, else its role.

    A process knows its peer by role only; the pvs and the Konnektor are those of its own site.
    """
    hop = hops[index]
    if hop.peer is None:
        return hop.process
    site = hop.process.partition("-")[2]
    if hop.peer in {"pvs", "konnektor"} and site:
        return f"{hop.peer}-{site}"
    role = "mailserver" if hop.peer == "provider" else hop.peer
    others = [
        (abs(place - index), other.process)
        for place, other in enumerate(hops)
        if other.process.partition("-")[0] == role and other.process != hop.process
    ]
    return min(others)[1] if others else hop.peer


def _lane(name: str, place: int, height: int) -> str:
    return (
        f'<text x="{place}" y="18" text-anchor="middle" class="who">{_label(name)}</text>'
        f'<line x1="{place}" y1="26" x2="{place}" y2="{height - 8}" class="life"/>'
    )


def _row(index: int, one: _Arrow, places: dict[str, int]) -> str:
    hop, y = one.hop, _TOP + _ROW * (index + 1)
    begin, end = places[one.source], places[one.target]
    took = "" if hop.took is None else f" ({hop.took:.1f} ms)"
    full = shown(f"{hop.step}{took} {hop.facts}".strip())
    label = f"{_label(hop.step)}{shown(took)}"
    when = f'<text x="4" y="{y}" class="when">{hop.after:.1f} ms</text>'
    if begin == end:
        drawn = f'<circle cx="{begin}" cy="{y - 4}" r="4"/>'
        text = f'<text x="{begin + 9}" y="{y}">{label}</text>'
    else:
        tip = end - 7 if end > begin else end + 7
        drawn = (
            f'<line x1="{begin}" y1="{y}" x2="{end}" y2="{y}" class="call"/>'
            f'<path d="M{end} {y}L{tip} {y - 4}L{tip} {y + 4}Z"/>'
        )
        text = f'<text x="{(begin + end) // 2}" y="{y - 4}" text-anchor="middle">{label}</text>'
    return f"<g><title>{full}</title>{when}{drawn}{text}</g>"


def _label(text: str) -> str:
    return shown(text if len(text) <= _MAX_LABEL else f"{text[: _MAX_LABEL - 1]}…")
