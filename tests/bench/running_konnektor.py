"""A Konnektor under measurement and the bare server beside it, as processes with their own core."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from simulators.pki.tree import PkiTree
from simulators.process import tls
from tests.conftest import RunningRole
from tests.konnektor_site import Site, site_pki, site_settings

from .soap_load import Target


@contextmanager
def running_konnektor(directory: Path) -> Iterator[Site]:
    """Start OCSP responder and Konnektor; the Konnektor has a core of its own."""
    pki = site_pki(directory / "keys")
    roles: list[RunningRole] = []
    cores = os.sched_getaffinity(0)
    try:
        ocsp = _role(roles, directory, "simulators.pki", {"pki": str(pki.directory)}, "ocsp")
        host, port = ocsp.address("ocsp")
        settings = site_settings(pki, ocsp_url=f"http://{host}:{port}/ocsp")
        role = _role(roles, directory, "simulators.konnektor", settings, "soap")
        _give_core(role.process.pid, cores)
        yield Site(role, pki)
    finally:
        os.sched_setaffinity(0, cores)
        for role in roles:
            role.stop()


def _role(
    roles: list[RunningRole], directory: Path, module: str, settings: dict[str, object], port: str
) -> RunningRole:
    home = directory / module
    home.mkdir()
    listeners = {name: {"host": "127.0.0.1", "port": _free_port()} for name in (port, "control")}
    more = {"name": "bench", "data_dir": str(home / "data"), "listeners": listeners}
    roles.append(RunningRole(module, {**settings, **more}, home))
    return roles[-1]


@contextmanager
def running_echo(size: int, core_of: int) -> Iterator[Target]:
    """Start the bare server, in the clear, on the core that the process *core_of* has."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.echo", str(port), str(size)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        if process.stdout.read(1) != b"R":
            raise SystemExit("the bare server did not start")
        os.sched_setaffinity(process.pid, os.sched_getaffinity(core_of))
        yield Target("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _give_core(process: int, cores: set[int]) -> None:
    """Give *process* the last of *cores*, and this one all others."""
    if len(cores) > 1:
        last = max(cores)
        for thread in psutil.Process(process).threads():
            os.sched_setaffinity(thread.id, {last})
        os.sched_setaffinity(0, cores - {last})


def client_tls(pki: PkiTree) -> ssl.SSLContext:
    """Return the TLS of the practice's software, with its certificate."""
    trust = tls.client_context(pki.ca)
    file = pki.client("pvs")
    tls.load_pkcs12(trust, file.path, file.password)
    assert isinstance(trust, ssl.SSLContext)
    return trust


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor time that *process* used so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def forget_peak(process: int) -> None:
    """Have the kernel measure the peak of *process* from now on."""
    Path(f"/proc/{process}/clear_refs").write_text("5", encoding="ascii")


def peak_memory(process: int) -> int:
    """Return the most memory that *process* held in bytes since ``forget_peak``."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found.group(1)) * 1024
