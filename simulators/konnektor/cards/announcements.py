"""Events about cards, PINs and terminals, with the parameters that gemSpec_Kon gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from ..information_model import PinReference, Terminal
from ..soap.answers import timestamp
from .card_pins import PinResult
from .cards import Change
from .inserted_card import InsertedCard

PinAction = Literal["VERIFY", "CHANGE", "ENABLE", "DISABLE"]

_RESULTS: Mapping[PinResult | Literal["ERROR"], str] = {
    "OK": "OK",
    "REJECTED": "REJECTED",
    "NOWBLOCKED": "BLOCKED",
    "WASBLOCKED": "BLOCKED",
}


class Emit(Protocol):
    """How an event is passed on: it returns at once."""

    def __call__(
        self,
        topic: str,
        parameters: Mapping[str, str],
        *,
        card: InsertedCard | None = None,
        terminal: str | None = None,
    ) -> None:
        """Emit *topic* to those who may use *card* or *terminal*."""
        ...


class Announcements:
    """Tells subscribers what happened to cards, PINs and terminals."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    def card(self, change: Change, card: InsertedCard) -> None:
        """CARD/INSERTED and CARD/REMOVED; what the Konnektor cannot read is left out."""
        parameters = {
            **_card(card),
            "InsertTime": timestamp(card.inserted_at.astimezone()),
        }
        if card.version is not None:
            parameters["CardVersion"] = str(card.version)
        if card.card.holder:
            parameters["CardHolderName"] = card.card.holder
        if card.card.kvnr:
            parameters["KVNR"] = card.card.kvnr
        expires = card.expires()
        if change == "INSERTED" and expires is not None:
            parameters["CertExpirationDate"] = expires.date().isoformat()
        self._emit(f"CARD/{change}", parameters, card=card)

    def pin_started(
        self, action: PinAction, card: InsertedCard, reference: PinReference, terminal: str
    ) -> None:
        """CARD/PIN/…_STARTED: somebody is asked for a PIN at *terminal*."""
        parameters = _pin(card, reference, terminal)
        self._emit(f"CARD/PIN/{action}_STARTED", parameters, card=card)

    def pin_finished(
        self,
        action: PinAction,
        card: InsertedCard,
        reference: PinReference,
        terminal: str,
        result: PinResult | Literal["ERROR"],
    ) -> None:
        """CARD/PIN/…_FINISHED; that of VERIFY says how it ended."""
        parameters = _pin(card, reference, terminal)
        if action == "VERIFY":
            parameters["Result"] = _RESULTS.get(result, "ERROR")
        self._emit(f"CARD/PIN/{action}_FINISHED", parameters, card=card)

    def terminal(self, terminal: Terminal, *, connected: bool) -> None:
        """CT/CONNECTED and CT/DISCONNECTED."""
        topic = "CT/CONNECTED" if connected else "CT/DISCONNECTED"
        parameters = {"CtID": terminal.id, "Hostname": terminal.name or terminal.id}
        self._emit(topic, parameters, terminal=terminal.id)


def _card(card: InsertedCard) -> dict[str, str]:
    parameters = {"CardHandle": card.handle, "CardType": card.card.type}
    if card.iccsn is not None:
        parameters["ICCSN"] = card.iccsn
    return {**parameters, "CtID": card.terminal, "SlotID": str(card.slot)}


def _pin(card: InsertedCard, reference: PinReference, terminal: str) -> dict[str, str]:
    return {**_card(card), "PinRef": reference, "PinInputCtID": terminal}
