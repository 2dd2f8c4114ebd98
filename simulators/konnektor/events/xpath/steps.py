"""Evaluation of paths, predicates and arithmetic, within the budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .axes import Axis, Test
from .functions import Context
from .tree import Node
from .values import Budget, NotEvaluated, Value, to_boolean, to_number

Expression = Callable[[Context], Value]
Predicates = tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A location step: axis, node test, predicates."""

    axis: Axis
    test: Test
    predicates: Predicates

    def apply(self, nodes: Sequence[Node], budget: Budget) -> list[Node]:
        """Return what the step reaches from *nodes*, each once, in document order."""
        found: dict[int, Node] = {}
        for node in nodes:
            reached = []
            for candidate in self.axis(node):
                budget.spend()
                if self.test(candidate):
                    reached.append(candidate)
            for candidate in _kept(reached, self.predicates, budget):
                found[candidate.order] = candidate
        return [found[order] for order in sorted(found)]


def follow(
    start: Expression | None, steps: Sequence[Step], *, from_root: bool = False
) -> Expression:
    """Return the path of *steps* from *start*, the root, or the context node."""

    def evaluate(context: Context) -> Value:
        if start is not None:
            nodes = nodes_of(start(context))
        else:
            nodes = [_root(context.node) if from_root else context.node]
        for step in steps:
            nodes = step.apply(nodes, context.budget)
        return nodes

    return evaluate


def keep(start: Expression, predicates: Predicates) -> Expression:
    """Return those of *start*'s nodes for which the predicates hold."""

    def evaluate(context: Context) -> Value:
        return _kept(nodes_of(start(context)), predicates, context.budget)

    return evaluate


def union(parts: Sequence[Expression]) -> Expression:
    """Return the nodes of all *parts*, each once, in document order."""

    def evaluate(context: Context) -> Value:
        found = {node.order: node for part in parts for node in nodes_of(part(context))}
        return [found[order] for order in sorted(found)]

    return evaluate


def arithmetic(sign: str, left: Expression, right: Expression) -> Expression:
    """Return ``left sign right`` of numbers (section 3.5)."""

    def evaluate(context: Context) -> Value:
        context.budget.spend()
        return _calculate(sign, to_number(left(context)), to_number(right(context)))

    return evaluate


def nodes_of(value: Value) -> list[Node]:
    """Return *value* as nodes. Raises NotEvaluated where it is something else."""
    if not isinstance(value, list):
        raise NotEvaluated("eine Knotenmenge wird erwartet")
    return value


def _kept(nodes: list[Node], predicates: Predicates, budget: Budget) -> list[Node]:
    for predicate in predicates:
        size = len(nodes)
        kept = []
        for position, node in enumerate(nodes, 1):
            budget.spend()
            value = predicate(Context(node, position, size, budget))
            number = isinstance(value, float)
            if value == position if number else to_boolean(value):
                kept.append(node)
        nodes = kept
    return nodes


def _calculate(sign: str, left: float, right: float) -> float:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    if sign == "mod":
        return math.fmod(left, right) if right and math.isfinite(left) else math.nan
    if right == 0:
        return (
            math.nan
            if left == 0 or math.isnan(left)
            else math.copysign(math.inf, left * math.copysign(1, right))
        )
    return left / right


def _root(node: Node) -> Node:
    while node.parent is not None:
        node = node.parent
    return node
