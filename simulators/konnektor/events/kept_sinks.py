"""The sinks that a reboot does not forget, for BOOTUP/BOOTUP_COMPLETE (TIP1-A_4613)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime
from operator import itemgetter
from pathlib import Path

from simulators.process.bounded_file import read_bounded
from simulators.process.clock import Clock

from .subscriptions import Sink, Subscription

FILE = "event_sinks.json"
MAX_BYTES = 4 << 20
MOST = 1000
"""Sinks that are kept, the latest ones: reboots leave more of them than there may be subscriptions
at a time.
"""


class KeptSinks:
    """URLs of sinks with the latest TerminationTime of their subscriptions, in a file.

    The file lies in the process's ``data_dir``; it is written whole and put in place at once.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._file = directory / FILE
        self._clock = clock
        self._until = self._read()

    def keep(self, subscriptions: Iterable[Subscription]) -> None:
        """Remember the sinks of *subscriptions* until those end."""
        for subscription in subscriptions:
            self._until[subscription.sink.url] = subscription.terminates
        self._write()

    def forget(self, url: str) -> None:
        """Forget the sink *url*: all its subscriptions were ended."""
        if self._until.pop(url, None) is not None:
            self._write()

    def clear(self) -> None:
        """Forget all."""
        self._until.clear()
        self._file.unlink(missing_ok=True)

    def sinks(self) -> list[Sink]:
        """Return those whose time is not over."""
        now = self._clock.now()
        return [Sink.of(url) for url, until in self._until.items() if until > now]

    def _write(self) -> None:
        now = self._clock.now()
        valid = [entry for entry in self._until.items() if entry[1] > now]
        if len(valid) > MOST:
            valid = sorted(valid, key=itemgetter(1))[-MOST:]
        self._until = dict(valid)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(
            json.dumps({url: until.isoformat() for url, until in self._until.items()}),
            encoding="utf-8",
        )
        os.replace(fresh, self._file)

    def _read(self) -> dict[str, datetime]:
        """Return what the file says; one that is missing or spoilt says nothing."""
        try:
            content = json.loads(read_bounded(self._file, MAX_BYTES))
            kept = {
                Sink.of(url).url: datetime.fromisoformat(until) for url, until in content.items()
            }
        except (OSError, ValueError, AttributeError, TypeError, RecursionError):
            return {}
        return {url: until for url, until in kept.items() if until.tzinfo is not None}
