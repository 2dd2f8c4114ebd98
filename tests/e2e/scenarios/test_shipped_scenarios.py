"""Every shipped scenario ends as it says, and fails when the world does otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.engine.run.scenario_file import SCENARIOS, shipped_scenarios, short_name

Run = Callable[..., int]
SHIPPED = [short_name(path) for path in shipped_scenarios()]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_holds(run: Run, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(name)
    shown = capsys.readouterr().out
    assert status == 0, shown
    assert "1 von 1 Szenarien bestanden" in shown
    assert "keine Bestätigung durch gematik oder KBV" in shown


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("faults/smcb-gezogen", "pull: SMC-B, ", ""),
        ("faults/smcb-gezogen", "- insert_card: {actor: praxis, card: SMC-B}", ""),
        ("faults/pin-nicht-verifiziert", "entry: wrong", "entry: correct"),
        (
            "faults/empfaenger-ohne-zertifikat",
            "ohne-zertifikat@zweitanbieter.kim.telematik-test",
            "klinik",
        ),
        ("faults/chiffrat-manipuliert", "kind: corrupt_ciphertext", "kind: delay, seconds: 0"),
        ("faults/absender-manipuliert", "header: From", "header: X-Anderes"),
        ("faults/konnektor-gestoert", "kind: soap_fault, code: 4060", "kind: delay, seconds: 0"),
        ("faults/konnektor-gestoert", "{kind: truncated}", "{kind: soap_fault, code: 4001}"),
        ("faults/konnektor-gestoert", "operation: SignDocument", "operation: SignDokument"),
        ("eau/fehler-kasse", ", without: [Coverage]", ""),
        ("eau/lieferung", "{kind: eau, type: ERST", "{kind: eau, without: [Coverage], type: ERST"),
        ("eau/lieferung", "card: HBA", "card: SMC-B"),
        ("kim/mail-mit-dsn", "      name: mail", "      dsn: false\n      name: mail"),
    ],
)
def test_a_scenario_fails_when_its_cause_is_taken_away(
    run: Run, tmp_path: Path, name: str, old: str, new: str
) -> None:
    text = (SCENARIOS / f"{name}.yaml").read_text(encoding="utf-8")
    assert old in text
    changed = tmp_path / "anders.yaml"
    text = text.replace(old, new).replace("report_on: mail,", "report_on: mail, within: 0.5,")
    changed.write_text(text.replace("answer_to: lieferung,", "answer_to: lieferung, within: 0.5,"))
    assert run(changed) == 1


def test_reports_are_written_and_the_way_is_told(run: Run, tmp_path: Path) -> None:
    files = [tmp_path / f"bericht.{kind}" for kind in ("xml", "json", "html")]
    options = zip(("--junit", "--json", "--html"), files, strict=True)
    assert run("kim/mail-mit-dsn", *(part for option in options for part in option)) == 0
    content = json.loads(files[1].read_bytes())
    way = content["scenarios"][0]["messages"][0]["way"]
    processes = [hop["process"] for hop in way]
    assert processes[0] == "clientmodule-praxis"
    assert "clientmodule-klinik" in processes
    assert [hop["after"] for hop in way] == sorted(hop["after"] for hop in way)
    assert all(file.stat().st_size > 500 for file in files)


def test_a_run_leaves_the_world_as_it_was(run: Run, world: object) -> None:
    from scenarios.engine.endpoints.contract import Endpoints
    from scenarios.engine.pvs.control import Control

    assert isinstance(world, Endpoints)
    konnektor = world.sites["praxis"].konnektor
    assert konnektor is not None
    before = [(c["inserted"], c["pins"]) for c in Control(konnektor.control).get_json("/cards")]
    assert run("faults/smcb-gezogen", "faults/pin-nicht-verifiziert") == 0
    after = [(c["inserted"], c["pins"]) for c in Control(konnektor.control).get_json("/cards")]
    assert after == before


def test_a_report_that_cannot_be_written_is_told_before_anything_is_sent(run: Run) -> None:
    assert run("kim/mail-mit-dsn", "--json", "/nicht/da/bericht.json") == 2
