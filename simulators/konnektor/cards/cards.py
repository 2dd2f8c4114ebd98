"""All cards of a site: in terminals, in terminals that are cut off, or lying beside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from simulators.pki.cards import Card, read_card
from simulators.process.clock import Clock
from simulators.process.errors import InputError
from simulators.process.randomness import Randomness

from ..faults import Code, fault
from ..settings import KonnektorSettings
from .card_pins import Pins, pins_of
from .handles import Handles
from .inserted_card import InsertedCard
from .terminals import Terminals

Change = Literal["INSERTED", "REMOVED"]
Watcher = Callable[[Change, InsertedCard], None]


@dataclass(frozen=True, slots=True)
class Place:
    """A slot of a terminal, counted from 1."""

    terminal: str
    slot: int


class Cards:
    """The cards of the site by ICCSN: where each lies, and those that the Konnektor can see.

    A card is *in a place* when somebody has put it there; it is *inserted*, with a handle, as
    long as the Konnektor is connected to that terminal too.
    """

    def __init__(self, settings: KonnektorSettings, clock: Clock, random: Randomness) -> None:
        model = settings.information_model
        self.terminals = Terminals(model)
        self._clock = clock
        self._handles = Handles(clock, random)
        self._configured = settings.pins
        self._cards: dict[str, Card] = {}
        self._home: dict[str, Place] = {}
        for terminal in model.terminals:
            for entry in terminal.cards:
                self._home[self._read(entry.card)] = Place(terminal.id, entry.slot)
        for path in model.cards_beside:
            self._read(path)
        for iccsn in settings.pins:
            if iccsn not in self._cards:
                raise InputError(f"pins.{iccsn}: no such card in or beside any terminal")
        self._pins: dict[str, Pins] = {}
        self._places: dict[str, Place] = {}
        self._inserted: dict[str, InsertedCard] = {}
        self._by_handle: dict[str, InsertedCard] = {}
        self._in_order: list[InsertedCard] | None = None
        self._watchers: list[Watcher] = []
        self._waiting: dict[Place, asyncio.Future[None]] = {}
        self.reset()

    def watch(self, watcher: Watcher) -> None:
        """Have *watcher* told of every card that is inserted or removed from now on."""
        self._watchers.append(watcher)

    def reset(self) -> None:
        """Put every card back to where it was at the start, with the PINs of the settings.

        Nobody is told of it: it is as if the Konnektor had just been started.
        """
        for inserted in list(self._inserted.values()):
            self._end(inserted)
        self._handles.reset()
        self.terminals.reset()
        self._pins = {
            iccsn: pins_of(card, self._configured.get(iccsn, {}))
            for iccsn, card in self._cards.items()
        }
        self._places = dict(self._home)
        for iccsn, place in self._places.items():
            started = self._begin(iccsn, place)
            if started is not None:
                self._raise_configured(started)
        self._end_waiting("alles steht wieder am Anfang")

    def find_anew(self) -> None:
        """Let the Konnektor find every card again, as after a boot: new handles, no sessions.

        Nobody is told of it.
        """
        for inserted in list(self._inserted.values()):
            self._end(inserted)
        for iccsn, place in self._places.items():
            self._begin(iccsn, place)
        self._end_waiting("der Konnektor startet neu")

    def insert(self, iccsn: str, place: Place | None = None) -> InsertedCard | None:
        """Put a card into *place*, without one into the slot where it was at the start, or else
        into the first free one. A card that is in a place already stays there.

        Return it, or None when the Konnektor is not connected to the terminal. Raises KeyError
        for a card that the site does not have, InputError when there is no such free slot.
        """
        card = self._cards[iccsn]
        if iccsn in self._places and place in (None, self._places[iccsn]):
            return self._inserted.get(iccsn)
        if iccsn in self._places:
            raise InputError(f"card {iccsn} is in {self._places[iccsn].terminal}; remove it first")
        place = self._free(card, place)
        self._places[iccsn] = place
        inserted = self._begin(iccsn, place)
        if inserted is not None:
            self._tell("INSERTED", inserted)
        self._wake(place)
        return inserted

    def remove(self, iccsn: str) -> None:
        """Pull a card: its handle and its sessions end. Raises KeyError for an unknown card."""
        self._cards[iccsn]
        place = self._places.pop(iccsn, None)
        self.deactivate(iccsn)
        if place is not None:
            self._wake(place)

    def deactivate(self, iccsn: str) -> None:
        """Let go of a card that stays in its slot, after EjectCard: the Konnektor sees it again
        only when it is put in anew.
        """
        inserted = self._inserted.get(iccsn)
        if inserted is not None:
            self._end(inserted)
            self._tell("REMOVED", inserted)

    def terminal_changed(self, terminal: str, *, reconnected: bool) -> None:
        """Take notice of the present condition of *terminal*: without a connection its cards are
        no longer inserted, with a new one (*reconnected*) they get new handles.
        """
        condition = self.terminals[terminal]
        for iccsn, place in self._places.items():
            if place.terminal != terminal:
                continue
            inserted = self._inserted.get(iccsn)
            if inserted is not None and not condition.connected:
                self._end(inserted)
                self._tell("REMOVED", inserted)
            elif inserted is None and reconnected:
                inserted = self._begin(iccsn, place)
                assert inserted is not None
                self._tell("INSERTED", inserted)
            elif inserted is not None:
                inserted.answers = condition.condition != "silent"
        for place in list(self._waiting):
            if place.terminal == terminal:
                self._wake(place)

    async def changed(self, place: Place, seconds: float) -> bool:
        """Wait until a card is put into *place* or pulled from it or the terminal changes, at most
        *seconds* of real time; return whether anything happened.
        """
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[place] = waiting
        try:
            await asyncio.wait_for(waiting, seconds)
        except TimeoutError:
            return False
        finally:
            if self._waiting.get(place) is waiting:
                del self._waiting[place]
        return True

    def by_handle(self, handle: str) -> InsertedCard | None:
        """Return the inserted card with *handle*."""
        return self._by_handle.get(handle)

    def by_iccsn(self, iccsn: str) -> InsertedCard | None:
        """Return the inserted card with *iccsn*."""
        return self._inserted.get(iccsn)

    def in_slot(self, place: Place) -> InsertedCard | None:
        """Return the inserted card in *place*."""
        found = (card for card in self._inserted.values() if card.terminal == place.terminal)
        return next((card for card in found if card.slot == place.slot), None)

    def inserted(self) -> list[InsertedCard]:
        """Return the inserted cards in order of terminal and slot (not to be changed)."""
        if self._in_order is None:
            cards = self._inserted.values()
            self._in_order = sorted(cards, key=lambda card: (card.terminal, card.slot))
        return self._in_order

    def beside(self) -> Iterable[Card]:
        """Return the cards that are in no terminal."""
        return (card for iccsn, card in self._cards.items() if iccsn not in self._places)

    def pins(self, iccsn: str) -> Pins:
        """Return the PINs of a card, inserted or not. Raises KeyError for an unknown card."""
        return self._pins[iccsn]

    def known(self) -> Iterable[Card]:
        """Return every card of the site."""
        return self._cards.values()

    def lying_in(self, place: Place) -> str | None:
        """Return the ICCSN of the card that is in *place*, whether the Konnektor sees it or not."""
        return next((iccsn for iccsn, where in self._places.items() if where == place), None)

    def place(self, iccsn: str) -> Place | None:
        """Return where a card is; None when it lies beside."""
        return self._places.get(iccsn)

    def _read(self, path: Path) -> str:
        card = read_card(path)
        if card.iccsn in self._cards:
            raise InputError(f"card {card.iccsn}: is there twice")
        self._cards[card.iccsn] = card
        return card.iccsn

    def _free(self, card: Card, wanted: Place | None) -> Place:
        """Return the slot to put *card* into. Raises InputError when there is none."""
        taken = set(self._places.values())
        if wanted is not None:
            terminal = self.terminals.get(wanted.terminal)
            if terminal is None or not 1 <= wanted.slot <= terminal.settings.slots:
                raise InputError(f"no slot {wanted.slot} in a terminal {wanted.terminal!r:.66}")
            if wanted in taken:
                raise InputError(f"slot {wanted.slot} of {wanted.terminal} is not empty")
            return wanted
        home = self._home.get(card.iccsn)
        if home is not None and home not in taken:
            return home
        for terminal in self.terminals:
            for slot in range(1, terminal.settings.slots + 1):
                if Place(terminal.id, slot) not in taken:
                    return Place(terminal.id, slot)
        raise InputError("no terminal has a free slot")

    def _begin(self, iccsn: str, place: Place) -> InsertedCard | None:
        """Let the Konnektor see the card, if it is connected to the terminal."""
        terminal = self.terminals[place.terminal]
        if not terminal.connected:
            return None
        card = self._cards[iccsn]
        inserted = InsertedCard(
            self._handles.new(card), card, self._pins[iccsn],
            at=self._clock.now(), terminal=place.terminal, slot=place.slot,
        )  # fmt: skip
        inserted.answers = terminal.condition != "silent"
        self._inserted[iccsn] = self._by_handle[inserted.handle] = inserted
        self._in_order = None
        return inserted

    def _end(self, inserted: InsertedCard) -> None:
        inserted.present = False
        del self._inserted[inserted.card.iccsn], self._by_handle[inserted.handle]
        self._in_order = None
        self._handles.end(inserted.handle)

    def _end_waiting(self, why: str) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(fault(Code.TERMINAL_ACCESS, why))

    def _wake(self, place: Place) -> None:
        waiting = self._waiting.get(place)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _tell(self, change: Change, card: InsertedCard) -> None:
        for watcher in self._watchers:
            watcher(change, card)

    def _raise_configured(self, card: InsertedCard) -> None:
        """Raise the states that the settings call VERIFIED."""
        for reference, pin in self._configured.get(card.card.iccsn, {}).items():
            if reference in card.pins and pin.state == "VERIFIED":
                card.raise_state(reference)
