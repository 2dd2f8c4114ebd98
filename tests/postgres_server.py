"""A real PostgreSQL server for tests, from Debian's package, on a Unix socket of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DEADLINE_SECONDS = 30
PORT = 5432
"""Only names the socket's file."""


def binaries() -> str | None:
    """Return the directory of ``initdb`` and ``postgres``: Debian keeps it out of PATH."""
    for directory in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (directory / "initdb").exists():
            return str(directory)
    found = shutil.which("initdb")
    return None if found is None else str(Path(found).resolve().parent)


@contextmanager
def running_postgres(tool: Callable[[str], str]) -> Iterator[str]:
    """Run a server while the block runs; give the URL of its database.

    PostgreSQL refuses to run as root: then it gets the user that Debian's package has made.
    """
    directory = binaries() or str(Path(tool("initdb")).parent)
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="kimulator-postgres-") as place:
        if user is not None:
            os.chown(place, pwd.getpwnam(user).pw_uid, -1)
        data = Path(place) / "data"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "cwd": "/"}
        made = subprocess.run(
            [f"{directory}/initdb", "-D", data, "-U", "test", "-A", "trust", "-N", "-E", "UTF8"],
            user=user,
            check=False,
            **quiet,
        )
        assert made.returncode == 0, made.stderr
        server = subprocess.Popen(
            [
                *(f"{directory}/postgres", "-D", data, "-k", place, "-p", str(PORT)),
                *("-c", "listen_addresses=", "-c", "fsync=off"),
            ],
            user=user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        try:
            _wait_for(directory, place, server)
            yield f"postgresql://test@/postgres?host={place}"
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown
            server.wait(DEADLINE_SECONDS)


def _wait_for(directory: str, place: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    ready = [f"{directory}/pg_isready", "-q", "-h", place, "-p", str(PORT)]
    while subprocess.run(ready, check=False).returncode != 0:
        assert server.poll() is None, "postgres did not start"
        assert time.monotonic() < deadline, "postgres is not ready in time"
        time.sleep(0.02)
