"""The information model as configured: Mandanten, Clientsysteme, Workplaces, terminals."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from simulators.process.settings import Settings

PinReference = Literal[
    "PIN.SMC", "PIN.CH", "PIN.QES",
    "MRPIN.NFD", "MRPIN.NFD_READ", "MRPIN.DPE", "MRPIN.DPE_READ", "MRPIN.GDD", "MRPIN.OSE",
    "MRPIN.AMTS",
]  # fmt: skip
PinState = Literal["VERIFIED", "VERIFIABLE", "BLOCKED", "TRANSPORT_PIN", "EMPTY_PIN", "DISABLED"]
PinEntry = Literal["correct", "wrong", "timeout", "abort", "manual"]
TerminalCondition = Literal["connected", "disconnected", "inactive", "silent"]
Identifier = str


class Access(Settings):
    """A Clientsystem may act from these Workplaces for the Mandant that holds this entry."""

    clientsystem: Identifier
    workplaces: list[Identifier]


class Mandant(Settings):
    """A Mandant and what belongs to it; ``cards`` are the ICCSNs of its managed SMC-Bs."""

    id: Identifier
    clientsystems: list[Identifier] = []
    workplaces: list[Identifier] = []
    terminals: list[Identifier] = []
    cards: list[str] = []
    access: list[Access] = []


class Clientsystem(Settings):
    """A Clientsystem and how it proves its identity.

    ``certificates`` are SHA-256 fingerprints (hex) of its client certificates, ``basic`` is
    user name and password.
    """

    id: Identifier
    certificates: list[str] = []
    basic: tuple[str, str] | None = None


class Workplace(Settings):
    """A Workplace and the card terminals it reaches."""

    id: Identifier
    local_terminals: list[Identifier] = []
    remote_terminals: list[Identifier] = []
    remote_pin_terminal: Identifier | None = None


class InsertedCard(Settings):
    """A card (``card.json`` of the PKI) in a slot, counted from 1."""

    slot: int = Field(ge=1)
    card: Path


class GsmcKt(Settings):
    """The gSMC-KT in a card terminal: its ICCSN, and its certificate C.SMKT.AUT (PEM)."""

    iccsn: str = Field(pattern=r"^80276[0-9]{15}$")
    certificate: Path


class Terminal(Settings):
    """A card terminal; ``cards`` are the cards that are in it at the start.

    ``condition``: *connected*; *disconnected* (4222, 4040 at a PIN entry); *inactive*, as an
    administrator sets it (4221); *silent*: connected, but nothing comes back (4044, and 4094
    from the cards in it). ``attended``: somebody stands there who takes an ejected card at once,
    and at RequestCard puts in a card of the wanted type that lies beside; without, the control
    API is waited for. ``remote_pin``: PINs for cards elsewhere can be typed here, for there is a
    gSMC-KT in it; without one the answer is 4053 (unconfirmed for this cause). ``physical``
    false is the logical terminal of an HSM-B, which has no PIN pad (4066). ``gsmckt`` is what
    CheckCertificateExpiration and events say of the terminal; without it, nothing.
    """

    id: Identifier
    name: str = ""
    slots: int = Field(default=4, ge=1, le=64)
    mac_address: str = Field(
        default="02-00-00-00-00-01", pattern=r"^[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}$"
    )
    ip_address: str = "127.0.0.1"
    cards: list[InsertedCard] = []
    condition: TerminalCondition = "connected"
    attended: bool = True
    remote_pin: bool = True
    physical: bool = True
    gsmckt: GsmcKt | None = None


class InformationModel(Settings):
    """Mandanten, Clientsysteme, Workplaces and terminals, and how they belong together.

    ``cards_beside`` are cards (``card.json``) that lie beside the terminals at the start.
    """

    mandanten: list[Mandant] = []
    clientsystems: list[Clientsystem] = []
    workplaces: list[Workplace] = []
    terminals: list[Terminal] = []
    cards_beside: list[Path] = []


class Pin(Settings):
    """A PIN at the start: its state, its tries, and what the simulated terminal types.

    ``entry`` is what happens at the PIN pad when it is asked: the right PIN (and PUK), a wrong
    one, nobody there, the cancel key, or ``manual``: it waits until the control API says.
    ``new_value`` is what the pad types by itself where a new PIN is asked for. ``puk`` can be
    typed ``puk_uses`` times, rightly or wrongly (gemILF_PS 4.1.5.3). The MRPIN.* of an eGK are
    the same secret as its PIN.CH; only DISABLED and ``entry`` are their own.
    """

    value: str = Field(default="123456", pattern=r"^\d{4,8}$")
    state: PinState = "VERIFIABLE"
    tries: int = Field(default=3, ge=0, le=3)
    entry: PinEntry = "correct"
    new_value: str = Field(default="654321", pattern=r"^\d{6,8}$")
    puk: str = Field(default="12345678", pattern=r"^\d{8}$")
    puk_uses: int = Field(default=10, ge=0, le=10)


def check_references(model: InformationModel) -> None:
    """Raise ValueError for a name that is given twice or used without being defined."""
    known: dict[str, set[str]] = {}
    for kind in ("mandanten", "clientsystems", "workplaces", "terminals"):
        ids = [entry.id for entry in getattr(model, kind)]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"information_model.{kind}: {name!r} is given twice")
        known[kind] = set(ids)
    for mandant in model.mandanten:
        where = f"information_model.mandanten[{mandant.id}]"
        for kind in ("clientsystems", "workplaces", "terminals"):
            _all_known(f"{where}.{kind}", getattr(mandant, kind), known[kind])
        for access in mandant.access:
            _all_known(f"{where}.access", [access.clientsystem], known["clientsystems"])
            _all_known(f"{where}.access", access.workplaces, known["workplaces"])
    for workplace in model.workplaces:
        where = f"information_model.workplaces[{workplace.id}]"
        terminals = [*workplace.local_terminals, *workplace.remote_terminals]
        if workplace.remote_pin_terminal is not None:
            terminals.append(workplace.remote_pin_terminal)
        _all_known(where, terminals, known["terminals"])
    for terminal in model.terminals:
        slots = [card.slot for card in terminal.cards]
        if len(set(slots)) < len(slots) or any(slot > terminal.slots for slot in slots):
            raise ValueError(f"information_model.terminals[{terminal.id}]: slots do not fit")


def _all_known(where: str, names: list[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{where}: {name!r} is not defined")
