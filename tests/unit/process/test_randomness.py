from __future__ import annotations

from simulators.process.randomness import Randomness


def test_streams_do_not_depend_on_each_other() -> None:
    first, second = Randomness(1, "a"), Randomness(1, "a")
    second.stream("other").random()
    assert first.uuid("mail") == second.uuid("mail")


def test_seed_owner_and_name_each_make_another_stream() -> None:
    values = {
        Randomness(seed, owner).uuid(name)
        for seed in (1, 2)
        for owner in ("a", "b")
        for name in ("x", "y")
    }
    assert len(values) == 8


def test_reset_starts_again() -> None:
    source = Randomness(1, "a")
    first = source.uuid("mail")
    assert source.uuid("mail") != first
    source.reset()
    assert source.uuid("mail") == first
