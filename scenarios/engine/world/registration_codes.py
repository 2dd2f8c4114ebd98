"""Codes of orders, with which the sites of a world register addresses at a provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .cards import PATIENT
from .identities import Identities
from .model import Site

WITH_BSNR = ("practice", "psychotherapist")


@dataclass(frozen=True)
class RegistrationCode:
    """A code (referenceID) with its first password, and the cards of the site that ordered it.

    ``bsnr`` is that of a practice: it says to which KV an address of its doctors belongs.
    """

    reference_id: str
    initial_password: str
    telematik_ids: tuple[str, ...]
    bsnr: str | None

    def settings(self) -> dict[str, Any]:
        """Return the code as the provider's settings have it."""
        return {
            "reference_id": self.reference_id,
            "initial_password": self.initial_password,
            "telematik_ids": list(self.telematik_ids),
            "bsnr": self.bsnr,
        }


def registration_code(
    domain: str, name: str, site: Site, identities: Identities
) -> RegistrationCode:
    """Return the code of the site *name* at the provider *domain*; it follows from the seed."""
    place = f"{domain}/{name}"
    cards = [
        identities.cards[name, card_name].telematik_id
        for card_name, card in site.cards.items()
        if card.type not in PATIENT
    ]
    number = identities.domain_ids(name, site.kind, site.domain_ids)[0]
    return RegistrationCode(
        reference_id=identities.password(f"registration/{place}")[:12].upper(),
        initial_password="Aa1!" + identities.password(f"initial-password/{place}"),
        telematik_ids=tuple(cards),
        bsnr=number if site.kind in WITH_BSNR else None,
    )
