"""Identifiers of generated documents: reproducible from the seed, never used twice in a run."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class Identities:
    """The source of everything chosen for one document: seed and place fix it.

    ``place`` is the scenario and the document's name in it; the same place in a later run of
    the same seed gives the same document.
    """

    seed: int
    place: str

    def uuid(self, name: str) -> uuid.UUID:
        """Return the UUID version 5 for *name* (P310-14 (7) asks for version 5, as URN)."""
        return uuid.uuid5(
            uuid.NAMESPACE_URL, f"https://kimulator.invalid/{self.seed}/{self.place}/{name}"
        )

    def choice(self) -> random.Random:
        """Return a fresh stream of choices, always the same for seed and place."""
        return random.Random(f"{self.seed}/{self.place}")  # noqa: S311 (no key is made of it)
