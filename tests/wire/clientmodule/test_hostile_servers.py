"""Providers and Konnektoren that answer with anything: one clear reply, and the next mail goes."""

from __future__ import annotations

import base64
import json
import poplib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.wire.clientmodule.test_service_ends import settings_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World
    from tests.conftest import RunningRole

Talk = Callable[[socket.socket], None]
ENDLESS = b"x" * 65_536


@contextmanager
def serving(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Give every connection to *talk*; yield the port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            secured = connection
            if context is not None:
                secured = context.wrap_socket(connection, server_side=True)
            secured.settimeout(20)
            talk(secured)
            with suppress(OSError):
                secured.shutdown(socket.SHUT_RDWR)
            secured.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


@pytest.fixture(scope="module")
def kim(running_kim_world: World) -> World:
    """Return the world, reset once: what is hostile here are other servers."""
    running_kim_world.reset()
    return running_kim_world


@pytest.fixture(scope="module")
def provider_tls(kim: World) -> ssl.SSLContext:
    """Return the TLS context of the provider ``erst``: the hostile one shows its certificate."""
    (file,) = (kim.directory / "settings").glob("mailserver-erst*.json")
    identity = json.loads(file.read_text())["tls"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity["certificate"], identity["key"])
    return context


def says(*lines: bytes) -> Talk:
    """Say the first line at once, and each other one in answer to a line of the client's."""

    def talk(connection: socket.socket) -> None:
        first, *others = lines
        connection.sendall(first)
        for line in others:
            if not _line(connection):
                return
            connection.sendall(line)

    return talk


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(1)
        if not piece:
            return b""
        line += piece
    return line


def without_end(begin: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.sendall(begin)
        while True:
            connection.sendall(ENDLESS)

    return talk


GREETING, HELLO = b"220 mail ESMTP\r\n", b"250 mail\r\n"


@pytest.mark.requirement("KOM-LE-A_2015-01")
@pytest.mark.parametrize(
    ("talk", "code"),
    [
        (says(b""), 454),
        (says(b"554 go away\r\n"), 454),
        (says(b"+OK this is POP3\r\n"), 454),
        (says(b"\xff\x00\r\n"), 454),
        (without_end(b"220-"), 454),
        (says(b"220-more\r\n" * 500), 454),
        (says(GREETING, b"500 no\r\n"), 454),
        (says(GREETING, HELLO, b"235"), 454),
        (says(GREETING, HELLO, b"334 again\r\n"), 535),
        (says(GREETING, HELLO, b"535 5.7.8 \xff\xfe\r\n"), 535),
    ],
    ids=range(10),
)
def test_login_at_an_mta_that_misbehaves(
    kim: World, provider_tls: ssl.SSLContext, talk: Talk, code: int
) -> None:
    user, password = kim.user("praxis")
    with serving(talk, provider_tls) as port, kim.smtp("praxis") as smtp:
        parts = user.split("#")
        name = "#".join([parts[0], f"127.0.0.1:{port}", *parts[2:]])
        secret = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        assert smtp.docmd(f"AUTH PLAIN {secret}")[0] == code
        assert smtp.docmd("NOOP")[0] == 250


@pytest.mark.requirement("KOM-LE-A_2016")
@pytest.mark.parametrize(
    "answer", [b"no reply\r\n", b"2", b"250-" + ENDLESS, b"250-x\r\n" * 200, b""], ids=range(5)
)
def test_mta_that_turns_mad_after_login(
    kim: World, provider_tls: ssl.SSLContext, answer: bytes
) -> None:
    """The client system is told 421, and both connections end."""
    user, password = kim.user("praxis")
    talk = says(GREETING, HELLO, b"235 2.7.0 OK\r\n", answer)
    with serving(talk, provider_tls) as port, kim.smtp("praxis") as smtp:
        parts = user.split("#")
        smtp.login("#".join([parts[0], f"127.0.0.1:{port}", *parts[2:]]), password)
        assert smtp.docmd("NOOP")[0] == 421
        with pytest.raises(smtplib.SMTPServerDisconnected):
            smtp.docmd("NOOP")


LOGGED_IN = (b"+OK\r\n", b"+OK\r\n", b"+OK\r\n")
KOMLE = b"+OK\r\nX-KOM-LE-Version: 1.0\r\n"


@pytest.mark.requirement("KOM-LE-A_2037-01", "KOM-LE-A_2038")
@pytest.mark.parametrize(
    "lines",
    [
        (b"-ERR away\r\n",),
        (b"220 this is SMTP\r\n",),
        (b"",),
        (b"+OK\r\n", b"\xff\r\n", b"\x00\r\n"),
        (*LOGGED_IN, b"what?\r\n"),
        (*LOGGED_IN, b"+OK" + ENDLESS + b"\r\n"),
        (*LOGGED_IN, KOMLE + b"\r\ncut"),
        (*LOGGED_IN, KOMLE + b"X: " + ENDLESS * 20 + b"\r\n\r\n.\r\n"),
    ],
    ids=range(8),
)
def test_pop3_server_that_misbehaves(
    kim: World, provider_tls: ssl.SSLContext, lines: tuple[bytes, ...]
) -> None:
    """Whatever it says: the client system has no +OK for what did not come, and is not left."""
    user, password = kim.pop3_user("praxis")
    pop3 = kim.pop3("praxis")
    with serving(says(*lines), provider_tls) as port:
        parts = user.split("#")
        pop3.user("#".join([parts[0], f"127.0.0.1:{port}", *parts[2:]]))
        with pytest.raises(poplib.error_proto):
            _logged_in_and_fetched(pop3, password)
    pop3.close()
    assert kim.raw(kim.module("praxis"), "/journal")


def _logged_in_and_fetched(pop3: poplib.POP3, password: str) -> None:
    pop3.pass_(password)
    pop3.retr(1)


DEEP = b"<a>" * 100_000 + b"</a>" * 100_000
LAUGHS = b'<!DOCTYPE a [<!ENTITY b "%s"><!ENTITY c "%s">]><a>&c;</a>' % (b"x" * 99, b"&b;" * 9_999)
FAULT = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault>'
    b'<detail><t:Error xmlns:t="http://ws.gematik.de/tel/error/v2.0"><t:Trace><t:Code>%s</t:Code>'
    b"</t:Trace></t:Error></detail></e:Fault></e:Body></e:Envelope>"
)


def http(status: bytes, content: bytes, *fields: bytes) -> bytes:
    length = b"Content-Length: %d" % len(content)
    return b"\r\n".join((b"HTTP/1.1 " + status, length, *fields, b"", content))


ANSWERS = {
    "no http": b"EHLO\r\n\r\n",
    "nothing": b"",
    "html": http(b"200 OK", b"<html><body>Anmeldung<br></html>", b"Content-Type: text/html"),
    "redirect": http(b"302 Found", b"", b"Location: http://127.0.0.1:1/"),
    "cut": http(b"200 OK", b"<a/>").replace(b"Length: 4", b"Length: 4000"),
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "header": b"HTTP/1.1 200 OK\r\nX: " + ENDLESS,
    "deep": http(b"200 OK", DEEP),
    "laughs": http(b"200 OK", LAUGHS),
    "gzip": http(b"200 OK", b"\x1f\x8b\x08\x00broken", b"Content-Encoding: gzip"),
    "code": http(b"500 Error", FAULT % "²".encode()),
    "long code": http(b"500 Error", FAULT % (b"9" * 9_999)),
    "no body": http(b"200 OK", FAULT.partition(b"<e:Body>")[0] + b"</e:Envelope>"),
}


SERVICES = {
    **{"EventService": "EventService/v7.2", "CardService": "CardService/v8.1"},
    **{
        "CertificateService": "CertificateService/v6.0",
        "SignatureService": "SignatureService/v7.4",
    },
    "EncryptionService": "EncryptionService/v6.1",
}
DIRECTORY = (
    '<s:ServiceInformation xmlns:s="http://ws.gematik.de/conn/ServiceInformation/v2.0">'
    + "".join(
        f'<s:Service Name="{name}"><s:Version Version="9.9.9" '
        f'TargetNamespace="http://ws.gematik.de/conn/{version}"><s:Endpoint Location="PLACE"/>'
        "</s:Version></s:Service>"
        for name, version in SERVICES.items()
    )
    + "</s:ServiceInformation>"
).encode()


@pytest.fixture(scope="module")
def hostile(
    kim: World, start_role: Callable[[str, dict[str, Any]], RunningRole]
) -> Iterator[tuple[RunningRole, dict[str, bytes]]]:
    """Start a client module whose Konnektor ``hostile`` answers with ``said["answer"]``.

    While ``said["directory"]`` is there, that is its service directory.
    """
    said: dict[str, bytes] = {}

    def talk(connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65_536)
        asked = received.startswith(b"GET ") and "directory" in said
        place = b"http://127.0.0.1:%d/ws" % connection.getsockname()[1]
        connection.sendall(
            http(b"200 OK", said["directory"].replace(b"PLACE", place)) if asked else said["answer"]
        )

    with serving(talk) as port:
        settings = settings_of(kim, "praxis")
        access = settings["konnektors"]["default"]
        settings["konnektors"]["hostile"] = {
            "service_directory": f"http://127.0.0.1:{port}/connector.sds",
            "ldap": access["ldap"],
            "ca": access["ca"],
            "authentication": "none",
        }
        settings["konnektor_timeout"] = 2
        role = start_role("clientmodule", settings)
        yield role, said
        assert role.stop() == 0
        assert "Traceback" not in role.log()


@pytest.mark.requirement("KOM-LE-A_2021", "KOM-LE-A_2076")
@pytest.mark.parametrize("at", ["directory", "operations"])
@pytest.mark.parametrize("kind", ANSWERS)
def test_konnektor_that_misbehaves(
    kim: World, hostile: tuple[RunningRole, dict[str, bytes]], kind: str, at: str
) -> None:
    """A mail cannot be protected, and that is said; with another Konnektor the next one goes."""
    role, said = hostile
    said.clear()
    said["answer"] = ANSWERS[kind]
    if at == "operations":
        said["directory"] = DIRECTORY
    role.ask("DELETE", "/caches")
    user, password = kim.user("praxis")
    sender, recipient = kim.address("praxis"), kim.address("kasse")
    with smtplib.SMTP_SSL(*role.address("smtp"), context=kim.context, timeout=20) as smtp:
        smtp.login(f"{user}#hostile", password)
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.sendmail(sender, [recipient], kim.mail("praxis", "kasse").as_bytes())
        assert refused.value.smtp_code == 451
        assert smtp.docmd("NOOP")[0] == 250
    kim.stored("kasse", 0)


def test_next_to_a_konnektor_that_misbehaves(
    kim: World, hostile: tuple[RunningRole, dict[str, bytes]]
) -> None:
    role, said = hostile
    said["answer"] = ANSWERS["nothing"]
    with smtplib.SMTP_SSL(*role.address("smtp"), context=kim.context, timeout=20) as smtp:
        smtp.login(*kim.user("praxis"))
        smtp.send_message(kim.mail("praxis", "kasse"))
    kim.stored("kasse", 1)
    kim.reset()  # the other tests ask for an empty mailbox
