"""Settings of a Konnektor: connection, make, information model, cards and PINs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from simulators.process.settings import (
    Listener,
    Listeners,
    ProcessSettings,
    Settings,
    TlsIdentity,
)

Authentication = Literal["certificate", "basic", "tls", "none"]
Generation = Literal["PTV5", "PTV6"]
PinReference = Literal["PIN.SMC", "PIN.CH", "PIN.QES"]
PinState = Literal["VERIFIED", "VERIFIABLE", "BLOCKED", "TRANSPORT_PIN", "EMPTY_PIN", "DISABLED"]
PinEntry = Literal["correct", "wrong", "timeout", "abort", "manual"]
Identifier = str


class KonnektorListeners(Listeners):
    """Where the Konnektor listens: SOAP and service directory, LDAP proxy, control port."""

    soap: Listener = Listener()
    ldap: Listener = Listener()


class Upstream(Settings):
    """The directory behind the LDAP proxy: ``ldaps://host:port`` and the trust for it."""

    url: str
    ca: Path | None = None


class Make(Settings):
    """What differs between real Konnektoren: names, versions, paths and answers.

    The names are invented on purpose. ``unknown_context`` chooses the answer to an unknown
    Mandant, Clientsystem or Workplace: ``4021`` as gemSpec_Kon TAB_KON_514 has it, or
    ``specific`` for 4004, 4005, 4006 as some Konnektoren answer. ``target_namespace`` chooses
    what the service directory calls TargetNamespace: that of the ``wsdl``, by which some clients
    find the binding, or that of the messages (``schema``); both are seen. ``texts`` replaces
    ErrorTexts by code.

    Unconfirmed, hence settings. What PTV6 does with a card that has ECC where RSA is asked for:
    ``forced_ecc`` at SignDocument (sign with ECC or answer ``rsa_refused``),
    ``encrypt_rsa_ecc`` at EncryptDocument with RSA_ECC (for both certificates as PTV5 does, for
    the ECC one only, or ``rsa_refused``), ``authenticate_rsa`` at ExternalAuthenticate without
    SignatureType or with that of RSA (RSA as PTV5 does, ECDSA, or ``rsa_refused``). And
    ``qes_pin_rejected``: the code of SignDocument after a wrong PIN.QES.

    ``rsa_qes_ends`` and ``rsa_ends`` are the days from which SignDocument answers
    ``rsa_refused`` instead of a QES, or any signature, with RSA (2026-01-01 and 2026-07-01 in the
    TI); the virtual clock decides. Without them RSA stays possible.
    """

    vendor_id: str = Field(default="KIMUL", pattern=r"^[a-zA-Z0-9_]{1,5}$")
    vendor_name: str = "kimulator TEST-ONLY"
    product_name: str = "Konnektor-Simulator"
    product_code: str = Field(default="kimukon", pattern=r"^[a-zA-Z0-9_]{1,8}$")
    product_type_version: str | None = Field(default=None, pattern=r"^\d{1,3}\.\d{1,3}\.\d{1,3}$")
    hw_version: str = Field(default="1.0.0", pattern=r"^\d{1,3}\.\d{1,3}\.\d{1,3}$")
    fw_version: str = Field(default="1.0.0", pattern=r"^\d{1,3}\.\d{1,3}\.\d{1,3}$")
    base_path: str = Field(default="/ws", pattern=r"^(/[A-Za-z0-9._-]+)*$")
    target_namespace: Literal["schema", "wsdl"] = "wsdl"
    unknown_context: Literal["4021", "specific"] = "4021"
    forced_ecc: Literal["ecc", "fault"] = "ecc"
    encrypt_rsa_ecc: Literal["both", "ecc", "fault"] = "both"
    authenticate_rsa: Literal["rsa", "ecdsa", "fault"] = "rsa"
    rsa_refused: int = 4058
    rsa_qes_ends: date | None = None
    rsa_ends: date | None = None
    qes_pin_rejected: int = 4085
    texts: dict[int, str] = {}


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


class Terminal(Settings):
    """A card terminal; ``cards`` are the cards that are in it at the start."""

    id: Identifier
    name: str = ""
    slots: int = Field(default=4, ge=1, le=64)
    mac_address: str = Field(
        default="02-00-00-00-00-01", pattern=r"^[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}$"
    )
    ip_address: str = "127.0.0.1"
    cards: list[InsertedCard] = []


class InformationModel(Settings):
    """Mandanten, Clientsysteme, Workplaces and terminals, and how they belong together."""

    mandanten: list[Mandant] = []
    clientsystems: list[Clientsystem] = []
    workplaces: list[Workplace] = []
    terminals: list[Terminal] = []


class Pin(Settings):
    """A PIN at the start: its state, its tries, and what the simulated terminal types.

    ``entry`` is what happens at the PIN pad when it is asked: the right PIN, a wrong one,
    nobody there, the cancel key, or ``manual``: it waits until the control API says.
    """

    value: str = Field(default="123456", pattern=r"^\d{4,8}$")
    state: PinState = "VERIFIABLE"
    tries: int = Field(default=3, ge=0, le=3)
    entry: PinEntry = "correct"


class KonnektorSettings(ProcessSettings):
    """Everything a Konnektor is told.

    ``authentication`` names how Clientsysteme connect (gemSpec_Kon TIP1-A_4516): TLS with
    client certificate, TLS with Basic, TLS alone, or nothing mandatory: plain HTTP, and TLS on the
    same port if ``tls`` is given. ``directory_open`` (ANCL_DVD_OPEN): the service directory is
    there for everybody, by plain HTTP too; else it is guarded as the services are. ``trust``
    holds the CAs of the cards, ``client_ca`` those of client certificates. ``pins`` is keyed by
    ICCSN and PIN reference; a PIN that is not named is VERIFIABLE and entered correctly.
    ``pin_timeout`` is how long a manual entry is waited for, in seconds.
    """

    listeners: KonnektorListeners = KonnektorListeners()
    tls: TlsIdentity | None = None
    authentication: Authentication = "certificate"
    client_ca: Path | None = None
    directory_open: bool = True
    trust: Path
    ocsp_url: str | None = None
    ocsp_timeout: float = Field(default=10, ge=0.1, le=120)
    ocsp_grace: float = Field(default=600, ge=0, le=1200)
    vzd: Upstream | None = None
    generation: Generation = "PTV6"
    make: Make = Make()
    information_model: InformationModel = InformationModel()
    pins: dict[str, dict[PinReference, Pin]] = {}
    pin_timeout: float = Field(default=30, gt=0, le=600)

    @model_validator(mode="after")
    def _complete(self) -> KonnektorSettings:
        if self.authentication != "none" and self.tls is None:
            raise ValueError(f"tls: needed for authentication {self.authentication!r}")
        if self.authentication == "certificate" and self.client_ca is None:
            raise ValueError("client_ca: needed for authentication 'certificate'")
        _check_references(self.information_model)
        return self


def _check_references(model: InformationModel) -> None:
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
