"""What was acknowledged is relayed, reported, deleted, however often processes are killed."""

from __future__ import annotations

import poplib
import smtplib
import threading
from collections import Counter
from collections.abc import Callable
from itertools import count

import pytest

from simulators.formats.dsn import read_report
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

ROUNDS = 3
ACKNOWLEDGED_BEFORE_KILL = 25


@pytest.fixture(scope="module")
def providers(
    start_provider: Callable[..., RunningProvider], free_port: Callable[[], int]
) -> tuple[RunningProvider, RunningProvider]:
    """A sending and a receiving provider that know the way to each other."""
    ports = [{name: {"port": free_port()} for name in ("smtp", "pop3", "rest")} for _ in range(2)]
    route = [f"127.0.0.1:{each['smtp']['port']}" for each in ports]
    sending = start_provider(
        *("kv", KV, [PRAXIS, FACHARZT]), listeners=ports[0], routes={ARV: route[1]}
    )
    receiving = start_provider("arv", ARV, [KASSE], listeners=ports[1], routes={KV: route[0]})
    return sending, receiving


def test_every_acknowledged_mail_is_relayed_and_its_arrival_reported(
    providers: tuple[RunningProvider, RunningProvider],
) -> None:
    sending, receiving = providers
    acknowledged: list[str] = []
    for round_, victim in enumerate((sending, receiving, sending)):
        load = threading.Thread(target=_send, args=(sending, round_, acknowledged))
        before = len(acknowledged)
        load.start()
        wait_until(lambda enough=before + ACKNOWLEDGED_BEFORE_KILL: len(acknowledged) >= enough)
        victim.role.kill()
        if victim is receiving:  # the sender goes on: to its own server
            victim.role.restart()
            sending.role.kill()
        load.join(30)
        for provider in providers:
            if provider.role.process.poll() is not None:
                provider.role.restart()
    for provider in providers:
        assert provider.role.ask("PUT", "/clock", {"advance_seconds": 61})[0] == 200
    wait_until(lambda: set(acknowledged) <= _arrived(receiving).keys())
    wait_until(lambda: set(acknowledged) <= _reported(sending).keys())
    doubled = [message for message, times in _arrived(receiving).items() if times > 1]
    assert len(doubled) <= 4 * ROUNDS, "only what was under way at a kill may be sent again"
    assert all("Traceback" not in provider.role.log() for provider in providers)


def _send(provider: RunningProvider, round_: int, acknowledged: list[str]) -> None:
    try:
        with provider.smtp(PRAXIS) as client:
            for number in count():
                message_id = f"<{round_}.{number}@cm.test>"
                text = mail(PRAXIS, KASSE, message_id, b"x" * 70 + b"\r\n")
                client.sendmail(PRAXIS, [KASSE], text, rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
                acknowledged.append(message_id)
    except (smtplib.SMTPException, OSError):
        pass  # the server is gone, as wanted


def _arrived(provider: RunningProvider) -> Counter[str]:
    return Counter(entry["message_id"] for entry in provider.mailbox(KASSE))


def _reported(provider: RunningProvider) -> Counter[str]:
    found: Counter[str] = Counter()
    for text in _mails(provider, PRAXIS):
        report = read_report(text)
        assert report is not None
        assert [r.action for r in report.reports] == ["delivered"]
        found[report.in_reply_to or ""] += 1
    return found


def _mails(provider: RunningProvider, address: str) -> list[bytes]:
    with provider.pop3(address) as client:
        number = client.stat()[0]
        return [b"\r\n".join(client.retr(n)[1]) + b"\r\n" for n in range(1, number + 1)]


def test_deleted_mails_stay_deleted_and_the_others_stay(
    providers: tuple[RunningProvider, RunningProvider],
) -> None:
    provider = providers[0]
    kept: set[str] = set()
    for round_ in range(ROUNDS):
        names = [f"<d{round_}.{number}@cm.test>" for number in range(30)]
        with provider.smtp(PRAXIS) as client:
            for name in names:
                client.sendmail(PRAXIS, [FACHARZT], mail(message_id=name))
        deleted: list[str] = []
        tried: list[str] = []
        load = threading.Thread(target=_delete_one_by_one, args=(provider, tried, deleted))
        load.start()
        wait_until(lambda done=deleted: len(done) >= 5)
        provider.role.kill()
        load.join(30)
        provider.role.restart()
        there = {entry["message_id"] for entry in provider.mailbox(FACHARZT)}
        kept |= set(names)
        kept -= set(tried)
        assert kept <= there, "nothing goes that nobody deleted"
        assert not set(deleted) & there, "nothing comes back whose deletion was acknowledged"
        kept = there


def _delete_one_by_one(provider: RunningProvider, tried: list[str], deleted: list[str]) -> None:
    try:
        while True:
            with provider.pop3(FACHARZT) as client:
                if client.stat()[0] == 0:
                    return
                lines = client.top(1, 0)[1]
                name = next(x for x in lines if x.startswith(b"Message-ID: ")).split()[1].decode()
                client.dele(1)
                tried.append(name)
                client.quit()
                deleted.append(name)
    except (poplib.error_proto, OSError, StopIteration):
        pass  # the server is gone, as wanted
