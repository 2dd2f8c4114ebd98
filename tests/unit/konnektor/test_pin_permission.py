"""PIN.QES typed for one run serves that run alone, however closely another one follows."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from simulators.konnektor.access.check import Grant
from simulators.konnektor.access.relations import Context, Relations
from simulators.konnektor.cards import cards as cards_module
from simulators.konnektor.cards.announcements import Announcements
from simulators.konnektor.cards.cards import Cards
from simulators.konnektor.cards.pin_entry import PinEntries
from simulators.konnektor.cards.pins import PinPads, PinRules
from simulators.konnektor.settings import KonnektorSettings
from simulators.konnektor.signatures.comfort import QES_PIN
from simulators.konnektor.signatures.jobs import Job
from simulators.konnektor.signatures.permission import PinPermission
from simulators.konnektor.signatures.settings import SignatureSettings
from simulators.makes.make import Make
from simulators.pki.cards import Card
from simulators.process.clock import Clock
from simulators.process.journal import Journal
from simulators.process.randomness import Randomness

HBA = "80276000000000000037"


class World:
    """A terminal with an HBA, and permissions for runs in one session of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
        settings = KonnektorSettings.model_validate(
            {
                **{"name": "k", "data_dir": ".", "trust": "t", "authentication": "none"},
                "information_model": {
                    "mandanten": [
                        {
                            **{"id": "m", "clientsystems": ["c"], "workplaces": ["w"]},
                            "terminals": ["t"],
                            "access": [{"clientsystem": "c", "workplaces": ["w"]}],
                        }
                    ],
                    "clientsystems": [{"id": "c"}],
                    "workplaces": [{"id": "w", "local_terminals": ["t"]}],
                    "terminals": [{"id": "t", "cards": [{"slot": 1, "card": "x"}]}],
                },
                "pins": {HBA: {"PIN.QES": {"entry": entry}}},
            }
        )
        card = Card("HBA", "G2.1", HBA, "1-2", "Dr. Eva Müller", {})
        monkeypatch.setattr(cards_module, "read_card", lambda _: card)
        cards = Cards(settings, Clock(), Randomness(1, "k"))
        self.entries = PinEntries(Journal("k", "konnektor", Clock()), 60)
        self.typed = 0
        announcements = Announcements(self._emit)
        relations = Relations(settings.information_model)
        pads = PinPads(relations, cards, self.entries, announcements, PinRules.of(Make()))
        self._konnektor: Any = SimpleNamespace(
            pads=pads, settings=settings, sak=SimpleNamespace(settings=SignatureSettings())
        )
        inserted = cards.by_iccsn(HBA)
        assert inserted is not None
        self.session = inserted.session(Context("m", "c", "w", "eva"))
        self._grant = Grant("m", "c", "w", "eva", inserted, self.session)

    def _emit(self, topic: str, parameters: Any, **_: Any) -> None:
        self.typed += topic.endswith("FINISHED") and parameters["Result"] == "OK"

    def permission(self, number: str) -> tuple[PinPermission, Job]:
        job = Job(number)
        return PinPermission(self._konnektor, self._grant, job, {}), job


def test_a_run_that_comes_as_the_pin_is_typed_asks_for_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, "correct")

    async def both() -> None:
        async def follow() -> None:
            await asyncio.sleep(0)  # until the first one's digits are with the card
            await world.permission("ABC-002")[0].obtain()

        await asyncio.gather(world.permission("ABC-001")[0].obtain(), follow())

    asyncio.run(both())
    assert world.typed == 2
    assert QES_PIN not in world.session.verified


@pytest.mark.parametrize("steps", range(5))
def test_a_pin_that_is_typed_as_the_run_is_stopped_serves_nobody(
    monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    world = World(monkeypatch, "manual")

    async def stopped() -> None:
        permission, job = world.permission("ABC-001")
        obtaining = asyncio.create_task(permission.obtain())
        for _ in range(2):  # the entry is a task of its own
            await asyncio.sleep(0)
        number = next(iter(world.entries.pending())).id
        job.stop()
        for _ in range(steps):
            await asyncio.sleep(0)
        world.entries.type(number, "123456")
        await asyncio.gather(obtaining, return_exceptions=True)

    asyncio.run(stopped())
    assert QES_PIN not in world.session.verified
