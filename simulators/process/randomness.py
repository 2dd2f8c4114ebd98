"""The one seeded source of everything random that is no key, nonce or signature."""

from __future__ import annotations

import random
import uuid


class Randomness:
    """Reproducible random streams, one for each name.

    Two streams of the same seed and name give the same values, whatever other streams were
    drawn from before; so the order in which processes start changes nothing.
    """

    def __init__(self, seed: int, owner: str) -> None:
        self._prefix = f"{seed}/{owner}/"
        self._streams: dict[str, random.Random] = {}

    def stream(self, name: str) -> random.Random:
        """Return the stream *name*; it goes on where it was left."""
        if name not in self._streams:
            self._streams[name] = random.Random(self._prefix + name)  # noqa: S311 (not for keys)
        return self._streams[name]

    def uuid(self, name: str) -> uuid.UUID:
        """Return the next reproducible UUID (version 4 form) of the stream *name*."""
        return uuid.UUID(int=self.stream(name).getrandbits(128), version=4)

    def reset(self) -> None:
        """Start every stream again from the seed."""
        self._streams.clear()
