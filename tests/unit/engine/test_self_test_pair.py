"""Who is asked to send and fetch a mail at the start of a world."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scenarios.engine.processes.selftest import self_test_pair
from scenarios.engine.world.file import WORLDS, load_world

TODAY = datetime.now(UTC).date()


@pytest.mark.parametrize(("day", "left"), [(TODAY, False), (TODAY + timedelta(days=2), True)])
def test_nobody_whose_rsa_has_ended(tmp_path: Path, day: object, left: bool) -> None:
    """In the world rsa the hospital alone has ECC: the day after can be rehearsed in it."""
    ends = f"rsa_ends: {{smcb: [{{day: {day}, references: [C.SIG]}}]}}\n"
    path = tmp_path / "rsa.yaml"
    path.write_text((WORLDS / "rsa.yaml").read_text(encoding="utf-8") + ends, encoding="utf-8")
    assert (self_test_pair(load_world(path)) is not None) is left
