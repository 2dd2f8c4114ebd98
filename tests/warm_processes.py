"""Processes of roles, forked from a parent that has imported them, as ``kimulator up`` forks them.

Importing a Konnektor costs half a second of processor time, and the tests start a hundred.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import subprocess
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

ROLES = (
    *("simulators.konnektor", "simulators.mailserver", "simulators.vzd"),
    *("simulators.names", "simulators.pki", "clientmodule"),
)
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["simulators.process.control", *(f"{role}.service" for role in ROLES)]
)


class WarmProcess:
    """A role's process with the manners of ``subprocess.Popen``; ``ready`` gives its R."""

    def __init__(self, module: str, settings: Path, log: Path, directory: Path) -> None:
        self.ready, writable = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(
            target=_serve, args=(module, settings, log, directory, writable)
        )
        self._process.start()
        writable.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired("role", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _serve(module: str, settings: Path, log: Path, directory: Path, ready: Connection) -> None:
    """Become ``python -m MODULE --settings FILE --ready-fd N``, output into *log*."""
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.close(written)
    os.chdir(directory)
    from simulators.process.run import main

    role = importlib.import_module(f"{module}.service").ROLE
    try:
        status = main(role, ["--settings", str(settings), "--ready-fd", str(ready.fileno())])
    except SystemExit as wrong:
        status = wrong.code if isinstance(wrong.code, int) else 1
    os._exit(status)
