"""A reboot of the Konnektor (gemSpec_Kon TIP1-A_4507, 4613), while its process goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .konnektor import Konnektor


class Boot:
    """Whether the Konnektor is booting: then nothing of it can be reached (TIP1-A_4507).

    Connections with a call under way end without an answer, and what waits at a terminal ends.
    A boot forgets what is not on cards or disks: subscriptions, card sessions with their raised
    states, handles, comfort sessions, answers of OCSP. It keeps the PINs on the cards and the
    sinks, which are told BOOTUP/BOOTUP_COMPLETE at its end.
    """

    def __init__(self, konnektor: Konnektor) -> None:
        self._konnektor = konnektor
        self._end: asyncio.TimerHandle | None = None
        self.under_way = False
        self.number = 0
        """How often it was booted: a call that began before the latest boot gets no answer."""

    def begin(self, seconds: float | None) -> None:
        """Boot for *seconds* of real time, without them until ``complete`` is called."""
        konnektor = self._konnektor
        self._cancel()
        self.under_way = True
        self.number += 1
        konnektor.process.journal.record("Reboot", peer="control")
        konnektor.events.forget_subscriptions()
        konnektor.forget_sessions()
        if seconds == 0:
            self.complete()
        elif seconds is not None:
            self._end = asyncio.get_running_loop().call_later(seconds, self.complete)

    def complete(self) -> None:
        """Be there again, and say so; nothing where no boot is under way."""
        self._cancel()
        if not self.under_way:
            return
        self.under_way = False
        self.announce()

    def announce(self) -> None:
        """Tell every sink that was kept that the Konnektor has started."""
        self._konnektor.process.journal.record("BootupComplete")
        self._konnektor.events.boot_complete()

    def reset(self) -> None:
        """Be there, without telling anybody."""
        self._cancel()
        self.under_way = False

    def _cancel(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
