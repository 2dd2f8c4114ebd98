"""Faults on purpose in mail data on its way to a client: cut short, or a byte altered."""

from __future__ import annotations

from collections.abc import AsyncIterator

from simulators.process.faults import Effect

from ..faults import CORRUPT, TRUNCATE


class Truncated(Exception):
    """The data ends here, as a rule wants it."""


def place(effect: Effect, size: int) -> int:
    """Return the offset that *effect* names in ``value``, or the middle of *size* bytes."""
    try:
        return min(max(0, int(effect.value or "")), size)
    except ValueError:
        return size // 2


async def spoiled(
    pieces: AsyncIterator[bytes], effect: Effect | None, size: int
) -> AsyncIterator[bytes]:
    """Yield *pieces*, of *size* bytes in all, as *effect* leaves them; raises Truncated."""
    at = -1 if effect is None else place(effect, size)
    kind = None if effect is None else effect.kind
    position = 0
    async for piece in pieces:
        inside = at - position
        position += len(piece)
        if kind == TRUNCATE and inside < len(piece):
            yield piece[:inside]
            raise Truncated
        if kind == CORRUPT and 0 <= inside < len(piece):
            yield piece[:inside] + bytes([piece[inside] ^ 1]) + piece[inside + 1 :]
        else:
            yield piece
