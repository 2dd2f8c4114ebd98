"""The Konnektor's control routes: cards, and what happens to them and their PINs."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import Field, ValidationError

from simulators.process.control import Control, read_json
from simulators.process.errors import InputError, one_line
from simulators.process.settings import Settings

from .cards.cards import CardPin
from .information_model import PinEntry, PinReference, PinState
from .konnektor import Konnektor

REFERENCES: tuple[PinReference, ...] = ("PIN.SMC", "PIN.CH", "PIN.QES")


class PinChange(Settings):
    """What ``PUT /cards/{iccsn}/pins/{ref}`` changes; what is left out stays."""

    state: PinState | None = None
    tries: int | None = Field(default=None, ge=0, le=3)
    entry: PinEntry | None = None


class CardControl:
    """``GET /cards``, ``POST /cards/{iccsn}/remove`` and ``/insert``, ``PUT …/pins/{ref}``.

    A manual PIN entry that waits at a terminal is typed by setting ``entry``.
    """

    def __init__(self, konnektor: Konnektor) -> None:
        self._konnektor = konnektor
        self._cards = konnektor.cards

    def add_to(self, control: Control) -> None:
        """Add the routes."""
        control.add("GET", "/cards", self._get)
        control.add("POST", "/cards/{iccsn}/remove", self._remove)
        control.add("POST", "/cards/{iccsn}/insert", self._insert)
        control.add("PUT", "/cards/{iccsn}/pins/{reference}", self._put_pin)
        control.on_reset(self._konnektor.reset)

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response([self._card(card.iccsn) for card, _, _ in self._cards.known()])

    async def _remove(self, request: web.Request) -> web.Response:
        return self._change(request, "CardRemoved", self._konnektor.pull)

    async def _insert(self, request: web.Request) -> web.Response:
        return self._change(request, "CardInserted", self._cards.insert)

    def _change(
        self, request: web.Request, step: Literal["CardRemoved", "CardInserted"], change: Any
    ) -> web.Response:
        iccsn = self._known(request)
        change(iccsn)
        self._konnektor.process.journal.record(step, peer="terminal", card=iccsn)
        return web.json_response(self._card(iccsn))

    async def _put_pin(self, request: web.Request) -> web.Response:
        iccsn = self._known(request)
        pins = self._cards.pins(iccsn)
        reference = next((r for r in REFERENCES if r == request.match_info["reference"]), None)
        if reference is None or reference not in pins:
            raise InputError(f"card {iccsn} has {', '.join(pins)}")
        try:
            change = PinChange.model_validate(await read_json(request))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{where}: {one_line(first['msg'])}") from None
        self._apply(iccsn, reference, pins[reference], change)
        self._konnektor.process.journal.record(
            "PinChanged", peer="control", card=iccsn, pin=reference,
            **change.model_dump(exclude_none=True),
        )  # fmt: skip
        return web.json_response(self._card(iccsn))

    def _apply(self, iccsn: str, reference: PinReference, pin: CardPin, change: PinChange) -> None:
        inserted = self._cards.by_iccsn(iccsn)
        if change.tries is not None:
            pin.tries = change.tries
        if change.entry is not None:
            pin.entry = change.entry
            self._konnektor.pads.decide(iccsn, reference, change.entry)
        if change.state is not None:
            pin.set_state(change.state)
            if inserted is not None:
                inserted.lower_state(reference)
                if change.state == "VERIFIED":
                    inserted.raise_state(reference)

    def _known(self, request: web.Request) -> str:
        iccsn = request.match_info["iccsn"]
        if all(card.iccsn != iccsn for card, _, _ in self._cards.known()):
            raise InputError(f"no card {iccsn!r:.40} at this Konnektor")
        return iccsn

    def _card(self, iccsn: str) -> dict[str, Any]:
        card, terminal, slot = next(k for k in self._cards.known() if k[0].iccsn == iccsn)
        inserted = self._cards.by_iccsn(iccsn)
        pins: dict[str, Any] = {}
        for reference, pin in self._cards.pins(iccsn).items():
            raised = inserted is not None and inserted.is_raised(reference)
            state = "VERIFIED" if raised and pin.state == "VERIFIABLE" else pin.state
            pins[reference] = {"state": state, "tries": pin.tries, "entry": pin.entry}
        return {
            "iccsn": iccsn,
            "type": card.type,
            "generation": card.generation,
            "holder": card.holder,
            "telematik_id": card.telematik_id,
            "terminal": terminal,
            "slot": slot,
            "inserted": inserted is not None,
            "handle": None if inserted is None else inserted.handle,
            "pins": pins,
        }
