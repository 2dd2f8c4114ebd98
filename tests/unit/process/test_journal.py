from __future__ import annotations

import asyncio
import json

from simulators.process.clock import Clock
from simulators.process.journal import Journal


def journal(capacity: int = 100) -> Journal:
    return Journal("konnektor-praxis", "konnektor", Clock(), capacity)


def test_an_event_names_process_role_step_and_message() -> None:
    events = journal()
    events.record(
        "SignDocument", peer="client", message_id="<1@x>", milliseconds=1.23456, code=4085
    )
    (event,) = (json.loads(e.as_json()) for e in events.since())
    assert event["process"] == "konnektor-praxis"
    assert event["role"] == "konnektor"
    assert event["step"] == "SignDocument"
    assert event["message_id"] == "<1@x>"
    assert event["milliseconds"] == 1.235
    assert event["data"] == {"code": 4085}
    assert "operation" not in event


def test_only_the_last_events_are_kept_and_numbering_goes_on() -> None:
    events = journal(capacity=3)
    for _ in range(5):
        events.record("step")
    assert [event.seq for event in events.since()] == [3, 4, 5]
    events.clear()
    events.record("step")
    assert [event.seq for event in events.since()] == [6]


def test_long_events_push_out_the_older_ones() -> None:
    events = Journal("mail", "mailserver", Clock(), characters=1 << 20)
    for _ in range(100):
        events.record("smtp.accepted", recipients=["x" * 250] * 500, replies={"a" * 250: "b" * 250})
    kept = list(events.since())
    assert sum(len(event.as_json()) for event in kept) <= 1 << 20
    assert kept[-1].seq == 100
    events.record("huge", text="x" * (2 << 20))
    assert [event.step for event in events.since()] == ["huge"], "the last one is always kept"
    events.clear()
    for _ in range(3):
        events.record("step")
    assert len(list(events.since())) == 3


def test_a_follower_sees_what_was_and_what_comes() -> None:
    async def follow() -> list[str]:
        events = journal()
        events.record("before")
        seen = []
        following = events.follow()
        seen.append((await anext(following)).step)
        upcoming = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)
        events.record("after")
        seen.append((await asyncio.wait_for(upcoming, 5)).step)
        return seen

    assert asyncio.run(follow()) == ["before", "after"]


def test_a_follower_of_a_cleared_journal_waits_instead_of_spinning() -> None:
    async def follow() -> str:
        events = journal()
        events.record("forgotten")
        events.clear()
        following = events.follow()
        upcoming = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)
        events.record("new")
        return (await asyncio.wait_for(upcoming, 5)).step

    assert asyncio.run(follow()) == "new"
