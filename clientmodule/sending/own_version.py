"""The client module's own KIM version beside the one in the directory (A_21387-01)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from simulators.process.clock import Clock

from ..caches import TimedCache
from ..directory import KimVersion

AGAIN: Final = timedelta(hours=24)
"""As long as a version may be cached (A_22340), so long nothing is said or written twice."""


class OwnVersion:
    """What was said to whom about the version of this client module, of the given *release*."""

    def __init__(self, release: str, clock: Clock) -> None:
        major, minor = re.findall(r"\d+", release)[:2]
        self.number = int(major), int(minor)
        self._told: TimedCache[tuple[str, KimVersion], bool] = TimedCache(clock, AGAIN)
        self._written: TimedCache[tuple[str, KimVersion], bool] = TimedCache(clock, AGAIN)

    def forget(self) -> None:
        """Have everything said and written again."""
        self._told.clear()
        self._written.clear()

    def is_outdated(self, address: str, listed: KimVersion) -> bool:
        """Tell whether the holder of *address*, *listed* with that version, is to be told now."""
        return self.number < listed.number[:2] and _first(self._told, address, listed)

    def is_news(self, address: str, listed: KimVersion, *, user: str | None) -> KimVersion | None:
        """Return the version to be written over the one *listed*, None if there is none now.

        Who tried it without a *user* (UserId) may have had no card to do it with. The consent to
        large mails is the holder's and stays what it is.
        """
        tried = f"{address}#{user or ''}"
        if self.number <= listed.number[:2] or not _first(self._written, tried, listed):
            return None
        return KimVersion(self.number, listed.large_mails)


def _first(
    cache: TimedCache[tuple[str, KimVersion], bool], address: str, listed: KimVersion
) -> bool:
    key = address.lower(), listed
    if cache.get(key):
        return False
    cache.put(key, True)
    return True
