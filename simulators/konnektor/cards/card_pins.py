"""The PINs of a card: what the chip keeps of them, and what it answers when they are typed."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Literal

from simulators.pki.cards import Card

from ..information_model import Pin, PinEntry, PinReference, PinState

SM_B_TYPES = frozenset(("SMC-B", "HSM-B", "SM-B"))
HBA_TYPES = frozenset(("HBA", "HBA-qSig", "ZOD_2.0", "HBAx"))
MAX_TRIES = 3
MAX_PUK_USES = 10
SHORTEST, LONGEST = 6, 8
"""How many digits a new PIN has (4068)."""

PinResult = Literal["OK", "REJECTED", "NOWBLOCKED", "WASBLOCKED", "TRANSPORT_PIN"]
Initial = Literal["TRANSPORT_PIN", "EMPTY_PIN"]

_EGK_G2_1: tuple[PinReference, ...] = (
    *("PIN.CH", "MRPIN.NFD", "MRPIN.NFD_READ", "MRPIN.DPE", "MRPIN.GDD", "MRPIN.OSE"),
    "MRPIN.AMTS",
)


class Secret:
    """The digits of a PIN with tries and PUK. On an eGK PIN.CH and all MRPIN.* are one secret."""

    def __init__(self, configured: Pin) -> None:
        self._at_start = configured.value
        self.value = configured.value
        self.tries = configured.tries
        self.puk = configured.puk
        self.puk_uses = configured.puk_uses
        self.initial: Initial | None = None
        """Set as long as the holder has not chosen a PIN of his own."""

    def try_pin(self, digits: str) -> PinResult:
        """Compare *digits* with the PIN: right ones give all tries back, wrong ones cost one."""
        if self.tries == 0:
            return "WASBLOCKED"
        if hmac.compare_digest(digits.encode(), self.value.encode()):
            self.tries = MAX_TRIES
            return "OK"
        self.tries -= 1
        return "REJECTED" if self.tries else "NOWBLOCKED"

    def try_puk(self, digits: str) -> PinResult:
        """Compare *digits* with the PUK; each use counts, whatever is typed (gemILF_PS 4.1.5.3)."""
        if self.puk_uses == 0:
            return "WASBLOCKED"
        self.puk_uses -= 1
        if hmac.compare_digest(digits.encode(), self.puk.encode()):
            self.tries = MAX_TRIES
            return "OK"
        return "REJECTED" if self.puk_uses else "NOWBLOCKED"

    def set_value(self, digits: str) -> None:
        """Take *digits* as the PIN from now on; it no longer is a transport PIN."""
        self.value, self.initial, self.tries = digits, None, MAX_TRIES

    def take_back(self) -> None:
        """Let the PIN be the one of the settings again, whatever was typed as a new one."""
        self.value = self._at_start


class CardPin:
    """A PIN reference of a card: its secret, and what is its own.

    ``entry`` is what the simulated terminal does when this PIN is asked for, ``new_value`` what
    it types as a new PIN; they are no state of the card.
    """

    def __init__(self, configured: Pin, secret: Secret) -> None:
        self.secret = secret
        self.enabled = True
        self.entry: PinEntry = configured.entry
        self.new_value = configured.new_value

    @property
    def state(self) -> PinState:
        """The state on the card; VERIFIED is none, for it belongs to a session."""
        if self.secret.tries == 0:
            return "BLOCKED"
        if self.secret.initial is not None:
            return self.secret.initial
        return "VERIFIABLE" if self.enabled else "DISABLED"

    @property
    def tries(self) -> int:
        """The tries that are left."""
        return self.secret.tries

    def set_state(self, state: PinState) -> None:
        """Bring the card into *state*, with the tries that go with it."""
        secret = self.secret
        secret.initial = state if state in ("TRANSPORT_PIN", "EMPTY_PIN") else None
        self.enabled = state != "DISABLED"
        if state == "BLOCKED":
            secret.tries = 0
        elif secret.tries == 0:
            secret.tries = MAX_TRIES


Pins = dict[PinReference, CardPin]


def pins_of(card: Card, configured: Mapping[PinReference, Pin]) -> Pins:
    """Return the PINs of *card* as the settings have them."""
    shared: Secret | None = None
    pins: Pins = {}
    for reference in pin_references(card):
        pin = configured.get(reference) or Pin()
        secret = Secret(pin)
        if card.type == "EGK":
            secret = shared = shared or secret
        pins[reference] = CardPin(pin, secret)
        if reference in configured:
            pins[reference].set_state(pin.state)
            if pin.state == "BLOCKED" or pin.tries == 0:
                secret.tries = 0
    return pins


def pin_references(card: Card) -> tuple[PinReference, ...]:
    """Return the PIN references that *card* has: SM-B, HBAx, and eGK from generation 2 on.

    PIN.AMTS_REP of the eGK is left out: it is reset by PIN.CH instead of a PUK.
    """
    if card.type in SM_B_TYPES:
        return ("PIN.SMC",)
    if card.type in HBA_TYPES:
        return ("PIN.CH", "PIN.QES")
    if card.type == "EGK":
        return _EGK_G2_1 if card.generation == "G2.1" else (*_EGK_G2_1, "MRPIN.DPE_READ")
    return ()
