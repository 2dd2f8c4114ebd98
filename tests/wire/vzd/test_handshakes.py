"""TLS of the directory: what goes wrong with it on purpose."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from simulators.pki.issue import issue
from simulators.pki.request import PkiRequest, TlsRequest
from simulators.pki.tree import PkiTree
from simulators.process.ldap.tls import MAX_OPENING
from tests.vzd_maintenance import Client, logged_in, maintenance_pki, maintenance_settings
from tests.vzd_site import Dialogue

WRONG = ("expired", "elsewhere")


@pytest.fixture(scope="module")
def wrong(pki_cache: Path) -> PkiTree:
    return issue(
        PkiRequest(
            tls=[
                TlsRequest(name="expired", not_after="2025-06-30T00:00:00Z"),
                TlsRequest(name="elsewhere", dns_names=["anderswo"], elsewhere=True),
            ]
        ),
        pki_cache,
    )


@pytest.fixture(scope="module")
def failing(
    start_role: Callable[..., Any],
    pki_cache: Path,
    wrong: PkiTree,
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    certificates = {
        name: {"certificate": str(wrong.tls(name).certificate), "key": str(wrong.tls(name).key)}
        for name in WRONG
    }
    directory = tmp_path_factory.mktemp("failing")
    settings = maintenance_settings(pki_cache, directory, fault_certificates=certificates)
    return start_role("simulators.vzd", settings)


def shake(vzd: Any, listener: str, tree: PkiTree) -> None:
    """Shake hands with *listener* as a client that checks the certificate."""
    context = ssl.create_default_context(cafile=str(tree.ca))
    address = vzd.address(listener)
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=address[0]),
    ):
        pass


@pytest.mark.parametrize("listener", ["ldap", "rest"])
@pytest.mark.parametrize(
    ("effect", "said"),
    [
        ({"kind": "certificate", "value": "expired"}, "expired"),
        ({"kind": "certificate", "value": "elsewhere"}, "mismatch"),
        ({"kind": "refused"}, "handshake failure"),
    ],
)
def test_a_handshake_fails_on_purpose(
    failing: Any, pki_cache: Path, listener: str, effect: dict[str, Any], said: str
) -> None:
    tree = maintenance_pki(pki_cache)
    operation = f"TLS.{listener.upper()}"
    rule = {"id": "one", "operation": operation, "nth": 2, "effect": effect}
    failing.ask("PUT", "/faults", [rule])
    shake(failing, listener, tree)
    with pytest.raises(ssl.SSLError, match=said):
        shake(failing, listener, tree)
    shake(failing, listener, tree)
    failing.ask("DELETE", "/faults")


def test_an_unknown_certificate_is_the_usual_one(failing: Any, pki_cache: Path) -> None:
    effect = {"kind": "certificate", "value": "keines"}
    failing.ask("PUT", "/faults", [{"id": "one", "operation": "TLS.*", "effect": effect}])
    shake(failing, "ldap", maintenance_pki(pki_cache))
    assert "no certificate 'keines'" in failing.log()
    failing.ask("DELETE", "/faults")


@pytest.mark.parametrize("listener", ["ldap", "rest"])
def test_the_oldest_of_too_many_handshakes_that_never_come_is_given_up(
    failing: Any, pki_cache: Path, listener: str
) -> None:
    address = failing.address(listener)
    with ExitStack() as opened:
        silent = [
            opened.enter_context(socket.create_connection(address, timeout=10))
            for _ in range(MAX_OPENING + 1)
        ]
        with suppress(ConnectionResetError):
            assert silent[0].recv(1) == b""
        shake(failing, listener, maintenance_pki(pki_cache))


def test_a_handshake_may_come_in_single_bytes(failing: Any, pki_cache: Path) -> None:
    context = ssl.create_default_context(cafile=str(maintenance_pki(pki_cache).ca))
    address = failing.address("ldap")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=address[0])
    with socket.create_connection(address, timeout=10) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    plain.sendall(bytes((byte,)))
                incoming.write(plain.recv(1 << 14))
        plain.sendall(outgoing.read())


def test_plain_text_is_no_way_in(failing: Any, pki_cache: Path) -> None:
    for listener in ("ldap", "rest"):
        with socket.create_connection(failing.address(listener), timeout=10) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert not plain.recv(64).startswith(b"HTTP")
    with Dialogue(failing.address("ldap"), maintenance_pki(pki_cache).ca) as dialogue:
        assert dialogue.search("(uid=kasse)").uids == ["kasse"]
    client: Client = logged_in(failing, maintenance_pki(pki_cache), "leser")
    assert client.ask("GET", "/").status == 200
