"""The relay: connections kept, retries on the virtual clock, giving up, surviving a restart."""

from __future__ import annotations

import resource
from collections.abc import Callable

import pytest

from simulators.formats.dsn import read_report
from tests.mail_providers import (
    ARV,
    KASSE,
    KV,
    PRAXIS,
    RunningProvider,
    mail,
    wait_until,
)


def send(provider: RunningProvider, number: int = 1) -> None:
    with provider.smtp(PRAXIS) as client:
        for index in range(number):
            client.sendmail(PRAXIS, [KASSE], mail(PRAXIS, KASSE, f"<{index}@cm.test>"))


def advance(provider: RunningProvider, seconds: int) -> None:
    assert provider.role.ask("PUT", "/clock", {"advance_seconds": seconds})[0] == 200


def test_many_mails_share_connections(kv: RunningProvider, arv: RunningProvider) -> None:
    arv.faults({"operation": "SMTP.CONNECT", "nth": 6, "effect": {"kind": "drop"}})
    send(kv, 40)
    stored = arv.wait_for_mails(KASSE, 40)
    assert len({text.split(b"Message-ID: ")[1].split(b"\r\n")[0] for text in stored}) == 40
    _, rules = arv.role.ask("GET", "/faults")
    assert b'"fired": 0' in rules, "at most one connection per worker"


@pytest.mark.parametrize(
    "rule",
    [
        {"operation": "SMTP.RCPT", "effect": {"kind": "reply", "code": 451, "text": "4.2.0 x"}},
        {"operation": "SMTP.DATA", "effect": {"kind": "reply", "code": 452, "text": "4.3.1 x"}},
        {"operation": "SMTP.CONNECT", "effect": {"kind": "drop"}},
        {"operation": "SMTP.CONNECT", "effect": {"kind": "reply", "code": 421, "text": "no"}},
        {"operation": "store", "effect": {"kind": "drop"}},
    ],
)
def test_temporary_failure_is_tried_again_when_its_time_has_come(
    kv: RunningProvider, arv: RunningProvider, rule: dict[str, object]
) -> None:
    arv.faults(rule)
    send(kv)
    wait_until(lambda: len(kv.steps("relay.postponed")) == 1)
    arv.role.ask("DELETE", "/faults")
    advance(kv, 300)
    assert arv.mailbox(KASSE) == []
    advance(kv, 301)
    arv.wait_for_mails(KASSE, 1)
    assert kv.mailbox(PRAXIS) == []


def test_clock_set_back_leaves_no_mail_behind(kv: RunningProvider, arv: RunningProvider) -> None:
    """What was to be tried again in the year 2031 is tried now, not in years."""
    assert kv.role.ask("PUT", "/clock", {"now": "2031-01-01T00:00:00+00:00"})[0] == 200
    kv.faults({"operation": "relay", "effect": {"kind": "drop"}, "times": 1})
    send(kv)
    wait_until(lambda: len(kv.steps("relay.postponed")) == 1)
    assert kv.role.ask("PUT", "/clock", {"now": "2027-01-01T00:00:00+00:00"})[0] == 200
    arv.wait_for_mails(KASSE, 1)


def test_sender_hears_when_the_relay_gives_up(kv: RunningProvider, arv: RunningProvider) -> None:
    kv.faults({"operation": "relay", "effect": {"kind": "reply", "code": 451, "text": "4.4.1 no"}})
    send(kv)
    # give_up_seconds is 3600: the attempts at 0, 600 and 1800 s fail, the one at 3600 s is the last
    for attempts, seconds in ((1, 600), (2, 1200), (3, 1800)):
        wait_until(lambda expected=attempts: len(kv.steps("relay.postponed")) == expected)
        assert kv.mailbox(PRAXIS) == []
        advance(kv, seconds)
    (stored,) = kv.wait_for_mails(PRAXIS, 1)
    read = read_report(stored)
    assert read is not None
    assert [(r.address, r.action, r.status) for r in read.reports] == [(KASSE, "failed", "4.4.7")]
    assert arv.mailbox(KASSE) == []


def test_permanent_failure_bounces_at_once(kv: RunningProvider, arv: RunningProvider) -> None:
    arv.faults({"operation": "SMTP.MAIL", "effect": {"kind": "reply", "code": 554}})
    send(kv)
    (stored,) = kv.wait_for_mails(PRAXIS, 1)
    assert b"Action: failed" in stored


def test_queue_survives_kill_and_restart(
    start_provider: Callable[..., RunningProvider], free_port: Callable[[], int]
) -> None:
    ports = {listener: {"port": free_port()} for listener in ("smtp", "pop3", "rest")}
    route = f"127.0.0.1:{ports['smtp']['port']}"
    sender = start_provider("kv", KV, [PRAXIS], routes={ARV: route})
    send(sender, 3)
    wait_until(lambda: len(sender.steps("relay.postponed")) == 3)
    sender.role.kill()
    receiver = start_provider("arv", ARV, [KASSE], listeners=ports)
    sender.role.restart()
    advance(sender, 61)
    assert len(receiver.wait_for_mails(KASSE, 3)) == 3
    wait_until(lambda: len(sender.steps("relayed")) == 3)


def test_large_mail_is_relayed_unchanged(kv: RunningProvider, arv: RunningProvider) -> None:
    body = b"".join(b".%08d" % n + b"y" * 900 + b"\r\n" for n in range(4_000))
    with kv.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [KASSE], mail(PRAXIS, KASSE, body=body))
    (stored,) = arv.wait_for_mails(KASSE, 1)
    assert stored.endswith(body)


def test_full_disk_after_the_handover_sends_nothing_twice(
    start_provider: Callable[..., RunningProvider], free_port: Callable[[], int]
) -> None:
    listeners = {name: {"port": free_port()} for name in ("smtp", "pop3", "rest")}
    receiving = start_provider("arv", ARV, [KASSE], listeners=listeners)
    route = {ARV: f"127.0.0.1:{listeners['smtp']['port']}"}
    sending = start_provider("kv", KV, [PRAXIS], routes=route)
    slow = {"operation": "store", "effect": {"kind": "delay", "seconds": 1}}
    receiving.faults(slow)
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    send(sending)
    resource.prlimit(sending.role.process.pid, resource.RLIMIT_FSIZE, (8192, unlimited[1]))
    receiving.wait_for_mails(KASSE, 1)
    wait_until(lambda: f"ERROR kv relay to {ARV}" in sending.role.log())
    resource.prlimit(sending.role.process.pid, resource.RLIMIT_FSIZE, unlimited)
    advance(sending, 61)
    wait_until(lambda: len(sending.steps("relayed")) == 1)
    assert len(receiving.mailbox(KASSE)) == 1
    send(sending)
    receiving.wait_for_mails(KASSE, 2)
