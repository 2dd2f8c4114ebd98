"""Whether a running world is ready: every process is asked at its control port.

The addresses are written when the self-test's mail has arrived, so a world that still starts has
none. Processes in containers have no supervisor here; they are asked all the same.
"""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from simulators.process.errors import InputError

from ..endpoints.contract import FILE, read_endpoints
from .run_directory import LOCK_FILE, last_words, owner_of

SECONDS = 5.0


def readiness(directory: Path) -> dict[str, bool]:
    """Return for each process of the world in *directory* whether it says that it is ready.

    Empty while the world starts or ends. Raises InputError when no world runs there.
    """
    running = owner_of(directory) is not None
    if running and not (directory / FILE).is_file():
        return {}
    if not running and (directory / LOCK_FILE).is_file():
        raise InputError(
            f"{directory}: die Welt läuft nicht mehr{last_words(directory)}; "
            "`kimulator up` startet eine"
        )
    endpoints = read_endpoints(directory)
    controls = endpoints.controls()
    with ThreadPoolExecutor(max_workers=len(controls)) as pool:
        return dict(zip(controls, pool.map(is_ready, controls.values()), strict=True))


def is_ready(control: str) -> bool:
    """Ask the process with the control URL *control*; False when it does not answer."""
    connection = http.client.HTTPConnection(urlsplit(control).netloc, timeout=SECONDS)
    with closing(connection):
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
