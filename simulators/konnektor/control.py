"""The Konnektor's control routes: cards and their PINs, terminals, entries at the PIN pads."""

from __future__ import annotations

from typing import Any, TypeVar

from aiohttp import web
from pydantic import Field, ValidationError

from simulators.process.control import Control, read_json
from simulators.process.errors import InputError, one_line
from simulators.process.settings import Settings

from .cards.card_pins import MAX_PUK_USES, MAX_TRIES, CardPin
from .cards.cards import Place
from .cards.pin_entry import MAX_DIGITS, PendingEntry
from .cards.terminals import CardTerminal
from .information_model import PinEntry, PinReference, PinState, TerminalCondition
from .konnektor import Konnektor

T = TypeVar("T", bound=Settings)


class PinChange(Settings):
    """What ``PUT /cards/{iccsn}/pins/{ref}`` changes; what is left out stays."""

    state: PinState | None = None
    tries: int | None = Field(default=None, ge=0, le=MAX_TRIES)
    puk_uses: int | None = Field(default=None, ge=0, le=MAX_PUK_USES)
    entry: PinEntry | None = None


class Insertion(Settings):
    """Where ``POST /cards/{iccsn}/insert`` puts the card; without it where it was at the start."""

    terminal: str
    slot: int = Field(ge=1)


class TerminalChange(Settings):
    """What ``PUT /terminals/{id}`` changes; ``busy`` true holds the display (4039, 4060)."""

    condition: TerminalCondition | None = None
    busy: bool | None = None
    attended: bool | None = None


class Typing(Settings):
    """What is done at a PIN pad: digits and the confirmation key, or the cancel key."""

    digits: str | None = Field(default=None, pattern=rf"^\d{{1,{MAX_DIGITS}}}$")
    abort: bool = False


class CardControl:
    """The routes that somebody needs who stands at the terminals.

    ``GET /cards``, ``POST /cards/{iccsn}/insert|remove|lock|unlock``,
    ``PUT /cards/{iccsn}/pins/{ref}``, ``GET /terminals``, ``PUT /terminals/{id}``,
    ``GET /pin-entries``, ``POST /pin-entries/{id}``. A manual PIN entry that waits is also
    answered by setting ``entry`` of its PIN.
    """

    def __init__(self, konnektor: Konnektor) -> None:
        self._konnektor = konnektor
        self._cards = konnektor.cards

    def add_to(self, control: Control) -> None:
        """Add the routes."""
        control.add("GET", "/cards", self._get_cards)
        control.add("POST", "/cards/{iccsn}/remove", self._remove)
        control.add("POST", "/cards/{iccsn}/insert", self._insert)
        control.add("POST", "/cards/{iccsn}/lock", self._lock)
        control.add("POST", "/cards/{iccsn}/unlock", self._unlock)
        control.add("PUT", "/cards/{iccsn}/pins/{reference}", self._put_pin)
        control.add("GET", "/terminals", self._get_terminals)
        control.add("PUT", "/terminals/{terminal}", self._put_terminal)
        control.add("GET", "/pin-entries", self._get_entries)
        control.add("POST", "/pin-entries/{number}", self._type)
        control.on_reset(self._konnektor.reset)

    async def _get_cards(self, _: web.Request) -> web.Response:
        return web.json_response([self._card(card.iccsn) for card in self._cards.known()])

    async def _remove(self, request: web.Request) -> web.Response:
        iccsn = self._known(request)
        self._cards.remove(iccsn)
        return web.json_response(self._card(iccsn))

    async def _insert(self, request: web.Request) -> web.Response:
        iccsn = self._known(request)
        place = None
        if request.can_read_body:
            wanted = await _read(request, Insertion)
            place = Place(wanted.terminal, wanted.slot)
        self._cards.insert(iccsn, place)
        return web.json_response(self._card(iccsn))

    async def _lock(self, request: web.Request) -> web.Response:
        """Reserve the card as a session would that nobody here knows: 4093 for all others."""
        iccsn = self._known(request)
        card = self._cards.by_iccsn(iccsn)
        if card is None:
            raise InputError(f"card {iccsn} is not inserted")
        if card.is_reserved:
            raise InputError(f"card {iccsn} is reserved already")
        card.reserve(self)
        return web.json_response(self._card(iccsn))

    async def _unlock(self, request: web.Request) -> web.Response:
        iccsn = self._known(request)
        card = self._cards.by_iccsn(iccsn)
        if card is not None:
            card.release(self)
        return web.json_response(self._card(iccsn))

    async def _put_pin(self, request: web.Request) -> web.Response:
        iccsn = self._known(request)
        pins = self._cards.pins(iccsn)
        reference = next(
            (known for known in pins if known == request.match_info["reference"]), None
        )
        if reference is None:
            raise InputError(f"card {iccsn} has {', '.join(pins) or 'no PIN'}")
        change = await _read(request, PinChange)
        self._apply(iccsn, reference, pins[reference], change)
        self._konnektor.process.journal.record(
            "PinChanged", peer="control", card=iccsn, pin=reference,
            **change.model_dump(exclude_none=True),
        )  # fmt: skip
        return web.json_response(self._card(iccsn))

    def _apply(self, iccsn: str, reference: PinReference, pin: CardPin, change: PinChange) -> None:
        inserted = self._cards.by_iccsn(iccsn)
        if change.state is not None:
            pin.set_state(change.state)
            if inserted is not None:
                inserted.lower_state(reference)
                if change.state == "VERIFIED":
                    inserted.raise_state(reference)
        if change.tries is not None:
            pin.secret.tries = change.tries
        if change.puk_uses is not None:
            pin.secret.puk_uses = change.puk_uses
        if change.entry is not None:
            pin.entry = change.entry
            self._konnektor.pin_entries.decide(iccsn, reference, change.entry)

    async def _get_terminals(self, _: web.Request) -> web.Response:
        return web.json_response([self._terminal(one) for one in self._konnektor.terminals])

    async def _put_terminal(self, request: web.Request) -> web.Response:
        terminal = self._konnektor.terminals.get(request.match_info["terminal"])
        if terminal is None:
            raise InputError(f"no terminal {request.match_info['terminal']!r:.66}")
        change = await _read(request, TerminalChange)
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
        typing = await _read(request, Typing)
        entries = self._konnektor.pin_entries
        if (typing.digits is None) != typing.abort:
            raise InputError('expected {"digits": "…"} or {"abort": true}')
        waited = (
            entries.abort(number) if typing.abort else entries.type(number, typing.digits or "")
        )
        if not waited:
            raise InputError(f"no PIN entry {number!r:.40} waits")
        return web.Response(status=204)

    def _known(self, request: web.Request) -> str:
        iccsn = request.match_info["iccsn"]
        if all(card.iccsn != iccsn for card in self._cards.known()):
            raise InputError(f"no card {iccsn!r:.40} at this Konnektor")
        return iccsn

    def _card(self, iccsn: str) -> dict[str, Any]:
        card = next(known for known in self._cards.known() if known.iccsn == iccsn)
        place = self._cards.place(iccsn)
        inserted = self._cards.by_iccsn(iccsn)
        pins: dict[str, Any] = {}
        for reference, pin in self._cards.pins(iccsn).items():
            raised = inserted is not None and inserted.is_raised(reference)
            pins[reference] = {
                "state": "VERIFIED" if raised else pin.state,
                "tries": pin.tries,
                "puk_uses": pin.secret.puk_uses,
                "entry": pin.entry,
            }
        return {
            "iccsn": iccsn,
            "type": card.type,
            "generation": card.generation,
            "holder": card.holder,
            "telematik_id": card.telematik_id,
            "kvnr": card.kvnr,
            "terminal": None if place is None else place.terminal,
            "slot": None if place is None else place.slot,
            "inserted": inserted is not None,
            "handle": None if inserted is None else inserted.handle,
            "locked": inserted is not None and inserted.is_reserved,
            "pins": pins,
        }

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


async def _read(request: web.Request, model: type[T]) -> T:
    try:
        return model.model_validate(await read_json(request))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where}: {one_line(first['msg'])}") from None
