"""``GET /journal/next``: the next step that a process records, as soon as it happens."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

from aiohttp import web

from .errors import InputError, one_line
from .journal import Event, Journal
from .waiting import conditions, deadline

CONDITIONS: Final = ("message_id", "operation", "peer", "since", "step")
MAX_PATTERN = 100


async def next_event(request: web.Request, journal: Journal) -> web.Response:
    """Answer with the first event that has what the query asks for, or 408 at the deadline.

    ``step`` may hold ``*`` and ``?``; ``since`` is the number of the last event that is of no
    interest, without it those count that are kept already. Raises InputError.
    """
    given = conditions(request, CONDITIONS)
    until = deadline(given)
    given.pop("within", None)
    since = number(given.pop("since", "0"), "since")
    step = given.pop("step", "*")
    if len(step) > MAX_PATTERN:
        raise InputError(f"step: expected at most {MAX_PATTERN} characters")

    def wanted(event: Event) -> bool:
        return fnmatchcase(event.step, step) and all(
            getattr(event, name) == value for name, value in given.items()
        )

    while True:
        news, last = journal.news(), journal.last
        found = next((event for event in journal.since(since) if wanted(event)), None)
        if found is not None:
            return web.Response(text=found.as_json(), content_type="application/json")
        since = max(since, last)
        if await until.passes_before(news):
            return until.passed(last=journal.last)


def number(text: str, name: str) -> int:
    """Return *text*, the value of *name* in a query, as a whole number. Raises InputError."""
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{name}: expected a whole number, got {one_line(text, 40)!r}") from None
