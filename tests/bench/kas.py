"""500 MB into the KAS and out of it: seconds, growth of the process, beside the disk alone.

Client and server run on the same cores; TLS, the hash of the data and the disk are in the figures.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import RunningRole
from tests.kas_client import BOUNDARY, KIND, PATH, KasClient, attachment, basic, fields, form
from tests.mail_providers import (
    FACHARZT,
    KV,
    PRAXIS,
    RunningProvider,
    issue_certificates,
    provider_settings,
)

from .running_konnektor import forget_peak, peak_memory

PIECE = os.urandom(1 << 20)
PIECES = 500
LISTENERS = ("control", "smtp", "pop3", "rest")


def figures() -> dict[str, float]:
    """Measure an upload and a download; return the figures by their names."""
    with (
        tempfile.TemporaryDirectory(prefix="kimulator-bench-") as directory,
        running_kas(Path(directory)) as kas,
    ):
        pid = kas.provider.role.process.pid
        kas.read(kas.upload(PIECE).link)  # what the first transfer allocates for good
        forget_peak(pid)
        before = peak_memory(pid)
        link, uploading = upload(kas)
        up = peak_memory(pid) - before
        forget_peak(pid)
        before = peak_memory(pid)
        downloading = download(kas, link)
        return {
            "kas_upload_500mb_seconds": round(uploading, 2),
            "kas_upload_growth_mb": round(up / 1e6, 1),
            "kas_download_500mb_seconds": round(downloading, 2),
            "kas_download_growth_mb": round((peak_memory(pid) - before) / 1e6, 1),
            "disk_write_500mb_seconds": round(disk_alone(Path(directory)), 2),
        }


def upload(kas: KasClient) -> tuple[str, float]:
    """Upload; return the link and how many seconds it took."""
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    size = len(PIECE) * PIECES
    first = form([*fields(), attachment(b"", str(size))]).removesuffix(end)
    connection = kas.connect()
    headers = {
        "Content-Type": KIND,
        "Content-Length": str(len(first) + size + len(end)),
        **basic(PRAXIS),
    }
    started = time.perf_counter()
    connection.request("POST", PATH, iter([first, *[PIECE] * PIECES, end]), headers)
    response = connection.getresponse()
    body = response.read()
    seconds = time.perf_counter() - started
    connection.close()
    if response.status != 201:
        raise SystemExit(f"the upload was refused: {response.status} {body!r}")
    return kas.stored()[-1]["id"], seconds


def download(kas: KasClient, link: str) -> float:
    """Download; return how many seconds it took. Ends the run when a byte is wrong."""
    connection = kas.connect()
    started = time.perf_counter()
    connection.request("GET", PATH + link, headers={"recipient": FACHARZT})
    response = connection.getresponse()
    for _ in range(PIECES):
        if response.read(len(PIECE)) != PIECE:
            raise SystemExit("the download is not what was uploaded")
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def disk_alone(directory: Path) -> float:
    """Return the seconds in which the same bytes are hashed, written and durable."""
    sha256 = hashlib.sha256()
    started = time.perf_counter()
    with (directory / "alone").open("wb") as file:
        for _ in range(PIECES):
            sha256.update(PIECE)
            file.write(PIECE)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - started


@contextlib.contextmanager
def running_kas(directory: Path) -> Iterator[KasClient]:
    """Start a provider whose data lies below *directory*."""
    tree = issue_certificates(directory / "cache")
    settings = provider_settings(tree, "kv", KV, [PRAXIS, FACHARZT])
    settings["data_dir"] = str(directory / "data")
    settings["listeners"] = {
        name: {"host": "127.0.0.1", "port": 23_400 + number}
        for number, name in enumerate(LISTENERS)
    }
    role = RunningRole("simulators.mailserver", settings, directory)
    try:
        yield KasClient(RunningProvider(role, tree, KV))
    finally:
        role.stop()
