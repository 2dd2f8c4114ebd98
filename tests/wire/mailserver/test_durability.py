"""What was acknowledged is there after kill -9, once; what a SIGTERM finds is finished."""

from __future__ import annotations

import resource
import smtplib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mail_providers import FACHARZT, KV, PRAXIS, RunningProvider, mail

ROUNDS = 3
SENDERS = 4
ACKNOWLEDGED_BEFORE_KILL = 40


class Load:
    """Senders that note every mail the server has acknowledged."""

    def __init__(self, provider: RunningProvider, round_: int) -> None:
        self._provider = provider
        self._round = round_
        self._enough = threading.Event()
        self.acknowledged: list[str] = []
        self._threads = [
            threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)
        ]

    def _send(self, number: int) -> None:
        body = b"x" * 70 + b"\r\n"
        try:
            with self._provider.smtp(PRAXIS) as client:
                for count in range(10_000):
                    message_id = f"<{self._round}.{number}.{count}@cm.test>"
                    size = 30_000 if count == 3 else 100
                    text = mail(message_id=message_id, body=body * size)
                    client.sendmail(PRAXIS, [FACHARZT], text)
                    self.acknowledged.append(message_id)
                    if len(self.acknowledged) >= ACKNOWLEDGED_BEFORE_KILL:
                        self._enough.set()
        except (smtplib.SMTPException, OSError):
            pass  # the server is gone, as wanted

    def end_with(self, end: Callable[[], object]) -> None:
        for thread in self._threads:
            thread.start()
        assert self._enough.wait(30)
        end()
        for thread in self._threads:
            thread.join(30)


def test_acknowledged_mails_survive_kill_in_the_middle_of_the_load(
    start_provider: Callable[..., RunningProvider],
) -> None:
    provider = start_provider("kv", KV, [PRAXIS, FACHARZT])
    acknowledged: list[str] = []
    for round_ in range(ROUNDS):
        load = Load(provider, round_)
        load.end_with(provider.role.stop if round_ == ROUNDS - 1 else provider.role.kill)
        acknowledged += load.acknowledged
        provider.role.restart()
    stored = [entry["message_id"] for entry in provider.mailbox(FACHARZT)]
    assert len(stored) == len(set(stored)), "nothing is there twice"
    assert set(acknowledged) <= set(stored), "nothing acknowledged is missing"
    assert len(stored) <= len(acknowledged) + ROUNDS * SENDERS
    with provider.pop3(FACHARZT) as client:
        assert client.stat()[0] == len(stored)
        listed = provider.mailbox(FACHARZT)
        large = next(n for n, entry in enumerate(listed, 1) if entry["size"] > 2 << 20)
        fetched = b"\r\n".join(client.retr(large)[1]) + b"\r\n"
        assert len(fetched) == listed[large - 1]["size"]
    assert "Traceback" not in provider.role.log()


def test_marked_mails_are_gone_after_the_answer_to_quit(
    start_provider: Callable[..., RunningProvider],
) -> None:
    provider = start_provider("kv", KV, [PRAXIS, FACHARZT])
    with provider.smtp(PRAXIS) as client:
        for _ in range(3):
            client.sendmail(PRAXIS, [FACHARZT], mail())
    with provider.pop3(FACHARZT) as session:
        session.dele(2)
        session.quit()
    before = provider.mailbox(FACHARZT)
    provider.role.kill()
    provider.role.restart()
    assert provider.mailbox(FACHARZT) == before
    assert len(before) == 2


def test_sigterm_tells_open_sessions_and_is_quick(
    start_provider: Callable[..., RunningProvider],
) -> None:
    provider = start_provider("kv", KV, [PRAXIS])
    with provider.smtp(PRAXIS) as client, provider.pop3(PRAXIS):
        assert provider.role.stop() == 0
        assert client.getreply() == (421, b"4.3.2 Service shutting down")
        client.close()
        client.sock = None
    assert "cut" not in provider.role.log()


def test_full_disk_is_told_and_loses_nothing(
    start_provider: Callable[..., RunningProvider],
) -> None:
    provider = start_provider("kv", KV, [PRAXIS, FACHARZT])
    with provider.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT], mail(message_id="<before@cm.test>"))
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(provider.role.process.pid, resource.RLIMIT_FSIZE, (300_000, unlimited[1]))
    line = b"x" * 70 + b"\r\n"
    with provider.smtp(PRAXIS) as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(PRAXIS, [FACHARZT], mail(body=line * 10_000))
        assert refused.value.smtp_code == 452
        with pytest.raises((smtplib.SMTPException, OSError)):
            client.sendmail(PRAXIS, [FACHARZT], mail(body=line * 100_000))
    resource.prlimit(provider.role.process.pid, resource.RLIMIT_FSIZE, unlimited)
    with provider.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT], mail(message_id="<after@cm.test>"))
    listed = [entry["message_id"] for entry in provider.mailbox(FACHARZT)]
    assert listed == ["<before@cm.test>", "<after@cm.test>"]


@pytest.mark.parametrize("damage", ["no database", "overwritten"])
def test_broken_store_ends_in_one_line_and_status_2(
    start_provider: Callable[..., RunningProvider], damage: str
) -> None:
    provider = start_provider("kv", KV, [PRAXIS, FACHARZT])
    with provider.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT], mail())
    provider.role.stop()
    file = Path(provider.role.settings["data_dir"]) / "mail.sqlite3"
    content = file.read_bytes()
    broken = {"no database": b"no database" * 100, "overwritten": content[:100] + b"x" * 99_900}
    file.write_bytes(broken[damage])
    told = len(provider.role.log().splitlines())
    with pytest.raises(AssertionError, match="did not start"):
        provider.role.restart()
    assert provider.role.process.returncode == 2
    (line,) = provider.role.log().splitlines()[told:]
    assert line.startswith(f"{file}: cannot be used")
