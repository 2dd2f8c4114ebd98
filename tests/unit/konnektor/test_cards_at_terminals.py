"""Handles, PINs on a card, entries that nobody makes, and what is told of it all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulators.konnektor.access.check import Grant
from simulators.konnektor.access.relations import Context, Relations
from simulators.konnektor.cards import cards as cards_module
from simulators.konnektor.cards.announcements import Announcements
from simulators.konnektor.cards.card_pins import pin_references, pins_of
from simulators.konnektor.cards.cards import Cards
from simulators.konnektor.cards.handles import Handles
from simulators.konnektor.cards.inserted_card import InsertedCard
from simulators.konnektor.cards.pin_entry import PinEntries, Prompt
from simulators.konnektor.cards.pins import PinPads, PinRules
from simulators.konnektor.faults import KonnektorFault
from simulators.konnektor.information_model import Pin
from simulators.konnektor.settings import KonnektorSettings
from simulators.makes.make import Make
from simulators.pki.cards import Card
from simulators.process.clock import Clock
from simulators.process.journal import Journal
from simulators.process.randomness import Randomness

SMB = "80276000000000000011"
CARD = Card("SMC-B", "G2.1", SMB, "1-2", "Praxis", {})
EGK = Card("EGK", "G2.1", "80276000000000000012", "", "Eva", {}, "X110411675")


def test_a_handle_is_not_used_again_for_48_hours() -> None:
    clock, random = Clock(), Randomness(1, "k")
    handles = Handles(clock, random)
    first = handles.new(CARD)
    handles.end(first)
    random.reset()  # the same stream again
    assert handles.new(CARD) != first
    clock.set(datetime.now(UTC) + timedelta(hours=47))
    random.reset()
    assert handles.new(CARD) != first
    clock.set(datetime.now(UTC) + timedelta(hours=49))
    random.reset()
    assert handles.new(CARD) == first


def test_a_living_handle_is_never_given_twice() -> None:
    clock, random = Clock(), Randomness(1, "k")
    handles = Handles(clock, random)
    first = handles.new(CARD)
    clock.set(datetime.now(UTC) + timedelta(days=100))
    random.reset()
    assert handles.new(CARD) != first


@pytest.mark.parametrize(
    ("kind", "generation", "expected"),
    [
        ("SMC-B", "G2.1", {"PIN.SMC"}),
        ("HSM-B", "G2.1", {"PIN.SMC"}),
        ("HBA", "G2.1", {"PIN.CH", "PIN.QES"}),
        ("KVK", "G2.1", set()),
        ("UNKNOWN", "G2.1", set()),
    ],
)
def test_pins_of_card_types(kind: Any, generation: Any, expected: set[str]) -> None:
    assert set(pin_references(Card(kind, generation, "1", "", "", {}))) == expected


def test_pins_of_an_egk() -> None:
    old = Card("EGK", "G2.0", "1", "", "", {})
    assert set(pin_references(old)) - set(pin_references(EGK)) == {"MRPIN.DPE_READ"}
    pins = pins_of(EGK, {"PIN.CH": Pin(value="111111"), "MRPIN.GDD": Pin(state="DISABLED")})
    assert pins["MRPIN.NFD"].secret is pins["PIN.CH"].secret
    assert pins["MRPIN.GDD"].state == "DISABLED"
    assert pins["PIN.CH"].state == pins["MRPIN.NFD"].state == "VERIFIABLE"
    assert [pins["MRPIN.NFD"].secret.try_pin("000000") for _ in range(3)][-1] == "NOWBLOCKED"
    assert {pin.state for pin in pins.values()} == {"BLOCKED"}


class World:
    """A Workplace with one terminal and one SM-B whose PIN is typed by hand."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        timeout: float,
        make: Make | None = None,
        **terminal: object,
    ) -> None:
        model = {
            "mandanten": [{"id": "m", "terminals": ["t"], "cards": [SMB]}],
            "workplaces": [{"id": "w", "local_terminals": ["t"]}],
            "terminals": [
                {"id": "t", "name": "Empfang", "cards": [{"slot": 1, "card": "smb"}], **terminal},
            ],
        }
        settings = KonnektorSettings.model_validate(
            {
                **{"name": "k", "data_dir": ".", "trust": "t", "authentication": "none"},
                "information_model": model,
                "pins": {SMB: {"PIN.SMC": {"entry": "manual"}}},
            }
        )
        monkeypatch.setattr(cards_module, "read_card", lambda _: CARD)
        self.told: list[tuple[str, dict[str, str]]] = []
        self.cards = Cards(settings, Clock(), Randomness(1, "k"))
        self.entries = PinEntries(Journal("k", "konnektor", Clock()), timeout)
        self.announcements = Announcements(self._emit)
        self.cards.watch(self.announcements.card)
        relations = Relations(settings.information_model)
        rules = PinRules.of(make or Make())
        self.pads = PinPads(relations, self.cards, self.entries, self.announcements, rules)

    def _emit(
        self,
        topic: str,
        parameters: Mapping[str, str],
        *,
        card: InsertedCard | None = None,
        terminal: str | None = None,
    ) -> None:
        assert (card is None) != (terminal is None)
        self.told.append((topic, dict(parameters)))

    def grant(self) -> Grant:
        card = self.cards.by_iccsn(SMB)
        assert card is not None
        context = Context("m", "c", "w")
        return Grant("m", "c", "w", None, card, card.session(context))


def test_an_entry_that_nobody_makes_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, timeout=0.01)
    with pytest.raises(KonnektorFault, match="4043"):
        asyncio.run(world.pads.enter(world.grant(), "PIN.SMC"))
    assert not list(world.entries.pending())
    assert not world.cards.terminals["t"].busy
    assert [told["Result"] for topic, told in world.told if "FINISHED" in topic] == ["ERROR"]


def test_an_hsm_has_no_pin_pad(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 60, physical=False)
    with pytest.raises(KonnektorFault, match="4066"):
        asyncio.run(world.pads.change(world.grant(), "PIN.SMC"))


@pytest.mark.parametrize(("does", "left"), [("ok", 10), ("prompt", 9)])
def test_a_make_unblocks_what_is_not_blocked(
    monkeypatch: pytest.MonkeyPatch, does: Any, left: int
) -> None:
    world = World(monkeypatch, 60, Make(unblock_open_pin=does))
    world.cards.pins(SMB)["PIN.SMC"].entry = "correct"
    entered = asyncio.run(world.pads.unblock(world.grant(), "PIN.SMC", new_pin=False))
    assert entered.result == "OK"
    assert world.cards.pins(SMB)["PIN.SMC"].secret.puk_uses == left


def test_a_call_that_is_given_up_leaves_the_terminal_free(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, timeout=60)

    async def give_up() -> None:
        call = asyncio.create_task(world.pads.change(world.grant(), "PIN.SMC"))
        await asyncio.sleep(0)  # until it waits for the digits
        assert list(world.entries.pending())
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(give_up())
    card = world.cards.by_iccsn(SMB)
    assert card is not None
    assert not card.is_reserved
    assert not world.cards.terminals["t"].busy
    assert not list(world.entries.pending())


@pytest.mark.parametrize(
    ("entry", "result"), [("correct", "OK"), ("wrong", "REJECTED"), ("abort", "ERROR")]
)
def test_what_is_told_of_a_pin(monkeypatch: pytest.MonkeyPatch, entry: Any, result: str) -> None:
    world = World(monkeypatch, timeout=60)
    card = world.cards.by_iccsn(SMB)
    assert card is not None
    card.pins["PIN.SMC"].entry = entry
    try:
        asyncio.run(world.pads.enter(world.grant(), "PIN.SMC"))
    except KonnektorFault:
        assert entry == "abort"
    expected = {
        "CardHandle": card.handle, "CardType": "SMC-B", "ICCSN": SMB, "CtID": "t", "SlotID": "1",
        "PinRef": "PIN.SMC", "PinInputCtID": "t",
    }  # fmt: skip
    assert world.told == [
        ("CARD/PIN/VERIFY_STARTED", expected),
        ("CARD/PIN/VERIFY_FINISHED", {**expected, "Result": result}),
    ]


def test_what_is_told_of_a_blocked_and_of_a_changed_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, timeout=60)
    pin = world.cards.pins(SMB)["PIN.SMC"]
    pin.entry = "correct"
    asyncio.run(world.pads.change(world.grant(), "PIN.SMC"))
    pin.entry = "wrong"
    for _ in range(4):  # the fourth is not asked for any more
        asyncio.run(world.pads.enter(world.grant(), "PIN.SMC"))
    topics = [topic for topic, _ in world.told]
    assert topics[:2] == ["CARD/PIN/CHANGE_STARTED", "CARD/PIN/CHANGE_FINISHED"]
    assert "Result" not in world.told[1][1]
    results = [told["Result"] for topic, told in world.told if topic.endswith("VERIFY_FINISHED")]
    assert results == ["REJECTED", "REJECTED", "BLOCKED"]


def test_what_is_told_of_cards_and_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, timeout=60)
    world.cards.remove(SMB)
    world.cards.insert(SMB)
    world.announcements.terminal(world.cards.terminals["t"].settings, connected=False)
    topics = [topic for topic, _ in world.told]
    assert topics == ["CARD/REMOVED", "CARD/INSERTED", "CT/DISCONNECTED"]
    assert world.told[0][1]["CardHandle"] != world.told[1][1]["CardHandle"]
    assert world.told[1][1]["CardHolderName"] == "Praxis"
    assert world.told[2][1] == {"CtID": "t", "Hostname": "Empfang"}


def test_what_is_told_of_an_egk(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, timeout=60)
    egk = InsertedCard("h", EGK, pins_of(EGK, {}), at=datetime.now(UTC), terminal="t", slot=2)
    world.announcements.card("INSERTED", egk)
    assert world.told[0][1]["KVNR"] == "X110411675"


def test_a_prompt_of_a_pulled_card(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, timeout=60)
    card = world.cards.by_iccsn(SMB)
    assert card is not None
    world.cards.watch(lambda _, gone: world.entries.card_pulled(gone))

    async def pull() -> None:
        prompt = Prompt(card, "PIN.SMC", "VERIFY", "t", "PIN")
        typing = asyncio.create_task(world.entries.digits(prompt))
        await asyncio.sleep(0)  # until it waits for the digits
        assert list(world.entries.pending())
        world.cards.remove(SMB)
        assert not world.entries.type("1", "123456")
        with pytest.raises(KonnektorFault, match="4008"):
            await typing

    asyncio.run(pull())
