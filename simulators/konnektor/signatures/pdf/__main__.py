"""The process that reads and signs PDFs: one after the other, until its pipe is closed.

The CPU time of each PDF is bounded by a signal that ends the process: nothing else stops a loop
that is busy in somebody else's code.
"""

from __future__ import annotations

import logging
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from simulators.formats import certificates
from simulators.formats.signed_data import Signer

from ...faults import KonnektorFault, Trace
from .. import pades


def main() -> None:
    """Serve the pipe whose descriptor is the first argument, within the limits that follow it."""
    connection = Connection(int(sys.argv[1]))
    cpu_seconds, memory_bytes = float(sys.argv[2]), int(sys.argv[3])
    logging.disable()  # what pyHanko thinks of each object of a file
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the Konnektor tells the end
    with suppress(ValueError, OSError):  # not every system can bound it
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))

    def sign(content: bytes) -> bytes:
        connection.send(("sign", content))
        answered = connection.recv()
        if isinstance(answered, Trace):
            raise KonnektorFault(answered)
        return bytes(answered)

    works: Mapping[str, Callable[..., Any]] = {
        "read": lambda pdf: pades.read(pdf).field_name,
        "sign": lambda *arguments: _sign(sign, *arguments),
        "signatures": pades.embedded_signatures,
    }
    with suppress(EOFError, OSError, MemoryError):
        while True:
            work, *arguments = connection.recv()
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            try:
                answer = "done", works[work](*arguments)
            except KonnektorFault as raised:
                answer = "fault", raised.trace
            signal.setitimer(signal.ITIMER_PROF, 0)
            connection.send(answer)


def _sign(
    sign: Callable[[bytes], bytes],
    pdf: bytes,
    certificate: bytes,
    reason: str | None,
    now: datetime,
) -> bytes:
    signer = Signer(certificates.load(certificate), sign)
    return pades.sign(pades.read(pdf), signer, reason=reason, now=now)


if __name__ == "__main__":
    main()
