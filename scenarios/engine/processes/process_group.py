"""The processes of a world as a group: forked from one warm parent, watched, ended together.

Each child keeps the writing end of a pipe for as long as it lives, so that its death is an end of
file, and reads the *lifeline*, whose other end only the parent holds: when the parent is gone,
however it went, the children end by themselves.
"""

from __future__ import annotations

import gc
import logging
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from simulators.process.errors import InputError, one_line
from simulators.process.exit_status import EXIT_BUG, EXIT_INPUT
from simulators.process.role import AnyRole
from simulators.process.run import run
from simulators.process.settings import ProcessSettings

STOP_SECONDS = 1.4
KILL_SECONDS = 0.4
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Launch:
    """A process to be started: its role, settings, bound sockets by listener, log file."""

    role: AnyRole
    settings: ProcessSettings
    sockets: dict[str, socket.socket]
    log: Path

    @property
    def name(self) -> str:
        """The name of the process."""
        return self.settings.name


class ProcessDied(Exception):
    """A process of the world ended by itself; the message is one line for the screen.

    ``status`` is the exit status of the command: what a person can mend, or a bug of ours.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class _Child:
    launch: Launch
    pid: int
    ready: int
    alive: int
    status: int | None = None


class ProcessGroup:
    """Forked processes of one world."""

    def __init__(
        self, listeners: Iterable[socket.socket] = (), foreign: Iterable[int] = ()
    ) -> None:
        """*listeners* are the sockets of all processes, of which each keeps its own.

        *foreign* are descriptors of the parent that no child may keep.
        """
        self._listeners = list(listeners)
        self._foreign = list(foreign)
        self._lifeline, self._lifeline_end = os.pipe()
        self._children: list[_Child] = []

    @property
    def pids(self) -> dict[str, int]:
        """The process ids by process name."""
        return {child.launch.name: child.pid for child in self._children}

    def start(self, launches: Iterable[Launch]) -> None:
        """Fork a process for each of *launches*; the parent's copies of their sockets close."""
        gc.collect()
        gc.freeze()  # what was imported is shared as long as nobody writes to it
        for launch in launches:
            self._fork(launch)
            for listening in launch.sockets.values():
                listening.close()

    def wait_ready(self, seconds: float) -> None:
        """Wait until every process answers.

        Raises ProcessDied when one ends instead, InputError when *seconds* are over.
        """
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for child in self._children:
                selector.register(child.ready, selectors.EVENT_READ, child)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    waiting = sorted(key.data.launch.name for key in selector.get_map().values())
                    raise InputError(
                        f"nach {seconds:.0f} s sind nicht bereit: {', '.join(waiting)}; "
                        f"Protokolle: {self._children[0].launch.log.parent}"
                    )
                for key, _ in selector.select(left):
                    if os.read(key.fd, 1) != b"R":
                        raise self._death(key.data)
                    selector.unregister(key.fd)

    def wait_for_death(self, also: socket.socket | int | None = None) -> None:
        """Wait until a process dies (raises ProcessDied) or *also* becomes readable."""
        with selectors.DefaultSelector() as selector:
            for child in self._children:
                selector.register(child.alive, selectors.EVENT_READ, child)
            if also is not None:
                selector.register(also, selectors.EVENT_READ)
            for key, _ in selector.select():
                if key.data is not None:
                    raise self._death(key.data)

    def stop(self) -> None:
        """End all processes within two seconds; those that do not end in time are killed."""
        running = [child for child in self._children if child.status is None]
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
            for child in running:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, number)
            running = _wait_until_dead(running, seconds)
        for child in self._children:
            os.close(child.ready)
            os.close(child.alive)
        for listening in self._listeners:
            listening.close()
        os.close(self._lifeline)
        os.close(self._lifeline_end)
        self._children.clear()

    def _fork(self, launch: Launch) -> None:
        ready, ready_end = os.pipe()
        alive, alive_end = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        with _blocked_signals():
            pid = os.fork()
            if pid == 0:
                self._close_foreign([ready, alive], launch)
                _become(launch, ready_end, self._lifeline)
            self._children.append(_Child(launch, pid, ready, alive))
        os.close(ready_end)
        os.close(alive_end)

    def _close_foreign(self, own: list[int], launch: Launch) -> None:
        """Close what belongs to the parent and to the other processes (in the child)."""
        pipes = [end for child in self._children for end in (child.ready, child.alive)]
        for descriptor in (*self._foreign, *own, *pipes, self._lifeline_end):
            os.close(descriptor)
        mine = set(launch.sockets.values())
        for listening in self._listeners:
            if listening not in mine:
                listening.close()

    def _death(self, child: _Child) -> ProcessDied:
        _wait_until_dead([child], KILL_SECONDS)
        status, launch = child.status, child.launch
        where = f"Protokoll: {launch.log}"
        if status is None:
            return ProcessDied(f"{launch.name} antwortet nicht mehr; {where}", EXIT_BUG)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            name = signal.Signals(number).name
            crashed = number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL)
            return ProcessDied(
                f"{launch.name} wurde durch das Signal {name} beendet; {where}",
                EXIT_BUG if crashed else EXIT_INPUT,
            )
        code = os.WEXITSTATUS(status)
        reason = _last_line(launch.log) if code == EXIT_INPUT else ""
        return ProcessDied(
            f"{launch.name} hat sich mit Status {code} beendet"
            f"{f' ({reason})' if reason else ''}; {where}",
            EXIT_INPUT if code == EXIT_INPUT else EXIT_BUG,
        )


def _become(launch: Launch, ready: int, lifeline: int) -> NoReturn:
    """Be the process *launch* from here on, in the forked child."""
    code = EXIT_BUG
    try:
        os.setsid()  # Ctrl-C at the terminal is for the parent, which ends the others in order
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        _redirect(launch.log)
        logging.basicConfig(
            level=logging.INFO,
            format="%(asctime)s %(levelname)s %(name)s %(message)s",
            force=True,
        )
        code = run(launch.role, launch.settings, launch.sockets, ready, lifeline)
    except BaseException:
        traceback.print_exc()
    finally:
        logging.shutdown()
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _redirect(log: Path) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, target)
    os.close(output)
    os.close(nothing)


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Keep signals waiting, so that a child never runs the parent's handlers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait_until_dead(children: list[_Child], seconds: float) -> list[_Child]:
    """Collect those of *children* that end within *seconds*; return the others."""
    deadline = time.monotonic() + seconds
    waiting = {child.alive: child for child in children}
    with selectors.DefaultSelector() as selector:
        for descriptor in waiting:
            selector.register(descriptor, selectors.EVENT_READ)
        while waiting and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                child = waiting.pop(key.fd)
                selector.unregister(key.fd)
                # The pipe closes a moment before the system calls the process dead.
                _, child.status = os.waitpid(child.pid, 0)
    return list(waiting.values())


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return one_line(next((line for line in reversed(lines) if line.strip()), ""))
