"""How much of all requests together is held in memory: one bound for many connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

MOST_AT_ONCE = 768 << 20
"""Bytes of messages: two stacks of the largest kind, and room for what others call meanwhile."""


FREE_BYTES = 1 << 20
"""So much of every message needs no room: small ones are always read."""


class Full(Exception):
    """There is no room for more now."""


class Share:
    """What one request holds of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.held = 0

    def take(self, size: int) -> None:
        """Hold *size* more bytes. Raises Full."""
        self._room.take(size)
        self.held += size

    def give_back(self) -> None:
        """Hold nothing any more."""
        self._room.take(-self.held)
        self.held = 0


class Room:
    """The bytes of messages that are being read and worked on, at most *most*."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._left = most

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Be a request that takes a share as it is read, and gives it back when it is answered."""
        share = Share(self)
        try:
            yield share
        finally:
            share.give_back()

    def take(self, size: int) -> None:
        """Take *size* bytes, or give back where that is negative. Raises Full."""
        if size > self._left:
            raise Full
        self._left -= size
