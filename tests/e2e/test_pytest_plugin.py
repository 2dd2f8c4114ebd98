"""The pytest plugin as others use it: a run of pytest of its own, in a project of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scenarios.engine.testing.held_world import Wanted, joined_world, started_world
from scenarios.engine.testing.practice import NotArrived
from simulators.process.errors import InputError
from tests.printed import one_line

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "ci.md"
RUN_SECONDS = 90
WITHOUT = ("-pno:schemathesis", "-pno:hypothesispytest", "-pno:cacheprovider")  # slow to import
HEAVY = {"aiohttp", "cryptography", "lxml", "pydantic", "scenarios.engine.testing", "simulators"}

TESTS = '''\
import os
import smtplib
import ssl
import urllib.request

import pytest


@pytest.fixture
def sent(kim_world, kim_practice):
    """A fixture of the project: its mail must be there after the world's reset."""
    mail = kim_practice.mail(kim_world.practice("klinik"), "Guten Tag", subject="Vorab")
    assert kim_practice.send(mail, dsn=True).code == 250
    return mail


def test_a_mail_is_sent_awaited_and_fetched(kim_world, kim_practice, sent):
    clinic = kim_world.practice("klinik")
    arrived = clinic.wait_for_mail(dienstkennung="KIM-Mail;Default;V1.0", within=20)
    assert arrived.message_id == sent["Message-ID"]
    mail = clinic.fetch(arrived)
    assert mail["Subject"] == "Vorab"
    assert "Guten Tag" in mail.get_content()
    report = kim_practice.wait_for_mail(within=20)
    assert "multipart/report" in kim_practice.fetch(report)["Content-Type"]
    with pytest.raises(AssertionError, match="nach 0 s ist keine Nachricht da; gekommen ist"):
        clinic.wait_for_mail(within=0)


def test_what_another_test_did_is_forgotten(kim_world, kim_practice):
    clinic = kim_world.practice("klinik")
    with pytest.raises(AssertionError, match="mit dienstkennung eAU.*gekommen ist: nichts"):
        clinic.wait_for_mail(dienstkennung="eAU;Lieferung;V1.0", within=0)
    kim_world.controls["vzd"].put("/clock", {"advance_seconds": 86400})


def test_own_software_is_told_where_everything_is(kim_practice):
    clock = kim_practice.provider_control.get_json("/clock")
    assert clock["offset_seconds"] == 0
    host, _, port = kim_practice.clientmodule.smtp.rpartition(":")
    context = ssl.create_default_context(cafile=kim_practice.ca)
    with smtplib.SMTP_SSL(host, int(port), context=context, timeout=20) as client:
        client.login(kim_practice.smtp_user, kim_practice.password)
    assert kim_practice.konnektor.service_directory.endswith("/connector.sds")
    assert kim_practice.client_certificate.is_file()
    assert kim_practice.context.mandant and kim_practice.cards


def test_a_refusal_is_no_success(kim_practice):
    mail = kim_practice.mail("niemand@kv.dox.kim.telematik-test")
    with pytest.raises(AssertionError, match="das Clientmodul lehnt die Nachricht ab: [45]"):
        kim_practice.send(mail)


def test_the_world_is_this_workers_own(kim_world):
    note = os.environ["KIM_NOTES"] + "/" + os.environ.get("PYTEST_XDIST_WORKER", "alone")
    with open(note, "w") as file:
        file.write(str(kim_world.directory))
'''

OWN_SOFTWARE = """\
import os
import smtplib
import ssl


def my_pvs_sends(*, smtp, user, password, ca, sender, to):
    host, _, port = smtp.rpartition(":")
    context = ssl.create_default_context(cafile=ca)
    head = [f"From: {sender}", f"To: {to}", "Subject: Befund", "Message-ID: <1@pvs.example>"]
    head += ["Date: Mon, 02 Nov 2026 10:00:00 +0100"]
    head += ["X-KIM-Dienstkennung: KIM-Mail;Default;V1.0"]
    with smtplib.SMTP_SSL(host, int(port), context=context, timeout=20) as client:
        client.login(user, password)
        client.sendmail(sender, to, "\\r\\n".join([*head, "", "Guten Tag", ""]))


"""


@pytest.fixture
def project(tmp_path: Path, small_world: Path) -> Path:
    """A project with tests that use a world, named in its ini file."""
    (tmp_path / "test_pvs.py").write_text(TESTS, encoding="utf-8")
    ini = f"[pytest]\nkim_world = {small_world.name}\nkim_practice = praxis\n"
    (tmp_path / "pytest.ini").write_text(ini, encoding="utf-8")
    (tmp_path / "notes").mkdir()
    return tmp_path


@pytest.fixture
def run_tests(project: Path, pki_cache: Path) -> Any:
    """Return a function that runs the project's tests as its people do."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {n: v for n, v in os.environ.items() if not n.startswith("PYTEST_")}
        known = {"KIMULATOR_CACHE": str(pki_cache), "KIM_NOTES": str(project / "notes")}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *WITHOUT, *arguments],
            env={**own, **known, **environment},
            cwd=project,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )

    return run


def test_each_worker_has_a_world_and_each_test_a_fresh_one(project: Path, run_tests: Any) -> None:
    documented = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S)
    parts = [OWN_SOFTWARE, *documented, TESTS[TESTS.rindex("\n\ndef ") :]]
    (project / "test_second_worker.py").write_text("".join(parts), encoding="utf-8")
    done = run_tests("-n", "2", "--dist", "loadfile")
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout
    directories = [Path(note.read_text()) for note in (project / "notes").iterdir()]
    assert len(set(directories)) == 2
    assert not any((directory / "endpoints.json").exists() for directory in directories)


def test_a_running_world_is_joined_by_one_run_at_a_time(
    tmp_path: Path, small_world: Path, run_tests: Any, pki_cache: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("KIMULATOR_CACHE", str(pki_cache))
    with started_world(Wanted(str(small_world), seed=7), tmp_path) as started:
        with joined_world(started.directory) as joined:
            assert joined.seed == 7
            practice, clinic = joined.practice(), joined.practice("klinik")
            practice.send(practice.mail(clinic))
            assert clinic.fetch(clinic.wait_for_mail()).get_content().startswith("Guten Tag")
            done = run_tests("--kim-run-dir", str(started.directory), "-k", "forgotten")
            assert done.returncode == 1
            assert re.search("kimulator: .*andere Tests benutzen diese Welt", done.stdout)
            assert "Traceback" not in done.stdout
        with joined_world(started.directory) as again, pytest.raises(NotArrived):
            again.practice("klinik").wait_for_mail(within=0)
    with pytest.raises(InputError, match="die Welt antwortet nicht mehr"):
        started.reset()


def test_why_a_world_does_not_start_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="gibt-es-nicht") as refused,
        started_world(Wanted("gibt-es-nicht"), tmp_path),
    ):
        pass
    assert one_line(str(refused.value))


def test_who_uses_no_world_pays_nothing_for_it() -> None:
    """The plugin is loaded by every run of pytest in the environment."""
    program = (
        "import sys, pytest; before = set(sys.modules); import scenarios.engine.pytest_plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) & HEAVY == set()
    assert len(done.stdout.split()) < 10, done.stdout
