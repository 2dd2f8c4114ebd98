"""The client module's clock follows the Konnektor's (sync_Time)."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from simulators.formats.headers import split_message
from tests.clientmodule_process import Module, settings_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World
    from tests.conftest import RunningRole

SINCE_1900 = 2_208_988_800
SECONDS = 20
AHEAD = 7200


@contextmanager
def ntp_server(ahead: float) -> Iterator[str]:
    """Answer as an NTP server (RFC 5905) whose time is *ahead* seconds ahead; yield its place.

    Before each answer comes one that nobody asked for.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                request, peer = server.recvfrom(512)
                if len(request) != 48:
                    return
                whole, rest = divmod(time.time() + ahead + SINCE_1900, 1)
                now = struct.pack(">II", int(whole), int(rest * (1 << 32)))
                head = struct.pack(">BBbb", 0x24, 2, 6, -20) + bytes(12) + now
                server.sendto(head + bytes(8) + bytes(16), peer)
                server.sendto(head + request[40:48] + now + now, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.sendto(b"end", server.getsockname())
            thread.join()


def synchronized(module: Module) -> dict[str, Any]:
    """Return the event of the first synchronization, which nobody is told of."""
    deadline = time.monotonic() + SECONDS
    while not (events := module.steps("sync_Time")) and time.monotonic() < deadline:
        time.sleep(0.02)
    data: dict[str, Any] = events[0]["data"]
    return data


@pytest.mark.requirement("KOM-LE-A_2230", "A_22417")
def test_the_clock_follows_the_konnektor(
    kim: World, start_role: Callable[[str, dict[str, Any]], RunningRole]
) -> None:
    """Expires is counted from the Konnektor's time."""
    settings = settings_of(kim, "clientmodule-praxis")
    with ntp_server(AHEAD) as place:
        settings["konnektors"]["default"]["ntp"] = place
        module = Module(kim, start_role("clientmodule", settings))
        assert abs(synchronized(module)["milliseconds_off"] - AHEAD * 1000) < 5000
    with module.smtp() as smtp:
        smtp.login(*kim.user("praxis"))
        began = datetime.now().astimezone()
        smtp.send_message(kim.mail("praxis", "kasse"))
    (stored,) = kim.stored("kasse")
    expires = parsedate_to_datetime(split_message(stored)[0].get("Expires") or "")
    late = expires - timedelta(days=90) - began
    assert abs(late - timedelta(seconds=AHEAD)) < timedelta(seconds=60)


@pytest.mark.requirement("KOM-LE-A_2230")
def test_no_answer_changes_nothing(
    kim: World,
    start_role: Callable[[str, dict[str, Any]], RunningRole],
    free_port: Callable[[], int],
) -> None:
    settings = settings_of(kim, "clientmodule-praxis")
    settings["konnektors"]["default"]["ntp"] = f"127.0.0.1:{free_port()}"
    module = Module(kim, start_role("clientmodule", {**settings, "konnektor_timeout": 0.2}))
    assert synchronized(module)["failed"] == "NoTime"
    with module.smtp() as smtp:
        assert smtp.ehlo("pvs")[0] == 250
