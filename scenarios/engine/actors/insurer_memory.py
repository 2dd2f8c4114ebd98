"""What an insurer remembers of the documents that it got in a run (KP5-06, code 105)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum


class Known(Enum):
    """Whether a document came before."""

    NEW = "neu"
    DUPLICATE = "Dublette"
    OTHER_FILE = "dieselbe UUID für eine andere Datei"


@dataclass
class _Entry:
    hashes: set[str]
    rejected: bool


@dataclass
class InsurerMemory:
    """Identifiers, file hashes, and what was rejected. Lives as long as the run."""

    _by_identifier: dict[str, _Entry] = field(default_factory=dict)
    _hashes: set[str] = field(default_factory=set)

    def known(self, identifier: str | None, document: bytes) -> Known:
        """Say whether the file, or another one of the same identifier, came before."""
        digest = _digest(document)
        entry = self._by_identifier.get(identifier or "")
        if entry is not None and digest not in entry.hashes:
            return Known.OTHER_FILE
        return Known.DUPLICATE if digest in self._hashes else Known.NEW

    def note(self, identifier: str | None, document: bytes, *, rejected: bool) -> None:
        """Remember a document and what became of it; the latest judgement holds."""
        digest = _digest(document)
        self._hashes.add(digest)
        if identifier is None:
            return
        entry = self._by_identifier.setdefault(identifier, _Entry(set(), rejected))
        entry.hashes.add(digest)
        entry.rejected = rejected

    def was_rejected(self, identifier: str | None) -> bool:
        """Say whether the document *identifier* came and was rejected (code 105)."""
        entry = self._by_identifier.get(identifier or "")
        return entry is not None and entry.rejected


def _digest(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()
