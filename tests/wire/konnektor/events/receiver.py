"""A receiver of CETP for tests: plain sockets, written from the specification alone."""

from __future__ import annotations

import queue
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

EVT = "{http://ws.gematik.de/conn/EventService/v7.2}"


@dataclass(frozen=True)
class Received:
    """One message: the Event, its bytes by read, and the sender's certificate."""

    event: Any
    reads: list[bytes]
    certificate: bytes | None = None

    def text(self, local: str) -> str:
        """Return the text of a child of the Event."""
        found = self.event.find(EVT + local)
        assert found is not None
        return str(found.text or "")

    @property
    def topic(self) -> str:
        """The Topic."""
        return self.text("Topic")

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the Message."""
        return {
            entry.findtext(EVT + "Key"): entry.findtext(EVT + "Value")
            for entry in self.event.iter(EVT + "Parameter")
        }


@dataclass
class Receiver:
    """Listens, reads one message from each connection, and keeps it.

    With ``holding`` it reads no further than the message and leaves its side open.
    """

    tls: ssl.SSLContext | None = None
    holding: bool = False
    messages: queue.Queue[Received | Exception] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        self._held: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The EventTo of this receiver."""
        return f"cetp://127.0.0.1:{self._listening.getsockname()[1]}"

    def next(self, seconds: float = 10) -> Received:
        """Return the next message; whatever went wrong is raised."""
        message = self.messages.get(timeout=seconds)
        if isinstance(message, Exception):
            raise message
        return message

    def until(self, topic: str) -> Received:
        """Return the next message with *topic*, leaving out others."""
        while (message := self.next()).topic != topic:
            pass
        return message

    def close(self) -> None:
        """Listen no more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        for open_socket in (self._listening, *self._held):
            open_socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            try:
                self.messages.put(self._read(connection))
            except Exception as error:
                self.messages.put(error)
            finally:
                if not self.holding:
                    connection.close()

    def _read(self, connection: socket.socket) -> Received:
        connection.settimeout(10)
        certificate = None
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection, server_side=True)
            certificate = connection.getpeercert(binary_form=True)
        if self.holding:
            self._held.append(connection)
            head = _exactly(connection, 8)
            rest = _exactly(connection, int.from_bytes(head[4:], "big"))
            return Received(etree.fromstring(rest), [head, rest])
        reads: list[bytes] = []
        while chunk := connection.recv(65536):
            reads.append(chunk)
        content = b"".join(reads)
        magic, length = struct.unpack(">4sI", content[:8])
        assert magic == b"CETP"
        assert length == len(content) - 8
        return Received(etree.fromstring(content[8:]), reads, certificate)


def _exactly(connection: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        chunk = connection.recv(count - len(content))
        assert chunk
        content += chunk
    return content


class BadSink:
    """A sink that behaves badly: ``silent`` accepts and reads nothing, ``resetting`` resets."""

    def __init__(self, *, resetting: bool = False) -> None:
        self._resetting = resetting
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=16)
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The EventTo of this sink."""
        return f"cetp://127.0.0.1:{self._listening.getsockname()[1]}"

    def close(self) -> None:
        """End all connections and listen no more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        for open_socket in (self._listening, *self._held):
            open_socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            if self._resetting:
                now = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
                connection.close()
            else:
                self._held.append(connection)


def free_sink() -> str:
    """Return the EventTo of a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"cetp://127.0.0.1:{listening.getsockname()[1]}"
