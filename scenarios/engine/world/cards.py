"""Cards and card terminals of a site, as a world file has them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulators.pki.request import HBAX, CardType
from simulators.process.settings import Settings

from .values import ExpiresIn, Identifier, Name, Oid, TelematikId, Text

Iccsn = Annotated[str, Field(pattern=r"^80276[0-9]{15}$")]
CertificateName = Annotated[str, Field(pattern=r"^C\.(AUT|ENC|SIG|QES)( (RSA|ECC))?$")]
INSTITUTION: frozenset[CardType] = frozenset(("SMC-B", "HSM-B"))
OWN: frozenset[CardType] = HBAX | INSTITUTION
"""Which cards can be somebody's own test cards."""
PATIENT: frozenset[CardType] = frozenset(("EGK", "KVK", "UNKNOWN"))
PinReference = Literal[
    "PIN.SMC", "PIN.CH", "PIN.QES",
    "MRPIN.NFD", "MRPIN.NFD_READ", "MRPIN.DPE", "MRPIN.DPE_READ", "MRPIN.GDD", "MRPIN.OSE",
    "MRPIN.AMTS",
]  # fmt: skip
CardGeneration = Literal["G2.0", "G2.1"]


class Pin(Settings):
    """A PIN at the start and what the simulated terminal types when it is asked."""

    value: str = Field(default="123456", pattern=r"^[0-9]{6,8}$")
    state: Literal[
        "VERIFIED", "VERIFIABLE", "BLOCKED", "TRANSPORT_PIN", "EMPTY_PIN", "DISABLED"
    ] = "VERIFIABLE"
    tries: int = Field(default=3, ge=0, le=3)
    entry: Literal["correct", "wrong", "timeout", "abort", "manual"] = "correct"
    new_value: str = Field(
        default="654321", pattern=r"^[0-9]{6,8}$", description="was als neue PIN getippt wird"
    )
    puk: str = Field(default="12345678", pattern=r"^[0-9]{8}$")
    puk_uses: int = Field(default=10, ge=0, le=10, description="so oft gilt die PUK noch")


class OwnFile(Settings):
    """A PKCS#12 file with keys and certificates for a card; names are relative to the world."""

    file: str = Field(min_length=1, description="PKCS#12: Schlüssel mit ihren Zertifikaten")
    password: str | None = Field(default=None, description="ohne: das leere Passwort")
    password_file: str | None = Field(default=None, description="Datei, die es enthält")


class Card(Settings):
    """A card of the site: the institution's SMC-B or HSM-B, the HBA of a person, a patient's card.

    KVK and UNKNOWN (put in wrongly, not readable) have no certificates.
    Own test cards: ``pkcs12`` replaces the certificates and keys that the files hold; ICCSN,
    Telematik-ID, profession and names are those of the certificates then.
    """

    type: CardType = "SMC-B"
    generation: CardGeneration = "G2.1"
    iccsn: Iccsn | None = None
    telematik_id: TelematikId | None = None
    title: Text | None = Field(default=None, description="HBA: akademischer Titel")
    given_name: Text | None = Field(default=None, description="HBA, EGK, KVK: Vorname")
    surname: Text | None = Field(default=None, description="HBA, EGK, KVK: Nachname")
    kvnr: str | None = Field(default=None, pattern=r"^[A-Z][0-9]{9}$", description="EGK")
    insurer: Text | None = Field(default=None, description="EGK: Name der Kasse")
    inserted: bool = Field(
        default=True, description="steckt im einzigen Terminal; sonst liegt sie daneben"
    )
    lanr: str | None = Field(default=None, pattern=r"^[0-9]{9}$")
    specialization: list[str] = Field(default=[], description="urn:psc:… oder urn:as:…")
    pins: dict[PinReference, Pin] = {}
    common_name: Text | None = Field(default=None, description="CN, ohne den Zusatz TEST-ONLY")
    profession_oid: Oid | None = Field(default=None, description="statt der Art des Standorts")
    profession_item: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    expired: bool = Field(default=False, description="die Zertifikate sind abgelaufen")
    expires_in: ExpiresIn = Field(default=None, description="Tage, bis die Zertifikate ablaufen")
    revoked: bool | list[CertificateName] = Field(
        default=False, description="gesperrt: alle Zertifikate, oder die genannten (C.QES RSA)"
    )
    pkcs12: list[OwnFile] = Field(default=[], max_length=16)
    in_directory: bool = Field(default=True, description="steht mit Zertifikaten im VZD")


class Terminal(Settings):
    """A card terminal; ``cards`` are the cards by slot, null is an empty slot.

    Cards of the site that are in no terminal lie beside. It stands at its ``workplaces``, by
    default at all of the site; the others reach it remotely.
    """

    name: str | None = None
    slots: int = Field(default=4, ge=1, le=64)
    cards: list[Name | None] = []
    workplaces: list[Identifier] | None = Field(
        default=None, description="Arbeitsplätze, an denen es steht; ohne Angabe an allen"
    )
    remote_pin_for: list[Identifier] = Field(
        default=[], description="Arbeitsplätze, die hier PINs für entfernte Karten eingeben"
    )
    condition: Literal["connected", "disconnected", "inactive", "silent"] = "connected"
    attended: bool = Field(
        default=True, description="jemand steckt und nimmt Karten, wenn das Terminal es verlangt"
    )
    remote_pin: bool = Field(default=True, description="mit gSMC-KT für Remote-PIN")
    expires_in: ExpiresIn = Field(default=None, description="Tage, bis die gSMC-KT abläuft")
    physical: bool = Field(default=True, description="false: das logische Terminal eines HSM")
