"""The directory's figures beside OpenLDAP's slapd with the same entries, both over TLS.

Client and server share the machine. One process asks over four connections, each with one search
under way that waits for no other; the servers take turns, so that what else the machine does hits
both. The processor's time for a search hardly depends on that, the rate does.
"""

from __future__ import annotations

import random
import select
import socket
import ssl
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from simulators.process.ldap import messages
from simulators.process.ldap.ber import message_end
from simulators.process.ldap.filters import Equal, Substrings
from simulators.process.ldap.messages import Scope, SearchRequest
from simulators.vzd.certificates import read_certificate
from simulators.vzd.entries import Entry
from simulators.vzd.generated.generator import KINDS, Plan, generate
from simulators.vzd.generated.words import SURNAMES
from tests import vzd_site
from tests.conftest import RunningRole
from tests.slapd import BASE, executable, running_slapd

DOMAIN = "bench.kim.telematik-test"
SMALL, LARGE = 1_000, 50_000
CONNECTIONS, ROUNDS, SEARCHES, NAMES = 4, 7, 1_500, 300
_ATTRIBUTES = ("mail", "displayName", "kimData", "userCertificate")


@dataclass(frozen=True)
class Served:
    """A server with entries: where it is, how long it took to start, its process."""

    address: tuple[str, int]
    entries: Sequence[Entry]
    start_seconds: float
    pid: int


@dataclass
class Measured:
    """What rounds of searches by mail address took: searches per second, processor seconds."""

    rates: list[float] = field(default_factory=list)
    processor: float = 0.0

    def ask(self, served: Served, number: int) -> None:
        """Measure round *number*."""
        process = psutil.Process(served.pid)
        before = process.cpu_times()
        self.rates.append(_rate(served, number))
        after = process.cpu_times()
        self.processor += after.user + after.system - before.user - before.system

    @property
    def rate(self) -> float:
        """The best round, which the rest of the machine held up least."""
        return max(self.rates)

    def ratio_to(self, other: Measured) -> float:
        """The rate beside that of *other*: the median of rounds next to each other."""
        pairs = zip(self.rates, other.rates, strict=True)
        return round(statistics.median(ours / theirs for ours, theirs in pairs), 2)

    @property
    def microseconds(self) -> int:
        """The processor's time that the server took for a search."""
        return round(self.processor / len(self.rates) / SEARCHES * 1e6)


def figures() -> dict[str, float]:
    """Return searches per second by mail address, milliseconds by name, start and memory."""
    with tempfile.TemporaryDirectory() as place, _directory(Path(place), SMALL) as small:
        found = {"ldap_by_mail_per_second": 0.0}
        if executable() is None:
            (ours,) = _in_turn(small)
        else:
            with _slapd(Path(place), small) as other:
                ours, theirs = _in_turn(small, other)
            found["ldap_slapd_by_mail_per_second"] = round(theirs.rate)
            found["ldap_ratio_to_slapd"] = ours.ratio_to(theirs)
            found["ldap_slapd_processor_us_per_search"] = theirs.microseconds
        found["ldap_by_mail_per_second"] = round(ours.rate)
        found["ldap_processor_us_per_search"] = ours.microseconds
        with (
            tempfile.TemporaryDirectory() as other_place,
            _directory(Path(other_place), LARGE) as large,
        ):
            few, many = _in_turn(small, large)
            names = _by_name(large)
            memory = psutil.Process(large.pid).memory_info().rss / 1e6
    return found | {
        "ldap_by_mail_of_50000_per_second": round(many.rate),
        "ldap_ratio_of_50000_to_1000": many.ratio_to(few),
        "ldap_of_50000_processor_us_per_search": many.microseconds,
        "ldap_by_name_of_50000_p50_ms": round(statistics.median(names) * 1e3, 1),
        "ldap_by_name_of_50000_p95_ms": round(statistics.quantiles(names, n=20)[-1] * 1e3, 1),
        "ldap_50000_start_seconds": round(large.start_seconds, 2),
        "ldap_50000_rss_mb": round(memory, 1),
    }


def _in_turn(*servers: Served) -> list[Measured]:
    """Ask each of *servers* in each round."""
    measured = [Measured() for _ in servers]
    for number in range(ROUNDS):
        for one, served in zip(measured, servers, strict=True):
            one.ask(served, number)
    return measured


@contextmanager
def _directory(place: Path, count: int) -> Iterator[Served]:
    tree = vzd_site.certificates(place / "keys")
    identity = tree.tls("vzd")
    settings = vzd_site.settings(
        tree,
        place,
        [],
        name="bench",
        data_dir=str(place / "data"),
        listeners={
            name: {"host": "127.0.0.1", "port": _free_port()}
            for name in ("ldap", "rest", "control")
        },
        generated={
            "count": count,
            "domains": [DOMAIN],
            "certificates": {kind: [str(identity.certificate)] * 2 for kind in KINDS},
        },
    )
    began = time.perf_counter()
    role = RunningRole("simulators.vzd", settings, place)
    seconds = time.perf_counter() - began
    certificates = dict.fromkeys(KINDS, (read_certificate(identity.certificate),) * 2)
    plan = Plan(count, 1, [DOMAIN], certificates, BASE, "2026-01-01T00:00:00Z")
    try:
        entries = [one for one in generate(plan) if one.certificates]
        yield Served(role.address("ldap"), entries, seconds, role.process.pid)
    finally:
        role.stop()


@contextmanager
def _slapd(place: Path, like: Served) -> Iterator[Served]:
    home = place / "slapd"
    home.mkdir()
    identity = vzd_site.certificates(place / "keys").tls("vzd")
    port = _free_port()
    with running_slapd(home, port, like.entries, tls=identity) as process:
        yield Served(("127.0.0.1", port), like.entries, 0.0, process.pid)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def _rate(served: Served, number: int) -> float:
    """Return the searches per second by the addresses of entries, all of them found."""
    stream = random.Random(number)
    wanted = [stream.choice(served.entries).value("mail") for _ in range(SEARCHES)]
    asked = [_request(index, Equal("mail", mail.encode())) for index, mail in enumerate(wanted)]
    requests = iter(asked)
    with _connections(served.address) as connections, select.epoll() as answers:
        by_descriptor = {connection.fileno(): connection for connection in connections}
        began = time.perf_counter()
        for descriptor, connection in by_descriptor.items():
            answers.register(descriptor, select.EPOLLIN)
            connection.sendall(next(requests))
        waiting = len(connections)
        while waiting:
            for descriptor, _ in answers.poll():
                connection = by_descriptor[descriptor]
                if _answered(connection) != 1:
                    raise SystemExit("an address was not found")
                if (following := next(requests, None)) is not None:
                    connection.sendall(following)
                else:
                    waiting -= 1
        return SEARCHES / (time.perf_counter() - began)


def _by_name(served: Served) -> list[float]:
    """Return the seconds of searches by a part of the name, as somebody types it."""
    stream = random.Random(1)
    taken = []
    with _connections(served.address) as (connection, *_):
        for number in range(NAMES):
            part = stream.choice(SURNAMES).encode()
            first = stream.choice((None, b"Praxis", b"Haus", None))
            asked = Substrings("displayName", first, (part[: stream.randrange(4, 8)],), None)
            began = time.perf_counter()
            connection.sendall(_request(number, asked))
            _answered(connection)
            taken.append(time.perf_counter() - began)
    return taken


def _request(number: int, asked: Equal | Substrings) -> bytes:
    request = SearchRequest(BASE, Scope.SUBTREE, asked, _ATTRIBUTES)
    return messages.envelope(number + 1, messages.search_bytes(request))


@contextmanager
def _connections(address: tuple[str, int]) -> Iterator[list[ssl.SSLSocket]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the time of the search, not of the handshake
    opened = [
        context.wrap_socket(socket.create_connection(address, timeout=30))
        for _ in range(CONNECTIONS)
    ]
    for connection in opened:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


def _answered(connection: ssl.SSLSocket) -> int:
    """Read the answers to a search; return how many entries they were."""
    buffer, hits = b"", 0
    while True:
        while (end := message_end(buffer, 0, 1 << 24)) is None or end > len(buffer):
            buffer += connection.recv(1 << 16)
        message = messages.read_message(buffer[:end])
        buffer = buffer[end:]
        if message.operation == messages.Operation.SEARCH_DONE:
            return hits
        hits += 1
