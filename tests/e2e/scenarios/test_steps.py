"""The steps that no shipped scenario needs: put a card in again, set the clock, wait."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.engine.endpoints.contract import Endpoints
from scenarios.engine.pvs.control import Control

Run = Callable[..., int]
HEAD = """\
title: Schritte
actors:
  praxis: {plays: practice, participant: praxis}
  klinik: {plays: practice, participant: klinik}
steps:
"""
SEND = "  - send: {actor: praxis, mail: kim-mail, to: [klinik], name: mail}\n"
ACCEPTED = "checks:\n  - {rule: accepted, of: mail}\n"


@pytest.fixture
def play(run: Run, tmp_path: Path) -> Callable[[str], int]:
    def call(text: str) -> int:
        path = tmp_path / "schritte.yaml"
        path.write_text(HEAD + text, encoding="utf-8")
        return run(path)

    return call


def test_a_card_put_in_again_signs_again(play: Callable[[str], int]) -> None:
    moved = "  - remove_card: {actor: praxis}\n  - insert_card: {actor: praxis}\n"
    pin = "  - set_pin: {actor: praxis, state: VERIFIED}\n"
    assert play(moved + pin + SEND + ACCEPTED) == 0


def test_waiting_ends_with_the_journal_or_with_the_deadline(
    play: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = "  - wait: {process: provider, of: klinik, step: stored, message: mail}\n"
    assert play(SEND + waiting + ACCEPTED) == 0
    never = "  - wait: {process: vzd, step: nie, within: 0.1}\n"
    assert play(SEND + never + ACCEPTED) == 1
    assert "kam nicht innerhalb von 0.1 s" in capsys.readouterr().out


def test_the_clock_of_every_process_is_set_and_set_back(
    play: Callable[[str], int], world: Endpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = "  - set_clock: {now: '2027-01-31T08:00:00+01:00'}\n"
    expires = "checks:\n  - {rule: outer-expires, of: mail, to: klinik}\n"
    assert play(clock + SEND + expires) == 0
    shown = capsys.readouterr().out
    assert "Zeit der Welt: 31.01.2027 07:00:0" in shown
    assert "May 2027" in shown  # 90 days later
    offsets = [
        Control(url).get_json("/clock")["offset_seconds"] for url in world.controls().values()
    ]
    assert max(map(abs, offsets)) < 5
