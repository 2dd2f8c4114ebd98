"""PostgreSQL is away, or a process keeps others from it: clear answers, nobody waits for ever."""

from __future__ import annotations

import asyncio
import poplib
import smtplib
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from simulators.mailserver.database import Connection, StoreError, Unreachable, postgres
from simulators.mailserver.database.postgres import PostgresDatabase
from simulators.mailserver.stored import SCHEMA
from tests.mail_providers import (
    ARV,
    FACHARZT,
    KASSE,
    KV,
    PRAXIS,
    RunningProvider,
    mail,
    wait_until,
)
from tests.postgres_server import running_postgres

Tool = Callable[[str], str]
JOBS = 40


@pytest.fixture
def database(tool: Tool) -> Iterator[str]:
    with running_postgres(tool) as url:
        yield url


def test_clients_are_told_that_the_database_is_away(
    tool: Tool, start_provider: Callable[..., RunningProvider]
) -> None:
    account = {"quota": 1_000_000}
    with running_postgres(tool) as url:
        provider = start_provider("kv", KV, [PRAXIS, FACHARZT], account=account, database=url)
    with provider.smtp(PRAXIS) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"451.*cannot be reached"):
            client.sendmail(PRAXIS, [FACHARZT], mail())
        assert client.noop()[0] == 250
    with pytest.raises(poplib.error_proto, match=r"SYS/TEMP"), provider.pop3(FACHARZT):
        pass
    assert "Traceback" not in provider.role.log()
    provider.role.stop()


def test_jobs_that_wait_together_are_told_together(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server behind a dead network costs ten seconds for each attempt to connect."""
    attempts = 0
    connect = psycopg.connect

    def counted(*given: object, **options: object) -> object:
        nonlocal attempts
        attempts += 1
        return connect(*given, **options)  # type: ignore[arg-type]

    async def test() -> None:
        with running_postgres(tool) as url:
            database = PostgresDatabase(url, KV, SCHEMA)
            await database.write(lambda c: c.execute("SELECT 1"))
        monkeypatch.setattr(postgres.psycopg, "connect", counted)
        jobs = (database.write(lambda c: c.execute("SELECT 1")) for _ in range(JOBS))
        results = await asyncio.gather(*jobs, return_exceptions=True)
        assert [type(result) for result in results] == [Unreachable] * JOBS
        assert attempts < JOBS / 2
        await database.close()

    asyncio.run(test())


def test_a_process_that_stops_in_a_transaction_holds_nobody_up_for_ever(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "IDLE_MILLISECONDS", 100)
    go_on = threading.Event()
    begun = threading.Event()

    def stopped(_: Connection) -> None:
        begun.set()
        assert go_on.wait(30)

    async def test() -> None:
        with running_postgres(tool) as url:
            first, second = (PostgresDatabase(url, KV, SCHEMA) for _ in range(2))
            held = asyncio.create_task(first.write(stopped))
            await asyncio.to_thread(begun.wait, 30)
            try:
                async with asyncio.timeout(20):
                    await second.write(lambda c: c.execute("SELECT 1"))
            finally:
                go_on.set()
            with pytest.raises(StoreError):
                await held
            await first.close()
            await second.close()

    asyncio.run(test())


def test_queue_of_a_process_that_only_seemed_dead_is_relayed_once(
    start_provider: Callable[..., RunningProvider], free_port: Callable[[], int], database: str
) -> None:
    """Its connection was cut, another one took its queue over, and both are alive."""
    ports = {name: {"port": free_port()} for name in ("smtp", "pop3", "rest")}
    settings = {"database": database, "routes": {ARV: f"127.0.0.1:{ports['smtp']['port']}"}}
    first, second = (
        start_provider("kv", KV, [PRAXIS], relay={"takeover_seconds": seconds}, **settings)
        for seconds in (3600, 0.1)
    )
    for number in range(5):
        with first.smtp(PRAXIS) as client:
            client.sendmail(PRAXIS, [KASSE], mail(PRAXIS, KASSE, f"<a{number}@cm.test>"))
    wait_until(lambda: len(first.steps("relay.postponed")) == 5)
    with psycopg.connect(database, autocommit=True) as connection:
        workers = f'SELECT DISTINCT worker FROM "{KV}".relay'
        (before,) = connection.execute(workers).fetchall()
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        wait_until(lambda: connection.execute(workers).fetchall() != [before])
    receiver = start_provider("arv", ARV, [KASSE], listeners=ports)
    for provider in (first, second):
        assert provider.role.ask("PUT", "/clock", {"advance_seconds": 61})[0] == 200
    receiver.wait_for_mails(KASSE, 5)
    arrived = sorted(entry["message_id"] for entry in receiver.mailbox(KASSE))
    waited = [f"<a{number}@cm.test>" for number in range(5)]
    assert arrived == waited
    with first.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [KASSE], mail(PRAXIS, KASSE, "<b@cm.test>"))
    receiver.wait_for_mails(KASSE, 6)  # whoever relays the last one, at least once
    arrived = sorted(entry["message_id"] for entry in receiver.mailbox(KASSE))
    assert arrived[:5] == waited
    assert set(arrived[5:]) == {"<b@cm.test>"}
    for provider in (receiver, first, second):
        provider.role.stop()
