"""The process that reads and signs PDFs, seen from the Konnektor."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any, cast

from simulators.formats.signed_data import Signer

from ...faults import Code, KonnektorFault, fault
from .embedded import EmbeddedSignature

CPU_SECONDS = 10.0
"""What a PDF may cost: 21 signatures in a letter are checked in 1 s."""
MEMORY_BYTES = 1 << 30
_STOP_SECONDS = 1


class _Exceeded(Exception):
    """The process ended over a PDF: it cost too much."""


class PdfReader:
    """Has PDFs read and signed by a process of its own, one after the other.

    pyHanko takes PDFs apart in Python, and a file of 150 bytes is enough to keep it busy for
    hours. Such a file ends the process (after *cpu_seconds*, or beyond *memory_bytes*), not the
    work of other callers; the next PDF starts a new one. Keys stay here: what is to be signed
    comes over the pipe.
    """

    def __init__(
        self, *, cpu_seconds: float = CPU_SECONDS, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        self._limits = (str(cpu_seconds), str(memory_bytes))
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="PDF")
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    async def check(self, pdf: bytes) -> None:
        """Read *pdf* to be signed; fault 4110 when it is no PDF/A-1 or PDF/A-2."""
        try:
            await self._ask("read", pdf)
        except _Exceeded:
            raise fault(Code.DOCUMENT_FORMAT, "zu aufwendig", value="PDF/A") from None

    async def sign(self, pdf: bytes, signer: Signer, *, reason: str | None, now: datetime) -> bytes:
        """Return *pdf* with a PAdES-BES signature added (ShortText as Reason).

        Faults: 4205 no room for the CMS, 4110 for a PDF that cannot be signed, 4120 of the card.
        """
        arguments = (pdf, signer.encoded_certificate, reason, now)
        try:
            return cast(bytes, await self._ask("sign", *arguments, sign=signer.sign))
        except _Exceeded:
            raise fault(Code.DOCUMENT_FORMAT, "zu aufwendig", value="PDF/A") from None

    async def signatures(self, pdf: bytes) -> list[EmbeddedSignature]:
        """Return the signatures in *pdf*, oldest first; fault 4112 when it is no PDF."""
        try:
            return cast(list[EmbeddedSignature], await self._ask("signatures", pdf))
        except _Exceeded:
            raise fault(Code.NOT_CONFORMING_NONQES, "PDF: zu aufwendig") from None

    def close(self) -> None:
        """End the process."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._end()

    async def _ask(
        self, work: str, *arguments: Any, sign: Callable[[bytes], bytes] | None = None
    ) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, lambda: self._exchange((work, *arguments), sign)
        )

    def _exchange(self, asked: tuple[Any, ...], sign: Callable[[bytes], bytes] | None) -> Any:
        """Send what is *asked* and return what comes back; in between *sign* what it asks for."""
        connection = self._connected()
        try:
            connection.send(asked)
            while True:
                kind, value = connection.recv()
                if kind == "sign" and sign is not None:
                    connection.send(_signed(sign, value))
                elif kind == "fault":
                    raise KonnektorFault(value)
                else:
                    return value
        except (EOFError, OSError):
            self._end()
            raise _Exceeded from None

    def _connected(self) -> Connection:
        """Return the way to the process, started now if there is none."""
        if self._connection is None:
            ours, its = socket.socketpair()
            with its:
                self._process = subprocess.Popen(  # noqa: S603 (this very program)
                    [sys.executable, "-m", __package__, str(its.fileno()), *self._limits],
                    pass_fds=[its.fileno()],
                    stdin=subprocess.DEVNULL,
                )
            self._connection = Connection(ours.detach())
        return self._connection

    def _end(self) -> None:
        connection, process = self._connection, self._process
        self._connection = self._process = None
        if process is not None:
            process.kill()
            process.wait(_STOP_SECONDS)
        if connection is not None:
            connection.close()


def _signed(sign: Callable[[bytes], bytes], content: bytes) -> Any:
    """Return the signature over *content*, or the Trace of the fault of the card."""
    try:
        return sign(content)
    except KonnektorFault as raised:
        return raised.trace
