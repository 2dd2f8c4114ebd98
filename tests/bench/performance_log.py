"""What a client module spends its time with, from its own performance log (KOM-LE-A_2088)."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path

WHOLE = frozenset({"Login", "Send", "Retrieve"})
"""The actions that client systems wait for; all others happen within them."""
KINDS = {
    "cryptography": ("SignDocument", "EncryptDocument", "DecryptDocument", "VerifyDocument"),
    "soap": (
        *("GetCards", "GetPinStatus", "VerifyPin", "GetJobNumber", "ReadCardCertificate"),
        *("VerifyCertificate", "GetCardTerminals", "ServiceDirectory"),
    ),
    "ldap": ("LdapSearch",),
    "provider": ("Auth", "Transmit", "DeliveryReport", "getLimits", "ServiceDiscovery"),
    "tls": ("Connect",),
}
"""What an action counts as. Two at the same time: as the one that stands further up."""
REST = "rest"

_ORDER = {action: kind for kind, actions in KINDS.items() for action in actions}
Span = tuple[datetime, datetime, str]


class PerformanceLog:
    """The entries that are written to *directory* from now on."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen = {path: path.stat().st_size for path in self._files()}

    def shares(self) -> dict[str, float]:
        """Return the share of each kind, and of the rest, in the time that client systems wait."""
        whole: dict[str, list[Span]] = defaultdict(list)
        parts: dict[str, list[Span]] = defaultdict(list)
        for number, span in self._spans():
            if span[2] in WHOLE:
                whole[number].append(span)
            elif span[2] in _ORDER:
                parts[number].append(span)
        seconds: dict[str, float] = defaultdict(float)
        for number, spans in whole.items():
            for span in spans:
                for kind, taken in _divided(span, parts[number]).items():
                    seconds[kind] += taken
        total = sum(seconds.values()) or 1.0
        return {kind: seconds[kind] / total for kind in (*KINDS, REST)}

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob("performance-*.log"))

    def _spans(self) -> list[tuple[str, Span]]:
        found = []
        for path in self._files():
            with path.open(encoding="utf-8") as file:
                file.seek(self._seen.get(path, 0))
                for line in file:
                    number, action, start, end, *_ = line.split("\t")
                    span = (datetime.fromisoformat(start), datetime.fromisoformat(end), action)
                    found.append((number, span))
        return found


def _divided(whole: Span, parts: list[Span]) -> dict[str, float]:
    """Return the seconds of each kind within *whole*; every moment counts once."""
    begin, end, _ = whole
    moments = sorted({begin, end, *(m for p in parts for m in p[:2] if begin < m < end)})
    kinds = list(KINDS)
    seconds: dict[str, float] = defaultdict(float)
    for start, stop in pairwise(moments):
        running = [_ORDER[action] for a, b, action in parts if a <= start and stop <= b]
        kind = min(running, key=kinds.index) if running else REST
        seconds[kind] += (stop - start).total_seconds()
    return seconds
