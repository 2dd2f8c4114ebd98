"""``GET /mailboxes/{address}/next``: the next mail for a test, as soon as it is there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, decoded
from simulators.process.errors import InputError, one_line
from simulators.process.waiting import Deadline, conditions, deadline

from .arrivals import ANNOUNCEMENT
from .provider import Provider
from .reports import header_block
from .stored import StoredMail, described

CONDITIONS: Final = ("after", "dienstkennung", "message_id", "subject")
MAX_PASSED: Final = 20
_UID: Final = re.compile(r"([0-9a-f]{1,15})-[0-9a-f]{1,15}")


@dataclass(frozen=True)
class Wanted:
    """What a mail has to have; a condition that is None holds for every mail.

    They look at the message as it lies at the provider: its Dienstkennung stands in the outer
    header, while the subject of a KIM mail is inside, encrypted. ``subject`` therefore finds
    reports (DSN) and mails that no client module has protected.
    """

    dienstkennung: str | None = None
    subject: str | None = None
    message_id: str | None = None

    def finds(self, mail: dict[str, object]) -> bool:
        """Tell whether *mail*, as it is described to who waits, is wanted."""
        wanted = vars(self).items()
        return all(value is None or mail[name] == value for name, value in wanted)


class NextMail:
    """Answers those who wait for a mail when it is stored, or at their deadline."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def add_route(self) -> None:
        """Add the route, and hear of mails that other processes store."""
        control = self._provider.process.control
        control.add("GET", "/mailboxes/{address}/next", self._get_next, waits=True)
        store = self._provider.store
        store.database.on_announcement(ANNOUNCEMENT, store.arrivals.came_elsewhere)

    async def _get_next(self, request: web.Request) -> web.Response:
        account = self._provider.accounts.find(request.match_info["address"])
        if account is None:
            raise web.HTTPNotFound(text="no such mailbox\n")
        given = conditions(request, CONDITIONS)
        until = deadline(given)
        after = _number(given.pop("after", None))
        given.pop("within", None)
        with self._provider.process.control.waiting.place():
            return await self._next(account.address, Wanted(**given), after, until)

    async def _next(
        self, mailbox: str, wanted: Wanted, after: int, until: Deadline
    ) -> web.Response:
        """Look at every mail after number *after* once, oldest first, until one is wanted."""
        passed: list[dict[str, object]] = []
        store = self._provider.store
        with store.arrivals.watch(mailbox) as news:
            while True:
                news.clear()
                while found := await store.heads(mailbox, after):
                    for mail, head in found:
                        after = mail.id
                        seen = _seen(mail, head)
                        if wanted.finds(seen):
                            return web.json_response(seen)
                        passed = [*passed, seen][-MAX_PASSED:]
                if await until.passes_before(news):
                    return until.passed(passed=passed)


def _seen(mail: StoredMail, head: bytes) -> dict[str, object]:
    """Describe *mail* with what the conditions ask for."""
    try:
        headers = Headers.parse(header_block(head))
    except FormatError:
        headers = Headers()
    service, subject = headers.get("X-KIM-Dienstkennung"), headers.get("Subject")
    return {
        **described(mail),
        "dienstkennung": None if service is None else one_line(service.strip()),
        "subject": None if subject is None else one_line(decoded(subject.strip())),
    }


def _number(uid: str | None) -> int:
    """Return the number in *uid*, which goes on when a mailbox is emptied; 0 without one."""
    if uid is None:
        return 0
    found = _UID.fullmatch(uid)
    if found is None:
        raise InputError(f"after: expected the uid of a mail, got {one_line(uid, 40)!r}")
    return int(found[1], 16)
