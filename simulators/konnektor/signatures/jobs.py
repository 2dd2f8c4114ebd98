"""Job numbers, and the signature runs that have them (TIP1-A_4639 to 4645, 5666-02, 5667)."""

from __future__ import annotations

import asyncio
import re
import string
from collections import OrderedDict
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from simulators.process.randomness import Randomness

from ..faults import Code, fault

REMEMBERED = 1000
_FORM = re.compile(r"[A-Z]{3}-[0-9]{3}", re.ASCII)

T = TypeVar("T")


class Latest:
    """The last ``REMEMBERED`` values, to refuse one that comes again."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, value: str) -> bool:
        return value in self._values

    def add(self, value: str) -> None:
        """Remember *value*, and forget the oldest one if there are too many."""
        self._values[value] = None
        if len(self._values) > REMEMBERED:
            self._values.popitem(last=False)


class JobStopped(Exception):
    """StopSignature ended the job while it waited."""


class Job:
    """A SignDocument under way, which StopSignature can end."""

    def __init__(self, number: str) -> None:
        self.number = number
        self._stop = asyncio.Event()

    @property
    def is_stopped(self) -> bool:
        """Whether StopSignature was called for it."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Have the job end: at once where it waits for a PIN, else after the document at hand."""
        self._stop.set()

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of *work*; it is cancelled and JobStopped raised when the job stops."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise JobStopped
        finally:
            stopping.cancel()
            if not working.done():
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working


class Jobs:
    """Gives job numbers of the form ``ABC-123``, knows the runs that use them."""

    def __init__(self, random: Randomness) -> None:
        self._random = random
        self._running: dict[str, Job] = {}
        self.reset()

    def reset(self) -> None:
        """Forget all numbers; what runs goes on."""
        self._given = Latest()
        self._used = Latest()

    def new(self) -> str:
        """Return a number that was neither given nor used in the last 1,000 calls."""
        stream = self._random.stream("job-number")
        while True:
            letters = "".join(stream.choices(string.ascii_uppercase, k=3))
            number = f"{letters}-{stream.randrange(1000):03d}"
            if number not in self._given and number not in self._used:
                self._given.add(number)
                return number

    @contextmanager
    def run(self, number: str) -> Iterator[Job]:
        """Be the run with this number; fault 4252 when it was used in the last 1,000 runs."""
        if number in self._used or number in self._running:
            raise fault(Code.JOB_NUMBER_USED)
        self._used.add(number)
        job = self._running[number] = Job(number)
        try:
            yield job
        finally:
            del self._running[number]

    def stop(self, number: str) -> None:
        """Stop the run with this number; fault 4243 when no run has it (any more)."""
        job = self._running.get(number)
        if job is None:
            raise fault(Code.JOB_NUMBER_UNKNOWN)
        job.stop()

    def running(self) -> list[str]:
        """Return the numbers of the runs under way."""
        return sorted(self._running)


def check_form(number: str) -> str:
    """Return *number*; fault 4000 when it is no job number (TIP1-A_4645)."""
    if not _FORM.fullmatch(number):
        raise fault(Code.SYNTAX, f"JobNumber: {number!r:.20} hat nicht die Form ABC-123")
    return number
