"""The control port that every process has, asked of a running process (the OCSP responder)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulators.pki.issue import PkiRequest, issue
from tests.conftest import ROOT, RunningRole


@pytest.fixture(scope="module")
def pki_directory(pki_cache: Path) -> Path:
    request = PkiRequest(cards=[], tls=[], clients=[], kim_certificates=[], hosts=[])
    return issue(request, pki_cache).directory


@pytest.fixture(scope="module")
def process(
    start_role: Callable[[str, dict[str, Any]], RunningRole], pki_directory: Path
) -> RunningRole:
    settings = {"name": "pki", "pki": str(pki_directory), "listeners": {"ocsp": {}, "control": {}}}
    return start_role("simulators.pki", settings)


def test_ready_says_who_is_ready(process: RunningRole) -> None:
    status, body = process.ask("GET", "/ready")
    assert status == 200
    assert json.loads(body) == {"ready": True, "process": "pki"}


def test_virtual_time_is_set_advanced_and_reset(process: RunningRole) -> None:
    status, body = process.ask("PUT", "/clock", {"now": "2027-01-01T00:00:00+00:00"})
    assert status == 200
    assert json.loads(body)["now"].startswith("2027-01-01T00:0")
    process.ask("PUT", "/clock", {"advance_seconds": 86_400})
    _, body = process.ask("GET", "/clock")
    assert json.loads(body)["now"].startswith("2027-01-02T00:0")
    assert process.ask("POST", "/reset")[0] == 204
    _, body = process.ask("GET", "/clock")
    assert json.loads(body)["offset_seconds"] == 0


@pytest.mark.parametrize(
    "content",
    [
        {"now": "soon"},
        {"now": "2027-01-01T00:00:00"},
        {"now": "9999-12-31T23:59:59+00:00"},
        {"now": "0001-01-01T00:00:00+14:00"},
        {"advance_seconds": 1e300},
        {"advance_seconds": 1e11},
        {"advance_seconds": True},
        [],
        1,
    ],
)
def test_a_wrong_time_is_one_clear_answer(process: RunningRole, content: object) -> None:
    status, body = process.ask("PUT", "/clock", content)
    assert status == 400
    assert json.loads(body)["error"].startswith("clock")


def test_faults_are_listed_set_and_removed(process: RunningRole) -> None:
    rule = {"id": "slow", "operation": "OCSP", "effect": {"kind": "delay", "seconds": 0.1}}
    status, body = process.ask("PUT", "/faults", [rule])
    assert status == 200
    assert json.loads(body)["rules"][0]["id"] == "slow"
    assert "drop" in json.loads(body)["effects"]
    assert process.ask("DELETE", "/faults")[0] == 204
    assert json.loads(process.ask("GET", "/faults")[1])["rules"] == []


def test_an_unknown_effect_is_refused_by_name(process: RunningRole) -> None:
    rule = {"id": "x", "operation": "*", "effect": {"kind": "explode"}}
    status, body = process.ask("PUT", "/faults", [rule])
    assert status == 400
    assert "explode" in json.loads(body)["error"]


def test_a_body_that_is_no_json_is_refused(process: RunningRole) -> None:
    connection = http.client.HTTPConnection(urlsplit(process.control).netloc, timeout=10)
    for content in (b"{", b"[" * 500_000, b"\xff\xfe"):
        connection.request("PUT", "/faults", content)
        response = connection.getresponse()
        assert response.status == 400, content[:10]
        response.read()
    connection.close()


def test_a_body_beyond_the_bound_is_refused(process: RunningRole) -> None:
    status, _ = process.ask("PUT", "/faults", "x" * (2 << 20))
    assert status == 413


def test_the_journal_is_followed_as_it_happens(process: RunningRole) -> None:
    host, port = process.address("ocsp")
    connection = http.client.HTTPConnection(urlsplit(process.control).netloc, timeout=10)
    connection.request("GET", "/journal", headers={"Accept": "text/event-stream"})
    response = connection.getresponse()
    assert response.headers["Content-Type"].startswith("text/event-stream")
    asking = http.client.HTTPConnection(host, port, timeout=10)
    asking.request("POST", "/ocsp", b"no request")
    asking.getresponse().read()
    while not (line := response.readline()).startswith(b"data:"):
        assert line, "the stream ended"
    event = json.loads(line.removeprefix(b"data:"))
    assert event["process"] == "pki"
    connection.close()
    asking.close()


def test_the_number_of_the_last_event_is_told_without_any_event(process: RunningRole) -> None:
    for number in (1, 2):
        asking = http.client.HTTPConnection(*process.address("ocsp"), timeout=10)
        asking.request("POST", "/ocsp", b"no request")
        asking.getresponse().read()
        asking.close()
        connection = http.client.HTTPConnection(urlsplit(process.control).netloc, timeout=10)
        connection.request("GET", f"/journal?since={10**15}")
        response = connection.getresponse()
        assert response.read() == b""
        last = int(response.headers["Journal-Last"])
        connection.close()
        assert last == process.journal()[-1]["seq"] >= number


def test_a_wrong_since_is_refused(process: RunningRole) -> None:
    assert process.ask("GET", "/journal?since=x")[0] == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "["},
        {"Origin": "https://evil.example"},
        {"Origin": "http://["},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_what_a_web_page_could_send_is_refused(
    process: RunningRole, headers: dict[str, str]
) -> None:
    assert process.ask("POST", "/reset", headers=headers)[0] == 403
    assert "Traceback" not in process.log()


def test_a_taken_port_ends_in_one_line_and_status_2(
    process: RunningRole, pki_directory: Path, tmp_path: Path
) -> None:
    _, taken = process.address("control")
    settings = {
        "name": "second",
        "data_dir": str(tmp_path / "data"),
        "pki": str(pki_directory),
        "listeners": {"control": {"port": taken}},
    }
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings))
    ended = _run_pki(file)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "second" in ended.stderr


def test_a_wrong_settings_file_ends_in_one_line_and_status_2(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"name": "x", "colour": 1}')
    ended = _run_pki(file)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert str(file) in ended.stderr


def _run_pki(settings: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simulators.pki", "--settings", str(settings)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=ROOT,
    )


def test_sigterm_ends_it_at_once_although_a_client_hangs_on(
    start_role: Callable[[str, dict[str, Any]], RunningRole], pki_directory: Path
) -> None:
    settings = {"name": "pki-2", "pki": str(pki_directory), "listeners": {"ocsp": {}}}
    role = start_role("simulators.pki", settings)
    with (
        socket.create_connection(role.address("ocsp")) as half,
        socket.create_connection(role.address("control")) as follower,
    ):
        half.sendall(b"POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        follower.sendall(
            b"GET /journal HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        )
        follower.recv(1)
        assert role.stop() == 0


def test_the_end_of_the_lifeline_ends_the_process(pki_directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    data = tmp_path / "data"
    file.write_text(json.dumps({"name": "pki-3", "data_dir": str(data), "pki": str(pki_directory)}))
    (ready, tell), (lifeline, hold) = os.pipe(), os.pipe()
    arguments = ["--ready-fd", str(tell), "--lifeline-fd", str(lifeline)]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators.pki", "--settings", str(file), *arguments],
        pass_fds=[tell, lifeline],
        cwd=ROOT,
    )
    os.close(tell)
    os.close(lifeline)
    assert os.read(ready, 1) == b"R"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    os.close(hold)
    assert process.wait(5) == 0
    os.close(ready)


def test_what_it_holds_is_not_taken_apart_at_its_end(pki_directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    settings = {"name": "pki-5", "data_dir": str(tmp_path), "pki": str(pki_directory)}
    file.write_text(json.dumps(settings))
    (ready, tell), program = os.pipe(), tmp_path / "program.py"
    program.write_text(
        "import atexit\n"
        "from simulators.pki.service import ROLE\n"
        "from simulators.process.run import main\n"
        "atexit.register(print, 'taken apart')\n"
        f"main(ROLE, ['--settings', {str(file)!r}, '--ready-fd', '{tell}'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(program)], pass_fds=[tell], cwd=ROOT, stdout=subprocess.PIPE
    )
    os.close(tell)
    assert os.read(ready, 1) == b"R"
    os.close(ready)
    process.terminate()
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert said == b"", "freeing 50,000 entries took longer than a second"


def test_sigint_ends_it_too(
    start_role: Callable[[str, dict[str, Any]], RunningRole], pki_directory: Path
) -> None:
    settings = {"name": "pki-4", "pki": str(pki_directory), "listeners": {"ocsp": {}}}
    role = start_role("simulators.pki", settings)
    role.process.send_signal(signal.SIGINT)
    assert role.process.wait(3) == 0
