"""Settings of a Konnektor: connection, make, information model, cards and PINs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from simulators.makes.make import Authentication, Make
from simulators.pki.rsa_end import RsaEndsOrWord
from simulators.process.settings import (
    Listener,
    Listeners,
    ProcessSettings,
    Settings,
    TlsIdentity,
)

from .events.settings import EventSettings
from .information_model import InformationModel, Pin, PinReference, check_references
from .signatures.settings import SignatureSettings

Generation = Literal["PTV5", "PTV6"]
COMFORT_NEEDS_AUTHENTICATION = (
    "signatures.comfort_signature: needs authentication 'certificate' or 'basic' (TAB_KON_852)"
)


class KonnektorListeners(Listeners):
    """Where the Konnektor listens: SOAP and service directory, LDAP proxy, control port."""

    soap: Listener = Listener()
    ldap: Listener = Listener()


class Upstream(Settings):
    """The directory behind the LDAP proxy: ``ldaps://host:port`` and the trust for it."""

    url: str
    ca: Path | None = None


class KonnektorSettings(ProcessSettings):
    """Everything a Konnektor is told.

    ``authentication`` names how Clientsysteme connect (gemSpec_Kon TIP1-A_4516): TLS with
    client certificate, TLS with Basic, TLS alone, or nothing mandatory: plain HTTP, and TLS on the
    same port if ``tls`` is given. ``directory_open`` (ANCL_DVD_OPEN): the service directory is
    there for everybody, by plain HTTP too; else it is guarded as the services are. ``trust``
    holds the CAs of the cards as a TSL does, ``client_ca`` those of client certificates.
    ``ocsp_url`` is asked for every status, whatever address a certificate names; without it the
    Konnektor is offline (1039). ``ocsp_signers`` are further signers of OCSP answers that are
    believed, as a TSL lists them. ``imported_cas`` (CERT_IMPORTED_CA_LIST) are CAs outside the TI:
    whom they certify can be encrypted for, nothing else (TIP1-A_5433). ``gsmck_iccsn`` is the
    ICCSN of its own card; without it one follows from the seed. ``pins`` is keyed by ICCSN and
    PIN reference; a PIN that is not named is VERIFIABLE and entered correctly.
    ``rsa_ends``: days from which RSA is refused, by the virtual clock (``ti``: those of the TI);
    without them RSA stays possible. ``pin_timeout`` is how long a manual entry is waited for, in
    seconds. ``signatures``: QES, comfort signature, limits.
    """

    listeners: KonnektorListeners = KonnektorListeners()
    tls: TlsIdentity | None = None
    authentication: Authentication = "certificate"
    client_ca: Path | None = None
    directory_open: bool = True
    trust: Path
    imported_cas: Path | None = None
    gsmck_iccsn: str | None = Field(default=None, pattern=r"^80276[0-9]{15}$")
    ocsp_url: str | None = None
    ocsp_signers: Path | None = None
    ocsp_timeout: float = Field(default=10, ge=0.1, le=120)
    ocsp_grace: float = Field(default=600, ge=0, le=1200)
    vzd: Upstream | None = None
    generation: Generation = "PTV6"
    make: Make = Make()
    rsa_ends: RsaEndsOrWord | None = None
    information_model: InformationModel = InformationModel()
    pins: dict[str, dict[PinReference, Pin]] = {}
    pin_timeout: float = Field(default=30, gt=0, le=600)
    signatures: SignatureSettings = SignatureSettings()
    events: EventSettings = EventSettings()

    @model_validator(mode="after")
    def _complete(self) -> KonnektorSettings:
        if self.authentication != "none" and self.tls is None:
            raise ValueError(f"tls: needed for authentication {self.authentication!r}")
        if self.authentication not in self.make.modes:
            known = ", ".join(self.make.modes)
            raise ValueError(f"authentication: this make knows only {known}")
        if self.authentication == "certificate" and self.client_ca is None:
            raise ValueError("client_ca: needed for authentication 'certificate'")
        if self.signatures.comfort_signature and not self.authenticates:
            raise ValueError(COMFORT_NEEDS_AUTHENTICATION)
        check_references(self.information_model)
        return self

    @property
    def authenticates(self) -> bool:
        """Whether client systems must use TLS and prove who they are."""
        return self.authentication in ("certificate", "basic")
