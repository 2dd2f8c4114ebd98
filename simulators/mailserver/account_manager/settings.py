"""What the Account Manager is told: trust of cards, codes of orders, certificates, directory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from simulators.process.settings import Settings, TlsIdentity


class RegistrationCode(Settings):
    """The code of an order, which opens a registration (referenceID and iniPassword).

    ``telematik_ids`` are the cards that may use it, all if there are none. ``bsnr`` is that of
    the practice that ordered: a doctor's account belongs to the KV of its practice.
    """

    reference_id: str = Field(min_length=1, max_length=256)
    initial_password: SecretStr | None = None
    telematik_ids: list[str] = []
    bsnr: str | None = Field(default=None, pattern=r"^[0-9]{9}$")


class DirectorySettings(Settings):
    """The directory's REST interface I_Directory_Application_Maintenance.

    ``url`` is its base address, ``ca`` what its certificate is checked with; the provider shows
    its own TLS certificate. ``fad`` names the provider in the directory, by default its domain.
    """

    url: str
    ca: Path
    fad: str | None = None
    timeout_seconds: float = Field(default=10, gt=0)

    @field_validator("url")
    @classmethod
    def _is_https(cls, url: str) -> str:
        if not url.startswith("https://"):
            raise ValueError(f"{url}: expected an https URL")
        return url.rstrip("/")


class AccountManagerSettings(Settings):
    """Settings of the Account Manager.

    ``trust`` are the authorities of cards, whose AUT certificates sign JWTs; with ``ocsp_url``
    their status is asked there (``ocsp_signers``: further signers of answers). Cards sign with
    ``jwt_algorithms``; the specification names PS256 alone (A_19457-02), the others are
    unconfirmed: ES256 (P-256) and BP256R1 (brainpoolP256r1, gematik's name). A JWT may begin
    ``jwt_tolerance_seconds`` in the future. ``authority`` issues client certificates for
    ``certificate_days`` (unconfirmed); without it createCert answers 502. Without ``directory``
    nothing is written there.

    ``first_certificate`` lets an account that never had a certificate fetch its first one
    without: unconfirmed, it follows from A_19457-02, for nobody else could ever get one.
    Virtual days: ``deregistration_days`` until a deregistered account ends, ``otp_days`` for
    which an OTP holds.
    """

    trust: Path
    ocsp_url: str | None = None
    ocsp_signers: Path | None = None
    codes: list[RegistrationCode] = Field(default=[], max_length=10_000)
    jwt_algorithms: list[Literal["PS256", "ES256", "BP256R1"]] = ["PS256", "ES256", "BP256R1"]
    jwt_tolerance_seconds: int = Field(default=60, ge=0, le=3600)
    authority: TlsIdentity | None = None
    certificate_days: int = Field(default=1095, ge=1, le=3650)
    directory: DirectorySettings | None = None
    first_certificate: bool = True
    deregistration_days: int = Field(default=30, ge=1, le=365)
    otp_days: int = Field(default=7, ge=1, le=365)
