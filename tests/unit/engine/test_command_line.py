"""The command's exit statuses and single lines."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.engine import command, explain
from simulators.process.errors import InputError


def test_a_bug_of_ours_is_one_line_and_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(_: object) -> list[str]:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(explain, "overview", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert command.main(["list"]) == 3
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    found = re.search(r"melden mit (\S+)", output.err)
    assert found is not None
    file = Path(found[1])
    assert "RuntimeError: two" in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_a_person_can_mend_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: object) -> list[str]:
        raise InputError("so nicht")

    monkeypatch.setattr(explain, "overview", refused)
    assert command.main(["list"]) == 2
    assert capsys.readouterr().err == "kimulator: so nicht\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ([], "es fehlt: BEFEHL (`kimulator --help` zeigt mehr)"),
        (["hoch"], "BEFEHL: 'hoch' gibt es nicht; möglich: 'up', "),
        (["up", "--seed", "-1"], "--seed: erwartet wird eine ganze Zahl ab 0 (`kimulator up "),
        (["up", "--seed"], "--seed: ein Wert fehlt"),
        (["up", "--ports", "x"], "--ports: 'x' gibt es nicht; möglich: 'auto', 'fixed'"),
        (["up", "--detach=3"], "--detach: nimmt keinen Wert ('3')"),
        (["up", "--det"], "unbekannt: --det"),
        (["run"], "es fehlt: SZENARIO"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_two(
    line: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(line)
    assert caught.value.code == 2
    (written,) = capsys.readouterr().err.splitlines()
    assert written.startswith(f"kimulator: {said}")


def test_help_is_german(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["run", "--help"])
    assert caught.value.code == 0
    written = capsys.readouterr().out
    assert written.startswith("Aufruf: kimulator run ")
    assert {"Angaben:", "Optionen:"} <= set(written.splitlines())


def test_a_command_answers_before_anything_heavy_is_imported() -> None:
    """Ctrl-C in the first moments meets a command that handles it, and no import."""
    code = "import sys, scenarios.engine.command; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert {"pydantic", "asyncio", "yaml", "lxml"}.isdisjoint(loaded.stdout.split())


def test_schemas_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["schema", "world"]) == 0
    assert '"providers"' in capsys.readouterr().out
