"""TUC_KON_000: every rule and code, in order, on a model without any certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulators.konnektor.access.check import AccessCheck, Target
from simulators.konnektor.access.relations import Context, Relations, WorkplaceRelations
from simulators.konnektor.cards import cards as cards_module
from simulators.konnektor.cards import inserted_card
from simulators.konnektor.cards.cards import Cards
from simulators.konnektor.faults import Code, KonnektorFault
from simulators.konnektor.settings import KonnektorSettings
from simulators.pki.cards import Card
from simulators.process.clock import Clock
from simulators.process.randomness import Randomness

MANAGED, OTHERS, STRAY = "smb-m1", "smb-m2", "smb-nobody"
CARDS = {
    MANAGED: ("SMC-B", "t1"),
    OTHERS: ("SMC-B", "t1"),
    STRAY: ("SMC-B", "t1"),
    "hba": ("HBA", "t1"),
    "hba-far": ("HBA", "t2"),
    "hba-foreign": ("HBA", "t3"),
    "egk": ("EGK", "t1"),
    "egk-remote": ("EGK", "t4"),
    "kvk-remote": ("KVK", "t4"),
    "smb-remote": ("HSM-B", "t2"),
    "odd": ("UNKNOWN", "t1"),
    "odd-far": ("UNKNOWN", "t2"),
}
MODEL: dict[str, Any] = {
    "mandanten": [
        {
            "id": "m1",
            "clientsystems": ["c1", "c2"],
            "workplaces": ["w1", "w2", "w3"],
            "terminals": ["t1", "t2", "t4"],
            "cards": [MANAGED, "smb-remote"],
            "access": [
                {"clientsystem": "c1", "workplaces": ["w1"]},
                {"clientsystem": "c2", "workplaces": ["w2"]},
            ],
        },
        {"id": "m2", "cards": [OTHERS]},
    ],
    "clientsystems": [{"id": name} for name in ("c1", "c2", "c3")],
    "workplaces": [
        {"id": "w1", "local_terminals": ["t1"], "remote_terminals": ["t4"]},
        {"id": "w2", "remote_terminals": ["t2"]},
        {"id": "w3"},
        {"id": "w4"},
    ],
    "terminals": [{"id": name, "slots": 20} for name in ("t1", "t2", "t3", "t4")],
}


class World:
    """An access check over cards that exist in name only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, specific: bool) -> None:
        model = {**MODEL, "terminals": [dict(t) for t in MODEL["terminals"]]}
        for index, (iccsn, (_, terminal)) in enumerate(CARDS.items(), start=1):
            entry = next(t for t in model["terminals"] if t["id"] == terminal)
            entry.setdefault("cards", []).append({"slot": index, "card": iccsn})
        settings = KonnektorSettings.model_validate(
            {
                "name": "k",
                "data_dir": ".",
                "trust": "t",
                "authentication": "none",
                "information_model": model,
            }
        )
        monkeypatch.setattr(cards_module, "read_card", _card)
        self.cards = Cards(settings, Clock(), Randomness(1, "k"))
        self.relations = Relations(settings.information_model)
        self.access = AccessCheck(self.relations, self.cards, specific_unknown=specific)

    def handle(self, iccsn: str) -> str:
        inserted = self.cards.by_iccsn(iccsn)
        assert inserted is not None
        return inserted.handle

    def code(
        self,
        context: Context | None = None,
        identity: frozenset[str] | None = None,
        **target: Any,
    ) -> int:
        """Return the code of the fault, 0 if access is granted."""
        if "card" in target:
            target["handle"] = self.handle(target.pop("card"))
        try:
            self.access.check(context or who(), Target(**target), identity)
        except KonnektorFault as fault:
            return fault.trace.code
        return 0


def _card(path: Path) -> Card:
    kind: Any = CARDS[path.name][0]
    return Card(kind, "G2.1", path.name, "1-2", "Holder", {})


def who(
    mandant: str | None = "m1",
    clientsystem: str | None = "c1",
    workplace: str | None = "w1",
    user: str | None = None,
) -> Context:
    return Context(mandant, clientsystem, workplace, user)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch, specific=False)


@pytest.mark.parametrize(
    ("context", "target", "code"),
    [
        (who(mandant=None), {}, 4021),
        (who(clientsystem=None), {}, 4021),
        (who(workplace=None), {}, 4021),
        (who(), {"handle": "gone"}, 4008),
        (who(), {"card": MANAGED, "all_workplaces": True}, 4019),
        (who(), {"card": "hba"}, 4003),
        (who(mandant="m9"), {}, 4021),
        (who(clientsystem="c9"), {}, 4021),
        (who(workplace="w9"), {}, 4021),
        (who(), {"terminal": "t9"}, 4007),
        (who(clientsystem="c3"), {}, 4010),
        (who(workplace="w4"), {}, 4011),
        (who(), {"terminal": "t3"}, 4012),
        (who(user="u"), {"card": "hba-foreign"}, 4012),
        (who(), {"card": STRAY}, 4009),
        (who(), {"card": OTHERS}, 4013),
        (who(workplace="w3"), {}, 4014),
        (who(), {"terminal": "t2"}, 4015),
        (who(), {"card": "hba-far", "session": False}, 4015),
        (who(), {"terminal": "t2", "all_workplaces": True}, 4020),
        (who(), {"card": "egk-remote"}, 4016),
        (who(), {"card": "kvk-remote", "session": False}, 4016),
        (who(), {"card": "smb-remote"}, 4015),
        (who(), {"card": "odd-far"}, 4015),
        (who(), {"handle": "gone", "unknown_handle": Code.HANDLE_INVALID}, 4101),
    ],
)
def test_refusals(world: World, context: Context, target: dict[str, Any], code: int) -> None:
    assert world.code(context, **target) == code


@pytest.mark.parametrize(
    ("context", "target"),
    [
        (who(), {"all_workplaces": True}),  # R1
        (who(workplace="w9"), {"all_workplaces": True}),  # R1 ignores the Workplace
        (who(), {"terminal": "t1", "all_workplaces": True}),  # R2
        (who(), {}),  # R3
        (who(), {"terminal": "t4"}),  # R4, remote
        (who(), {"card": "odd"}),  # R4, a card of no known type
        (who(), {"card": "egk", "session": False}),  # R5
        (who(), {"card": "egk"}),  # R6
        (who(), {"card": MANAGED}),  # R7
        (who(), {"card": "hba", "session": False}),  # R8
        (who(user="u"), {"card": "hba"}),  # R9
        (who(clientsystem="c2", workplace="w2", user="u"), {"card": "hba-far"}),
    ],
)
def test_grants(world: World, context: Context, target: dict[str, Any]) -> None:
    assert world.code(context, **target) == 0


@pytest.mark.parametrize(
    ("context", "code"),
    [(who(mandant="m9"), 4004), (who(clientsystem="c9"), 4005), (who(workplace="w9"), 4006)],
)
def test_a_make_that_says_which_id(
    monkeypatch: pytest.MonkeyPatch, context: Context, code: int
) -> None:
    assert World(monkeypatch, specific=True).code(context) == code


def test_identity_comes_before_everything_but_missing_ids(world: World) -> None:
    other = frozenset(("c2",))
    assert world.code(who(mandant="m9"), other, handle="gone") == 4204
    assert world.code(who(mandant=None), other) == 4021
    assert world.code(who(), frozenset(("c1",))) == 0


def test_user_before_mandant_before_card(world: World) -> None:
    assert world.code(who(mandant="m9"), card="hba") == 4003
    assert world.code(who(clientsystem="c3"), card=STRAY) == 4010
    assert world.code(who(workplace="w3"), card=OTHERS) == 4013


def test_raised_hba_refuses_another_user_of_the_same_clientsystem(world: World) -> None:
    granted = world.access.check(who(user="u"), Target(handle=world.handle("hba")), None)
    _, session = granted.required_card()
    assert world.code(who(user="v"), card="hba") == 0
    session.verified.add("PIN.CH")
    assert world.code(who(user="v"), card="hba") == 4018
    assert world.code(who(user="u"), card="hba") == 0
    assert world.code(who(user="v"), card="hba", session=False) == 0


def test_sessions_of_an_smb_belong_to_the_mandant(world: World) -> None:
    card = world.cards.by_iccsn(MANAGED)
    assert card is not None
    first = card.session(who())
    first.verified.add("PIN.SMC")
    assert card.session(who(clientsystem="c2", workplace="w2")) is first
    assert card.pin_state("PIN.SMC", card.session(who(mandant="m2"))) == "VERIFIABLE"


def test_pulling_ends_handle_and_sessions(world: World) -> None:
    before = world.cards.by_iccsn(MANAGED)
    assert before is not None
    before.session(who()).verified.add("PIN.SMC")
    world.cards.remove(MANAGED)
    assert not before.present
    after = world.cards.insert(MANAGED)
    assert after is not None
    assert after.handle != before.handle
    assert after.pin_state("PIN.SMC", after.session(who())) == "VERIFIABLE"


def test_sessions_are_bounded_and_raised_ones_stay(world: World) -> None:
    card = world.cards.by_iccsn("hba")
    assert card is not None
    raised = card.session(who(user="first"))
    raised.verified.add("PIN.CH")
    for number in range(3 * inserted_card.MAX_SESSIONS):
        card.session(who(clientsystem="c2", user=str(number)))
    assert len(list(card.sessions())) <= inserted_card.MAX_SESSIONS
    assert card.session(who(user="first")) is raised
    for number in range(2 * inserted_card.MAX_SESSIONS):
        card.session(who(clientsystem="c2", user=str(number))).verified.add("PIN.QES")
    assert len(list(card.sessions())) <= inserted_card.MAX_SESSIONS


def test_an_egk_is_bound_to_the_workplace_of_its_session(world: World) -> None:
    at_w2 = who(clientsystem="c2", workplace="w2")
    assert world.code(who(), card="egk") == 0
    assert world.code(who(), card="egk") == 0
    assert world.code(at_w2, card="egk") == 4016
    relations = world.relations.workplaces
    relations["w2"] = WorkplaceRelations(frozenset(("t1",)), frozenset(), None)
    assert world.code(at_w2, card="egk") == 4017
    assert world.code(at_w2, card="egk", session=False) == 0


def test_a_reserved_card_serves_its_session_only(world: World) -> None:
    card = world.cards.by_iccsn("hba")
    assert card is not None
    card.reserve(card.session(who(user="u")))
    assert world.code(who(user="u"), card="hba") == 0
    assert world.code(who(user="v"), card="hba") == 4093
    assert world.code(who(user="v"), card="hba", session=False) == 0
    card.answers = False
    assert world.code(who(user="v"), card="hba") == 4093
    assert world.code(who(user="u"), card="hba") == 4094


def test_reservations_are_counted(world: World) -> None:
    card = world.cards.by_iccsn("hba")
    assert card is not None
    first, second = object(), object()
    card.reserve(first)
    card.reserve(first)
    card.release(second)
    card.release(first)
    with pytest.raises(KonnektorFault):
        card.reserve(second)
    card.release(first)
    card.reserve(second)
    assert card.is_reserved
