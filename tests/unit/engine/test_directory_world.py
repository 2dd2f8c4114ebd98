"""Odd and invented directory entries of a world: what follows for cards, accounts, answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.engine.world.certificates import (
    EXPIRED,
    GENERATED_KINDS,
    directory_iccsn,
    pki_request,
    revoked_certificates,
)
from scenarios.engine.world.file import load_world, world_path
from scenarios.engine.world.identities import Identities
from scenarios.engine.world.model import World
from simulators.process.errors import InputError
from simulators.vzd.generated.generator import KINDS

WORLD = """title: Probe
providers: {kv.dox.kim.telematik-test: {}}
sites: {praxis: {name: Praxis}}
participants: {praxis: {site: praxis, address: praxis@kv.dox.kim.telematik-test}}
directory:
  eins: {name: Eins, address: eins@kv.dox.kim.telematik-test}
"""


@pytest.fixture(scope="module")
def world() -> World:
    return load_world(world_path("verzeichnis"))


@pytest.fixture(scope="module")
def identities(world: World) -> Identities:
    return Identities(world, world.seed)


def test_each_held_card_is_asked_for_with_what_is_odd_about_it(
    world: World, identities: Identities
) -> None:
    cards = {card.iccsn: card for card in pki_request(world, identities).cards}

    def held(name: str) -> list[tuple[str, bool]]:
        found = [
            cards[directory_iccsn(identities, name, number)]
            for number in range(len(world.directory[name].held_cards))
        ]
        assert len({card.telematik_id for card in found}) <= 1
        return [(card.generation, card.not_after == EXPIRED) for card in found]

    assert held("mehrere-zertifikate") == [("G2.1", False), ("G2.1", False)]
    assert held("alt-und-neu") == [("G2.1", True), ("G2.1", False)]
    assert held("nur-rsa") == [("G2.0", False)]
    assert held("ohne-zertifikat") == []
    assert world.directory["nur-ecc"].held_cards[0].only == "ECC"


def test_two_telematik_ids_have_one_address(world: World, identities: Identities) -> None:
    one, other = world.directory["adresse-alt"], world.directory["adresse-neu"]
    assert one.address == other.address
    assert identities.telematik_id("adresse-alt", one) != identities.telematik_id(
        "adresse-neu", other
    )


def test_revoked_cards_of_entries_are_told_to_the_ocsp_responder(
    world: World, identities: Identities
) -> None:
    revoked = {one["iccsn"] for one in revoked_certificates(world, identities)}
    assert revoked == {directory_iccsn(identities, "gesperrt", 0)}


def test_invented_entries_share_a_card_for_each_kind(world: World, identities: Identities) -> None:
    assert set(GENERATED_KINDS) == set(KINDS)
    with_them = pki_request(world, identities).cards
    without = pki_request(world.model_copy(update={"generated_entries": 0}), identities).cards
    assert len(with_them) - len(without) == len(KINDS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  zwei: {name: Zwei, address: eins@kv.dox.kim.telematik-test}", "gehört schon zu eins"),
        (
            "  zwei: {name: Zwei, address: zwei@kv.dox.kim.telematik-test,"
            " addresses: [eins@kv.dox.kim.telematik-test]}",
            "gehört schon zu eins",
        ),
        (
            "  zwei: {name: Zwei, address: niemand@kv.dox.kim.telematik-test,"
            " shared_address: true}",
            "hat sonst niemand",
        ),
        ("  zwei: {name: Zwei, address: zwei@andere.kim.telematik-test}", "kein Anbieter"),
        ("generated_entries: 200001", "generated_entries"),
    ],
)
def test_contradictions_are_told(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "world.yaml"
    file.write_text(WORLD + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        load_world(file)


def test_an_address_may_be_shared_on_purpose(tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    line = "  zwei: {name: Zwei, address: eins@kv.dox.kim.telematik-test, shared_address: true}\n"
    file.write_text(WORLD + line, encoding="utf-8")
    assert load_world(file).directory["zwei"].shared_address
