"""Start and end of a process: the command line, readiness, signals, the lifeline."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from .errors import InputError, one_line
from .exit_status import EXIT_INPUT, EXIT_OK
from .role import AnyRole, Process
from .settings import ProcessSettings, read_settings

STOP_SECONDS = 0.9


def main(role: AnyRole, argv: list[str] | None = None) -> int:
    """Run *role* as ``python -m PACKAGE --settings FILE``; return the exit status.

    ``--describe`` prints what can stand in the file instead. ``--ready-fd`` and
    ``--lifeline-fd`` serve a starter: a byte is written to the first when the process answers,
    and the process ends when the other end of the second is closed.
    """
    parser = argparse.ArgumentParser(prog=role.name, description=f"kimulator: {role.name}")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--settings", type=Path, metavar="FILE", help="JSON or YAML")
    given.add_argument(
        "--describe", action="store_true", help="print every setting and its default"
    )
    parser.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--lifeline-fd", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.describe:
        return _describe(role)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = read_settings(role.settings, arguments.settings)
    except InputError as error:
        print(error, file=sys.stderr)  # noqa: T201 (the command line speaks here)
        return EXIT_INPUT
    # Taking apart what a process holds takes longer than ending it: a second for a directory of
    # 50,000 entries. Everything is stored and closed by now.
    return _leave(run(role, settings, {}, arguments.ready_fd, arguments.lifeline_fd))


def _describe(role: AnyRole) -> int:
    from .described import description  # only this command needs it

    for line in description(role.settings):
        print(line)  # noqa: T201
    return EXIT_OK


def run(
    role: AnyRole,
    settings: ProcessSettings,
    inherited: dict[str, socket.socket],
    ready_fd: int | None = None,
    lifeline_fd: int | None = None,
) -> int:
    """Run *role* until a signal or the end of the lifeline; return the exit status.

    *inherited* are listening sockets by listener name; the others are bound here.
    """
    gc.collect()
    gc.freeze()  # what was imported is never garbage: keeps forked memory shared
    try:
        asyncio.run(_serve(role, settings, inherited, ready_fd, lifeline_fd))
    except InputError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return EXIT_INPUT
    except OSError as error:
        print(f"{settings.name}: {one_line(str(error))}", file=sys.stderr)  # noqa: T201
        return EXIT_INPUT
    return EXIT_OK


async def _serve(
    role: AnyRole,
    settings: ProcessSettings,
    inherited: dict[str, socket.socket],
    ready_fd: int | None,
    lifeline_fd: int | None,
) -> None:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    process: Process[Any] = Process(role, settings, inherited)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stopping.set)
    if lifeline_fd is not None:
        loop.add_reader(lifeline_fd, process.stopping.set)
    try:
        async with role.serve(process):
            process.control.ready = True
            await process.control.start(process.socket("control"))
            process.log.info("ready, control port %s:%s", *process.address("control"))
            if ready_fd is not None:
                os.write(ready_fd, b"R")
                os.close(ready_fd)
            await process.stopping.wait()
            process.control.ready = False
            # A peer that never reads must not keep the process: what was acknowledged is
            # stored before it is acknowledged, so nothing is lost by leaving now.
            loop.call_later(STOP_SECONDS, _leave_now)
    finally:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.control.stop(), 0.3)
        process.close()


def _leave_now() -> None:
    logging.getLogger(__name__).warning("connections did not end in time and were cut")
    _leave(EXIT_OK)


def _leave(status: int) -> NoReturn:
    logging.shutdown()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)
