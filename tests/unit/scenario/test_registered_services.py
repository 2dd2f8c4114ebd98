"""Scenarios that send any Dienstkennung: their own register, documents, mistakes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scenarios.engine.actors import given
from scenarios.engine.documents.identities import Identities
from scenarios.engine.run.scenario_file import load_scenario
from scenarios.engine.scenario.failure import StepFailed
from simulators.process.errors import InputError

OWN = """\
dienstkennungen:
  - dienstkennung: Hausdienst;Hin;V1.0
    title: eigene
    sender: [Praxis]
    receiver: [Labor]
    status: unconfirmed
    source: Test
"""
GOOD = """\
title: Eigene Dienstkennung
dienstkennungen: eigene.yaml
actors:
  praxis: {plays: practice, participant: praxis}
documents:
  brief: {kind: given, file: brief.xml}
steps:
  - sign: {actor: praxis, document: brief, card: SMC-B, name: signatur}
  - send: {actor: praxis, mail: custom, service: Hausdienst;Hin;V1.0, to: [praxis], parts: [{signed: signatur}], name: mail}
checks:
  - {rule: dienstkennung-form, of: mail}
"""  # noqa: E501 (a line of YAML)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "eigene.yaml").write_text(OWN, encoding="utf-8")
    return tmp_path


def test_files_begin_beside_the_scenario(place: Path) -> None:
    path = place / "szenario.yaml"
    path.write_text(GOOD, encoding="utf-8")
    scenario = load_scenario(path)
    assert scenario.dienstkennungen == place / "eigene.yaml"
    assert scenario.documents["brief"].file == place / "brief.xml"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "Hin;V1.0, to",
            "Her;V1.0, to",
            ":9: steps.1.send.service: Hausdienst;Her;V1.0 steht nicht",
        ),
        ("service: Hausdienst;Hin;V1.0, ", "", "service: erwartet bei mail: custom"),
        ("dienstkennungen: eigene.yaml\n", "", "steht nicht im Register"),
        ("dienstkennungen: eigene", "dienstkennungen: andere", "andere.yaml: nicht lesbar"),
        ("{signed: signatur}", "{signed: siegel}", "siegel gibt es hier nicht"),
        ("{signed: signatur}", "{document: breif}", "gemeint ist vielleicht brief"),
        ("{signed: signatur}", "{signed: signatur, document: brief}", "genau eines"),
        ("{signed: signatur}", "{signed: signatur, file_name: ../x}", "file_name"),
        ("mail: custom", "mail: kim-mail", "nur bei mail: custom"),
        ("file: brief.xml", "insurer: praxis", "content, file: erwartet wird eines"),
        ("file: brief.xml", "file: brief.xml, type: ERST", "type: nicht bei kind: given"),
    ],
)
def test_a_mistake_is_told(place: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    path = place / "szenario.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_scenario(path)
    assert told in str(refused.value)


def test_a_text_has_an_identity_of_its_own_and_the_worlds_time() -> None:
    now = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    made = [
        given.content("{uuid} {now} {today}", None, Identities(seed, "x"), now)
        for seed in (1, 1, 2)
    ]
    assert made[0] == made[1] != made[2]
    assert made[0].endswith(b" 2026-11-24T08:30:00+00:00 2026-11-24")


def test_a_file_is_sent_as_it_is_or_missed(tmp_path: Path) -> None:
    file = tmp_path / "x.bin"
    file.write_bytes(b"{uuid}\x00")
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert given.content(None, file, Identities(1, "x"), now) == b"{uuid}\x00"
    with pytest.raises(StepFailed, match="nicht lesbar"):
        given.content(None, tmp_path / "fehlt", Identities(1, "x"), now)
