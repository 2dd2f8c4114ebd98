"""Job numbers of signature runs: unique over 1,000 calls (TIP1-A_5667, fault 4252)."""

from __future__ import annotations

import re
import string
from collections import OrderedDict

from simulators.process.randomness import Randomness

from ..faults import Code, fault

REMEMBERED = 1000
_FORM = re.compile(r"[A-Z]{3}-[0-9]{3}", re.ASCII)


class _Latest:
    """The last ``REMEMBERED`` numbers."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, number: str) -> bool:
        return number in self._numbers

    def add(self, number: str) -> None:
        self._numbers[number] = None
        if len(self._numbers) > REMEMBERED:
            self._numbers.popitem(last=False)


class JobNumbers:
    """Gives job numbers of the form ``ABC-123`` and refuses one that was used lately."""

    def __init__(self, random: Randomness) -> None:
        self._random = random
        self.reset()

    def reset(self) -> None:
        """Forget all numbers."""
        self._given = _Latest()
        self._used = _Latest()

    def new(self) -> str:
        """Return a number that was neither given nor used in the last 1,000 calls."""
        stream = self._random.stream("job-number")
        while True:
            letters = "".join(stream.choices(string.ascii_uppercase, k=3))
            number = f"{letters}-{stream.randrange(1000):03d}"
            if number not in self._given and number not in self._used:
                self._given.add(number)
                return number

    def use(self, number: str) -> None:
        """Note that a signature run has this number; fault 4000 for its form, 4252 if reused."""
        if not _FORM.fullmatch(number):
            raise fault(Code.SYNTAX, f"JobNumber: {number!r:.20} hat nicht die Form ABC-123")
        if number in self._used:
            raise fault(Code.JOB_NUMBER_USED)
        self._used.add(number)
