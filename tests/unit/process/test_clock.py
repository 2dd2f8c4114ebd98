from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simulators.process.clock import Clock


def test_virtual_time_goes_on_from_where_it_was_set() -> None:
    clock = Clock()
    moment = datetime(2026, 7, 1, tzinfo=UTC)
    clock.set(moment)
    assert moment <= clock.now() < moment + timedelta(seconds=30)
    clock.reset()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=30)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Clock().set(datetime(2026, 7, 1))
