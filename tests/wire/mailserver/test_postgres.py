"""Several processes of one provider on one PostgreSQL database; what is acknowledged is there."""

from __future__ import annotations

import http.client
import poplib
import smtplib
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.kas_client import KIND, PATH, KasClient, attachment, basic, fields, form
from tests.mail_providers import (
    ARV,
    FACHARZT,
    KASSE,
    KLINIK,
    KV,
    PRAXIS,
    RunningProvider,
    mail,
    wait_until,
)
from tests.postgres_server import running_postgres


@pytest.fixture(scope="module")
def database(tool: Callable[[str], str]) -> Iterator[str]:
    with running_postgres(tool) as url:
        yield url


@pytest.fixture(scope="module")
def receiving_port(free_port: Callable[[], int]) -> int:
    return free_port()


@pytest.fixture(scope="module")
def pair(
    start_provider: Callable[..., RunningProvider],
    database: str,
    receiving_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[RunningProvider, RunningProvider]:
    """Two processes of one provider."""
    settings = {
        "kas": {"storage": str(tmp_path_factory.mktemp("kas")), "max_downloads": 2},
        "database": database,
        "routes": {ARV: f"127.0.0.1:{receiving_port}"},
        "relay": {"takeover_seconds": 0.1},
    }
    first, second = (start_provider(n, KV, [PRAXIS, FACHARZT], **settings) for n in ("kv", "kv"))
    return first, second


@pytest.fixture
def two(
    pair: tuple[RunningProvider, RunningProvider],
) -> Iterator[tuple[RunningProvider, RunningProvider]]:
    for provider in pair:
        if provider.role.process.poll() is not None:
            provider.role.restart()
        assert provider.role.ask("POST", "/reset")[0] == 204
    yield pair
    assert all("Traceback" not in provider.role.log() for provider in pair)


def send(provider: RunningProvider, recipient: str = FACHARZT, number: int = 1) -> None:
    with provider.smtp(PRAXIS) as client:
        for index in range(number):
            text = mail(PRAXIS, recipient, f"<{index}@cm.test>", b"x" * 70 + b"\r\n")
            client.sendmail(PRAXIS, [recipient], text)


def test_mail_taken_by_one_process_is_fetched_from_the_other(
    two: tuple[RunningProvider, RunningProvider],
) -> None:
    first, second = two
    send(first)
    with first.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT], mail(body=(b"x" * 70 + b"\r\n") * 30_000))
    with second.pop3(FACHARZT) as client:
        assert client.stat()[0] == 2
        assert len(client.retr(2)[1]) > 30_000
        client.dele(1)
        client.quit()
    assert len(first.mailbox(FACHARZT)) == 1


def test_who_waits_at_one_process_hears_of_mail_taken_by_the_other(
    two: tuple[RunningProvider, RunningProvider],
) -> None:
    first, second = two
    host = urlsplit(second.role.control).netloc
    with closing(http.client.HTTPConnection(host, timeout=20)) as waiting:
        waiting.request("GET", f"/mailboxes/{FACHARZT}/next?within=20")
        send(first)
        assert waiting.getresponse().status == 200


def test_mailbox_has_one_session_in_all_processes_and_a_kill_frees_it(
    two: tuple[RunningProvider, RunningProvider],
) -> None:
    first, second = two
    with first.pop3(FACHARZT) as client:
        with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"), second.pop3(FACHARZT):
            pass
        with second.pop3(PRAXIS):
            pass
        client.quit()
    with first.pop3(FACHARZT):
        first.role.kill()
        wait_until(lambda: _opens(second, FACHARZT))


def test_uploads_are_of_all_processes_and_what_a_killed_one_left_is_cleaned_up(
    two: tuple[RunningProvider, RunningProvider],
) -> None:
    first, second = (KasClient(provider) for provider in two)
    folder = Path(two[0].role.settings["kas"]["storage"])
    link = first.upload(b"data").link
    assert [kas.read(link).status for kas in (first, second, first)] == [200, 200, 429]
    body = form([*fields(), attachment(bytes(4 << 20))])
    connection = first.connect()
    head = {**basic(PRAXIS), "Content-Type": KIND, "Content-Length": str(len(body))}
    connection.request("POST", PATH, body[: 2 << 20], head)
    wait_until(lambda: len(list(folder.iterdir())) == 2)
    two[0].role.kill()
    connection.close()

    def cleaned() -> bool:
        two[1].role.ask("PUT", "/clock", {"advance_seconds": 1})  # it looks again
        return [path.name for path in folder.iterdir()] == [link]

    wait_until(cleaned)
    assert second.delete(link).status == 200
    assert list(folder.iterdir()) == []


def _opens(provider: RunningProvider, address: str) -> bool:
    try:
        with provider.pop3(address) as client:
            client.quit()
            return True
    except poplib.error_proto:
        return False


def test_queue_of_a_killed_process_is_relayed_by_the_other_once(
    two: tuple[RunningProvider, RunningProvider],
    start_provider: Callable[..., RunningProvider],
    free_port: Callable[[], int],
    receiving_port: int,
    database: str,
) -> None:
    first, second = two
    send(first, KASSE, 5)
    wait_until(lambda: len(first.steps("relay.postponed")) == 5)
    assert second.steps("relay.postponed") == []
    first.role.kill()
    ports = {name: {"port": free_port()} for name in ("pop3", "rest")}
    listeners = {**ports, "smtp": {"port": receiving_port}}
    receiver = start_provider("arv", ARV, [KASSE, KLINIK], listeners=listeners, database=database)
    assert second.role.ask("PUT", "/clock", {"advance_seconds": 61})[0] == 200
    receiver.wait_for_mails(KASSE, 5)
    wait_until(lambda: len(second.steps("relayed")) == 5)
    assert len(receiver.mailbox(KASSE)) == 5
    assert receiver.role.stop() == 0


def test_acknowledged_mails_survive_the_kill_of_their_process(
    two: tuple[RunningProvider, RunningProvider],
) -> None:
    first, second = two
    acknowledged: list[str] = []
    enough = threading.Event()

    def load(provider: RunningProvider, name: str) -> None:
        try:
            with provider.smtp(PRAXIS) as client:
                for number in count():
                    message_id = f"<{name}.{number}@cm.test>"
                    client.sendmail(PRAXIS, [FACHARZT], mail(message_id=message_id))
                    acknowledged.append(message_id)
                    if len(acknowledged) >= 100:
                        enough.set()
        except (smtplib.SMTPException, OSError):
            pass  # the process is gone, as wanted

    threads = [
        threading.Thread(target=load, args=(provider, f"{index}.{number}"))
        for index, provider in enumerate(two)
        for number in range(2)
    ]
    for thread in threads:
        thread.start()
    assert enough.wait(30)
    first.role.kill()
    second.role.kill()
    for thread in threads:
        thread.join(30)
    second.role.restart()
    stored = [entry["message_id"] for entry in second.mailbox(FACHARZT)]
    assert len(stored) == len(set(stored)), "nothing is there twice"
    assert set(acknowledged) <= set(stored), "nothing acknowledged is missing"


def test_lost_connections_to_the_database_are_opened_again(
    two: tuple[RunningProvider, RunningProvider], database: str
) -> None:
    first, second = two
    send(first)
    with second.pop3(FACHARZT) as held:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        send(first)
        send(second)
        assert held.stat()[0] == 1
        assert held.retr(1)[0].startswith(b"+OK")
        with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"), second.pop3(FACHARZT):
            pass
        held.quit()
    assert len(first.mailbox(FACHARZT)) == 3
    with first.pop3(FACHARZT) as client:
        assert client.stat()[0] == 3


def test_database_that_is_not_there_ends_in_one_line_without_its_password(
    pair: tuple[RunningProvider, RunningProvider],
    start_provider: Callable[..., RunningProvider],
) -> None:
    url = "postgresql://test:geheim@/nirgends?host=/nirgends"
    with pytest.raises(AssertionError, match="did not start") as told:
        start_provider("kv", KV, [PRAXIS], database=url)
    (line,) = str(told.value).splitlines()[1:]
    assert line.startswith("database: cannot be used: ")
    assert "geheim" not in line
