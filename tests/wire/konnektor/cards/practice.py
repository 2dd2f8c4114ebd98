"""A practice with three terminals, four workplaces and every kind of card."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from simulators.pki.request import CardRequest
from tests.konnektor_site import Answer, Site, context

SMCB, HBA = "80276000000000000011", "80276000000000000037"
HSM, STRAY = "80276000000000000110", "80276000000000000111"
EGK = "80276000000000000112"
KVK, UNREADABLE = "80276000000000000114", "80276000000000000115"
KVNR = "X110411675"
Result = TypeVar("Result")
CARDS = {
    SMCB: "SMC-B", HBA: "HBA", HSM: "HSM-B", STRAY: "SMC-B", EGK: "EGK",
    KVK: "KVK", UNREADABLE: "UNKNOWN",
}  # fmt: skip


def card_request(kind: str, iccsn: str) -> CardRequest:
    """Return a card of the practice or of a patient."""
    institution = kind in ("SMC-B", "HSM-B")
    return CardRequest(
        type=kind,  # type: ignore[arg-type]
        iccsn=iccsn,
        telematik_id=f"1-2{iccsn[-9:]}" if institution or kind == "HBA" else None,
        kvnr=KVNR if kind == "EGK" else None,
        profession_oid="1.2.276.0.76.4.50" if institution else "1.2.276.0.76.4.30",
        profession_item="Betriebsstätte Arzt" if institution else "Ärztin/Arzt",
        common_name="Praxis 1" if institution else "Dr. Eva Müller",
        given_name="Eva",
        surname="Müller",
    )


def _slot(number: int, pki: Any, iccsn: str) -> dict[str, Any]:
    return {"slot": number, "card": str(pki.card(iccsn))}


def model(pki: Any) -> dict[str, Any]:
    """Return: w1 at t1 types PINs for t2 at t1; w2 at t2 types none elsewhere; w3 at t3, which has
    no gSMC-KT; w4 at t1 too; w5 has an HSM. Two Mandanten share the SMC-B, the stray one belongs
    to nobody.
    """
    everything = ["w1", "w2", "w3", "w4", "w5"]
    mandant = {
        "clientsystems": ["cs1"],
        "workplaces": everything,
        "terminals": ["t1", "t2", "t3", "hsm"],
        "cards": [SMCB, HSM],
        "access": [{"clientsystem": "cs1", "workplaces": everything}],
    }
    return {
        "mandanten": [{"id": "m1", **mandant}, {"id": "m2", **mandant, "cards": [SMCB]}],
        "clientsystems": [{"id": "cs1", "certificates": [pki.client("pvs").fingerprint]}],
        "workplaces": [
            {
                "id": "w1",
                "local_terminals": ["t1"],
                "remote_terminals": ["t2"],
                "remote_pin_terminal": "t1",
            },
            {"id": "w2", "local_terminals": ["t2"], "remote_terminals": ["t1"]},
            {
                "id": "w3",
                "local_terminals": ["t3"],
                "remote_terminals": ["t1"],
                "remote_pin_terminal": "t3",
            },
            {"id": "w4", "local_terminals": ["t1"]},
            {"id": "w5", "local_terminals": ["hsm"]},
        ],
        "terminals": [
            {
                "id": "t1",
                "name": "Empfang",
                "slots": 5,
                "cards": [
                    *(_slot(1, pki, SMCB), _slot(2, pki, HBA), _slot(3, pki, EGK)),
                    _slot(4, pki, UNREADABLE),
                ],
            },
            {
                "id": "t2",
                "slots": 2,
                "mac_address": "02-00-00-00-00-02",
                "cards": [_slot(1, pki, KVK)],
            },
            {"id": "t3", "slots": 1, "mac_address": "02-00-00-00-00-03", "remote_pin": False},
            {"id": "hsm", "slots": 1, "mac_address": "02-00-00-00-00-04", "physical": False},
        ],
        "cards_beside": [str(pki.card(iccsn)) for iccsn in (HSM, STRAY)],
    }


@dataclass
class Practice(Site):
    """The practice, somebody at its terminals, and calls on its PINs and slots."""

    _threads: list[threading.Thread] = field(default_factory=list)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Ask the control API; it must agree."""
        status, content = self.role.ask(method, path, body)
        assert status < 300, content
        return json.loads(content) if content else None

    def pin(self, operation: str, iccsn: str, reference: str, more: str = "", **who: str) -> Answer:
        """Call an operation of CardService on a PIN."""
        return self.call(
            "CARD",
            operation,
            f"{context(**who)}<CONN:CardHandle>{self.handle(iccsn)}</CONN:CardHandle>"
            f"<CARDCMN:PinTyp>{reference}</CARDCMN:PinTyp>{more}",
        )

    def result(self, *call: str, **who: str) -> str:
        """Return PinResult and, where it is told, LeftTries of a PIN operation."""
        answer = self.pin(*call, **who)
        left = answer.body.findtext("{*}LeftTries")
        return answer.text("//CARDCMN:PinResult") + (f" {left}" if left else "")

    def status(self, iccsn: str, reference: str, **who: str) -> str:
        """Return PinStatus and LeftTries."""
        answer = self.pin("GetPinStatus", iccsn, reference, **who)
        left = answer.body.findtext("{*}LeftTries")
        return answer.text("//CARD:PinStatus") + (f" {left}" if left else "")

    def set_pin(self, iccsn: str, reference: str, **change: Any) -> None:
        """Change a PIN over the control API."""
        self.control("PUT", f"/cards/{iccsn}/pins/{reference}", change)

    def beside(self, call: Callable[[], Result]) -> list[Result]:
        """Start *call* in a thread; its answer will be in the returned list."""
        answers: list[Result] = []
        thread = threading.Thread(target=lambda: answers.append(call()))
        self._threads.append(thread)
        thread.start()
        return answers

    def wait(self) -> None:
        """Wait for the calls that ``beside`` started."""
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        self._threads.clear()

    def next_entry(self) -> dict[str, Any]:
        """Wait for a PIN entry that is asked for, and return it."""
        while True:
            entries = self.control("GET", "/pin-entries")
            if entries:
                return dict(entries[0])
            assert self._threads[-1].is_alive(), "no PIN is asked for"

    def type(self, *digits: str) -> list[str]:
        """Type *digits* one entry after the other; return what was asked for."""
        asked = []
        for one in digits:
            entry = self.next_entry()
            asked.append(entry["asked"])
            self.control("POST", f"/pin-entries/{entry['id']}", {"digits": one})
        return asked

    def typed(self, operation: str, iccsn: str, reference: str, more: str, *digits: str) -> Answer:
        """Call a PIN operation and type *digits*; return its answer."""
        self.set_pin(iccsn, reference, entry="manual")
        answers = self.beside(lambda: self.pin(operation, iccsn, reference, more, user="eva"))
        self.type(*digits)
        self.wait()
        return answers[0]

    def steps(self, name: str) -> list[dict[str, Any]]:
        """Return the data of the journal's events *name*."""
        return [event["data"] for event in self.role.journal() if event["step"] == name]

    def display(self, terminal: str) -> str:
        """Wait until *terminal* shows something, and return it."""
        while True:
            shown = self.terminal(terminal)["display"]
            if shown:
                return str(shown)
            assert self._threads[-1].is_alive(), "nothing is shown"

    def terminal(self, name: str) -> dict[str, Any]:
        """Return a terminal as the control API shows it."""
        return next(one for one in self.control("GET", "/terminals") if one["id"] == name)
