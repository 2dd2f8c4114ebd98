"""Cards that SignDocument refuses by their type."""

from __future__ import annotations

from tests.konnektor_site import ENVELOPING, document
from tests.wire.konnektor.cards.practice import EGK, UNREADABLE, Practice


def test_cards_that_sign_nothing(practice: Practice) -> None:
    assert practice.sign(EGK, document(b"x"), ENVELOPING).code == 4126
    assert practice.sign(UNREADABLE, document(b"x"), ENVELOPING).code == 4126
