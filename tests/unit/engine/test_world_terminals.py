"""Terminals, cards beside them and patients' cards in a world, up to the Konnektor's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.engine.world import call_context
from scenarios.engine.world.certificates import pki_request
from scenarios.engine.world.directory_entries import directory_entries
from scenarios.engine.world.file import load_world
from scenarios.engine.world.identities import Identities
from scenarios.engine.world.information_model import information_model, pins
from simulators.konnektor.information_model import InformationModel
from simulators.konnektor.settings import KonnektorSettings
from simulators.pki.cards import read_card
from simulators.pki.issue import issue
from simulators.process.errors import InputError

WORLD = """\
title: Eine Welt
providers:
  eins.kim.telematik-test: {}
sites:
  praxis:
    name: Praxis
    workplaces: [empfang, zimmer, labor]
    cards:
      smc-b: {}
      patientin: {type: EGK, given_name: Erika, surname: Muster, insurer: Kasse, generation: G2.0}
      alt: {type: KVK, given_name: Otto, surname: Muster}
      verkehrt: {type: UNKNOWN}
    terminals:
      kt-empfang: {cards: [smc-b, null, verkehrt], workplaces: [empfang]}
      kt-zimmer: {workplaces: [zimmer], remote_pin_for: [zimmer], attended: false}
      kt-labor: {condition: disconnected, slots: 1}
participants:
  praxis: {site: praxis, address: praxis@eins.kim.telematik-test}
"""


def write(tmp_path: Path, text: str = WORLD) -> Path:
    path = tmp_path / "welt.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_terminals_cards_and_workplaces(tmp_path: Path, pki_cache: Path) -> None:
    world = load_world(write(tmp_path))
    identities = Identities(world, 1)
    tree = issue(pki_request(world, identities), pki_cache)
    content = information_model(
        world.sites, identities, tree, fingerprints=lambda _: [], basic=None
    )
    model = InformationModel.model_validate(content)
    workplaces = {one.id: one for one in model.workplaces}
    assert workplaces["empfang"].local_terminals == ["kt-empfang", "kt-labor"]
    assert workplaces["empfang"].remote_terminals == ["kt-zimmer"]
    assert workplaces["zimmer"].remote_pin_terminal == "kt-zimmer"
    assert workplaces["labor"].remote_pin_terminal is None
    front, room, laboratory = model.terminals
    assert [card.slot for card in front.cards] == [1, 3]
    assert (room.attended, laboratory.condition) == (False, "disconnected")
    beside = [read_card(path) for path in model.cards_beside]
    assert [card.type for card in beside] == ["EGK", "KVK"]
    egk, kvk = beside
    assert egk.kvnr is not None
    assert (egk.holder, egk.telematik_id) == ("Erika Muster TEST-ONLY", "")
    assert set(egk.objects) == {("C.AUT", "RSA"), ("C.ENC", "RSA")}
    subject = egk.objects["C.AUT", "RSA"].certificate.subject.rfc4514_string()
    assert "O=Kasse NOT-VALID" in subject
    assert f"OU={egk.kvnr}" in subject
    assert not kvk.objects
    unreadable = read_card(front.cards[1].card)
    assert (unreadable.type, unreadable.holder) == ("UNKNOWN", "")
    listed = directory_entries(world, identities, tree)
    assert len(listed) == 1  # patients are in no directory


def test_a_konnektor_takes_the_pins(tmp_path: Path) -> None:
    world = load_world(write(tmp_path, WORLD.replace(
        "smc-b: {}", "smc-b: {pins: {PIN.SMC: {state: EMPTY_PIN, puk_uses: 3}}}"
    )))  # fmt: skip
    identities = Identities(world, 1)
    settings: Any = KonnektorSettings.model_validate(
        {
            **{"name": "k", "data_dir": ".", "trust": "t", "authentication": "none"},
            "pins": pins(world.sites, identities),
        }
    )
    smb = settings.pins[identities.cards["praxis", "smc-b"].iccsn]["PIN.SMC"]
    assert (smb.state, smb.puk_uses) == ("EMPTY_PIN", 3)
    assert "PIN.CH" in settings.pins[identities.cards["praxis", "patientin"].iccsn]


def test_without_terminals_there_is_one_with_all_cards_but_those_beside(tmp_path: Path) -> None:
    text = WORLD[: WORLD.index("    terminals:")] + WORLD[WORLD.index("participants:") :]
    text = text.replace("{type: UNKNOWN}", "{type: UNKNOWN, inserted: false}")
    world = load_world(write(tmp_path, text))
    site = world.sites["praxis"]
    ((name, terminal),) = call_context.terminals("praxis", site).items()
    assert (name, terminal.slots) == ("KT-praxis", 4)
    assert terminal.cards == ["smc-b", "patientin", "alt"]
    assert call_context.beside("praxis", site) == ["verkehrt"]


@pytest.mark.parametrize(
    ("before", "after", "line", "expected"),
    [
        ("[empfang]}", "[keller]}", 14, "keller ist kein Arbeitsplatz"),
        ("remote_pin_for: [zimmer]", "remote_pin_for: [flur]", 15, "flur ist kein Arbeitsplatz"),
        ("disconnected,", "disconnected, remote_pin_for: [zimmer],", 16, "schon an kt-zimmer"),
        ("surname: Muster, insurer", "insurer", 10, "EGK braucht given_name und surname"),
        ("{type: UNKNOWN}", "{type: UNKNOWN, kvnr: X110411675}", 12, "vom Typ EGK, nicht UNKNOWN"),
        ("{type: UNKNOWN}", "{type: UNKNOWN, pins: {PIN.CH: {}}}", 12, "UNKNOWN hat keine PIN"),
        ("{type: UNKNOWN}", "{type: UNKNOWN, telematik_id: '1'}", 12, "keine Telematik-ID"),
        ("{site: praxis,", "{site: praxis, card: alt,", 18, "alt ist die Karte eines Patienten"),
        ("disconnected", "kaputt", 16, "condition"),
    ],
)
def test_a_contradiction_is_named(
    tmp_path: Path, before: str, after: str, line: int, expected: str
) -> None:
    assert before in WORLD
    path = write(tmp_path, WORLD.replace(before, after, 1))
    with pytest.raises(InputError) as caught:
        load_world(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: "), message
    assert expected in message
