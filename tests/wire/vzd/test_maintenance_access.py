"""Who may maintain the directory: providers by certificate, card issuers by token."""

from __future__ import annotations

import gzip
import socket
import ssl
from typing import Any

import pytest

from simulators.pki.tree import PkiTree
from tests.vzd_maintenance import APPLICATION, DOMAIN, OTHER_DOMAIN, TOKEN, Client, logged_in

FAD = "/DirectoryEntries/1-20012345678/KOM-LE_Fachdaten"
FORM = "Host: vzd\r\nContent-Type: application/x-www-form-urlencoded\r\n"


def test_a_provider_without_certificate_is_not_let_in(
    maintained: Any, maintenance_tree: PkiTree
) -> None:
    nobody = Client(maintained.address("rest"), maintenance_tree)
    assert nobody.ask("GET", "/").status == 401
    stranger = Client(maintained.address("rest"), maintenance_tree, certificate="fremd")
    assert stranger.ask("GET", "/").status == 403


def test_a_provider_reaches_its_own_application_data_only(
    provider: Client, maintained: Any, maintenance_tree: PkiTree
) -> None:
    other = Client(maintained.address("rest"), maintenance_tree, certificate="arv")
    assert provider.ask("GET", f"{FAD}/{DOMAIN}").status == 200
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        assert other.ask(method, f"{FAD}/{DOMAIN}", body).status == 403
        assert other.ask(method, f"{FAD}/{OTHER_DOMAIN}", body).status == 404


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"secret": "falsch-falsch"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "VZD:Alles"}, 400, "invalid_scope"),
    ],
)
def test_no_token_for(
    maintained: Any, maintenance_tree: PkiTree, form: dict[str, str], status: int, error: str
) -> None:
    client = Client(maintained.address("rest"), maintenance_tree)
    answer = client.log_in("kammer", **form)
    assert (answer.status, answer.content["error"]) == (status, error)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded; charset=klingon"}, b"grant_type=x"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\nbroken"),
        ({"Content-Type": "multipart/form-data"}, b""),
        (
            {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"},
            b"no gzip",
        ),
    ],
    ids=["charset", "multipart", "boundary", "gzip"],
)
def test_a_form_that_is_none_is_no_mistake_of_ours(
    maintained: Any, maintenance_tree: PkiTree, headers: dict[str, str], body: bytes
) -> None:
    client = Client(maintained.address("rest"), maintenance_tree)
    answer = client.send("POST", TOKEN, body, headers)
    assert (answer.status, answer.content) == (400, {"error": "invalid_request"})
    assert "Traceback" not in maintained.log()


@pytest.mark.parametrize("body", [gzip.compress(b"{}"), b"no gzip"], ids=["gzip", "no gzip"])
def test_a_compressed_body_is_refused(provider: Client, maintained: Any, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = provider.send("PUT", f"{APPLICATION}{FAD}/{DOMAIN}", body, headers)
    assert (answer.status, answer.wrong) == (400, "body")
    assert "Traceback" not in maintained.log()


@pytest.mark.parametrize(
    ("begun", "answered"),
    [
        (b"", b""),
        (b"GET /DirectoryApplicationMaintenance/ HTTP/1.1\r\nHost: vzd\r\n", b""),
        (f"POST {TOKEN} HTTP/1.1\r\n{FORM}Content-Length: 9\r\n\r\n".encode(), b"HTTP/1.1 400"),
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_connection_that_asks_nothing_whole_is_closed(
    start_vzd: Any, vzd_certificates: PkiTree, begun: bytes, answered: bytes
) -> None:
    impatient = start_vzd([], rest_timeout_seconds=0.2, listeners={"ldap": {}, "rest": {}})
    context = ssl.create_default_context(cafile=str(vzd_certificates.ca))
    address = impatient.address("rest")
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as connection,
    ):
        connection.sendall(begun)
        assert connection.recv(4096).startswith(answered)
        assert answered or connection.recv(1) == b""


def test_a_client_may_log_in_by_http_basic(maintained: Any, maintenance_tree: PkiTree) -> None:
    client = Client(maintained.address("rest"), maintenance_tree)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": "Basic bGVzZXI6Z2VoZWltLWxlc2Vy",
    }
    answer = client.send("POST", TOKEN, b"grant_type=client_credentials", headers)
    assert (answer.status, answer.content["scope"]) == (200, "VZD:DirectoryRead")
    assert (
        client.send(
            "POST", TOKEN, b"grant_type=client_credentials", {**headers, "Authorization": "Basic ?"}
        ).status
        == 401
    )


def test_a_token_that_only_reads_changes_and_synchronises_nothing(
    maintained: Any, maintenance_tree: PkiTree
) -> None:
    reader = logged_in(maintained, maintenance_tree, "leser")
    assert reader.ask("GET", "/DirectoryEntries", uid="praxis").status == 200
    assert reader.ask("DELETE", "/DirectoryEntries/praxis").status == 403
    assert reader.ask("GET", "/DirectoryEntriesSync").status == 403


@pytest.mark.parametrize("change", ["", "x", "a.b.c", "é"])
def test_a_broken_token_is_none(issuer: Client, change: str) -> None:
    assert issuer.token is not None
    for token in (change, issuer.token + change[:1] if change.isascii() else change):
        if token == issuer.token:
            continue
        client = Client(issuer.address, issuer.tree, token=token)
        headers = {"Authorization": f"Bearer {token}".encode().decode("latin-1")}
        answer = client.send("GET", "/DirectoryAdministration/", None, headers)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "OAuth")


def test_a_token_runs_out_with_the_virtual_clock(issuer: Client, maintained: Any) -> None:
    assert issuer.ask("GET", "/").status == 200
    maintained.ask("PUT", "/clock", {"advance_seconds": 301})
    assert issuer.ask("GET", "/").status == 401


def test_what_is_not_there_is_answered_as_an_error(issuer: Client) -> None:
    unknown = issuer.ask("GET", "/Nichts")
    assert (unknown.status, unknown.content) == (404, {"message": "Not Found"})
    refused = issuer.ask("DELETE", "/DirectoryEntries")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET,POST")
