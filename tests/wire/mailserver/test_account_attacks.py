"""Bytes that no client module sends, at the listener of the REST interfaces."""

from __future__ import annotations

import gzip
import json
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.account_manager_site import BASE, CODE, NEW_PASSWORD, OWNED, AccountSite, b64
from tests.kas_client import KasClient, attachment, fields, form
from tests.mail_providers import KV, PASSWORD, RunningProvider

JSON = "Content-Type: application/json\r\n"


@pytest.fixture(scope="module")
def patient(start_provider: Callable[..., RunningProvider]) -> RunningProvider:
    """A provider that waits for a request, but not for long."""
    return start_provider("kv", KV, [], rest_timeout_seconds=0.2)


def talk(site: AccountSite, *pieces: bytes) -> bytes:
    """Send *pieces* as they are; return the answer, or what came before the server closed."""
    host, port = site.provider.role.address("rest")
    with (
        socket.create_connection((host, port), timeout=20) as plain,
        site.client_module.wrap_socket(plain, server_hostname=host) as connection,
    ):
        received = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            while not _is_whole(received) and (chunk := connection.recv(65_536)):
                received += chunk
        except OSError:  # closed while we were still sending
            pass
        return received


def _is_whole(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"\r\nContent-Length: ([0-9]+)", head)
    return bool(end) and (length is None or len(body) >= int(length[1]))


def request(site: AccountSite, more: str = "", body: bytes = b"", method: str = "PUT") -> bytes:
    head = (
        f"{method} {BASE}/account/{OWNED} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {site.token()}\r\npassword: {b64(PASSWORD)}\r\n{more}\r\n"
    )
    return head.encode("latin-1") + body


def status(answer: bytes) -> int:
    """Return the status of a whole answer."""
    assert answer.startswith(b"HTTP/1."), answer[:80]
    return int(answer.split(b" ", 2)[1])


def test_declared_giant_is_refused_before_it_comes(site: AccountSite) -> None:
    answer = talk(site, request(site, JSON + "Content-Length: 1000000000\r\n"))
    assert status(answer) == 400
    assert b"too large" in answer


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHos"])
def test_connection_that_asks_nothing_is_closed(patient: RunningProvider, begun: bytes) -> None:
    host, port = patient.role.address("rest")
    with (
        socket.create_connection((host, port), timeout=20) as plain,
        patient.client_module().wrap_socket(plain, server_hostname=host) as connection,
    ):
        connection.sendall(begun)
        assert connection.recv(1) == b""


def test_endless_chunks_are_refused(site: AccountSite) -> None:
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    answer = talk(site, request(site, JSON + "Transfer-Encoding: chunked\r\n"), *[chunk] * 12)
    assert status(answer) == 400


@pytest.mark.parametrize(
    "head",
    [
        "X: " + "a" * 100_000 + "\r\n",
        "".join(f"X-{number}: {'a' * 1000}\r\n" for number in range(300)),
        "X\x00: a\r\n",
        "X: a\x00b\r\n",
        " folded: a\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: gzip, chunked, gzip\r\n",
    ],
)
def test_broken_heads_change_nothing(site: AccountSite, head: str) -> None:
    body = b'{"dataTimeToLive": 10}'
    answer = talk(site, request(site, JSON + head, body))
    assert not answer or status(answer) >= 400 or b"204" not in answer[:20]
    assert site.call("GET").content["dataTimeToLive"] == 90


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml", "multipart/x"])
def test_other_media_types_are_refused(site: AccountSite, content_type: str) -> None:
    answer = site.call("PUT", body=b"{}", **{"Content-Type": content_type})
    assert answer.status == 400


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "X-Odd"])
def test_compressed_bodies_are_refused(site: AccountSite, encoding: str) -> None:
    """Whether they can be decoded or not, and in the form of the OpenAPI."""
    kas = KasClient(site.provider)
    encoded: dict[str, Any] = {"Content-Encoding": encoding}
    for body in (b"broken", gzip.compress(b"{}")):
        answer = site.call("PUT", body=body, **encoded)
        assert (answer.status, "Content-Encoding" in answer.content["message"]) == (400, True)
    upload = kas.post(gzip.compress(form([*fields(), attachment(b"x")])), OWNED, **encoded)
    assert (upload.status, "Content-Encoding" in upload.json["message"]) == (400, True)
    encoded["Content-Encoding"] = "identity"
    assert site.call("PUT", body={}, **encoded).status == 204


def test_other_charsets_are_refused(site: AccountSite) -> None:
    header = {"Content-Type": "application/json; charset=utf-16"}
    assert site.call("PUT", body="{}".encode("utf-16"), **header).status == 400
    header = {"Content-Type": "application/json; charset=UTF8"}
    assert site.call("PUT", body=b"{}", **header).status == 204, "a usual way to write UTF-8"


def test_parameter_given_twice_is_refused(site: AccountSite) -> None:
    assert status(talk(site, request(site, f"password: {b64('x')}\r\n", method="GET"))) == 400


@pytest.mark.parametrize(
    "address",
    ["../../etc/passwd@x", "a@b%00", "%2e%2e@b", "a'; DROP TABLE kim_account;--@b", "*@*", "a\\@b"],
)
def test_strange_addresses_are_no_accounts(site: AccountSite, address: str) -> None:
    assert site.call("GET", address=address).status in (400, 404)
    assert site.call("GET").status == 200


def test_line_breaks_reach_neither_log_nor_mail(site: AccountSite) -> None:
    evil = f"a\r\nBcc: x@{KV}@{KV}"
    assert site.register(evil).status == 400
    assert site.register(f"neu@{KV}", code=f"{CODE}\r\nX: y").status == 401
    note = {"startDate": "2021-01-01T00:00:00Z", "endDate": "2199-01-01T00:00:00Z"}
    body = {**note, "message": "x\r\n.\r\nQUIT\r\nBcc: y", "active": True}
    assert site.call("PUT", "/outofoffice", body).status == 204
    assert "Bcc" not in site.provider.role.log()


def test_secrets_reach_neither_log_nor_journal(site: AccountSite) -> None:
    token = site.token()
    site.register(f"neu@{KV}", ini_password=NEW_PASSWORD, password=b64("Noch-Geheimer-1"))
    site.call("GET", token=token)
    site.call("GET", password="Falsch-Geraten-1")
    otp = site.call("GET", "/OTP").content["otp"]
    site.call("POST", "/cert", {"commonName": "x", "certPassword": b64("Transport-1")})
    shown = site.provider.role.log() + json.dumps(site.provider.role.journal())
    for secret in (NEW_PASSWORD, "Noch-Geheimer-1", "Falsch-Geraten-1", "Transport-1"):
        assert secret not in shown
        assert b64(secret) not in shown
    assert otp not in shown
    assert token not in shown
