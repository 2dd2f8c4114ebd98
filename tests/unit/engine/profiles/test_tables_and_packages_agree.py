"""Our own invariants and those of the packages give the same verdict on the same document."""

from __future__ import annotations

import random
from collections.abc import Mapping
from copy import deepcopy
from datetime import date

import pytest
from lxml import etree

from scenarios.engine.profiles.validator import Validator

TODAY = date(2026, 11, 24)
CODES = (
    *("ERST", "FOLGE", "ERST_END", "FOLGE_END", "GKV", "PKV", "SKT", "BG", "UK", "SEL"),
    *("00", "01", "02", "03", "04", "07", "11", "LANR", "ZANR", "BSNR", "XX", "KVZ10", "kvk"),
    *("reha", "sonstige", "d_arzt", "wiedereingliederung", "stationaere_heilbehandlung"),
)
ROUNDS = 24


def mutated(root: etree._Element, choice: random.Random) -> str:
    """Change *root* somewhere, as a faulty program might; return what was done."""
    elements = list(root.iter("*"))[1:]
    codes = [one for one in elements if str(one.tag).endswith("}code") and one.get("value")]
    valued = [one for one in elements if one.get("value")]
    kind = choice.choice(("remove", "repeat", "alter", "code", "swap"))
    one = choice.choice({"alter": valued, "code": codes, "swap": codes}.get(kind, elements))
    parent = one.getparent()
    assert parent is not None
    if kind == "remove":
        parent.remove(one)
    elif kind == "repeat":
        one.addnext(deepcopy(one))
    elif kind == "alter":
        one.set("value", one.get("value", "")[:-1] + choice.choice("x0 9"))
    elif kind == "swap":
        other = choice.choice(codes)
        one.set("value", other.get("value", ""))
    else:
        one.set("value", choice.choice(CODES))
    return f"{kind} {one.tag} {one.get('value')}"


@pytest.mark.parametrize("seed", [2026, 1126])
def test_the_same_verdict_on_mutations(
    examples: Mapping[str, etree._Element],
    by_tables: Validator,
    by_packages: Validator,
    seed: int,
) -> None:
    """Fresh mutations of random examples; the structure's findings are the same to the letter."""
    choice = random.Random(seed)
    small = list(examples)[: len(examples) // 2]
    broken = 0
    for _ in range(ROUNDS // 2):
        root = deepcopy(examples[choice.choice(small)])
        done = mutated(root, choice)
        ours, theirs = by_tables.judge(root, TODAY), by_packages.judge(root, TODAY)
        assert bool(ours) == bool(theirs), done
        invariant = ("eau-", "for-")
        assert [one for one in ours if not one.rule.startswith(invariant)] == [
            one for one in theirs if not one.rule.startswith(invariant)
        ], done
        broken += bool(ours)
    assert broken >= ROUNDS // 4
