"""The virtual clock: real time plus an offset that the control API sets."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Bounds of the virtual time: what is added to it or taken from it still is a date."""


class Clock:
    """Virtual time of one process.

    Everything that a protocol dates (signatures, Expires, DSN, certificate validity, retention)
    reads ``now``; time-outs of connections are measured in real time.
    """

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self._offset = offset
        self._listeners: list[Callable[[], None]] = []

    @property
    def offset(self) -> timedelta:
        """How far virtual time is ahead of real time."""
        return self._offset

    def now(self) -> datetime:
        """Return the virtual time, UTC, with time zone."""
        return datetime.fromtimestamp(time.time(), UTC) + self._offset

    def set(self, moment: datetime) -> None:
        """Make *moment* (with time zone) the virtual now; time goes on from there.

        Raises ValueError when it has no zone or lies too far away.
        """
        if moment.tzinfo is None:
            raise ValueError("the time needs a zone, for example 2026-07-01T00:00:00+00:00")
        if not EARLIEST <= moment <= LATEST:
            raise ValueError(f"the time must lie between {EARLIEST.year} and {LATEST.year}")
        self._move(moment - datetime.fromtimestamp(time.time(), UTC))

    def reset(self) -> None:
        """Go back to real time."""
        self._move(timedelta(0))

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have *listener* called when the time jumps: what waits for a moment must look again."""
        self._listeners.append(listener)

    def _move(self, offset: timedelta) -> None:
        self._offset = offset
        for listener in self._listeners:
            listener()
