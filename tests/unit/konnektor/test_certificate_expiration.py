"""TUC_KON_033 and TUC_KON_034 on a card that is pulled while it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.konnektor.cards.cards import Cards
from simulators.konnektor.certificates.expiration import of_card
from simulators.konnektor.faults import Code, KonnektorFault
from simulators.konnektor.settings import KonnektorSettings
from simulators.process.clock import Clock
from simulators.process.randomness import Randomness
from tests.konnektor_site import SMCB, site_pki, site_settings


def test_a_card_that_is_pulled_meanwhile(pki_cache: Path, tmp_path: Path) -> None:
    pki = site_pki(pki_cache)
    settings = KonnektorSettings.model_validate(
        {"name": "konnektor", "data_dir": tmp_path, **site_settings(pki, ocsp_url=None)}
    )
    cards = Cards(settings, Clock(), Randomness(1, "konnektor"))
    card = cards.by_iccsn(SMCB)
    assert card is not None
    assert of_card(card, "ECC").iccsn == SMCB
    cards.remove(SMCB)
    with pytest.raises(KonnektorFault) as caught:
        of_card(card, "ECC")
    assert caught.value.trace.code == Code.NO_CARD_FOR_HANDLE
