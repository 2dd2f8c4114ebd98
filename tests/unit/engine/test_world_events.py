"""What a world says about the events of its Konnektor gets there; mistakes name their line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.engine.world.file import load_world
from simulators.konnektor.settings import KonnektorSettings
from simulators.process.errors import InputError

WORLD = """\
title: Eine Welt
providers:
  eins.kim.telematik-test: {}
sites:
  praxis:
    name: Praxis
    konnektor:
      events: {tls: never, max_try: 5, segments: 3}
participants:
  praxis: {site: praxis, address: praxis@eins.kim.telematik-test}
"""


def test_events_of_a_world(tmp_path: Path) -> None:
    path = tmp_path / "welt.yaml"
    path.write_text(WORLD)
    events = load_world(path).sites["praxis"].konnektor.events.model_dump(exclude_none=True)
    read: Any = KonnektorSettings.model_validate(
        {"name": "k", "data_dir": ".", "trust": "t", "authentication": "none", "events": events}
    )
    assert (read.events.tls, read.events.max_try, read.events.segments) == ("never", 5, 3)
    assert read.events.expiration_warn_days == 90


def test_a_mistake_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "welt.yaml"
    path.write_text(WORLD.replace("max_try: 5", "max_tries: 5"))
    with pytest.raises(InputError, match=r":8\b"):
        load_world(path)
