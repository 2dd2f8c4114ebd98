"""Reports of real runs: the same seed tells the same, known failures are known, mails open."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.engine.command import main
from scenarios.engine.endpoints.contract import Endpoints
from scenarios.engine.play import Play
from scenarios.engine.scenario.artifacts import Sent

Run = Callable[..., int]
MAIL = "kim/mail-mit-dsn"


@pytest.fixture
def known_failures(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a file which expects one rule of MAIL to fail."""

    def write(rule: str) -> Path:
        file = tmp_path / "bekannt.yaml"
        entry = f"{{scenario: {MAIL}, rule: {rule}, reason: Ticket 4711}}"
        file.write_text(f"expected_failures:\n  - {entry}\n", encoding="utf-8")
        return file

    return write


def test_the_same_seed_gives_the_same_transcript(run: Run, tmp_path: Path) -> None:
    first, second = tmp_path / "1.txt", tmp_path / "2.txt"
    for file in (first, second):
        assert run("eau/lieferung", "--seed", "7", "--transcript", file) == 0
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text(encoding="utf-8")
    assert "Seed 7" in text
    assert "eAU (Arbeitsunfähigkeitsbescheinigung): e010" in text  # through all layers


def test_an_expected_failure_that_passes_fails_the_run(
    run: Run, known_failures: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(MAIL, "--expected-failures", known_failures("accepted")) == 1
    assert "unerwartet bestanden (erwartet: Ticket 4711)" in capsys.readouterr().out
    assert run(MAIL, "--expected-failures", known_failures("gibt-es-nicht")) == 2
    assert "bekannt.yaml:2: " in capsys.readouterr().err


def test_a_failure_that_is_expected_lets_the_run_pass(
    run: Run, tmp_path: Path, known_failures: Callable[[str], Path]
) -> None:
    from scenarios.engine.run.scenario_file import SCENARIOS

    scenario, report = tmp_path / "anders.yaml", tmp_path / "bericht.json"
    text = (SCENARIOS / f"{MAIL}.yaml").read_text(encoding="utf-8")
    wrong = text + "  - {rule: dsn-failed, of: bestaetigung, to: klinik, expect: '4004'}\n"
    scenario.write_text(wrong, encoding="utf-8")
    known = known_failures("dsn-failed")
    known.write_text(known.read_text(encoding="utf-8").replace(MAIL, "anders"), encoding="utf-8")
    assert run(scenario) == 1
    assert run(scenario, "--expected-failures", known, "--json", report) == 0
    content = json.loads(report.read_bytes())
    status = [one["status"] for one in content["scenarios"][0]["checks"]]
    assert status.count("expected_failure") == 1
    assert content["scenarios"][0]["xrays"][0]["xray"]["kind"] == "outer-mail"


def test_a_stored_mail_is_opened_by_the_cards_of_the_world(
    played: Callable[[str], Play],
    world: Endpoints,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    play, file = played("eau/lieferung"), tmp_path / "m.eml"
    (sent,) = (one for one in play.artifacts.values() if isinstance(one, Sent))
    file.write_bytes(next(iter(play.stored(sent).values())))
    assert main(["inspect", str(file), "--run-dir", str(world.directory)]) == 0
    shown = capsys.readouterr().out
    assert f"[ok] geöffnet: mit der SMC-B von {sent.recipients[0]}" in shown
    assert f"im Verzeichnis das Zertifikat von {sent.recipients[0]}" in shown
    assert "Profil: C.HP.QES" in shown
    assert "eAU (Arbeitsunfähigkeitsbescheinigung)" in shown
