"""SMTP and POP3 as a load: blocking sockets with TLS, several connections, pipelined commands."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass


class Unexpected(Exception):
    """A server said something else: what was measured would mean nothing."""


@dataclass(frozen=True)
class Place:
    """A server: where it is and how it is trusted; a user who may log in."""

    host: str
    port: int
    tls: ssl.SSLContext
    user: str
    password: str

    def connect(self) -> Line:
        """Connect, with the TLS handshake, and take the greeting."""
        plain = socket.create_connection((self.host, self.port), 30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = Line(self.tls.wrap_socket(plain, server_hostname=self.host))
        line.read(1)
        return line

    def credentials(self) -> str:
        """Return the response of SASL PLAIN."""
        return base64.b64encode(f"\0{self.user}\0{self.password}".encode()).decode()


class Line:
    """A connection on which lines come."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection
        self._received = b""

    def say(self, data: bytes) -> None:
        """Send."""
        self._connection.sendall(data)

    def read(self, lines: int) -> bytes:
        """Return that many lines."""
        return self._take(lambda got: _after_lines(got, lines))

    def read_mail(self) -> bytes:
        """Return a multi-line answer of POP3, its last line included."""
        return self._take(lambda got: got.find(b"\r\n.\r\n") + 5 if b"\r\n.\r\n" in got else 0)

    def _take(self, end_of: Callable[[bytes], int]) -> bytes:
        content = self._received
        while not (end := end_of(content)):
            piece = self._connection.recv(1 << 16)
            if not piece:
                raise Unexpected(content[-200:])
            content += piece
        self._received = content[end:]
        return content[:end]

    def close(self) -> None:
        """Close it."""
        self._connection.close()


def _after_lines(data: bytes, lines: int) -> int:
    end = 0
    for _ in range(lines):
        end = data.find(b"\n", end) + 1
        if not end:
            return 0
    return end


def send_all(place: Place, recipients: list[str], mails: int, data: bytes) -> float:
    """Send *mails* of *data* (with its final dot), over a connection for each of *recipients*.

    Return the seconds. Without a password nobody logs in.
    """

    def work(recipient: str) -> None:
        envelope = f"MAIL FROM:<{place.user}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()
        line = _greeted(place)
        for _ in range(mails // len(recipients)):
            line.say(envelope)
            answers = line.read(3).splitlines()
            if not answers[2].startswith(b"354"):
                raise Unexpected(answers)
            line.say(data)
            if not (answer := line.read(1)).startswith(b"250"):
                raise Unexpected(answer)
        line.say(b"QUIT\r\n")
        line.read(1)
        line.close()

    started = time.perf_counter()
    with ThreadPoolExecutor(len(recipients)) as pool:
        list(pool.map(work, recipients))
    return time.perf_counter() - started


def _greeted(place: Place) -> Line:
    line = place.connect()
    line.say(b"EHLO bench\r\n")
    while not line.read(1).startswith(b"250 "):
        pass
    if place.password:
        line.say(f"AUTH PLAIN {place.credentials()}\r\n".encode())
        if not (answer := line.read(1)).startswith(b"235"):
            raise Unexpected(answer)
    return line


def fetch_all(places: list[Place]) -> tuple[float, int]:
    """Fetch every mail of every mailbox; return the seconds and how many came."""

    def work(place: Place) -> int:
        line = place.connect()
        line.say(f"USER {place.user}\r\n".encode())
        line.read(1)
        line.say(f"PASS {place.password}\r\n".encode())
        if not (answer := line.read(1)).startswith(b"+OK"):
            raise Unexpected(answer)
        line.say(b"STAT\r\n")
        number = int(line.read(1).split()[1])
        for mail in range(1, number + 1):
            line.say(b"RETR %d\r\n" % mail)
            if not line.read_mail().startswith(b"+OK"):
                raise Unexpected(place.user)
        line.say(b"QUIT\r\n")
        line.read(1)
        line.close()
        return number

    started = time.perf_counter()
    with ThreadPoolExecutor(len(places)) as pool:
        found = list(pool.map(work, places))
    return time.perf_counter() - started, sum(found)
