"""The functions of XPath 1.0 (section 4) that have a use in an Event."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .tree import Node
from .values import (
    MAX_STRING,
    Budget,
    NotEvaluated,
    Value,
    to_boolean,
    to_number,
    to_string,
)


@dataclass(frozen=True, slots=True)
class Context:
    """Where an expression is evaluated: node, its position among how many, and the budget."""

    node: Node
    position: int
    size: int
    budget: Budget


@dataclass(frozen=True, slots=True)
class Function:
    """A function: how many arguments it takes, and what it does with their values."""

    least: int
    most: int
    call: Callable[[Context, list[Value]], Value]


def functions(namespace: str) -> Mapping[str, Function]:
    """Return the functions by name; *namespace* is that of every element of an Event.

    id() and lang() are missing: they need attributes. document() and other extensions are
    XSLT's, not XPath's.
    """
    return MappingProxyType(
        {
            "last": Function(0, 0, lambda context, _: float(context.size)),
            "position": Function(0, 0, lambda context, _: float(context.position)),
            "count": Function(1, 1, lambda _, given: float(len(_nodes(given[0])))),
            "name": Function(0, 1, _name),
            "local-name": Function(0, 1, _name),
            "namespace-uri": Function(
                0, 1, lambda context, given: namespace if _name(context, given) else ""
            ),
            "string": Function(0, 1, _string),
            "concat": Function(2, 100, _concat),
            "starts-with": Function(2, 2, lambda c, g: _text(c, g, 0).startswith(_text(c, g, 1))),
            "contains": Function(2, 2, lambda c, g: _text(c, g, 1) in _text(c, g, 0)),
            "substring-before": Function(
                2, 2, lambda c, g: _parted(c, g, _text(c, g, 0).partition)[0]
            ),
            "substring-after": Function(
                2, 2, lambda c, g: _parted(c, g, _text(c, g, 0).partition)[1]
            ),
            "substring": Function(2, 3, _substring),
            "string-length": Function(0, 1, lambda c, g: float(len(_string(c, g)))),
            "normalize-space": Function(0, 1, lambda c, g: " ".join(_string(c, g).split())),
            "translate": Function(3, 3, _translate),
            "boolean": Function(1, 1, lambda _, given: to_boolean(given[0])),
            "not": Function(1, 1, lambda _, given: not to_boolean(given[0])),
            "true": Function(0, 0, lambda _, __: True),
            "false": Function(0, 0, lambda _, __: False),
            "number": Function(
                0, 1, lambda context, given: to_number(given[0] if given else [context.node])
            ),
            "sum": Function(1, 1, _sum),
            "floor": Function(1, 1, lambda _, given: _rounded(math.floor, given[0])),
            "ceiling": Function(1, 1, lambda _, given: _rounded(math.ceil, given[0])),
            "round": Function(
                1, 1, lambda _, given: _rounded(lambda number: math.floor(number + 0.5), given[0])
            ),
        }
    )


def _nodes(value: Value) -> list[Node]:
    if not isinstance(value, list):
        raise NotEvaluated("eine Knotenmenge wird erwartet")
    return value


def _name(context: Context, given: list[Value]) -> str:
    nodes = _nodes(given[0]) if given else [context.node]
    return nodes[0].name if nodes else ""


def _text(context: Context, given: list[Value], number: int) -> str:
    text = to_string(given[number])
    if len(text) > MAX_STRING:
        raise NotEvaluated("zu langer Text")
    context.budget.spend(1 + len(text) // 64)
    return text


def _string(context: Context, given: list[Value]) -> str:
    return _text(context, given or [[context.node]], 0)


def _concat(context: Context, given: list[Value]) -> str:
    joined = "".join(_text(context, given, number) for number in range(len(given)))
    return _text(context, [joined], 0)


def _parted(
    context: Context, given: list[Value], partition: Callable[[str], tuple[str, str, str]]
) -> tuple[str, str]:
    """Return what stands before and after the second argument; two empty texts without it."""
    mark = _text(context, given, 1)
    if not mark:
        return "", _text(context, given, 0)
    before, found, after = partition(mark)
    return (before, after) if found else ("", "")


def _substring(context: Context, given: list[Value]) -> str:
    """Return the characters whose position p, from 1, has round(start) <= p < the end."""
    text, start = _text(context, given, 0), _round(to_number(given[1]))
    end = start + _round(to_number(given[2])) if len(given) > 2 else math.inf
    context.budget.spend(len(text) // 8)
    return "".join(letter for place, letter in enumerate(text, 1) if start <= place < end)


def _translate(context: Context, given: list[Value]) -> str:
    text, old, new = (_text(context, given, number) for number in range(3))
    context.budget.spend((len(text) + len(old)) // 8)
    table: dict[int, str | None] = {}
    for number, letter in enumerate(old):
        table.setdefault(ord(letter), new[number] if number < len(new) else None)
    return text.translate(table)


def _sum(context: Context, given: list[Value]) -> float:
    nodes = _nodes(given[0])
    context.budget.spend(len(nodes))
    return math.fsum(to_number(node.string()) for node in nodes)


def _round(number: float) -> float:
    return math.floor(number + 0.5) if math.isfinite(number) else number


def _rounded(how: Callable[[float], float], value: Value) -> float:
    number = to_number(value)
    return float(how(number)) if math.isfinite(number) else number
