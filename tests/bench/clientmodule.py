"""The client module alone: one mail of 15 MiB, idle sessions, where the time goes."""

from __future__ import annotations

import base64
import os
import poplib
import smtplib
import statistics
import time
from pathlib import Path

from .cryptography_bound import seconds_per_mail
from .performance_log import PerformanceLog
from .practice import TIMEOUT_SECONDS, Practice
from .running_world import RunningWorld

LARGE_BYTES = 15 * 1024 * 1024 - 8192
"""Attached; with headers and text the mail stays below 15 MiB decoded (KOM-LE-A_2004-01)."""
LARGE_ROUNDS = 3
IDLE_SESSIONS = 200


def performance_log(world: RunningWorld, practice: Practice) -> PerformanceLog:
    """Return the performance log of the client module of *practice*, from now on."""
    return PerformanceLog(data_directory(world, practice) / "logs")


def large_mail(sender: Practice, receiver: Practice) -> dict[str, float]:
    """Send and fetch a mail of 15 MiB; return the median seconds of each.

    From the first byte of the mail to its acceptance, and from RETR to its last line; beside it
    the cryptography of such a mail on one core.
    """
    sent, fetched = [], []
    for number in range(LARGE_ROUNDS):
        sent.append(_send(sender, _mail(sender, receiver, number)))
        fetched.append(_fetch(receiver))
    send, fetch = statistics.median(sent), statistics.median(fetched)
    bare = seconds_per_mail(LARGE_BYTES * 4 // 3, rounds=3)
    return {
        "kim_mail_15_mib_send_seconds": round(send, 2),
        "kim_mail_15_mib_fetch_seconds": round(fetch, 2),
        "kim_mail_15_mib_cryptography_seconds": round(bare, 3),
        "kim_mail_15_mib_ratio_to_cryptography": round((send + fetch) / bare, 1),
    }


def idle_sessions(world: RunningWorld, practices: list[Practice]) -> dict[str, float]:
    """Return the resident memory of a client module without and with 200 idle sessions.

    Half are SMTP sessions that are logged in, half POP3: logged in for each practice once (a
    maildrop is locked), after USER for the others.
    """
    name = data_directory(world, practices[0]).name
    before = world.resident_mb(name)
    sessions: list[smtplib.SMTP | poplib.POP3] = []
    try:
        for number in range(IDLE_SESSIONS // 2):
            practice = practices[number % len(practices)]
            sessions += [_idle_smtp(practice), _idle_pop3(practice, number < len(practices))]
        held = world.resident_mb(name)
    finally:
        for session in sessions:
            session.close()
    return {
        "clientmodule_rss_mb": round(before, 1),
        "clientmodule_200_idle_sessions_rss_mb": round(held, 1),
        "clientmodule_kb_per_idle_session": round((held - before) * 1e3 / IDLE_SESSIONS, 1),
        "clientmodule_200_idle_sessions_ratio": round(held / before, 2),
    }


def data_directory(world: RunningWorld, practice: Practice) -> Path:
    """Return the directory of the client module of *practice*."""
    sites = world.endpoints["sites"]
    module = sites[world.endpoints["participants"][practice.name]["site"]]["clientmodule"]["smtp"]
    owners = [name for name, site in sites.items() if site["clientmodule"]["smtp"] == module]
    data = world.directory / "data"
    return next(data / f"clientmodule-{o}" for o in owners if (data / f"clientmodule-{o}").is_dir())


def _mail(sender: Practice, receiver: Practice, number: int) -> bytes:
    attached = base64.encodebytes(os.urandom(LARGE_BYTES)).replace(b"\n", b"\r\n")
    head = (
        f"From: {sender.address}\r\nTo: {receiver.address}\r\nSubject: Bild {number}\r\n"
        f"Message-ID: <{number}.{time.time_ns()}@bench>\r\n"
        "Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=grenze\r\n\r\n"
        "--grenze\r\nContent-Type: text/plain\r\n\r\nim Anhang\r\n"
        "--grenze\r\nContent-Type: image/dicom\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode("ascii") + attached + b"--grenze--\r\n"


def _send(practice: Practice, mail: bytes) -> float:
    with _idle_smtp(practice) as session:
        session.mail(practice.address)
        session.rcpt(mail.split(b"To: ", 1)[1].split(b"\r\n", 1)[0].decode("ascii"))
        session.docmd("DATA")
        started = time.perf_counter()
        assert session.sock is not None
        session.sock.sendall(mail + b".\r\n")
        code, text = session.getreply()
        if code != 250:
            raise SystemExit(f"the mail of 15 MiB was refused: {code} {text!r}")
        return time.perf_counter() - started


def _fetch(practice: Practice) -> float:
    session = _idle_pop3(practice, log_in=True)
    try:
        started = time.perf_counter()
        session.sock.sendall(b"RETR 1\r\n")
        content = bytearray()
        while not content.endswith(b"\r\n.\r\n"):
            piece = session.file.read1(1 << 20)  # type: ignore[attr-defined]
            if not piece:
                raise SystemExit("the connection ended in a mail of 15 MiB")
            content += piece
        taken = time.perf_counter() - started
        if b"X-KIM-IntegrityCheckResult: 01" not in content[: 64 << 10]:
            raise SystemExit("the mail of 15 MiB was not decrypted; nothing to measure")
        session.dele(1)
        return taken
    finally:
        session.quit()


def _idle_smtp(practice: Practice) -> smtplib.SMTP:
    session = smtplib.SMTP_SSL(*practice.smtp, context=practice.tls, timeout=TIMEOUT_SECONDS)
    session.login(practice.smtp_user, practice.password)
    return session


def _idle_pop3(practice: Practice, log_in: bool) -> poplib.POP3:
    session = poplib.POP3_SSL(*practice.pop3, context=practice.tls, timeout=TIMEOUT_SECONDS)
    session.user(practice.pop3_user)
    if log_in:
        session.pass_(practice.password)
    return session
