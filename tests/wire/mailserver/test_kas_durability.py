"""A link exists only when all of its data is durable, at whatever point the process is killed."""

from __future__ import annotations

import hashlib
import http.client
import random
import threading
from collections.abc import Callable

from tests.kas_client import KasClient, attachment, fields, form
from tests.mail_providers import FACHARZT, KV, PRAXIS, RunningProvider, wait_until

ROUNDS = 3
CLIENTS = 4
SIZES = (1000, 200_000, 900_000)


class Load:
    """Clients that upload and delete until their provider is gone."""

    def __init__(self, provider: RunningProvider, seed: int) -> None:
        self.acknowledged: dict[str, str] = {}
        self.deleted: set[str] = set()
        self._provider = provider
        self._threads = [
            threading.Thread(target=self._work, args=(random.Random(f"{seed}/{number}"),))
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, chance: random.Random) -> None:
        client = KasClient(self._provider)
        try:
            while True:
                data = chance.randbytes(1000) * (chance.choice(SIZES) // 1000)
                answer = client.post(form([*fields(), attachment(data)]))
                self.acknowledged[answer.link] = hashlib.sha256(data).hexdigest()
                if chance.random() < 0.3:
                    self.deleted.add(answer.link)  # asked for: it may be gone from now on
                    assert client.delete(answer.link).status == 200
        except (OSError, http.client.HTTPException):
            return

    def kill(self, after: int) -> None:
        """Kill the process once *after* uploads were acknowledged, others under way."""
        wait_until(lambda: len(self.acknowledged) >= after)
        self._provider.role.kill()
        for thread in self._threads:
            thread.join()


def test_kill_in_a_loop(start_provider: Callable[..., RunningProvider]) -> None:
    provider = start_provider("kv", KV, [PRAXIS, FACHARZT])
    client = KasClient(provider)
    chance = random.Random(7)
    acknowledged: dict[str, str] = {}
    deleted: set[str] = set()
    for number in range(ROUNDS):
        load = Load(provider, number)
        load.kill(chance.randrange(3, 10))
        acknowledged |= load.acknowledged
        deleted |= load.deleted
        provider.role.restart()
        stored = {each["id"]: each for each in client.stored()}
        assert client.files() == sorted(stored), "no data without a link, no link without data"
        assert set(acknowledged) - deleted <= set(stored), "nothing acknowledged is missing"
        assert len(stored) <= len(acknowledged) + (number + 1) * CLIENTS
        for link, sha256 in acknowledged.items():
            if link in stored:
                assert stored[link]["sha256"] == sha256
    for link, each in stored.items():
        assert hashlib.sha256(client.read(link).body).hexdigest() == each["sha256"]
    assert "Traceback" not in provider.role.log()
