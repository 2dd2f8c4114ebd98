"""One operation of the client module: a number that correlates all its log entries and events."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from simulators.process.journal import Journal

from .logs import Logs


class Operation:
    """A dialogue or the way of one mail through the client module (KOM-LE-A_2086).

    Every step is journalled for trainers and checks, and logged without personal data.
    """

    def __init__(self, logs: Logs, journal: Journal, *, number: str | None = None) -> None:
        self._logs = logs
        self._journal = journal
        self.number = number or uuid.uuid4().hex[:16]
        self.message_id: str | None = None

    def event(self, step: str, *, peer: str | None = None, **data: Any) -> None:
        """Record that *step* happened, with its data in the journal only."""
        self._logs.flow(self.number, step)
        self._journal.record(
            step, peer=peer, message_id=self.message_id, operation=self.number, **data
        )

    @contextmanager
    def step(self, step: str, *, peer: str | None = None, **data: Any) -> Iterator[dict[str, Any]]:
        """Measure and record *step*; what is put into the yielded dictionary is journalled.

        An exception goes on after it was recorded; only its kind is logged, for its text may
        hold addresses.
        """
        began = time.perf_counter()
        try:
            yield data
        except BaseException as error:
            data["failed"] = type(error).__name__
            self.error(f"{step}: {type(error).__name__}")
            raise
        finally:
            milliseconds = (time.perf_counter() - began) * 1000
            self._logs.done(self.number, step, milliseconds)
            self._journal.record(
                step,
                peer=peer,
                message_id=self.message_id,
                operation=self.number,
                milliseconds=milliseconds,
                **data,
            )

    @contextmanager
    def message(self, protocol: str, verb: str, known: Collection[str]) -> Iterator[None]:
        """Log how long a command of the client system took to be answered (KOM-LE-A_2089).

        A verb that is not *known* may be anything, so it is not written.
        """
        began = time.perf_counter()
        try:
            yield
        finally:
            milliseconds = (time.perf_counter() - began) * 1000
            name = f"{protocol}.{verb if verb in known else 'OTHER'}"
            self._logs.done(self.number, name, milliseconds)

    def error(self, details: str) -> None:
        """Log that something failed; *details* hold no personal data."""
        self._logs.error(self.number, details)
