"""Keeps a world running: in the foreground until Ctrl-C, or detached until ``kimulator down``."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from simulators.process.errors import InputError
from simulators.process.exit_status import EXIT_BUG, EXIT_INPUT, EXIT_OK

from ..endpoints.table import endpoint_table
from .launcher import RunningWorld, Start, start_world
from .process_group import SIGNALS, ProcessDied
from .run_directory import LOGS, SUPERVISOR_LOG
from .selftest import SelfTestFailed

Say = Callable[[str], None]
READ_BYTES = 4096


class _Ended(BaseException):
    """A signal asked for the end; no error handling may swallow it."""


class Refused(Exception):
    """The command ends with ``status``; the message is the line for the screen."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def supervise(start: Start, say: Say, held_by: int | None = None) -> int:
    """Start a world, print where it is, and keep it until a signal ends it (exit status 0).

    With *held_by*, the descriptor of a pipe, the world ends when its other end is closed too:
    when whoever started it is gone.

    Raises InputError or Refused when it does not start, Refused when one of its processes dies:
    the others are ended then.
    """
    if held_by is not None and not _can_be_closed(held_by):
        raise InputError("die Standardeingabe ist keine Pipe: niemand kann sie schließen")
    ready = False
    with _ending_signals():
        try:
            world = _started(start)
            ready = True
            text = _announcement(world)
            _keep(world, lambda: say(f"{text}\nbereit; Strg-C beendet die Welt"), held_by)
        except _Ended:
            if not ready:
                raise Refused("abgebrochen, bevor die Welt bereit war", EXIT_INPUT) from None
    return EXIT_OK


def detach(start: Start, say: Say) -> int:
    """Start a world in a process of its own and return when it is ready (exit status 0).

    Raises InputError or Refused as ``supervise`` does when it does not start.
    """
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(readable)
        _supervise_detached(start, writable)
    os.close(writable)
    with os.fdopen(readable, "rb") as report:
        try:
            content = report.read()
        except KeyboardInterrupt:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            raise
    if not content:
        raise Refused("die Welt ist beim Start ohne Meldung beendet worden", EXIT_BUG)
    answer = json.loads(content)
    if answer["status"] != EXIT_OK:
        raise Refused(answer["text"], answer["status"])
    say(answer["text"])
    say(f"bereit; `kimulator down --run-dir {start.directory}` beendet die Welt")
    return EXIT_OK


def _supervise_detached(start: Start, report: int) -> NoReturn:
    status = EXIT_BUG
    try:
        os.setsid()
        with _ending_signals():
            try:
                world = _started(start, foreign=[report])
            except (InputError, Refused) as error:
                _report(report, getattr(error, "status", EXIT_INPUT), str(error))
            else:
                _keep(world, lambda: _announce_detached(world, report))
        status = EXIT_OK
    except Refused as refusal:  # the world died: its log tells, and so does who asks for it
        sys.stderr.write(f"{refusal}\n")
        status = refusal.status
    except _Ended:
        status = EXIT_OK
    except BaseException as error:
        traceback.print_exc()
        with suppress(OSError):
            _report(report, EXIT_BUG, f"unerwarteter Fehler: {error}")
    finally:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(status)


def _started(start: Start, foreign: list[int] | None = None) -> RunningWorld:
    try:
        return start_world(start, foreign or [])
    except ProcessDied as error:
        raise Refused(f"die Welt startet nicht: {error}", error.status) from None
    except SelfTestFailed as error:
        logs = start.directory.absolute() / LOGS
        raise Refused(f"{error}; Protokolle: {logs}", EXIT_BUG) from error


def _announce_detached(world: RunningWorld, report: int) -> None:
    _leave_terminal(world.directory.path)
    _report(report, EXIT_OK, _announcement(world))


def _announcement(world: RunningWorld) -> str:
    """Return the table of endpoints, and what is to be known of this world."""
    notes = "".join(f"\nHinweis: {note}" for note in world.notes)
    return endpoint_table(world.title, world.endpoints) + ("\n" + notes if notes else "")


def _can_be_closed(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:  # it is closed already
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _keep(world: RunningWorld, announce: Callable[[], None], held_by: int | None = None) -> None:
    """Say that the world is ready and wait; however this ends, the world ends with it."""
    try:
        announce()
        world.wait(held_by)
        while held_by is not None and os.read(held_by, READ_BYTES):
            world.wait(held_by)
    except ProcessDied as error:
        raise Refused(f"{error}; die Welt ist beendet", error.status) from None
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the end is under way already
        world.stop()


@contextmanager
def _ending_signals() -> Iterator[None]:
    """Turn the signals that end a command into ``_Ended`` inside the block."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _Ended

    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_terminal(directory: Path) -> None:
    """Write to the log from here on: the terminal belongs to somebody else now."""
    path = directory / LOGS / SUPERVISOR_LOG
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    os.close(log)
    os.close(nothing)


def _report(descriptor: int, status: int, text: str) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8") as report:
        json.dump({"status": status, "text": text}, report)
