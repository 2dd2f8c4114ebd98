"""Invented entries: plausible, those of the seed, and no more of anything than the rules allow."""

from __future__ import annotations

from collections import Counter

import pytest

from simulators.vzd.certificates import Certificate
from simulators.vzd.entries import Entry
from simulators.vzd.generated.generator import KINDS, Plan, generate, with_ik_check
from simulators.vzd.generated.words import INSURERS
from simulators.vzd.index import Directory
from simulators.vzd.professions import entry_type

BASE = "dc=data,dc=vzd"
DOMAINS = ["kv.dox.kim.telematik-test", "zwei.kim.telematik-test"]
RSA, ECC = Certificate(b"rsa"), Certificate(b"ecc")


def entries(count: int, seed: int = 1) -> list[Entry]:
    certificates = dict.fromkeys(KINDS, (RSA, ECC))
    return list(generate(Plan(count, seed, DOMAINS, certificates, BASE, "2026-01-01T00:00:00Z")))


@pytest.fixture(scope="module")
def many() -> list[Entry]:
    return entries(3_000)


def content(all_: list[Entry]) -> list[dict[str, tuple[str, ...]]]:
    return [dict(one.attributes) for one in all_]


def test_fewer_are_the_first_of_more_and_another_seed_gives_others(many: list[Entry]) -> None:
    assert content(entries(200)) == content(many[:200])
    assert not {one.uid for one in entries(200, seed=2)} & {one.uid for one in many}


def test_identities_are_unique(many: list[Entry]) -> None:
    for key in ("uid", "telematikid", "mail"):
        values = [value for one in many for value in one.attributes[key]]
        assert len(set(values)) == len(values)


def test_all_kinds_are_there_and_follow_from_the_profession(many: list[Entry]) -> None:
    kinds = Counter(one.value("holder").removeprefix("generated-") for one in many)
    assert set(kinds) == set(KINDS)
    assert kinds["insurer"] == INSURERS
    assert kinds["practice"] > kinds["hospital"] > 0
    for one in many:
        assert one.attributes["entrytype"] == (entry_type(one.attributes["professionoid"]),)
        assert one.value("personalentry") == ("TRUE" if one.value("entrytype") == "1" else "FALSE")
        assert one.value("cn") == one.value("displayname")


def test_every_insurer_has_an_ik_of_its_own_with_its_check_digit(many: list[Entry]) -> None:
    numbers = [one.value("domainid") for one in many if one.value("entrytype") == "5"]
    assert len(set(numbers)) == INSURERS
    assert all(number == with_ik_check(number[:8]) for number in numbers)
    assert with_ik_check("10831040") == "108310400"  # a public one, for the rule


def test_addresses_are_plain_and_their_lists_agree(many: list[Entry]) -> None:
    for one in many:
        for address, kom_le, kim in zip(
            *(one.attributes[key] for key in ("mail", "komledata", "kimdata")), strict=True
        ):
            local, _, domain = address.partition("@")
            assert domain in DOMAINS
            assert local.isascii()
            assert not set(local) & set(" ,|")
            assert kom_le.partition(",")[2] == kim.partition(",")[0] == address
            assert kom_le.partition(",")[0] == kim.split(",")[1]


def test_some_have_one_certificate_and_some_none(many: list[Entry]) -> None:
    found = Counter(one.certificates for one in many)
    assert set(found) == {(), (RSA,), (ECC,), (RSA, ECC)}
    assert found[RSA, ECC] > found[RSA,] + found[ECC,] > found[()]


def test_many_entries_share_what_is_the_same(many: list[Entry]) -> None:
    assert len({id(one.attributes.shape) for one in many}) <= 2 * len(KINDS)
    berlin = {id(one.attributes["l"]) for one in many if one.value("l") == "Berlin"}
    assert len(berlin) == 1


def test_columns_are_made_before_or_at_the_first_search(many: list[Entry]) -> None:
    from simulators.process.ldap.filter_text import parse_filter

    prepared, other = Directory(many), Directory(many)
    prepared.prepare(("displayname", "cn"))
    for text in ("(cn=*müller*)", "(&(cn=*dr*)(displayName=Haus*))", "(|(cn=*a*)(cn=*b))"):
        asked = parse_filter(text)
        assert list(prepared.candidates(asked)) == list(other.candidates(asked))
