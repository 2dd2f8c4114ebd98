"""What differs between makes of Konnektoren."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from simulators.process.settings import Settings


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
