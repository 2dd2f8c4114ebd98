"""The world before the migration: its client modules announce the release they behave like."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_an_older_release_is_announced_and_judged_as_such(kimulator: Any, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    up = kimulator("up", "rsa", "--detach", "--run-dir", directory)
    assert up.returncode == 0, up.stderr
    scenarios = ("kim/mail-mit-dsn", "faults/einer-von-zwei-ohne-zertifikat")
    run = kimulator("run", *scenarios, "--against", directory)
    assert run.returncode == 0, run.stdout + run.stderr
    # Up to 1.5.2-8 the mail to the Klinik (G2.1) is encrypted for RSA and ECC.
    assert "3 RecipientInfo" in run.stdout
    assert "1.5.2-8" in run.stdout
