"""TLS towards the Konnektor and the provider, seen from the other side."""

from __future__ import annotations

import base64
import email
import poplib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from pydantic import ValidationError

from clientmodule.settings import KonnektorAccess
from tests.clientmodule_process import SECONDS, Module, access_to, settings_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World
    from tests.conftest import RunningRole

HANDSHAKE = 0x16
"""The first byte of a connection that begins with TLS (RFC 8446, 5.1)."""


@dataclass
class Seen:
    """What a server saw of the connections to it: first bytes, client certificates."""

    port: int
    first: list[int] = field(default_factory=list)
    certificates: list[bytes] = field(default_factory=list)


@contextmanager
def provider(kim: World) -> Iterator[Seen]:
    """Listen with the provider's own certificate and ask for one; end after the handshake."""
    identity = settings_of(kim, "mailserver-erst")["tls"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity["certificate"], identity["key"])
    context.load_verify_locations(settings_of(kim, "mailserver-erst")["client_ca"])
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SECONDS)
        seen = Seen(listening.getsockname()[1])

        def serve() -> None:
            connection, _ = listening.accept()
            connection.settimeout(SECONDS)
            seen.first.append(connection.recv(1, socket.MSG_PEEK)[0])
            with context.wrap_socket(connection, server_side=True) as secured:
                seen.certificates.append(secured.getpeercert(binary_form=True) or b"")

        thread = threading.Thread(target=serve)
        thread.start()
        yield seen
        thread.join(SECONDS)


def given_out(kim: World, participant: str) -> bytes:
    """Return the certificate that the provider gave the account."""
    found = kim.endpoints.participants[participant]
    content = (kim.directory / str(found.kim_certificate)).read_bytes()
    password = (found.kim_certificate_password or "").encode()
    _, certificate, _ = pkcs12.load_key_and_certificates(content, password)
    assert certificate is not None
    return certificate.public_bytes(Encoding.DER)


@pytest.mark.requirement("KOM-LE-A_2011", "KOM-LE-A_2074", "KOM-LE-A_2182-01")
def test_mutual_tls_with_the_mta_from_the_first_byte(kim: World) -> None:
    with provider(kim) as seen, kim.smtp("praxis") as smtp:
        address, _, *context = kim.user("praxis")[0].split("#")
        user = "#".join([address, f"127.0.0.1:{seen.port}", *context])
        response = base64.b64encode(f"\0{user}\0{kim.user('praxis')[1]}".encode()).decode()
        assert smtp.docmd("AUTH", f"PLAIN {response}")[0] == 454
    assert seen.first == [HANDSHAKE]
    assert seen.certificates == [given_out(kim, "praxis")]


@pytest.mark.requirement("KOM-LE-A_2033-01", "KOM-LE-A_2074", "KOM-LE-A_2182-01")
def test_mutual_tls_with_the_pop3_server_from_the_first_byte(kim: World) -> None:
    with provider(kim) as seen:
        address, _, *context = kim.pop3_user("praxis")[0].split("#")
        pop3 = kim.pop3("praxis")
        pop3.user("#".join([address, f"127.0.0.1:{seen.port}", *context]))
        with pytest.raises(poplib.error_proto):
            pop3.pass_(kim.pop3_user("praxis")[1])
        pop3.close()
    assert seen.first == [HANDSHAKE]
    assert seen.certificates == [given_out(kim, "praxis")]


@pytest.mark.requirement("A_22348")
def test_a_verdict_on_a_certificate_is_kept_for_12_hours(kim: World) -> None:
    def asked_at_login() -> int:
        before = len(calls(kim))
        with kim.smtp("praxis") as smtp:
            assert smtp.login(*kim.user("praxis"))[0] == 235
        return len(calls(kim)) - before

    assert [asked_at_login() for _ in range(3)] == [1, 0, 0]
    kim.ask(kim.module("praxis"), "PUT", "/clock", {"advance_seconds": 11 * 3600})
    assert asked_at_login() == 0
    kim.ask(kim.module("praxis"), "PUT", "/clock", {"advance_seconds": 2 * 3600})
    assert asked_at_login() == 1


def calls(kim: World) -> list[dict[str, Any]]:
    journal = kim.journal(kim.konnektor("praxis"))
    return [event for event in journal if event["step"] == "VerifyCertificate"]


@pytest.mark.requirement("KOM-LE-A_2070", "KOM-LE-A_2072", "A_21223-01")
def test_http_basic_inside_tls(
    kim: World, start_role: Callable[[str, dict[str, Any]], RunningRole]
) -> None:
    """At a Konnektor that asks for user name and password, and with wrong ones in vain."""
    settings = settings_of(kim, "konnektor-praxis")
    model = settings["information_model"]
    for clientsystem in model["clientsystems"]:
        clientsystem["basic"] = ["pvs", "geheim"]
    konnektor = start_role("simulators.konnektor", {**settings, "authentication": "basic"})
    access = access_to(kim, "praxis", konnektor)
    del access["client_certificate"], access["client_certificate_password"]
    own = settings_of(kim, "clientmodule-praxis")

    def sends(password: str) -> int:
        basic = {**access, "authentication": "basic", "basic_auth": ["pvs", password]}
        role = start_role("clientmodule", {**own, "konnektors": {"default": basic}})
        with Module(kim, role).smtp() as smtp:
            smtp.login(*kim.user("praxis"))
            try:
                smtp.send_message(kim.mail("praxis", "kasse"))
            except smtplib.SMTPDataError as refused:
                return refused.smtp_code
        return 250

    assert sends("falsch") == 451
    assert sends("geheim") == 250
    assert email.message_from_bytes(kim.fetch("kasse"))["X-KIM-IntegrityCheckResult"] == "01"


@pytest.mark.requirement("KOM-LE-A_2070")
def test_without_tls_only_where_it_was_switched_off(kim: World) -> None:
    access = access_to(kim, "praxis")
    plain = access["service_directory"].replace("https:", "http:")
    for authentication in ("certificate", "tls"):
        changed = {**access, "authentication": authentication, "service_directory": plain}
        with pytest.raises(ValidationError, match="https"):
            KonnektorAccess.model_validate(changed)
