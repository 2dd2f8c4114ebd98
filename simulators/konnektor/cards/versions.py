"""CardVersion: which operating and object system a card has, by its generation.

Client systems tell by the object system whether a card has ECC: from 4.4.0 on it is generation
2.1. The numbers are those of gematik's product types (gemProdT_COS, gemProdT_eGK_ObjSys): the last
one before generation 2.1, and the first one of it; those of single cards vary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from simulators.pki.request import Generation

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class CardVersion:
    """What the schema requires of CardVersion: COSVersion and ObjectSystemVersion."""

    cos: Version
    object_system: Version

    def __str__(self) -> str:
        """Return it as CARD/INSERTED tells it; the form is one real Konnektor's (unconfirmed)."""
        return f"COSVERSION {_dotted(self.cos)}, OBJECTSYSTEMVERSION {_dotted(self.object_system)}"


_BY_GENERATION: Mapping[Generation, CardVersion] = MappingProxyType(
    {
        "G2.0": CardVersion(cos=(4, 3, 1), object_system=(4, 3, 2)),
        "G2.1": CardVersion(cos=(4, 4, 0), object_system=(4, 4, 0)),
    }
)


def version_of(generation: Generation) -> CardVersion:
    """Return the CardVersion of a card of *generation*."""
    return _BY_GENERATION[generation]


def _dotted(version: Version) -> str:
    return ".".join(str(part) for part in version)
