"""The file of sinks that a reboot does not forget (TIP1-A_4613)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from simulators.konnektor.access.relations import Context
from simulators.konnektor.events.kept_sinks import FILE, MOST, KeptSinks
from simulators.konnektor.events.subscriptions import Sink, Subscription
from simulators.process.clock import Clock

URL = "cetp://pvs.example:20000"


def subscription(clock: Clock, hours: float, url: str = URL) -> Subscription:
    until = clock.now() + timedelta(hours=hours)
    return Subscription("s", Context("m", "c", "w"), Sink.of(url), "CARD", None, until)


def test_sinks_are_read_again_until_their_time_is_over(tmp_path: Path) -> None:
    clock = Clock()
    other = "cetp://127.0.0.1:1"
    kept = KeptSinks(tmp_path, clock)
    kept.keep([subscription(clock, 25), subscription(clock, 2, other)])
    assert [sink.url for sink in KeptSinks(tmp_path, clock).sinks()] == [URL, other]
    clock.set(clock.now() + timedelta(hours=3))
    assert [sink.url for sink in KeptSinks(tmp_path, clock).sinks()] == [URL]
    kept.forget(URL)
    assert KeptSinks(tmp_path, clock).sinks() == []
    kept.clear()
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"cetp://h:1": 7}',
        b'{"x": "2100-01-01T00:00:00+00:00"}',
        b'{"cetp://h:1": "2100-01-01T00:00:00"}',
        b'{"cetp://h:1": "never"}',
        b"[" * 100_000,
    ],
)
def test_a_spoilt_file_says_nothing_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    clock = Clock()
    kept = KeptSinks(tmp_path, clock)
    assert kept.sinks() == []
    kept.keep([subscription(clock, 1)])
    assert [sink.url for sink in KeptSinks(tmp_path, clock).sinks()] == [URL]


def test_the_latest_are_kept_when_there_are_too_many(tmp_path: Path) -> None:
    clock = Clock()
    kept = KeptSinks(tmp_path, clock)
    long = f"cetp://{'a' * 200}.example"
    kept.keep(subscription(clock, 1 + n / 1000, f"{long}:{n + 1}") for n in range(MOST + 5))
    assert len(kept.sinks()) == MOST
    assert [sink.port for sink in KeptSinks(tmp_path, clock).sinks()][:: MOST - 1] == [6, MOST + 5]
