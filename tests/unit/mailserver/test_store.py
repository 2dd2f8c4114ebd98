from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulators.mailserver.database import Conflict, Connection
from simulators.mailserver.store import Store
from simulators.mailserver.stored import NewDelivery, NewMail, NewRelay
from tests.postgres_server import running_postgres


@dataclass
class Place:
    """Where the tables are: in a file, or in a schema of a real PostgreSQL."""

    place: Path | str
    domain: str


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tool: Callable[[str], str]) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
        return
    with running_postgres(tool) as url:
        yield url


@pytest.fixture
def place(engine: str | None, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    return Place(engine or tmp_path / "mail.sqlite3", request.node.name[:60])


def run(place: Place, check: Callable[[Store], Awaitable[None]]) -> None:
    async def go() -> None:
        store = Store(place.place, place.domain)
        try:
            await check(store)
        finally:
            await store.close()

    asyncio.run(go())


def new(*mailboxes: str, relays: tuple[str, ...] = ()) -> NewMail:
    deliveries = [NewDelivery(mailbox, b"R: x\r\n") for mailbox in mailboxes]
    return NewMail(
        b"A: b\r\n\r\nc",
        "<1@x>",
        1.5,
        deliveries=deliveries,
        relays=[NewRelay(domain, "{}") for domain in relays],
    )


async def contents(store: Store) -> int:
    row = await store.database.read(lambda c: c.execute("SELECT count(*) FROM content").fetchone())
    return int(row[0])


def test_content_is_kept_once_and_as_long_as_somebody_needs_it(place: Place) -> None:
    async def check(store: Store) -> None:
        (relay,) = await store.add([new("a", "b", relays=("d",))])
        assert await contents(store) == 1
        for mailbox in ("a", "b"):
            (mail,) = await store.mails(mailbox)
            assert mail.size == 15
            assert await store.delete(mailbox, [mail.id]) == {mail.id}
        assert await contents(store) == 1
        await store.add([], done=relay)
        assert await contents(store) == 0

    run(place, check)


def test_mails_are_deleted_from_their_own_mailbox_only(place: Place) -> None:
    async def check(store: Store) -> None:
        await store.add([new("a")])
        (mail,) = await store.mails("a")
        assert await store.delete("b", [mail.id]) == set()
        assert len(await store.mails("a")) == 1

    run(place, check)


def test_failing_job_undoes_itself_and_nothing_else(place: Place) -> None:
    def fails(connection: Connection) -> None:
        connection.execute("INSERT INTO content(size) VALUES (7)")
        raise KeyError("on purpose")

    async def check(store: Store) -> None:
        results = await asyncio.gather(
            *[store.add([new("a")]) for _ in range(20)],
            store.database.write(fails),
            *[store.add([new("b")]) for _ in range(20)],
            return_exceptions=True,
        )
        assert [type(r) for r in results if isinstance(r, BaseException)] == [KeyError]
        assert await store.counts() == {"a": (20, 300), "b": (20, 300)}
        assert await contents(store) == 40

    run(place, check)


def test_several_mails_are_stored_all_or_none(place: Place) -> None:
    broken = new("b")
    broken.content = 4711  # there is no such content

    async def check(store: Store) -> None:
        with pytest.raises(Conflict):
            await store.add([new("a"), broken])
        assert await store.counts() == {}

    run(place, check)


def test_recovery_drops_what_was_never_accepted_and_finds_the_queue(place: Place) -> None:
    async def before(store: Store) -> None:
        content = await store.open_content()
        await store.add_part(content, 0, b"x")
        await store.add([new("a", relays=("d", "e"))])

    async def after(store: Store) -> None:
        assert [relay.domain for relay in await store.take_over()] == ["d", "e"]
        assert await contents(store) == 1
        parts = await store.database.read(
            lambda c: c.execute("SELECT count(*) FROM part").fetchone()
        )
        assert parts == (0,)

    run(place, before)
    run(place, after)


def test_postponed_entry_comes_back_with_its_new_time(place: Place) -> None:
    async def check(store: Store) -> None:
        (relay,) = await store.add([new(relays=("d",))])
        (later, report) = await store.postpone(
            relay, [new(relays=("r",))], envelope="[1]", due=99.0
        )
        assert (later.id, later.envelope, later.attempts, later.due) == (relay.id, "[1]", 1, 99.0)
        assert report.domain == "r"

    run(place, check)


def test_numbers_are_never_used_again(place: Place) -> None:
    async def check(store: Store) -> None:
        await store.add([new("a")])
        (first,) = await store.mails("a")
        await store.clear()
        await store.add([new("a")])
        (second,) = await store.mails("a")
        assert second.uid != first.uid

    run(place, check)
