from __future__ import annotations

from typing import Any

import pytest

from simulators.process.errors import InputError
from simulators.process.faults import Faults
from simulators.process.randomness import Randomness


def faults(*rules: dict[str, Any], seed: int = 1) -> Faults:
    made = Faults({"reply"}, Randomness(seed, "test"))
    made.replace(
        [{"id": f"r{i}", "effect": {"kind": "reply"}, **rule} for i, rule in enumerate(rules)]
    )
    return made


def fires(active: Faults, times: int, operation: str = "SMTP.DATA", **facts: str) -> list[bool]:
    return [active.pick(operation, **facts) is not None for _ in range(times)]


def test_a_rule_holds_for_its_operation_only() -> None:
    active = faults({"operation": "SMTP.*"})
    assert active.pick("SMTP.DATA") is not None
    assert active.pick("POP3.RETR") is None


def test_ids_tell_rules_apart() -> None:
    rule = {"id": "a", "operation": "*", "effect": {"kind": "reply"}}
    with pytest.raises(InputError, match=r"faults\[1\]\.id: 'a' is another rule's, too"):
        Faults({"reply"}, Randomness(1, "test")).replace([rule, rule])


def test_a_delay_says_how_long() -> None:
    with pytest.raises(InputError, match=r"faults\[0\]\.effect\.seconds"):
        faults({"operation": "*", "effect": {"kind": "delay"}})


def test_the_nth_call_and_no_other() -> None:
    assert fires(faults({"operation": "*", "nth": 3}), 5) == [False, False, True, False, False]


def test_at_most_so_many_times() -> None:
    assert fires(faults({"operation": "*", "times": 2}), 4) == [True, True, False, False]


def test_facts_are_matched_by_pattern() -> None:
    active = faults({"operation": "*", "match": {"address": "*@a.kim.telematik-test"}})
    assert fires(active, 1, address="x@a.kim.telematik-test") == [True]
    assert fires(active, 1, address="x@b.kim.telematik-test") == [False]
    assert fires(active, 1) == [False]


def test_probability_is_seeded() -> None:
    rule = {"operation": "*", "probability": 0.5}
    first, again = fires(faults(rule), 50), fires(faults(rule), 50)
    assert first == again
    assert first != fires(faults(rule, seed=2), 50)
    assert {True, False} == set(first)


def test_rules_count_what_they_saw_and_did() -> None:
    active = faults({"operation": "*", "nth": 2})
    fires(active, 3)
    assert [(rule["seen"], rule["fired"]) for rule in active.rules()] == [(3, 1)]


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({}, "list"),
        ([{"id": "a"}], "faults[0].operation"),
        ([{"id": "a", "operation": "*", "effect": {"kind": "explode"}}], "faults[0].effect.kind"),
        ([{"id": "a", "operation": "*", "effect": {"kind": "reply"}, "nth": 0}], "faults[0].nth"),
        ([{"id": "a", "operation": "*", "effect": {"kind": "delay", "seconds": 1e9}}], "seconds"),
    ],
)
def test_a_wrong_rule_is_named_and_nothing_is_replaced(rules: object, named: str) -> None:
    active = faults({"operation": "*"})
    with pytest.raises(InputError) as caught:
        active.replace(rules)
    assert named in str(caught.value)
    assert len(active.rules()) == 1
