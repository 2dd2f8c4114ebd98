"""``kimulator run`` without a running world: starts one, uses it for all, leaves nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil


def test_scenarios_share_a_fresh_world_that_is_gone_afterwards(
    kimulator: Any, tmp_path: Path
) -> None:
    kimulator.environment["TMPDIR"] = str(tmp_path)
    done = kimulator("run", "faults/smcb-gezogen", "kim/mail-mit-dsn", "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("bereit nach") == 1
    assert "praxis.ahorn@kv.dox.kim.telematik-test#127.0.0.1:" in done.stdout  # the endpoints
    assert "Seed 5" in done.stdout
    assert "2 von 2 Szenarien bestanden" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_terminated_run_leaves_no_process_and_no_keys(kimulator: Any, tmp_path: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "scenarios.engine.command", "run", "eau/lieferung"],
        env={**kimulator.environment, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("bereit nach"):
            break
    processes = psutil.Process(running.pid).children(recursive=True)
    assert len(processes) >= 12
    running.send_signal(signal.SIGTERM)
    _, errors = running.communicate(timeout=15)
    assert running.returncode == 2, errors
    assert psutil.wait_procs(processes, timeout=5)[1] == []
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_world_is_told_before_anything_starts(kimulator: Any, tmp_path: Path) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text(
        "title: Eine Mail\nworld: gibt-es-nicht\n"
        "actors:\n  p: {plays: practice, participant: praxis}\n"
        "steps:\n  - send: {actor: p, mail: kim-mail, to: [p], name: mail}\n"
        "checks:\n  - {rule: accepted, of: mail}\n",
        encoding="utf-8",
    )
    done = kimulator("run", scenario)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "gibt-es-nicht" in done.stderr
