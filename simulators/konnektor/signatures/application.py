"""The signature application of the Konnektor (SAK): what it is told, and what runs in it."""

from __future__ import annotations

from simulators.process.clock import Clock
from simulators.process.journal import Journal
from simulators.process.randomness import Randomness

from ..faults import Code, fault
from .card_signer import CardSigners
from .comfort import ComfortSignatures
from .jobs import Jobs
from .settings import SignatureSettings


class SignatureApplication:
    """Settings in force, jobs, comfort sessions and card signers.

    The administrator may change the settings at run time (control API); /reset takes back what
    was changed.
    """

    def __init__(
        self, settings: SignatureSettings, clock: Clock, journal: Journal, random: Randomness
    ) -> None:
        self._configured = settings
        self.settings = settings
        self.jobs = Jobs(random)
        self.comfort = ComfortSignatures(clock, journal)
        self.signers = CardSigners()

    def change(self, settings: SignatureSettings) -> None:
        """Let *settings* be in force; comfort sessions end where the function is switched off."""
        self.settings = settings
        if not settings.comfort_signature:
            self.comfort.switch_off()

    def forget(self) -> None:
        """Forget what a boot forgets: job numbers and comfort sessions, not what was set."""
        self.jobs.reset()
        self.comfort.reset()

    def reset(self) -> None:
        """Go back to the start."""
        self.forget()
        self.settings = self._configured
        self.signers.defective.clear()

    def require_comfort(self) -> None:
        """Raise the fault 4263 when the comfort signature is not switched on."""
        if not self.settings.comfort_signature:
            raise fault(Code.COMFORT_OFF)
