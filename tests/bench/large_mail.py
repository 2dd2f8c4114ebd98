"""Mails of 100 MB by way of the KAS: seconds, what the client modules hold, and the bare work.

Bare is AES-256-GCM over the same bytes and their upload to the same KAS by Python's own client.
Everybody runs on the same cores; TLS is in all figures.
"""

from __future__ import annotations

import base64
import http.client
import os
import poplib
import smtplib
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from simulators.process import tls
from tests.kas_client import BOUNDARY, KIND, attachment, basic, fields, form

from .clientmodule import data_directory
from .practice import TIMEOUT_SECONDS, Practice
from .running_konnektor import forget_peak, peak_memory
from .running_world import RunningWorld

MEGABYTES = 100
_LINES = base64.encodebytes(os.urandom(57 * 4096)).replace(b"\n", b"\r\n")
"""A piece of an attachment as it stands in a mail: whole lines."""


def figures(
    world: RunningWorld, sender: Practice, receiver: Practice, megabytes: int = MEGABYTES
) -> dict[str, float]:
    """Send and fetch one mail of *megabytes*; return the figures by their names.

    *receiver* must take large mails, and stand at another client module than *sender*. The peaks
    are what each client module held in all, not only for the mail.
    """
    sending, fetching = (world.process(data_directory(world, p).name) for p in (sender, receiver))
    size = megabytes * 10**6
    forget_peak(sending)
    send = _send(sender, receiver, size)
    sent_peak = peak_memory(sending)
    forget_peak(fetching)
    fetch = _fetch(receiver, size)
    fetched_peak = peak_memory(fetching)
    bare = _seal(size) + _upload(world, sender, receiver, size)
    return {
        f"kim_mail_{megabytes}_mb_send_seconds": round(send, 2),
        f"kim_mail_{megabytes}_mb_send_peak_mb": round(sent_peak / 1e6, 1),
        f"kim_mail_{megabytes}_mb_fetch_seconds": round(fetch, 2),
        f"kim_mail_{megabytes}_mb_fetch_peak_mb": round(fetched_peak / 1e6, 1),
        f"kim_mail_{megabytes}_mb_bare_seconds": round(bare, 2),
        f"kim_mail_{megabytes}_mb_send_ratio_to_bare": round(send / bare, 1),
    }


def _content(size: int) -> Iterator[bytes]:
    """Yield *size* bytes in whole lines."""
    for begin in range(0, size, len(_LINES)):
        yield _LINES[: (size - begin) // 78 * 78 or 78]


def _send(sender: Practice, receiver: Practice, size: int) -> float:
    """Return the seconds from MAIL to acceptance."""
    with smtplib.SMTP_SSL(*sender.smtp, context=sender.tls, timeout=TIMEOUT_SECONDS) as session:
        session.login(sender.smtp_user, sender.password)
        assert session.sock is not None
        head = (
            f"From: {sender.address}\r\nTo: {receiver.address}\r\nSubject: Aufnahmen\r\n"
            f"Message-ID: <{time.time_ns()}@bench>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nAnbei\r\n--b\r\n"
            "Content-Type: application/dicom\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        )
        started = time.perf_counter()
        for command, expected in (
            (f"MAIL FROM:<{sender.address}> SIZE={size + len(head)}", 250),
            (f"RCPT TO:<{receiver.address}>", 250),
            ("DATA", 354),
        ):
            _expect(session.docmd(command), expected)
        session.sock.sendall(head.encode("ascii"))
        for piece in _content(size):
            session.sock.sendall(piece)
        session.sock.sendall(b"--b--\r\n.\r\n")
        _expect(session.getreply(), 250)
        return time.perf_counter() - started


def _fetch(receiver: Practice, size: int) -> float:
    """Return the seconds from RETR to the last line, of which none is kept."""
    session = poplib.POP3_SSL(*receiver.pop3, context=receiver.tls, timeout=TIMEOUT_SECONDS)
    try:
        session.user(receiver.pop3_user)
        session.pass_(receiver.password)
        lines = session.file
        started = time.perf_counter()
        session.sock.sendall(b"RETR 1\r\n")
        if not lines.readline().startswith(b"+OK"):
            raise SystemExit("the mail cannot be fetched")
        taken, whole = 0, False
        while (line := lines.readline()) != b".\r\n":
            taken += len(line)
            whole = whole or line == b"X-KIM-IntegrityCheckResult: 01\r\n"
        seconds = time.perf_counter() - started
        if not whole or taken < size:
            raise SystemExit(f"{taken} bytes of {size} were fetched; nothing to measure")
        session.dele(1)
    finally:
        session.quit()
    return seconds


def _seal(size: int) -> float:
    encryptor = Cipher(AES(os.urandom(32)), GCM(os.urandom(12))).encryptor()
    started = time.perf_counter()
    for piece in _content(size):
        encryptor.update(piece)
    encryptor.finalize()
    return time.perf_counter() - started


def _upload(world: RunningWorld, sender: Practice, receiver: Practice, size: int) -> float:
    """Return the seconds that the upload alone takes."""
    size = sum(len(piece) for piece in _content(size))
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    first = form([*fields([receiver.address]), attachment(b"", str(size))]).removesuffix(end)
    provider = world.endpoints["providers"][sender.address.rpartition("@")[2]]
    place = urlsplit(f"{provider['kas']}/attachment/")
    connection = http.client.HTTPSConnection(
        place.netloc, context=_mutual_tls(world, sender), timeout=TIMEOUT_SECONDS
    )
    headers = {
        "Content-Type": KIND,
        "Content-Length": str(len(first) + size + len(end)),
        **basic(sender.address, sender.password),
    }
    started = time.perf_counter()
    connection.request("POST", place.path, iter([first, *_content(size), end]), headers)
    response = connection.getresponse()
    response.read()
    seconds = time.perf_counter() - started
    connection.close()
    if response.status != 201:
        raise SystemExit(f"the upload was refused: {response.status}")
    return seconds


def _mutual_tls(world: RunningWorld, sender: Practice) -> ssl.SSLContext:
    participant = world.endpoints["participants"][sender.name]
    context = tls.client_context(world.directory / world.endpoints["ca"])
    file = world.directory / participant["kim_certificate"]
    tls.load_pkcs12(context, file, participant["kim_certificate_password"])
    return context


def _expect(reply: tuple[int, bytes], code: int) -> None:
    if reply[0] != code:
        raise SystemExit(f"the client module answered {reply[0]} {reply[1]!r}")
