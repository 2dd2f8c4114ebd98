"""Comfort sessions by themselves: runs under way when a session ends, and what is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from simulators.konnektor.access.relations import Context
from simulators.konnektor.cards.inserted_card import CardSession, InsertedCard
from simulators.konnektor.faults import Code, KonnektorFault
from simulators.konnektor.settings import KonnektorSettings
from simulators.konnektor.signatures.comfort import QES_PIN, ComfortSignatures
from simulators.konnektor.signatures.settings import SignatureSettings
from simulators.pki.cards import Card
from simulators.process.clock import Clock
from simulators.process.journal import Journal

LIMIT = 250


class World:
    """An HBA with the session of one user, and a clock."""

    def __init__(self, **settings: int) -> None:
        self.clock = Clock()
        self.comfort = ComfortSignatures(self.clock, Journal("konnektor", "konnektor", self.clock))
        self.settings = SignatureSettings(comfort_signature=True, **settings)  # type: ignore[arg-type]
        card = Card("HBA", "G2.1", "80276000000000000037", "1-2", "Dr. Eva Müller", {})
        self.card = InsertedCard("HBA-1", card, {}, at=self.clock.now(), terminal="t1", slot=1)

    def session(self, user: str) -> CardSession:
        return self.card.session(Context("m1", "cs1", "w1", user))

    def later(self, **time: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**time))

    def code(self, user: str) -> int | None:
        """Return the fault of a run with one signature, None where it needs PIN.QES."""
        try:
            with self.comfort.run(self.card, self.session(user)) as comfort:
                if comfort is not None:
                    self.comfort.count(comfort, LIMIT)
                    return 0
        except KonnektorFault as raised:
            return raised.trace.code
        return None


@pytest.fixture
def world() -> World:
    """Return an HBA with eva in comfort mode."""
    world = World()
    world.comfort.activate(world.card, world.session("eva"), world.settings)
    return world


def test_runs_finish_when_the_timer_ends(world: World) -> None:
    session = world.session("eva")
    with world.comfort.run(world.card, session) as comfort:
        assert comfort is not None
        world.later(hours=7)
        for _ in range(3):
            world.comfort.count(comfort, LIMIT)
        assert QES_PIN in session.verified
        assert world.code("eva") == Code.COMFORT_ABORTED
        assert world.code("eva") == Code.COMFORT_ABORTED  # the PIN is still that of the last run
    assert QES_PIN not in session.verified
    assert world.code("eva") is None


@pytest.mark.parametrize("end", ["deactivate", "pull", "lower"])
def test_runs_end_with_the_session_otherwise(world: World, end: str) -> None:
    session = world.session("eva")
    with world.comfort.run(world.card, session) as comfort:
        assert comfort is not None
        world.later(hours=7)  # even when the timer ended before
        match end:
            case "deactivate":
                world.comfort.deactivate(world.card)
                world.card.lower_state(QES_PIN)
            case "pull":
                world.card.present = False
            case "lower":
                world.card.lower_state(QES_PIN)
        with pytest.raises(KonnektorFault) as raised:
            world.comfort.count(comfort, LIMIT)
        assert raised.value.trace.code == Code.COMFORT_ABORTED


def test_two_runs_share_the_counter() -> None:
    world = World(comfort_max=3)
    session = world.session("eva")
    world.comfort.activate(world.card, session, world.settings)
    with (
        world.comfort.run(world.card, session) as first,
        world.comfort.run(world.card, session) as second,
    ):
        assert first is second is not None
        for _ in range(3):
            world.comfort.count(first, LIMIT)
        with pytest.raises(KonnektorFault):
            world.comfort.count(second, LIMIT)


def test_the_end_is_told_once(world: World) -> None:
    assert world.code("eva") == 0
    world.later(hours=7)
    assert [world.code("eva"), world.code("eva")] == [Code.COMFORT_ABORTED, None]


def test_a_deactivated_session_is_not_told(world: World) -> None:
    world.comfort.deactivate(world.card)
    world.card.lower_state(QES_PIN)
    assert world.code("eva") is None


def test_time_that_goes_back_ends_nothing(world: World) -> None:
    world.later(days=-1)
    assert world.code("eva") == 0


def test_others_are_in_no_comfort_mode(world: World) -> None:
    assert world.code("otto") is None
    assert world.comfort.of_card(world.card)[0].session is world.session("eva")


def test_needs_tls_and_authentication() -> None:
    told = {"name": "k", "data_dir": "k", "trust": "trust", "authentication": "none"}
    on = {"signatures": {"comfort_signature": True}}
    with pytest.raises(ValidationError, match="comfort_signature: needs authentication"):
        KonnektorSettings.model_validate(told | on)
    assert not KonnektorSettings.model_validate(told).authenticates


@pytest.mark.parametrize(
    "beyond", [{"comfort_max": 251}, {"comfort_hours": 25}, {"signatures_per_pin": 0}]
)
def test_limits_of_the_settings(beyond: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        SignatureSettings.model_validate(beyond)
