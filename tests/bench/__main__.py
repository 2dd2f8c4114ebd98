"""``make bench``: measure, print, and write ``build/bench.json``.

``kim_mails_per_second`` is the rate of practices that send ten mails a session;
``…_one_a_session`` logs in, with all handshakes, for every single mail. The single sender's
times (p50, p95) include connect and login. What the client module spends its time with comes from
its own performance log. The Konnektor's figures come with the bare operation
of each: an HTTP server without SOAP, the cryptography alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import clientmodule, directory, kas, konnektor, large_mail, mailserver
from .cryptography_bound import seconds_per_mail
from .practice import BODY_BYTES, Practice
from .running_world import SETTLE_SECONDS, RunningWorld, running_world

RESULT = Path("build") / "bench.json"
FETCH_EVERY = 10
"""Mails that a practice sends in a session before it says QUIT, and between two fetches."""


def main() -> None:
    """Measure start, memory, single sender, parallel practices and a Konnektor, one by one."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--mails", type=int, default=60, help="mails a practice sends (60)")
    parser.add_argument("--single", type=int, default=60, help="mails of the single sender (60)")
    arguments = parser.parse_args()
    bound = (os.cpu_count() or 1) / seconds_per_mail(BODY_BYTES)
    with running_world("demo"):
        pass  # keys are cached from here on
    with running_world("demo") as world:
        ready = world.ready_seconds
        time.sleep(SETTLE_SECONDS)
        idle = world.memory_mb()
    with running_world("bench") as world:
        practices = practices_of(world)
        idle_sessions = clientmodule.idle_sessions(world, practices)
        single = single_sender(practices, arguments.single)
        log = clientmodule.performance_log(world, practices[0])
        rate, retrieved = in_parallel(practices, arguments.mails, world, session=FETCH_EVERY)
        shares = log.shares()
        single_rate, _ = in_parallel(practices, arguments.mails, world, session=1)
        large = clientmodule.large_mail(*practices[:2])
        large |= large_mail.figures(world, practices[0], Practice.of(world, "klinik"))
    figures = {
        "kim_mails_per_second": round(rate, 1),
        "kim_mails_per_second_one_a_session": round(single_rate, 1),
        "kim_mail_p50_ms": round(statistics.median(single) * 1e3, 1),
        "kim_mail_p95_ms": round(statistics.quantiles(single, n=20)[-1] * 1e3, 1),
        "kim_mail_fetch_p50_ms": round(statistics.median(retrieved) * 1e3, 1),
        "cryptography_bound_per_second": round(bound, 1),
        "ratio_to_cryptography": round(rate / bound, 3),
        **{f"clientmodule_share_{kind}": round(share, 3) for kind, share in shares.items()},
        **large,
        **idle_sessions,
        "ready_seconds": round(ready, 2),
        "idle_rss_mb": round(idle, 1),
        **konnektor.figures(),
        **directory.figures(),
        **mailserver.figures(),
        **kas.figures(),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for name, value in figures.items():
        print(f"{name:40} {value}")


def practices_of(world: RunningWorld) -> list[Practice]:
    """Return the participants of the client module that has the most: the eight practices."""
    sites = world.endpoints["sites"]
    by_module: dict[str, list[str]] = {}
    for name, participant in world.endpoints["participants"].items():
        module = sites[participant["site"]]["clientmodule"]["smtp"]
        by_module.setdefault(module, []).append(name)
    return [Practice.of(world, name) for name in max(by_module.values(), key=len)]


def single_sender(practices: list[Practice], mails: int) -> list[float]:
    """Return the seconds from connect to acceptance of each mail of a sender who is alone."""
    sender, receiver = practices[:2]
    for number in range(5):
        sender.send(receiver, [-number])
    taken = [sender.send(receiver, [number]) for number in range(mails)]
    receiver.fetch()
    return taken


def in_parallel(
    practices: list[Practice], mails: int, world: RunningWorld, *, session: int
) -> tuple[float, list[float]]:
    """Have every practice send to its neighbour and fetch at once; return mails/s and fetches.

    *session* is how many mails a practice sends before it says QUIT.
    """

    def work(index: int) -> list[float]:
        sender, receiver = practices[index], practices[(index + 1) % len(practices)]
        fetched: list[float] = []
        for number in range(0, mails, session):
            sender.send(receiver, range(number, min(mails, number + session)))
            if number % FETCH_EVERY == 0:
                fetched += sender.fetch()
        return fetched

    before, started, own = world.cpu_seconds(), time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(len(practices)) as pool:
        retrieved = [t for taken in pool.map(work, range(len(practices))) for t in taken]
        retrieved += [t for taken in pool.map(Practice.fetch, practices) for t in taken]
    seconds = time.perf_counter() - started
    total = len(practices) * mails
    if len(retrieved) != total:
        raise SystemExit(f"{total} mails were sent, but {len(retrieved)} fetched")
    print(f"{total} mails, {session} a session, sent and fetched in {seconds:.1f} s;")
    print("processor milliseconds per mail:")
    for name, used in sorted(world.cpu_seconds().items()):
        print(f"  {name:28} {(used - before.get(name, 0.0)) / total * 1e3:6.1f}")
    print(f"  {'(the eight practices)':28} {(time.process_time() - own) / total * 1e3:6.1f}")
    return total / seconds, retrieved


if __name__ == "__main__":
    main()
