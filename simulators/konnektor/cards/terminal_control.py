"""The control routes of whoever stands at the terminals: what they show, what is typed there."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field

from simulators.process.control import Control, read_model
from simulators.process.errors import InputError
from simulators.process.settings import Settings

from ..information_model import TerminalCondition
from ..konnektor import Konnektor
from .pin_entry import MAX_DIGITS, PendingEntry
from .terminals import CardTerminal


class TerminalChange(Settings):
    """What ``PUT /terminals/{id}`` changes; ``busy`` true holds the display (4039, 4060)."""

    condition: TerminalCondition | None = None
    busy: bool | None = None
    attended: bool | None = None


class Typing(Settings):
    """What is done at a PIN pad: digits and the confirmation key, or the cancel key."""

    digits: str | None = Field(default=None, pattern=rf"^\d{{1,{MAX_DIGITS}}}$")
    abort: bool = False


class TerminalControl:
    """``GET /terminals``, ``PUT /terminals/{id}``, ``GET /pin-entries``, and
    ``POST /pin-entries/{id}``.
    """

    def __init__(self, konnektor: Konnektor) -> None:
        self._konnektor = konnektor
        self._cards = konnektor.cards

    def add_to(self, control: Control) -> None:
        """Add the routes."""
        control.add("GET", "/terminals", self._get_terminals)
        control.add("PUT", "/terminals/{terminal}", self._put_terminal)
        control.add("GET", "/pin-entries", self._get_entries)
        control.add("POST", "/pin-entries/{number}", self._type)

    async def _get_terminals(self, _: web.Request) -> web.Response:
        return web.json_response([self._terminal(one) for one in self._konnektor.terminals])

    async def _put_terminal(self, request: web.Request) -> web.Response:
        terminal = self._konnektor.terminals.get(request.match_info["terminal"])
        if terminal is None:
            raise InputError(f"no terminal {request.match_info['terminal']!r:.66}")
        change = await read_model(request, TerminalChange)
        if change.busy is not None:
            terminal.held = change.busy
        if change.attended is not None:
            terminal.attended = change.attended
        self._konnektor.process.journal.record(
            "TerminalChanged", peer="control", terminal=terminal.id,
            **change.model_dump(exclude_none=True),
        )  # fmt: skip
        if change.condition is not None:
            self._konnektor.set_condition(terminal.id, change.condition)
        return web.json_response(self._terminal(terminal))

    async def _get_entries(self, _: web.Request) -> web.Response:
        return web.json_response([_entry(one) for one in self._konnektor.pin_entries.pending()])

    async def _type(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        typing = await read_model(request, Typing)
        entries = self._konnektor.pin_entries
        if (typing.digits is None) != typing.abort:
            raise InputError('expected {"digits": "…"} or {"abort": true}')
        waited = (
            entries.abort(number) if typing.abort else entries.type(number, typing.digits or "")
        )
        if not waited:
            raise InputError(f"no PIN entry {number!r:.40} waits")
        return web.Response(status=204)

    def _terminal(self, terminal: CardTerminal) -> dict[str, Any]:
        slots: list[str | None] = [None] * terminal.settings.slots
        for card in self._cards.known():
            place = self._cards.place(card.iccsn)
            if place is not None and place.terminal == terminal.id:
                slots[place.slot - 1] = card.iccsn
        return {
            "id": terminal.id,
            "name": terminal.settings.name or terminal.id,
            "condition": terminal.condition,
            "attended": terminal.attended,
            "busy": terminal.busy,
            "display": terminal.display,
            "slots": slots,
        }


def _entry(entry: PendingEntry) -> dict[str, Any]:
    prompt = entry.prompt
    return {
        "id": entry.id,
        "terminal": prompt.terminal,
        "card": prompt.card.card.iccsn,
        "card_type": prompt.card.card.type,
        "pin": prompt.reference,
        "operation": prompt.operation,
        "asked": prompt.asked,
        "shown": prompt.message,
        "deadline": entry.deadline.isoformat(),
    }
