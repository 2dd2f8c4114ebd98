"""Waiting at the control port: until something happens or the time is over, 64 at a time.

Time is the real one here, whatever the virtual clock says: a test waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from aiohttp import web

from .errors import InputError, one_line

MAX_WAITING = 64
MAX_SECONDS = 600.0
DEFAULT_SECONDS = 30.0
MAX_TEXT = 1000


class Waiting:
    """Those who wait at one control port; each has a place until it is answered or goes."""

    def __init__(self) -> None:
        self._count = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place inside the block; refuses with 503 when none is left."""
        if self._count >= MAX_WAITING:
            raise web.HTTPServiceUnavailable(
                text=f"{MAX_WAITING} requests wait here already: wait for less at a time\n"
            )
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


class Deadline:
    """When a request that waits is answered at the latest."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = asyncio.get_running_loop().time() + seconds

    async def passes_before(self, news: asyncio.Event) -> bool:
        """Wait for *news*; True when the deadline comes first."""
        try:
            async with asyncio.timeout_at(self._at):
                await news.wait()
        except TimeoutError:
            return True
        return False

    def passed(self, **facts: object) -> web.Response:
        """Return 408 with a body that says how long nothing came, and *facts*."""
        text = f"nothing that was asked for came within {self.seconds:g} s"
        return web.json_response({"error": text, "within": self.seconds, **facts}, status=408)


def conditions(request: web.Request, known: Collection[str]) -> dict[str, str]:
    """Return the query of *request*, each name once; ``within`` may stand beside the *known*.

    A name that nobody knows would make everything match, hence InputError.
    """
    found: dict[str, str] = {}
    for name, value in request.query.items():
        if name not in known and name != "within":
            expected = ", ".join(sorted([*known, "within"]))
            raise InputError(f"{one_line(name, 40)}: not known here; expected one of {expected}")
        if name in found or len(value) > MAX_TEXT:
            raise InputError(f"{name}: expected once, with at most {MAX_TEXT} characters")
        found[name] = value
    return found


def deadline(given: dict[str, str]) -> Deadline:
    """Return the deadline that ``within`` sets, in seconds from now. Raises InputError."""
    text = given.get("within")
    try:
        seconds = DEFAULT_SECONDS if text is None else float(text)
        if not 0 <= seconds <= MAX_SECONDS:
            raise ValueError
    except ValueError:
        raise InputError(
            f"within: expected 0 to {MAX_SECONDS:g} seconds, got {one_line(text or '', 40)!r}"
        ) from None
    return Deadline(seconds)
