"""A world of real processes around the client module under test: nothing is replaced."""

from __future__ import annotations

import http.client
import json
import os
import poplib
import smtplib
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from scenarios.engine.endpoints.contract import Endpoints, read_endpoints
from scenarios.engine.pvs.reset import reset_all
from simulators.pki.cards import CardObject, read_card

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 20
START_SECONDS = 90
UNKNOWN = "ohne-zertifikat@zweit.kim.telematik-test"

WORLD = """\
title: Zwei Praxen, eine Kasse und ein ungeduldiges Clientmodul
providers:
  erst.kim.telematik-test: {rules: {initial_password_required: true}}
  zweit.kim.telematik-test: {}
sites:
  praxis:
    name: Praxis Ahorn
    cards:
      smc-b: {type: SMC-B}
  kasse:
    kind: insurer
    name: Krankenkasse Eiche
    clientmodule: {tls: false}
    konnektor: {authentication: none}
  eilig:
    name: Praxis Eilig
    konnektor: {authentication: tls}
    clientmodule:
      release: 1.5.2-8
      parameters:
        konnektor_timeout: 1
        smtp_timeout_server: 1
        smtp_timeout_client: 1
        pop3_timeout_server: 1
        pop3_timeout_client: 1
        max_submission: 35882577
        integrity_failure: replace
        top_hides_mime: true
  person:
    name: Praxis Person
    shares: praxis
    cards:
      smc-b: {type: SMC-B}
      hba: {type: HBA, given_name: Petra, surname: Person}
  verbund:
    name: Praxisverbund
    shares: praxis
    cards:
      erste: {type: SMC-B}
      zweite: {type: SMC-B}
  radiologie:
    name: Radiologie Linde
    clientmodule:
      parameters:
        max_client_mail: 65536
        max_submission: 2000000000
        cm_kas_timeout: 2
participants:
  radiologie: {site: radiologie, address: radiologie@erst.kim.telematik-test, kim_version: 1.5+}
  praxis: {site: praxis, address: praxis@erst.kim.telematik-test}
  erste: {site: verbund, card: erste, address: erste@erst.kim.telematik-test, kim_version: "1.0"}
  zweite: {site: verbund, card: zweite, address: zweite@erst.kim.telematik-test, kim_version: 1.5+}
  kasse: {site: kasse, address: kasse@zweit.kim.telematik-test}
  eilig: {site: eilig, address: eilig@erst.kim.telematik-test}
  person: {site: person, card: hba, address: person@erst.kim.telematik-test}
  alt: {site: person, card: hba, address: alt@erst.kim.telematik-test, kim_version: "1.0"}
  neu: {site: praxis, address: neu@erst.kim.telematik-test, registered: false}
  neue-person:
    {site: person, card: hba, address: petra.person@erst.kim.telematik-test, registered: false}
directory:
  ohne-zertifikat:
    name: Praxis ohne Zertifikat
    address: ohne-zertifikat@zweit.kim.telematik-test
    certificate: false
"""


@dataclass
class World:
    """The running world as a PVS and a tester see it."""

    endpoints: Endpoints
    directory: Path

    def __post_init__(self) -> None:
        self.context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))

    def address(self, participant: str) -> str:
        return self.endpoints.participants[participant].address

    def smtp(self, participant: str) -> smtplib.SMTP:
        """Connect to the client module of *participant*, not logged in."""
        module = self._site(participant).clientmodule
        assert module is not None
        host, _, port = module.smtp.rpartition(":")
        if not module.tls:
            return smtplib.SMTP(host, int(port), timeout=SECONDS)
        return smtplib.SMTP_SSL(host, int(port), timeout=SECONDS, context=self.context)

    def pop3(self, participant: str) -> poplib.POP3:
        module = self._site(participant).clientmodule
        assert module is not None
        host, _, port = module.pop3.rpartition(":")
        if not module.tls:
            return poplib.POP3(host, int(port), timeout=SECONDS)
        return poplib.POP3_SSL(host, int(port), timeout=SECONDS, context=self.context)

    def user(self, participant: str) -> tuple[str, str]:
        """Return SMTP user name and password."""
        found = self.endpoints.participants[participant]
        return found.smtp_user or "", found.password

    def pop3_user(self, participant: str) -> tuple[str, str]:
        found = self.endpoints.participants[participant]
        return found.pop3_user or "", found.password

    def mail(self, sender: str, *recipients: str, text: str = "Guten Tag") -> EmailMessage:
        """Return a mail; recipients are participants or addresses."""
        mail = EmailMessage()
        mail["From"] = self.address(sender)
        mail["To"] = ", ".join(self.resolve(recipient) for recipient in recipients)
        mail["Subject"] = "Befund"
        mail["Message-ID"] = f"<{uuid.uuid4()}@pvs.example>"
        mail.set_content(text)
        return mail

    def resolve(self, recipient: str) -> str:
        return recipient if "@" in recipient else self.address(recipient)

    def send(self, sender: str, *recipients: str, mail: EmailMessage | None = None) -> EmailMessage:
        """Send through the client module; raises what smtplib raises."""
        mail = mail or self.mail(sender, *recipients)
        with self.smtp(sender) as smtp:
            smtp.login(*self.user(sender))
            smtp.send_message(mail, to_addrs=[self.resolve(r) for r in recipients])
        return mail

    def stored(self, recipient: str, count: int = 1) -> list[bytes]:
        """Wait until the provider holds *count* mails for *recipient*; return them as they are."""
        address = self.resolve(recipient)
        control = self._provider(address)
        deadline = time.monotonic() + SECONDS
        while True:
            listed = self.ask(control, "GET", f"/mailboxes/{quote(address)}")
            if len(listed) >= count or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        assert len(listed) == count, listed
        return [
            self.raw(control, f"/mailboxes/{quote(address)}/{quote(str(entry['uid']))}")
            for entry in listed
        ]

    def fetch(self, participant: str) -> bytes:
        """Fetch the only mail of *participant* through the client module, and delete it."""
        self.stored(participant)
        pop3 = self.pop3(participant)
        try:
            user, password = self.pop3_user(participant)
            pop3.user(user)
            pop3.pass_(password)
            _, lines, _ = pop3.retr(1)
            pop3.dele(1)
        finally:
            pop3.quit()
        return b"".join(line + b"\r\n" for line in lines)

    def ask(self, control: str, method: str, path: str, body: Any = None) -> Any:
        """Ask a control port."""
        answer = self.raw(control, path, method, body)
        return json.loads(answer) if answer else None

    def raw(self, control: str, path: str, method: str = "GET", body: Any = None) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(control).netloc, timeout=SECONDS)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            content = response.read()
            assert response.status < 300, content
            return content
        finally:
            connection.close()

    def konnektor(self, participant: str) -> str:
        return self._site(participant).konnektor.control

    def module(self, participant: str) -> str:
        module = self._site(participant).clientmodule
        assert module is not None
        return module.control

    def provider(self, participant: str) -> str:
        return self._provider(self.resolve(participant))

    def fault(self, control: str, operation: str, **effect: Any) -> None:
        """Have one operation of a process misbehave until the test ends."""
        rule: dict[str, Any] = {"id": "test", "operation": operation, "effect": effect}
        for name in ("nth", "times"):
            if name in effect:
                rule[name] = effect.pop(name)
        self.ask(control, "PUT", "/faults", [rule])

    def certificates(self, participant: str, reference: str) -> dict[str, CardObject]:
        """Return C.ENC, C.SIG or C.AUT of the participant's card, RSA and ECC, with their keys."""
        found = self.endpoints.participants[participant]
        for file in (self.directory / "settings").glob("konnektor-*.json"):
            for terminal in json.loads(file.read_text())["information_model"]["terminals"]:
                for slot in terminal["cards"]:
                    path = Path(slot["card"])
                    if path.parent.name == found.card:
                        objects = read_card(path).objects
                        return {c: o for (name, c), o in objects.items() if name == reference}
        raise AssertionError(f"no card {found.card}")

    def card(self, participant: str) -> str:
        """Return the ICCSN of the participant's first card."""
        return self._site(participant).cards[0].iccsn

    def pin(self, participant: str, **change: Any) -> None:
        card = self.card(participant)
        self.ask(self.konnektor(participant), "PUT", f"/cards/{card}/pins/PIN.SMC", change)

    def journal(self, control: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.raw(control, "/journal").splitlines()]

    def logs(self, site: str) -> dict[str, str]:
        """Return the client module's log files by kind."""
        directory = self.directory / "data" / f"clientmodule-{site}" / "logs"
        logs: dict[str, str] = {}
        for path in sorted(directory.iterdir()):
            kind = path.name.partition("-")[0]
            logs[kind] = logs.get(kind, "") + path.read_text(encoding="utf-8")
        return logs

    def reset(self) -> None:
        """Make the world what it was: empty mailboxes, cards in, PINs, no faults, no caches."""
        reset_all(self.endpoints.controls().values())
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        for log in self.directory.glob("data/clientmodule-*/logs/*-????-??-??-*.log"):
            if log.name.partition("-")[2] > f"{today}~":  # written on a day of the virtual clock
                log.unlink()

    def _site(self, participant: str) -> Any:
        return self.endpoints.sites[self.endpoints.participants[participant].site]

    def _provider(self, address: str) -> str:
        return self.endpoints.providers[address.rpartition("@")[2]].control


@pytest.fixture(scope="session")
def running_kim_world(pki_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("kim")
    world, run = directory / "welt.yaml", directory / "run"
    world.write_text(WORLD, encoding="utf-8")
    command = [sys.executable, "-m", "scenarios.engine.command"]
    environment = {**os.environ, "KIMULATOR_CACHE": str(pki_cache)}

    def call(*arguments: str) -> None:
        done = subprocess.run(
            [*command, *arguments, "--run-dir", str(run)],
            env=environment, cwd=ROOT, capture_output=True, text=True, timeout=START_SECONDS,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    call("up", str(world), "--detach")
    try:
        yield World(read_endpoints(run), run)
    finally:
        call("down")


@pytest.fixture
def kim(running_kim_world: World) -> World:
    """Return the world, reset."""
    running_kim_world.reset()
    return running_kim_world


@pytest.fixture
def logged_in(kim: World) -> Iterator[Callable[[str], smtplib.SMTP]]:
    """Return a function that connects and logs a participant in at its SMTP gateway."""
    opened: list[smtplib.SMTP] = []

    def log_in(participant: str) -> smtplib.SMTP:
        smtp = kim.smtp(participant)
        opened.append(smtp)
        smtp.login(*kim.user(participant))
        return smtp

    yield log_in
    for smtp in opened:
        smtp.close()
