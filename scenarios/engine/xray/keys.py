"""What the viewer has besides the bytes: keys that open envelopes, names behind certificates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulators.formats.certificates import CertificateId


class NotOpened(Exception):
    """Nobody at hand can open the envelope; the message is one German line."""


@dataclass(frozen=True)
class Opened:
    """What an envelope held, and whose card opened it."""

    entity: bytes
    by: str


Open = Callable[[bytes, Sequence[str]], Opened]
Owners = Callable[[Sequence[str]], Mapping[CertificateId, str]]


def _closed(_cms: bytes, _addresses: Sequence[str]) -> Opened:
    raise NotOpened("ohne Schlüssel; --run-dir nennt eine laufende Welt, deren Karten öffnen")


def _unknown(_addresses: Sequence[str]) -> Mapping[CertificateId, str]:
    return {}


@dataclass(frozen=True)
class Keys:
    """The two questions an X-ray asks of a world.

    ``open`` is given a CMS and the addresses that it names, and raises NotOpened; ``owners``
    returns who in the directory owns which certificate, of the addresses given.
    """

    open: Open = _closed
    owners: Owners = _unknown
