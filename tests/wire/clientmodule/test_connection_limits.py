"""Certificates of servers, client certificates at the LDAP proxy, KONNEKTOR_TIMEOUT."""

from __future__ import annotations

import email
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from clientmodule.caches import TimedCache
from simulators.process.clock import Clock
from tests.clientmodule_process import Module, settings_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World
    from tests.conftest import RunningRole

Start = Callable[[str, dict[str, Any]], "RunningRole"]


def verified(kim: World, participant: str = "praxis") -> int:
    """Return how often the Konnektor was asked to judge a certificate."""
    events = kim.journal(kim.konnektor(participant))
    return sum(event["step"] == "VerifyCertificate" for event in events)


@pytest.mark.requirement("A_22348", "KOM-LE-A_2075-01")
def test_a_verdict_is_kept_for_12_hours(kim: World) -> None:
    """By fingerprint: SMTP, POP3 and REST of a provider show one certificate."""
    kim.send("praxis", "praxis")
    assert kim.fetch("praxis")
    assert verified(kim) == 1
    for hours, asked in ((11, 1), (2, 2)):
        advance = {"advance_seconds": hours * 3600}
        kim.ask(kim.module("praxis"), "PUT", "/clock", advance)
        with kim.smtp("praxis") as smtp:
            smtp.login(*kim.user("praxis"))
        assert verified(kim) == asked


@pytest.mark.requirement("A_22348")
def test_a_verdict_never_outlives_its_certificate() -> None:
    clock = Clock()
    cache: TimedCache[bytes, bool] = TimedCache(clock, timedelta(hours=12))
    now = datetime.now(UTC)
    clock.set(now)
    cache.put(b"fingerprint", True, until=now + timedelta(hours=1))
    clock.set(now + timedelta(minutes=59))
    assert cache.get(b"fingerprint")
    clock.set(now + timedelta(minutes=61))
    assert cache.get(b"fingerprint") is None


@pytest.mark.requirement("KOM-LE-A_2075-01")
@pytest.mark.parametrize("kind", ["drop", "soap_fault"])
def test_no_verdict_is_no_invalid_and_is_not_kept(kim: World, kind: str) -> None:
    """The trust in ``ca`` decides; the next connection asks again."""
    kim.fault(kim.konnektor("praxis"), "VerifyCertificate", kind=kind)
    with kim.smtp("praxis") as smtp:
        assert smtp.login(*kim.user("praxis"))[0] == 235
    kim.ask(kim.konnektor("praxis"), "DELETE", "/faults")
    asked = verified(kim)
    with kim.smtp("praxis") as smtp:
        smtp.login(*kim.user("praxis"))
    assert verified(kim) == asked + 1


@pytest.mark.requirement("KOM-LE-A_2074", "KOM-LE-A_2075-01")
@pytest.mark.parametrize("name", ["expired", "elsewhere"])
def test_a_server_that_shows_a_wrong_certificate(kim: World, name: str) -> None:
    """The handshake fails before anything is said."""
    kim.fault(kim.provider("praxis"), "TLS.SMTP", kind="certificate", value=name)
    with kim.smtp("praxis") as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            smtp.login(*kim.user("praxis"))
        assert refused.value.smtp_code == 454


@contextmanager
def strict_proxy(certificate: dict[str, str], client_ca: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the URL of an LDAP proxy that wants a client certificate, and whose it has seen.

    It says nothing after the handshake: what a client does without an answer is told elsewhere.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate["certificate"], certificate["key"])
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # a refused handshake ends at both sides
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    raw, _ = listening.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(raw, server_side=True) as tls:
                        der = tls.getpeercert(binary_form=True)
                        assert der is not None
                        seen.append(x509.load_der_x509_certificate(der).subject.rfc4514_string())
                except OSError:
                    seen.append("none")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"ldaps://127.0.0.1:{listening.getsockname()[1]}", seen
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.requirement("A_21223-01", "KOM-LE-A_2071")
@pytest.mark.parametrize("shown", [True, False])
def test_the_client_certificate_at_the_ldap_proxy(
    kim: World, start_role: Start, shown: bool
) -> None:
    """A setting of its own: with it the proxy sees whose it is, without it the proxy sees none."""
    settings = settings_of(kim, "clientmodule-praxis")
    access = settings["konnektors"]["default"]
    tls = settings_of(kim, "konnektor-praxis")
    with strict_proxy(tls["tls"], Path(tls["client_ca"])) as (url, seen):
        access["ldap"] = url
        if not shown:
            access["ldap_authentication"] = "tls"
        module = Module(kim, start_role("clientmodule", settings))
        with module.smtp() as smtp:
            smtp.login(*kim.user("praxis"))
            with pytest.raises(smtplib.SMTPDataError) as refused:
                smtp.send_message(kim.mail("praxis", "kasse"))
            assert refused.value.smtp_code == 451
    assert seen
    assert ("none" in seen) != shown
    kim.stored("kasse", 0)


@pytest.mark.requirement("KOM-LE-A_2091-01", "KOM-LE-A_2184")
@pytest.mark.parametrize("operation", ["SignDocument", "LDAP.Search"])
def test_konnektor_timeout_when_sending(kim: World, operation: str) -> None:
    """KONNEKTOR_TIMEOUT, a second at eilig: 451, then the next mail goes."""
    with kim.smtp("eilig") as smtp:
        smtp.login(*kim.user("eilig"))
        kim.fault(kim.konnektor("eilig"), operation, kind="delay", seconds=30)
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.send_message(kim.mail("eilig", "kasse"))
        assert refused.value.smtp_code == 451
    kim.ask(kim.konnektor("eilig"), "DELETE", "/faults")
    kim.send("eilig", "kasse")
    kim.stored("kasse", 1)


@pytest.mark.requirement("KOM-LE-A_2091-01", "KOM-LE-A_2047-02")
def test_konnektor_timeout_when_fetching(kim: World) -> None:
    kim.send("kasse", "eilig")
    kim.stored("eilig")
    kim.fault(kim.konnektor("eilig"), "DecryptDocument", kind="delay", seconds=30)
    mail = email.message_from_bytes(kim.fetch("eilig"))
    assert (mail["X-KIM-DecryptionResult"], mail["X-KIM-Fehlermeldung"]) == ("03", "4011")
