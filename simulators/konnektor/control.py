"""The Konnektor's control routes: its cards, and their PINs."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from simulators.process.control import Control, read_model
from simulators.process.errors import InputError
from simulators.process.settings import Settings

from .cards.card_pins import MAX_PUK_USES, MAX_TRIES, CardPin
from .cards.cards import Place
from .information_model import PinEntry, PinReference, PinState
from .konnektor import Konnektor


class PinChange(Settings):
    """What ``PUT /cards/{iccsn}/pins/{ref}`` changes; what is left out stays.

    ``as_at_start``: the digits are again those of the settings.
    """

    state: PinState | None = None
    tries: int | None = Field(default=None, ge=0, le=MAX_TRIES)
    puk_uses: int | None = Field(default=None, ge=0, le=MAX_PUK_USES)
    entry: PinEntry | None = None
    as_at_start: Literal[True] | None = None


class Insertion(Settings):
    """Where ``POST /cards/{iccsn}/insert`` puts the card; without it where it was at the start."""

    terminal: str
    slot: int = Field(ge=1)


class CardControl:
    """``GET /cards``, ``POST /cards/{iccsn}/insert|remove|lock|unlock``, and
    ``PUT /cards/{iccsn}/pins/{ref}``. A manual PIN entry that waits is also answered by setting
    ``entry`` of its PIN.
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
            wanted = await read_model(request, Insertion)
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
        change = await read_model(request, PinChange)
        self._apply(iccsn, reference, pins[reference], change)
        self._konnektor.process.journal.record(
            "PinChanged", peer="control", card=iccsn, pin=reference,
            **change.model_dump(exclude_none=True),
        )  # fmt: skip
        return web.json_response(self._card(iccsn))

    def _apply(self, iccsn: str, reference: PinReference, pin: CardPin, change: PinChange) -> None:
        inserted = self._cards.by_iccsn(iccsn)
        if change.as_at_start:
            pin.secret.take_back()
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
