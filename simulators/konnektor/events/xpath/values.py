"""Values of XPath 1.0 and how they are turned into each other and compared (sections 3 and 4)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType

from .tree import Node

Value = list[Node] | bool | float | str
MAX_STRING = 20_000
_NUMBER_CHARACTERS = frozenset("0123456789.-")


class NotEvaluated(Exception):
    """The expression cannot be evaluated for this event (4095); the text says why."""


class Budget:
    """How much work is left for one evaluation: nodes visited, characters handled."""

    __slots__ = ("_left",)

    def __init__(self, steps: int) -> None:
        self._left = steps

    def spend(self, steps: int = 1) -> None:
        """Take *steps* away. Raises NotEvaluated when nothing is left."""
        self._left -= steps
        if self._left < 0:
            raise NotEvaluated("zu aufwendig")


def to_boolean(value: Value) -> bool:
    """Return boolean() of *value*."""
    if isinstance(value, float):
        return value != 0 and not math.isnan(value)
    return bool(value)


def to_string(value: Value) -> str:
    """Return string() of *value*: of a node-set that of its first node."""
    if isinstance(value, list):
        return value[0].string() if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number_text(value)
    return value


def to_number(value: Value) -> float:
    """Return number() of *value*: NaN for what is none."""
    if isinstance(value, bool):
        return 1.0 if value else 0.0
    if isinstance(value, float):
        return value
    text = to_string(value).strip(" \t\r\n")
    if not text or not _NUMBER_CHARACTERS.issuperset(text) or text.rfind("-") > 0:
        return math.nan
    try:
        return float(text)
    except ValueError:
        return math.nan


def _number_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    text = f"{value:.15g}"
    return f"{value:.20f}".rstrip("0") if "e" in text and abs(value) < 1 else text


Comparison = Callable[[float, float], bool]
_ORDER: Mapping[str, Comparison] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)
_MIRRORED = MappingProxyType({"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="})


def compare(sign: str, left: Value, right: Value, budget: Budget) -> bool:
    """Return ``left sign right`` (section 3.4): with a node-set it holds if one node fits."""
    if isinstance(left, list) and isinstance(right, list):
        return _compare_sets(sign, left, right, budget)
    if isinstance(left, list):
        return _compare_set(sign, left, right, budget)
    if isinstance(right, list):
        return _compare_set(_MIRRORED[sign], right, left, budget)
    if sign in _ORDER:
        return _ORDER[sign](to_number(left), to_number(right))
    return (sign == "=") == _equal(left, right)


def _equal(left: Value, right: Value) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return to_boolean(left) == to_boolean(right)
    if isinstance(left, float) or isinstance(right, float):
        return to_number(left) == to_number(right)
    return left == right


def _compare_set(sign: str, nodes: list[Node], other: Value, budget: Budget) -> bool:
    if isinstance(other, bool):
        return compare(sign, to_boolean(nodes), other, budget)
    return any(compare(sign, text, other, budget) for text in _strings(nodes, budget))


def _compare_sets(sign: str, left: list[Node], right: list[Node], budget: Budget) -> bool:
    ours, theirs = _strings(left, budget), _strings(right, budget)
    if sign == "=":
        return not set(ours).isdisjoint(theirs)
    if sign == "!=":
        return bool(ours and theirs) and len({*ours, *theirs}) > 1
    numbers = [number for text in ours if not math.isnan(number := to_number(text))]
    others = [number for text in theirs if not math.isnan(number := to_number(text))]
    if not numbers or not others:
        return False
    if sign in ("<", "<="):
        return _ORDER[sign](min(numbers), max(others))
    return _ORDER[sign](max(numbers), min(others))


def _strings(nodes: list[Node], budget: Budget) -> list[str]:
    strings = [node.string() for node in nodes]
    budget.spend(sum(1 + len(text) // 64 for text in strings))
    return strings
