"""Hostile client systems, providers and Konnektoren: nothing leaves open, is lost, goes twice."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import smtplib
import socket
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.clientmodule_process import settings_of
from tests.wire.clientmodule.test_hostile_servers import GREETING, http, serving

if TYPE_CHECKING:
    from tests.clientmodule_world import World
    from tests.conftest import RunningRole

UNKNOWN = "ohne-zertifikat@zweit.kim.telematik-test"


def submit(smtp: smtplib.SMTP, kim: World, fields: bytes, *recipients: str) -> tuple[int, bytes]:
    """Send a mail with the header *fields* from praxis; return the reply to its content."""
    assert smtp.docmd(f"MAIL FROM:<{kim.address('praxis')}>")[0] == 250
    for recipient in recipients:
        assert smtp.docmd(f"RCPT TO:<{kim.resolve(recipient)}>")[0] == 250
    assert smtp.docmd("DATA")[0] == 354
    sender = f"From: {kim.address('praxis')}\r\n".encode()
    smtp.send(sender + fields + b"\r\n\r\nGuten Tag\r\n.\r\n")
    return smtp.getreply()


@pytest.mark.requirement("KOM-LE-A_2006", "KOM-LE-A_2018")
@pytest.mark.parametrize(
    ("message_id", "code"), [(b"<a\0b@pvs>", 554), (b"<a\rb@pvs>", 250), (b"<ab@pvs>", 250)]
)
def test_message_id_that_would_break_the_report(
    kim: World, logged_in: Callable[[str], smtplib.SMTP], message_id: bytes, code: int
) -> None:
    """The report to the sender names it: what the MTA took is never answered with an error."""
    smtp = logged_in("praxis")
    assert submit(smtp, kim, b"Message-ID: " + message_id, "kasse", UNKNOWN)[0] == code
    sent = int(code == 250)
    kim.stored("kasse", sent)
    kim.stored("praxis", sent)


@pytest.fixture(scope="module")
def provider_tls(running_kim_world: World) -> ssl.SSLContext:
    """Return the TLS context of the provider ``erst``: the hostile one shows its certificate."""
    (file,) = (running_kim_world.directory / "settings").glob("mailserver-erst*.json")
    identity = json.loads(file.read_text())["tls"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity["certificate"], identity["key"])
    return context


ANSWERS = {b"AUTH": b"235 2.7.0 OK\r\n", b"DATA": b"354 go\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}


class Mta:
    """A provider's server that says what the test wants, and remembers what it was told."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self.told: list[bytes] = []

    def talk(self, connection: socket.socket) -> None:
        connection.sendall(GREETING)
        with connection.makefile("rb") as lines:
            for line in lines:
                self.told.append(line)
                word = line.split()[0].upper()
                found = (a for begin, a in self._answers.items() if line.startswith(begin))
                answer = next(found, ANSWERS.get(word, b"250 2.0.0 OK\r\n"))
                connection.sendall(answer)
                if word == b"DATA" and answer.startswith(b"354"):
                    while (text := lines.readline()) != b".\r\n":
                        if not text:
                            return  # the connection ended in the middle: no mail
                    self.told.append(b"(mail)")
                    connection.sendall(b"250 2.0.0 taken\r\n")
                elif word == b"QUIT":
                    return


def log_in(kim: World, smtp: smtplib.SMTP, port: int) -> None:
    user, password = kim.user("praxis")
    parts = user.split("#")
    smtp.login("#".join([parts[0], f"127.0.0.1:{port}", *parts[2:]]), password)


@pytest.mark.requirement("KOM-LE-A_2018")
def test_commands_behind_a_space_are_not_relayed(kim: World, provider_tls: ssl.SSLContext) -> None:
    """An MTA that passes over the space would take them: recipients whom nobody judged."""
    mta = Mta({})
    with serving(mta.talk, provider_tls) as port, kim.smtp("praxis") as smtp:
        log_in(kim, smtp, port)
        for line in (" MAIL FROM:<a@b.kim.telematik-test>", "  RCPT TO:<c@d>", " DATA", "DATA:"):
            smtp.send(f"{line}\r\n".encode())
            assert smtp.getreply()[0] == 502, line
        assert smtp.docmd("HELP")[0] == 250
    assert [line.split()[0] for line in mta.told] == [b"EHLO", b"AUTH", b"HELP", b"QUIT"]


@pytest.mark.requirement("KOM-LE-A_2018")
@pytest.mark.parametrize("text", [b"5.1.1 un\0bekannt", b"5.1.1 un\rbekannt"])
def test_mta_whose_refusal_would_break_the_report(
    kim: World, provider_tls: ssl.SSLContext, text: bytes
) -> None:
    """The mail was taken: told otherwise, the client system would send it once more."""
    mta = Mta({f"RCPT TO:<{kim.address('person')}>".encode(): b"550 " + text + b"\r\n"})
    with serving(mta.talk, provider_tls) as port, kim.smtp("praxis") as smtp:
        log_in(kim, smtp, port)
        assert submit(smtp, kim, b"Message-ID: <a@pvs>", "kasse", "person")[0] == 250
    assert mta.told.count(b"(mail)") == 2, "the mail, and the report to its sender"


@pytest.mark.requirement("KOM-LE-A_2016", "KOM-LE-A_2018")
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"DATA", b"250 2.0.0 OK\r\n"),
        (b"MAIL", b"250 2.0.0 OK\r\n250 2.0.0 OK\r\n"),
        (b"MAIL", b"354 go\r\n"),
        (b"RCPT", b"334 go\r\n"),
    ],
)
def test_mta_whose_answers_are_out_of_step(
    kim: World, provider_tls: ssl.SSLContext, command: bytes, answer: bytes
) -> None:
    """No mail is acknowledged that was not sent, and no 354 comes where none is expected."""
    mta = Mta({command: answer})
    with serving(mta.talk, provider_tls) as port, contextlib.closing(kim.smtp("praxis")) as smtp:
        log_in(kim, smtp, port)
        assert submit(smtp, kim, b"Message-ID: <a@pvs>", "kasse")[0] == 421
    assert b"(mail)" not in mta.told


def answer(document: bytes) -> bytes:
    """Return what EncryptDocument answers when *document* is what came of it."""
    text = base64.b64encode(document)
    return http(
        b"200 OK",
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r:R '
        b'xmlns:r="http://ws.gematik.de/conn/EncryptionService/v6.1"><d:Base64Data '
        b'xmlns:d="urn:oasis:names:tc:dss:1.0:core:schema">' + text + b"</d:Base64Data></r:R>"
        b"</e:Body></e:Envelope>",
    )


@pytest.fixture(scope="module")
def half_hostile(
    running_kim_world: World, start_role: Callable[[str, dict[str, Any]], RunningRole]
) -> Iterator[tuple[RunningRole, dict[str, str]]]:
    """Start a client module whose Konnektor signs, but does not encrypt."""
    kim = running_kim_world
    settings = settings_of(kim, "clientmodule-kasse")
    access = settings["konnektors"]["default"]
    with urllib.request.urlopen(access["service_directory"], timeout=20) as response:
        directory: bytes = response.read()
    said: dict[str, str] = {}

    def talk(connection: socket.socket) -> None:
        with connection.makefile("rb") as file:
            head = b"".join(iter(file.readline, b"\r\n"))
            if head.startswith(b"GET "):
                place = b"http://127.0.0.1:%d/ws" % connection.getsockname()[1]
                found = rb'(<[^<>]*Endpoint Location=")[^"]*EncryptionService[^"]*'
                changed, count = re.subn(found, rb"\g<1>" + place, directory)
                assert count, directory
                connection.sendall(http(b"200 OK", changed))
                return
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length is not None
            request = file.read(int(length[1]))
        given = re.search(rb'octet-stream">([^<]*)<', request)
        assert given is not None
        plain = base64.b64decode(given[1])
        connection.sendall(answer(plain if said["what"] == "echo" else said["what"].encode()))

    with serving(talk) as port:
        access["service_directory"] = f"http://127.0.0.1:{port}/connector.sds"
        role = start_role("clientmodule", settings)
        yield role, said
        assert role.stop() == 0


@pytest.mark.requirement("KOM-LE-A_2022", "KOM-LE-A_2025")
@pytest.mark.parametrize("what", ["echo", " ", "0\x80"])
def test_konnektor_that_does_not_encrypt(
    kim: World, half_hostile: tuple[RunningRole, dict[str, str]], what: str
) -> None:
    """What it answers is no AuthEnvelopedData: nothing of it leaves the house."""
    role, said = half_hostile
    said["what"] = what
    with smtplib.SMTP(*role.address("smtp"), timeout=20) as smtp:
        smtp.login(*kim.user("kasse"))
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.send_message(kim.mail("kasse", "praxis"))
        assert refused.value.smtp_code == 451
        assert smtp.docmd("NOOP")[0] == 250
    kim.stored("praxis", 0)
