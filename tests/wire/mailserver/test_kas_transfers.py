"""Large, broken, slow and spoiled transfers, and data that is past its time."""

from __future__ import annotations

import hashlib
import http.client
import os
import select
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.kas_client import (
    BOUNDARY,
    KIND,
    PATH,
    KasClient,
    attachment,
    basic,
    fields,
    form,
    in_days,
)
from tests.mail_providers import FACHARZT, KV, PRAXIS, RunningProvider, wait_until

MB = 1 << 20
LARGE = 40 * MB
GROWTH = 26 * MB
"""Far below one large transfer, above what TLS, buffers and the allocator need at any time."""
DATA = os.urandom(MB)


@pytest.fixture(scope="module")
def kas_provider(start_provider: Callable[..., RunningProvider]) -> RunningProvider:
    short = {"data_time_to_live": 30}
    return start_provider("kv", KV, [PRAXIS, FACHARZT], account=short, kas={"idle_seconds": 1})


@pytest.fixture
def kas(kas_provider: RunningProvider) -> Iterator[KasClient]:
    assert kas_provider.role.ask("POST", "/reset")[0] == 204
    client = KasClient(kas_provider)
    yield client
    assert "Traceback" not in kas_provider.role.log()


def around(size: int) -> tuple[bytes, bytes]:
    """Return what stands before and after mail data of *size* bytes in a form."""
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    return form([*fields(), attachment(b"", str(size))]).removesuffix(end), end


def begin(kas: KasClient, length: int) -> http.client.HTTPSConnection:
    """Send the head of an upload whose body has *length* bytes."""
    connection = kas.connect()
    connection.putrequest("POST", PATH)
    connection.putheader("Content-Type", KIND)
    connection.putheader("Content-Length", str(length))
    connection.putheader("Authorization", basic(PRAXIS)["Authorization"])
    connection.endheaders()
    return connection


def memory(kas: KasClient) -> int:
    """Return the most memory that the process has had."""
    peak = Path(f"/proc/{kas.provider.role.process.pid}/status").read_text()
    lines = dict(line.split(":", 1) for line in peak.splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def test_a_large_transfer_needs_little_memory(kas: KasClient) -> None:
    warm = kas.upload(DATA).link
    assert kas.read(warm).body == DATA
    before = memory(kas)
    first, last = around(LARGE)
    connection = begin(kas, len(first) + LARGE + len(last))
    sha256 = hashlib.sha256()
    connection.send(first)
    for _ in range(LARGE // MB):
        connection.send(DATA)
        sha256.update(DATA)
    connection.send(last)
    assert connection.getresponse().status == 201
    connection.close()
    uploaded = memory(kas)
    assert uploaded - before < GROWTH
    stored = kas.stored()[-1]
    assert stored["sha256"] == sha256.hexdigest()
    connection = kas.connect()
    connection.request("GET", PATH + stored["id"], headers={"recipient": FACHARZT})
    response = connection.getresponse()
    got = hashlib.sha256()
    while piece := response.read(MB):
        got.update(piece)
    connection.close()
    assert got.hexdigest() == sha256.hexdigest()
    assert memory(kas) - before < GROWTH


def test_an_upload_goes_on_while_others_end_and_time_jumps(kas: KasClient) -> None:
    first, last = around(2 * MB)
    connection = begin(kas, len(first) + 2 * MB + len(last))
    connection.send(first + DATA)
    wait_until(lambda: kas.files() != [])
    link = kas.upload(DATA).link
    advance(kas, 0.1)
    assert kas.delete(link).status == 200
    connection.send(DATA + last)
    assert connection.getresponse().status == 201
    connection.close()
    assert len(kas.stored()) == 1


@pytest.mark.parametrize("ending", ["close", "reset", "silence"])
def test_a_broken_upload_leaves_nothing(kas: KasClient, ending: str) -> None:
    first, last = around(8 * MB)
    connection = begin(kas, len(first) + 8 * MB + len(last))
    connection.send(first + bytes(5 * MB))
    wait_until(lambda: kas.files() != [])
    assert kas.stored() == [], "there is no link yet"
    if ending == "silence":
        assert connection.getresponse().status == 400
    elif ending == "reset":
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    wait_until(lambda: kas.files() == [])
    assert kas.stored() == []


def test_an_upload_that_trickles_is_ended(kas: KasClient) -> None:
    connection = begin(kas, 2000)
    sent = 0
    while not select.select([connection.sock], [], [], 0.3)[0]:  # never idle for a second
        connection.send(b"-")
        sent += 1
        assert sent < 100, "it goes on and on"
    assert connection.getresponse().status == 400
    connection.close()


def test_a_client_that_reads_nothing_is_left(kas: KasClient) -> None:
    link = kas.upload(bytes(16 * MB)).link
    connection = kas.connect()
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.request("GET", PATH + link, headers={"recipient": FACHARZT})
    wait_until(lambda: kas.provider.steps("rest.readMailData") != [])
    (step,) = kas.provider.steps("rest.readMailData")
    assert step["data"]["complete"] is False
    connection.close()


def test_deletion_during_a_download_lets_it_end(kas: KasClient) -> None:
    link = kas.upload(bytes(16 * MB)).link
    connection = kas.connect()
    connection.request("GET", PATH + link, headers={"recipient": FACHARZT})
    response = connection.getresponse()
    assert len(response.read(MB)) == MB
    assert kas.delete(link).status == 200
    assert kas.read(link).status == 404
    assert len(response.read()) == 15 * MB
    connection.close()


def advance(kas: KasClient, days: float) -> None:
    assert kas.provider.role.ask("PUT", "/clock", {"advance_seconds": days * 86_400})[0] == 200


def test_data_ends_when_it_expires(kas: KasClient) -> None:
    short = kas.upload(DATA, *fields(expires=in_days(2), message_id="short@cm")).link
    long = kas.upload(DATA, *fields(expires=in_days(400), message_id="long@cm")).link
    advance(kas, 2.1)
    assert kas.read(short).status == 404
    wait_until(lambda: kas.provider.steps("kas.expired") != [])
    assert kas.files() == [long]
    (step,) = kas.provider.steps("kas.expired")
    assert step["message_id"] == "<short@cm>"
    advance(kas, 27.8)
    assert kas.read(long).status == 200
    advance(kas, 0.2)
    assert kas.read(long).status == 404, "never longer than dataTimeToLive"
    wait_until(lambda: kas.files() == [])


def test_data_that_expired_while_nobody_was_there(kas: KasClient) -> None:
    expired, stays = kas.upload(DATA).link, kas.upload(DATA).link
    kas.provider.role.stop()
    database = Path(kas.provider.role.settings["data_dir"]) / "mail.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE attachment SET expires=1 WHERE id=?", (expired,))
        connection.commit()
    kas.provider.role.restart()
    wait_until(lambda: kas.files() == [stays])
    assert kas.read(stays).body == DATA


def rule(operation: str, kind: str, **more: Any) -> dict[str, Any]:
    effect = {key: more.pop(key) for key in ("code", "value", "seconds", "text") if key in more}
    return {"operation": f"REST.{operation}", "effect": {"kind": kind, **effect}, **more}


def test_faults_by_account_by_link_and_by_call(kas: KasClient) -> None:
    kas.provider.faults(rule("addMailData", "reply", code=507, match={"user": FACHARZT}))
    assert kas.upload(DATA, user=FACHARZT).status == 507
    link, other = kas.upload(DATA).link, kas.upload(DATA).link
    kas.provider.faults(rule("readMailData", "reply", code=429, match={"link": link}))
    assert (kas.read(link).status, kas.read(other).status) == (429, 200)
    kas.provider.faults(rule("*MailData", "reply", code=500, text="kaputt", nth=2))
    assert kas.read(link, method="HEAD").status == 200
    assert kas.read(link).json["message"] == "kaputt"
    assert kas.delete(link).status == 200
    kas.provider.faults(rule("readMailData", "reply", code=403, match={"recipient": "fach*"}))
    assert kas.read(other).status == 403


def test_spoiled_downloads(kas: KasClient) -> None:
    link = kas.upload(DATA).link
    kas.provider.faults(rule("readMailData", "truncate", value="700000"))
    with pytest.raises((http.client.IncompleteRead, OSError)) as cut:
        kas.read(link)
    if isinstance(cut.value, http.client.IncompleteRead):
        assert cut.value.partial == DATA[:700_000]
    kas.provider.faults(rule("readMailData", "corrupt", value="5"))
    body = kas.read(link).body
    assert [n for n in range(len(DATA)) if body[n] != DATA[n]] == [5]
    kas.provider.faults(rule("readMailData", "drop"))
    with pytest.raises((http.client.HTTPException, OSError)):
        kas.read(link)
    kas.provider.faults(rule("readMailData", "delay", seconds=0.05))
    assert kas.read(link).body == DATA


def test_an_upload_whose_answer_is_lost_is_there(kas: KasClient) -> None:
    kas.provider.faults(rule("addMailData.stored", "drop"))
    with pytest.raises((http.client.HTTPException, OSError)):
        kas.upload(DATA)
    (stored,) = kas.stored()
    assert kas.read(stored["id"]).body == DATA
    kas.provider.faults(rule("addMailData.stored", "reply", code=500))
    assert kas.upload(DATA).status == 500
    assert len(kas.stored()) == 2


def test_uploads_can_be_taken_away_by_the_control_port(kas: KasClient) -> None:
    link = kas.upload(DATA).link
    assert kas.provider.role.ask("DELETE", "/attachments/unknown")[0] == 404
    assert kas.provider.role.ask("DELETE", f"/attachments/{link}")[0] == 204
    assert kas.read(link).status == 404
    kas.upload(DATA)
    assert kas.provider.role.ask("POST", "/reset")[0] == 204
    assert kas.files() == []


def test_a_full_disk_is_507_and_leaves_nothing(kas: KasClient) -> None:
    process = psutil.Process(kas.provider.role.process.pid)
    log = Path(kas.provider.role.settings["data_dir"]) / "mail.sqlite3-wal"
    room = log.stat().st_size + 2 * MB  # the database has room, the data has none
    process.rlimit(psutil.RLIMIT_FSIZE, (room, psutil.RLIM_INFINITY))
    try:
        refused = kas.upload(bytes(room + 1))
        assert (refused.status, refused.json["message"]) == (507, "Not enough memory available.")
        assert kas.files() == []
        process.rlimit(psutil.RLIMIT_FSIZE, (1000, psutil.RLIM_INFINITY))
        assert kas.upload(DATA).status == 500, "not even the database has room"
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    assert kas.upload(DATA).status == 201
    assert len(kas.files()) == 1
