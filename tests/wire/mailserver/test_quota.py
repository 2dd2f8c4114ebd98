"""The quota of a mailbox: what is refused, and what mails that come at the same time share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from simulators.formats.dsn import read_report
from tests.mail_providers import FACHARZT, KV, PRAXIS, RunningProvider, mail
from tests.postgres_server import running_postgres

QUOTA = 120_000
BODY = (b"x" * 70 + b"\r\n") * 700
AT_ONCE = 12


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def running(
    start_provider: Callable[..., RunningProvider],
    tool: Callable[[str], str],
    request: pytest.FixtureRequest,
) -> Iterator[RunningProvider]:
    def started(**settings: str) -> RunningProvider:
        return start_provider("kv", KV, [PRAXIS, FACHARZT], account={"quota": QUOTA}, **settings)

    if request.param == "sqlite":
        yield started()
        return
    with running_postgres(tool) as url:
        provider = started(database=url)
        yield provider
        provider.role.stop()


@pytest.fixture
def provider(running: RunningProvider) -> RunningProvider:
    assert running.role.ask("POST", "/reset")[0] == 204
    return running


def test_mails_that_come_at_the_same_time_share_the_room(provider: RunningProvider) -> None:
    together = threading.Barrier(AT_ONCE)

    def send(number: int) -> int:
        with provider.smtp(PRAXIS) as client:
            client.mail(PRAXIS)
            assert client.rcpt(FACHARZT)[0] == 250
            together.wait(10)
            return client.data(mail(message_id=f"<{number}@cm.test>", body=BODY))[0]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = sorted(pool.map(send, range(AT_ONCE)))
    assert codes == [250] * 2 + [552] * (AT_ONCE - 2)
    assert sum(map(len, provider.mails(FACHARZT))) <= QUOTA


def test_one_full_mailbox_is_reported_and_the_other_gets_the_mail(
    provider: RunningProvider,
) -> None:
    with provider.smtp(PRAXIS) as client:
        for number in range(2):
            client.sendmail(PRAXIS, [FACHARZT], mail(message_id=f"<{number}@x>", body=BODY))
        client.mail(PRAXIS)
        for recipient in (FACHARZT, PRAXIS):
            assert client.rcpt(recipient)[0] == 250
        assert client.data(mail(message_id="<2@x>", body=BODY))[0] == 250
    assert len(provider.mails(FACHARZT)) == 2
    reports = [read for text in provider.mails(PRAXIS) if (read := read_report(text)) is not None]
    assert [(r.address, r.status) for (read) in reports for r in read.reports] == [
        (FACHARZT, "5.2.2")
    ]
    assert len(provider.mails(PRAXIS)) == 2
