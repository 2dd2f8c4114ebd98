"""The Dienstkennung: what a KIM mail is for (header X-KIM-Dienstkennung, A_19488-02)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .errors import FormatError

HEADER: Final = "X-KIM-Dienstkennung"

_PATTERN = re.compile(
    r"([^;\s][^;]{0,79}?)\s*;\s*([^;\s][^;]{0,79}?)\s*;\s*([Vv]?[0-9][0-9.]{0,15})"
)


@dataclass(frozen=True)
class Dienstkennung:
    """``<Anwendung>;<Vorgang>;V<x.y>``: written exactly as given, compared without case.

    ``version`` holds the letter too where the sender wrote it (``V1.2``; some applications
    write ``2.0.0``).
    """

    application: str
    operation: str
    version: str

    def __str__(self) -> str:
        return f"{self.application};{self.operation};{self.version}"

    def same_as(self, other: Dienstkennung) -> bool:
        """Tell whether both name the same service, whatever their case."""
        return str(self).casefold() == str(other).casefold()


DEFAULT: Final = Dienstkennung("KIM-Mail", "Default", "V1.0")
"""What a client module sets when the client system sets none (A_19488-02)."""


def parse(text: str) -> Dienstkennung:
    """Read a header value. Raises FormatError if it does not have three parts and a version."""
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise FormatError("a Dienstkennung reads <Anwendung>;<Vorgang>;V<x.y>")
    return Dienstkennung(*match.groups())
