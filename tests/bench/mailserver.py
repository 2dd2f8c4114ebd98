"""The mail server under load, beside Debian's Postfix and Dovecot where these are installed.

Mails of 10 KB go over eight connections with TLS and client certificates, commands pipelined as
client modules and relays do; each acknowledged mail is on the disk. Postfix has no login here; its
time ends when the mails lie in the mailbox. All mails are fetched over eight connections then.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil

from simulators.process.tls import client_context, load_pkcs12
from tests.mail_providers import KV, PASSWORD, PRAXIS, mail

from .mail_load import Place, Unexpected, fetch_all, send_all
from .running_mailservers import can_run, running_dovecot, running_mailserver, running_postfix

MAILS, WARM_MAILS, CONNECTIONS = 8_000, 800, 8
ROUNDS = 3
"""How often all mails are fetched: the first time a system reads them from the disk."""
BODY = (b"x" * 76 + b"\r\n") * 126
BOXES = [f"postfach{number}@{KV}" for number in range(CONNECTIONS)]
DELIVERY_SECONDS = 60.0


def figures() -> dict[str, float]:
    """Measure all of it; return the figures by their names in ``build/bench.json``."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="kimulator-bench-") as directory:
        place = Path(directory)
        place.chmod(0o755)  # the other servers' processes have users of their own
        with running_mailserver(place, [PRAXIS, *BOXES]) as (role, tree):
            tls = client_context(tree.ca)
            file = tree.kim_certificate("praxis")
            load_pkcs12(tls, file.path, file.password)
            smtp = Place(*role.address("smtp"), tls, PRAXIS, PASSWORD)
            process = psutil.Process(role.process.pid)
            rate, used = _stored(smtp, process)
            found["mailserver_stored_per_second"] = round(rate, 1)
            found["mailserver_stored_cpu_us"] = round(used, 1)
            pop3 = [Place(*role.address("pop3"), tls, box, PASSWORD) for box in BOXES]
            found["mailserver_fetched_per_second"] = fetched = _fetched(pop3)
        if can_run("dovecot"):
            texts = dict.fromkeys(BOXES, [_text()] * ((MAILS + WARM_MAILS) // CONNECTIONS))
            (place / "dovecot").mkdir()
            with running_dovecot(place / "dovecot", tree, texts) as port:
                there = _fetched([replace(box, port=port) for box in pop3])
            found["dovecot_fetched_per_second"] = there
            found["mailserver_fetched_ratio"] = round(fetched / there, 2)
        if can_run("postfix"):
            (place / "postfix").mkdir()
            with running_postfix(place / "postfix", tree) as (port, box):
                there = _through_postfix(replace(smtp, port=port, password=""), box)
            found["postfix_stored_per_second"] = round(there, 1)
            found["mailserver_stored_ratio"] = round(rate / there, 2)
    return found


def _text() -> bytes:
    return mail(recipient=BOXES[0], body=BODY)


def _stored(smtp: Place, process: psutil.Process) -> tuple[float, float]:
    """Return mails a second, and processor microseconds a mail."""
    data = _text() + b".\r\n"
    send_all(smtp, BOXES, WARM_MAILS, data)
    before = process.cpu_times()
    seconds = send_all(smtp, BOXES, MAILS, data)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return MAILS / seconds, used / MAILS * 1e6


def _fetched(boxes: list[Place]) -> float:
    """Return mails a second."""
    expected = MAILS + WARM_MAILS
    fetch_all(boxes)
    total = 0.0
    for _ in range(ROUNDS):
        seconds, number = fetch_all(boxes)
        if number != expected:
            raise Unexpected(b"%d mails instead of %d" % (number, expected))
        total += seconds
    return round(ROUNDS * expected / total, 1)


def _through_postfix(smtp: Place, box: Path) -> float:
    """Return how many mails a second came into the mailbox."""
    data = _text() + b".\r\n"
    send_all(smtp, BOXES, WARM_MAILS, data)
    _wait_for(box, WARM_MAILS)
    started = time.perf_counter()
    send_all(smtp, BOXES, MAILS, data)
    _wait_for(box, WARM_MAILS + MAILS)
    return MAILS / (time.perf_counter() - started)


def _wait_for(box: Path, number: int) -> None:
    deadline = time.monotonic() + DELIVERY_SECONDS
    while not box.is_dir() or sum(1 for _ in box.iterdir()) < number:
        if time.monotonic() > deadline:
            raise SystemExit(f"{box}: the mails did not arrive")
        time.sleep(0.05)
