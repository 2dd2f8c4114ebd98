"""All rules by name, and groups of them that are judged together."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import (
    arztbrief,
    dienstkennung,
    eau,
    inner_message,
    insurer,
    outer_message,
    receiving,
    sending,
)
from .rule import Rule

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.name: rule
        for module in (
            *(sending, outer_message, inner_message, receiving),
            *(dienstkennung, eau, insurer, arztbrief),
        )
        for rule in module.RULES
    }
)

GROUPS: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {"outer-message": outer_message.RULES, "inner-message": inner_message.RULES}
)
"""A group stands in a scenario like a rule and is judged rule by rule."""


def rules_of(name: str) -> tuple[Rule, ...]:
    """Return the rules that *name* stands for; empty if it is neither rule nor group."""
    if name in GROUPS:
        return GROUPS[name]
    return (RULES[name],) if name in RULES else ()


def of_requirement(requirement: str) -> tuple[Rule, ...]:
    """Return the rules that prove *requirement*, compared without case."""
    wanted = requirement.casefold()
    return tuple(rule for rule in RULES.values() if rule.requirement.casefold() == wanted)
