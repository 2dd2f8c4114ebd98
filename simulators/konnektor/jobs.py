"""Job numbers of signature runs: unique over 1,000 calls (TIP1-A_5667, fault 4252)."""

from __future__ import annotations

import re
import string
from collections import deque

from simulators.process.randomness import Randomness

from .faults import Code, fault

REMEMBERED = 1000
_FORM = re.compile(r"[A-Z]{3}-[0-9]{3}", re.ASCII)
_LETTERS = string.ascii_uppercase


class JobNumbers:
    """Gives job numbers of the form ``ABC-123`` and refuses one that was used lately."""

    def __init__(self, random: Randomness) -> None:
        self._random = random
        self._given: deque[str] = deque(maxlen=REMEMBERED)
        self._used: deque[str] = deque(maxlen=REMEMBERED)

    def new(self) -> str:
        """Return a number that was neither given nor used in the last 1,000 calls."""
        stream = self._random.stream("job-number")
        while True:
            letters = "".join(stream.choices(_LETTERS, k=3))
            number = f"{letters}-{stream.randrange(1000):03d}"
            if number not in self._given and number not in self._used:
                self._given.append(number)
                return number

    def use(self, number: str) -> None:
        """Note that a signature run has this number; fault 4000 for its form, 4252 if reused."""
        if not _FORM.fullmatch(number):
            raise fault(Code.SYNTAX, f"JobNumber: {number!r:.20} hat nicht die Form ABC-123")
        if number in self._used:
            raise fault(Code.JOB_NUMBER_USED)
        self._used.append(number)

    def reset(self) -> None:
        """Forget all numbers."""
        self._given.clear()
        self._used.clear()
