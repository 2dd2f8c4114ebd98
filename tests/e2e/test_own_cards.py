"""A world with somebody's own test card: the official sample, a mail for it, and its secrets."""

from __future__ import annotations

import base64
import http.client
import json
import os
import poplib
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from lxml import etree

from scenarios.engine.endpoints.contract import Endpoints, read_endpoints
from simulators.formats import enveloped_data, komle
from simulators.formats.certificates import certificate_id
from simulators.pki.own_pkcs12 import OwnObject, read_own_objects
from tests.e2e.conftest import Command
from tests.konnektor_site import PREFIXES, context, envelope
from tests.own_test_cards import Foreign, pkcs12_of

SAMPLE = "api-kim/SMIME-Profil/inputEmail.txt"
OFFICIAL = "api-kim/SMIME-Profil/recipientAkeys/hci-enc-2-kim-bsp.p12"
PASSWORD = "ganz geheim, mit Komma"
WORLD = """\
title: Eine Praxis mit eigener Testkarte
providers:
  kv.dox.kim.telematik-test: {}
sites:
  praxis: {name: Zahnarztpraxis, kind: dentist, konnektor: {authentication: tls}}
  klinik: {kind: hospital, name: Klinikum Erle, shares: praxis}
participants:
  praxis: {site: praxis, address: praxis@kv.dox.kim.telematik-test}
  klinik: {site: klinik, address: klinik@kv.dox.kim.telematik-test}
"""
WAIT_SECONDS = 20


@dataclass(frozen=True)
class OwnWorld:
    """The running world; ``praxis`` has the official RSA key and a foreign ECC key."""

    directory: Path
    said: str
    endpoints: Endpoints
    own: OwnObject

    @property
    def tls(self) -> ssl.SSLContext:
        """Trust in the world's servers."""
        return ssl.create_default_context(cafile=str(self.endpoints.file(self.endpoints.ca)))


@pytest.fixture(scope="module")
def command(pki_cache: Path) -> Iterator[Command]:
    found = Command({**os.environ, "KIMULATOR_CACHE": str(pki_cache)})
    yield found
    found.end_all()


@pytest.fixture(scope="module")
def world(
    command: Command, tmp_path_factory: pytest.TempPathFactory, spec: Callable[[str], Path]
) -> OwnWorld:
    return start(command, tmp_path_factory.mktemp("own"), spec)


def start(command: Command, folder: Path, spec: Callable[[str], Path]) -> OwnWorld:
    foreign = Foreign.new()
    chain = (foreign.authority.certificate,)
    file = pkcs12_of(folder / "enc,ecc.p12", foreign.issue(), PASSWORD, chain)
    path = folder / "welt.yaml"
    path.write_text(WORLD, encoding="utf-8")
    official = spec(OFFICIAL)
    up = command(
        *("up", path, "--run-dir", folder / "run", "--detach"),
        *("--pkcs12", f"praxis:SMC-B={official},@{official.parent / 'password.txt'}"),
        *("--pkcs12", f"praxis:smc-b={file},{PASSWORD}"),
        *("--trust", official.parent / "GEM.KOMP-CA24-TEST-ONLY.crt"),
        *("--trust", official.parent / "GEM.RCA2-TEST-ONLY.pem"),
    )
    assert up.returncode == 0, up.stderr
    (own,) = read_own_objects(file, PASSWORD, "SMC-B")
    return OwnWorld(folder / "run", up.stdout, read_endpoints(folder / "run"), own)


def fetch(control: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(control).netloc, timeout=10)
    connection.request("GET", path)
    content = connection.getresponse().read()
    connection.close()
    return content


def ask(control: str, path: str) -> Any:
    return json.loads(fetch(control, path))


def test_the_official_sample_is_decrypted_byte_for_byte(
    world: OwnWorld, spec: Callable[[str], Path]
) -> None:
    site = world.endpoints.sites["praxis"]
    assert site.konnektor is not None
    handle = next(
        card["handle"]
        for card in ask(site.konnektor.control, "/cards")
        if card["iccsn"] == "80276000000046290002"
    )
    who = context(site.context.mandant, site.context.clientsystem, site.context.workplace)
    encoded = base64.b64encode(spec(f"{SAMPLE}.04.encryptedcms").read_bytes()).decode()
    request = envelope(
        f"<CRYPT:DecryptDocument>{who}<CRYPT:PrivateKeyOnCard>"
        f"<CONN:CardHandle>{handle}</CONN:CardHandle></CRYPT:PrivateKeyOnCard>"
        f"<CONN:Document><dss:Base64Data>{encoded}</dss:Base64Data></CONN:Document>"
        "</CRYPT:DecryptDocument>"
    )
    address = urlsplit(site.konnektor.service_directory).netloc
    connection = http.client.HTTPSConnection(address, timeout=20, context=world.tls)
    connection.request(
        *("POST", "/ws/EncryptionService", request),
        {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": '"http://ws.gematik.de/conn/EncryptionService/v6.1#DecryptDocument"',
        },
    )
    response = connection.getresponse()
    answer = etree.fromstring(response.read())
    connection.close()
    assert response.status == 200, etree.tostring(answer)
    found = answer.findtext(".//dss:Base64Data", namespaces=PREFIXES)
    assert base64.b64decode(found or "") == spec(f"{SAMPLE}.03.signedwrap").read_bytes()


def test_the_world_follows_the_card(world: OwnWorld) -> None:
    site = world.endpoints.sites["praxis"]
    assert site.cards[0].telematik_id == "2-290002"
    assert site.cards[0].iccsn == "80276000000046290002"
    assert world.endpoints.participants["praxis"].telematik_id == "2-290002"
    assert "seit 24.08.2024 abgelaufen" in world.said
    assert "CA fehlt" not in world.said


def test_a_mail_is_encrypted_for_the_own_key_and_fetched(world: OwnWorld) -> None:
    endpoints = world.endpoints
    sender, recipient = endpoints.participants["klinik"], endpoints.participants["praxis"]
    module = endpoints.sites["praxis"].clientmodule
    assert module is not None
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender.address, recipient.address, "Befund"
    mail.set_content("Nur für die eigene Testkarte.")
    host, _, port = module.smtp.rpartition(":")
    with smtplib.SMTP_SSL(host, int(port), timeout=20, context=world.tls) as smtp:
        smtp.login(sender.smtp_user or "", sender.password)
        smtp.send_message(mail)
    control = endpoints.providers["kv.dox.kim.telematik-test"].control
    deadline = time.monotonic() + WAIT_SECONDS
    while not (waiting := ask(control, f"/mailboxes/{recipient.address}")):
        assert time.monotonic() < deadline
    (found,) = waiting
    stored = fetch(control, f"/mailboxes/{recipient.address}/{found['uid']}")
    named = enveloped_data.read(komle.encrypted_cms(stored)).recipients
    assert certificate_id(world.own.certificate) in named
    host, _, port = module.pop3.rpartition(":")
    pop3 = poplib.POP3_SSL(host, int(port), timeout=20, context=world.tls)
    pop3.user(recipient.pop3_user or "")
    pop3.pass_(recipient.password)
    lines = pop3.retr(1)[1]
    pop3.quit()
    assert "Nur für die eigene Testkarte.".encode() in lines


def test_no_secret_is_left_where_others_read(
    command: Command, tmp_path: Path, spec: Callable[[str], Path]
) -> None:
    world = start(command, tmp_path, spec)
    supervisor = psutil.Process(int((world.directory / "lock").read_text()))
    for process in [supervisor, *supervisor.children(recursive=True)]:
        line = "\0".join(process.cmdline())
        assert PASSWORD not in line
        assert "*" * len(PASSWORD) in line
    own = world.directory / "own-cards"
    keys = list(own.rglob("*.key.pem"))
    assert len(keys) == 4  # two of the card, two of OCSP signers
    for path in own.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
    for path in world.directory.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path
    assert command("down", "--run-dir", world.directory).returncode == 0
    assert not own.exists()


def test_bad_input_is_told_in_one_line(
    command: Command, tmp_path: Path, spec: Callable[[str], Path]
) -> None:
    given = f"praxis:SMC-B={spec(OFFICIAL)},{PASSWORD}"
    up = command("up", "--run-dir", tmp_path / "run", "--detach", "--pkcs12", given)
    assert up.returncode == 2
    assert up.stderr.count("\n") == 1
    assert "das Passwort ist falsch" in up.stderr
    assert PASSWORD not in up.stderr


def test_run_takes_own_cards_only_for_a_world_it_starts(command: Command, tmp_path: Path) -> None:
    run = command("run", "eau/lieferung", "--against", tmp_path, "--trust", tmp_path / "ca.pem")
    assert run.returncode == 2
    assert "ohne --against" in run.stderr
    fresh = command("run", "eau/lieferung", "--pkcs12", "apotheke:SMC-B=karte.p12")
    assert fresh.returncode == 2
    assert "kein Standort dieser Welt" in fresh.stderr
