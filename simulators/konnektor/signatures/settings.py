"""What the administrator sets about signatures (gemSpec_Kon TAB_KON_596, TAB_KON_658)."""

from __future__ import annotations

from pydantic import Field

from simulators.process.settings import Settings


class SignatureSettings(Settings):
    """The signature application of the Konnektor (SAK).

    ``qes`` (MGM_LU_SAK): without it a QES is answered with 4125. ``comfort_signature``
    (SAK_COMFORT_SIGNATURE) switches the comfort signature on, which needs TLS and authentication
    of the client systems; ``comfort_max`` and ``comfort_hours`` (SAK_COMFORT_SIGNATURE_MAX and
    _TIMER) bound one comfort session in signatures and hours, ``comfort_sessions`` how many of
    them an HBA has at once (A_22344: at least two). ``signatures_per_pin`` is how many signatures
    the HBA makes after one entry of PIN.QES: a longer stack asks for the PIN again, and the
    comfort sessions of one HBA share them.

    Unconfirmed, hence a setting: ``stopped`` is the code of a SignDocument that StopSignature
    ends before anything was finished (4049 stands in TAB_KON_872, where nobody types a PIN).
    """

    qes: bool = True
    comfort_signature: bool = False
    comfort_max: int = Field(default=100, ge=1, le=250)
    comfort_hours: int = Field(default=6, ge=1, le=24)
    comfort_sessions: int = Field(default=4, ge=2, le=250)
    signatures_per_pin: int = Field(default=250, ge=1, le=250)
    stopped: int = 4049
