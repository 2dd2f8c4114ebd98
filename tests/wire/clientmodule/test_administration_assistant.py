"""The set-up assistant as a person uses it: a new account, then mail with the generated names."""

from __future__ import annotations

import io
import json
import poplib
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from clientmodule.administration import texts
from clientmodule.administration.command import main
from tests.administration_api import NEW, NEW_PASSWORD, Desk, desk_of
from tests.clientmodule_world import ROOT, SECONDS, World


def settings(kim: World) -> str:
    return str(kim.directory / "settings" / "clientmodule-praxis.json")


def run(kim: World, *arguments: str, answers: str = "") -> tuple[int, str]:
    """Run the command in this process; return its status and what it showed."""
    screen = io.StringIO()
    status = main(["--settings", settings(kim), *arguments], io.StringIO(answers), screen)
    return status, screen.getvalue()


def context(desk: Desk) -> list[str]:
    return [word for key, value in desk.context.items() for word in (f"--{key}", value)]


def secret(directory: Path, name: str, text: str) -> str:
    file = directory / name
    file.write_text(text + "\n", encoding="utf-8")
    return str(file)


@pytest.mark.requirement(
    *("A_19454", "A_19456-02", "A_19457-02", "A_19458-01", "A_19459", "A_19460", "A_19462"),
    *(
        "A_19468-02",
        "A_19453",
        "KOM-LE-A_2182-01",
        "A_19455",
        "A_19523",
        "A_21396",
        "KOM-LE-A_2301-02",
    ),
)
def test_assistant_sets_up_an_account_that_sends_and_receives_at_once(kim: World) -> None:
    desk = desk_of(kim, "neu")
    code = kim.endpoints.providers[desk.domain].registration["praxis"]
    answers = [
        # 1. Konnektor: what cannot stand in a context, then an unknown Mandant, then the right one
        *("Mandant#1", "Mandant-unbekannt", desk.context["clientsystem"]),
        *(desk.context["workplace"], ""),
        *(desk.context["mandant"], desk.context["clientsystem"], desk.context["workplace"], ""),
        # 3. Konto: a provider that does not exist is refused, then the right one is named
        *("niemand.kim.telematik-test", desk.domain),
        *("vielleicht", "ja"),
        # a wrong initial password first, then a taken address: all else is not asked again
        *("praxis", NEW_PASSWORD, "vertippt", NEW_PASSWORD, NEW_PASSWORD),
        *(code.reference_id, "geraten", code.reference_id, code.initial_password),
        *("nein", "neu"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "clientmodule.administration", "--settings", settings(kim)],
        input="\n".join(answers) + "\n",
        cwd=ROOT, capture_output=True, text=True, timeout=3 * SECONDS, check=False,
    )  # fmt: skip
    shown = done.stdout
    assert done.returncode == 0, shown + done.stderr
    for said in (
        "Mandant: die Zeichen # und ein einzelnes * sind nicht möglich",
        "Aufrufkontext: der Konnektor lehnt Mandant, Clientsystem oder Arbeitsplatz ab",
        "unter dieser Domain ist kein Account Manager zu finden; prüfen Sie die Domain",
        "erwartet wird ja oder nein",
        "die beiden Eingaben sind verschieden",
        "die KIM-Adresse ist schon vergeben; wählen Sie eine andere Adresse",
        "Registrierungscode, Startpasswort und Karte passen nicht zusammen; prüfen Sie",
        f"Die Adresse {NEW} ist registriert.",
        texts.BLIND_COPY,
        *(f"Schritt {number} von 6" for number in range(1, 7)),
    ):
        assert said in shown, shown
    names = [line.split()[-1] for line in shown.splitlines() if "Benutzername  " in line]
    smtp_user, pop3_user = names
    assert smtp_user.startswith(f"{NEW}#mail.erst.kim.telematik-test:")

    # the running client module has taken up the certificate and serves the new account
    mail = kim.mail("praxis", "kasse")
    del mail["From"]
    mail["From"] = NEW
    with kim.smtp("praxis") as smtp:
        smtp.login(smtp_user, NEW_PASSWORD)
        smtp.send_message(mail, from_addr=NEW, to_addrs=[kim.address("kasse")])
    assert b"Die Signatur wurde erfolgreich gepr" in kim.fetch("kasse")
    kim.send("kasse", NEW)
    kim.stored(NEW)
    assert b"Die Nachricht wurde entschl" in fetch(kim, pop3_user)


def fetch(kim: World, user: str) -> bytes:
    pop3: poplib.POP3 = kim.pop3("praxis")
    try:
        pop3.user(user)
        pop3.pass_(NEW_PASSWORD)
        _, lines, _ = pop3.retr(1)
        return b"\r\n".join(lines)
    finally:
        pop3.quit()


@pytest.mark.requirement("A_20188", "A_23505", "A_19464-03", "A_21380", "A_21396")
def test_every_step_is_a_command_of_its_own_that_asks_nothing(
    kim: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_of(kim, "neu")
    code = kim.endpoints.providers[desk.domain].registration["praxis"]
    password = secret(tmp_path, "passwort", NEW_PASSWORD)
    always = ["--batch", *context(desk), "--address", NEW, "--password-file", password]

    def step(*arguments: str) -> str:
        status, shown = run(kim, *arguments, *always)
        assert status == 0, shown + capsys.readouterr().err
        return shown

    initial = secret(tmp_path, "startpasswort", code.initial_password)
    ordered = ("--reference-id", code.reference_id, "--initial-password-file", initial)
    assert "Schritt 6 von 6" in step("assistant", "--domain", desk.domain, *ordered)
    assert "Status               registriert" in step("account")
    assert "Karte" in step("konnektor-test")
    assert desk.iccsn in step("cards")
    shown = step("large-mails", "--on", "--yes")
    assert texts.LARGE_MAILS in shown
    assert "jetzt 1.5+" in shown
    assert "jetzt 1.5.\n" in step("large-mails", "--off")
    note = ("--from", "2026-07-01T08:00", "--to", "2036-07-14T18:00", "--message", "Bin im Urlaub.")
    assert "Bin im Urlaub." in step("out-of-office", "--on", *note)
    assert "ausgeschaltet" in step("out-of-office", "--off")
    assert "bis 15.07.2036 18:00" in step("out-of-office", "--to", "2036-07-15T18:00")
    shown = step("deregister", "--yes")
    assert texts.DEREGISTRATION in shown
    assert "Abholen ist möglich bis" in shown
    assert "zurückgenommen" in step("revoke")
    assert "Einmalpasswort: " in step("otp")
    new = secret(tmp_path, "neu", "Anderes-Geheimnis-2")
    assert "geändert" in step("password", "--new-password-file", new)
    assert f"{NEW}#" in step("overview")


@pytest.mark.requirement("A_19462", "A_23505", "A_19464-03")
def test_what_cannot_be_done_is_one_line_and_status_2(
    kim: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_of(kim, "neu")
    password = secret(tmp_path, "passwort", NEW_PASSWORD)
    always = [*context(desk), "--address", NEW, "--password-file", password]

    def refused(*arguments: str, answers: str = "") -> str:
        status, _ = run(kim, *arguments, answers=answers)
        error = capsys.readouterr().err
        assert status == 2
        assert error.count("\n") == 1, error
        return error

    assert "das Konto gibt es beim Anbieter nicht" in refused("account", "--batch", *always)
    assert "Mandant: fehlt; geben Sie --mandant an" in refused("account", "--batch")
    assert "SCHRITT: 'fliegen' gibt es nicht" in refused("fliegen")
    assert "unbekannt: --passwort" in refused("account", "--passwort")
    assert "--from: erwartet wird ein Zeitpunkt" in refused("out-of-office", "--from", "morgen")
    assert "es kam keine Antwort mehr" in refused("account", answers="Mandant-praxis\n")
    other = ("--iccsn", "80276000000000000000")
    assert "keine passende SMC-B" in refused("account", "--batch", *always, *other)
    missing = ("--password-file", str(tmp_path / "fehlt"))
    assert "das gibt es nicht" in refused("account", "--batch", *always, *missing)
    real = ("--domain", "anbieter.kim.telematik", "--address", "x@anbieter.kim.telematik")
    assert "erwartet wird eine KIM-Adresse" in refused("assistant", "--batch", *always, *real)

    status, shown = run(kim, "deregister", *always, answers="nein\n")
    assert (status, "Es wurde nichts geändert." in shown) == (0, True)
    status, shown = run(kim, "large-mails", "--on", *always, answers="n\n")
    assert (status, "Es wurde nichts geändert." in shown) == (0, True)


@pytest.mark.requirement("A_19460", "A_19462", "A_19468-02")
def test_what_was_begun_is_finished_later_and_a_wrong_password_asked_again(
    kim: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_of(kim, "neu")
    code = kim.endpoints.providers[desk.domain].registration["praxis"]
    ordered = ("--domain", desk.domain, "--address", NEW, "--reference-id", code.reference_id)
    files = (
        *("--password-file", secret(tmp_path, "passwort", NEW_PASSWORD)),
        *("--initial-password-file", secret(tmp_path, "startpasswort", code.initial_password)),
    )
    kim.fault(kim.provider("neu"), "REST.createCert", kind="reply", code=500, text="Störung")
    status, shown = run(kim, *context(desk), *ordered, *files, answers="\nja\nja\nnein\n")
    assert status == 2
    assert shown.count("beim Anbieter ist eine Störung") == 2
    assert f"Setzen Sie später fort mit --registered --address {NEW}." in shown
    assert f"Die Adresse {NEW} ist registriert." in shown
    assert capsys.readouterr().err == "abgebrochen\n"

    kim.ask(kim.provider("neu"), "DELETE", "/faults")
    answers = ["", "Falsches-Passwort-1", "ja", "", NEW_PASSWORD]  # Enter: the same address
    named = (*context(desk), "--registered", "--address", NEW)
    status, shown = run(kim, *named, answers="\n".join(answers) + "\n")
    assert status == 0, shown + capsys.readouterr().err
    assert f"KIM-Adresse [{NEW}]: " in shown
    assert "oder das Konto hat schon ein Zertifikat, das hier fehlt" in shown
    assert "Schritt 6 von 6" in shown


@pytest.mark.requirement("A_19462")
def test_own_address_whose_registration_was_answered_in_vain_is_logged_in_to(
    kim: World, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_of(kim, "neu")
    desk.register()  # the answer may have been lost: the person registers once more
    code = kim.endpoints.providers[desk.domain].registration["praxis"]
    answers = ["", "ja", "neu", NEW_PASSWORD, NEW_PASSWORD, code.reference_id]
    answers += [code.initial_password, "ja"]
    named = (*context(desk), "--domain", desk.domain)
    status, shown = run(kim, *named, answers="\n".join(answers) + "\n")
    assert status == 0, shown + capsys.readouterr().err
    assert "die KIM-Adresse ist schon vergeben" in shown
    assert "Schritt 6 von 6" in shown


@pytest.mark.requirement("A_19454", "A_19462")
def test_card_is_not_tried_again_before_the_person_says_so(
    kim: World, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_of(kim, "neu")
    kim.ask(kim.module("neu"), "DELETE", "/caches")
    kim.pin("neu", state="VERIFIABLE", entry="wrong")
    status, shown = run(kim, *context(desk), "--yes", answers="\nnein\n")
    assert (status, capsys.readouterr().err) == (2, "abgebrochen\n")
    assert "die PIN war falsch" in shown
    entered = [e for e in kim.journal(kim.konnektor("neu")) if e["step"] == "VerifyPin"]
    assert len(entered) == 1
    kim.pin("neu", state="BLOCKED")
    _, shown = run(kim, *context(desk), answers="\nnein\n")
    assert "entsperren Sie sie mit der PUK" in shown
    for card in kim.endpoints.sites["praxis"].cards:
        kim.ask(kim.konnektor("neu"), "POST", f"/cards/{card.iccsn}/remove")
    status, shown = run(kim, *context(desk), answers="\nja\nnein\n")
    assert status == 2
    assert shown.count("keine passende SMC-B und kein HBA ist erreichbar") == 2


@pytest.mark.requirement("A_19454")
def test_context_that_was_refused_is_the_proposal_for_the_next_try(
    kim: World, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_of(kim, "neu")
    answers = ["", desk.context["mandant"], "", "", ""]
    given = context(desk)[2:]  # but for --mandant NAME
    named = ("konnektor-test", "--mandant", "unbekannt", *given)
    status, shown = run(kim, *named, answers="\n".join(answers) + "\n")
    assert status == 0, shown + capsys.readouterr().err
    assert "Mandant [unbekannt]: " in shown
    assert f"Clientsystem [{desk.context['clientsystem']}]: " in shown


def keys(kim: World) -> set[tuple[str, int]]:
    """Return what lies in the key store, and since when."""
    store = kim.directory / "data" / "clientmodule-praxis" / "keys"
    return {(file.name, file.stat().st_mtime_ns) for file in store.glob("*.p12")}


@pytest.mark.requirement("A_19453", "A_19468-02")
def test_certificate_that_was_asked_for_is_kept_whatever_the_person_does(
    kim: World, tmp_path: Path
) -> None:
    desk = desk_of(kim, "neu")
    desk.register()
    before = keys(kim)
    kim.fault(kim.provider("neu"), "REST.createCert", kind="delay", seconds=0.5)
    asked = str(kim.journal(kim.konnektor("neu"))).count("VerifyCertificate")
    password = secret(tmp_path, "passwort", NEW_PASSWORD)
    program = subprocess.Popen(
        [
            *(sys.executable, "-m", "clientmodule.administration", "--settings", settings(kim)),
            *("certificate", "--batch", *context(desk)),
            *("--address", NEW, "--password-file", password),
        ],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + SECONDS
    while str(kim.journal(kim.konnektor("neu"))).count("VerifyCertificate") == asked:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    program.send_signal(signal.SIGINT)
    _, error = program.communicate(timeout=SECONDS)
    assert (program.returncode, error) == (2, "\nabgebrochen\n")
    assert keys(kim) - before


@pytest.mark.requirement("A_19453", "A_21396")
def test_nothing_is_fetched_that_cannot_be_kept_and_nothing_done_is_called_undone(
    kim: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_of(kim, "neu")
    desk.register()
    told = json.loads(Path(settings(kim)).read_text(encoding="utf-8"))
    elsewhere = tmp_path / "settings.json"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "keys").write_text("belegt", encoding="utf-8")
    kim.fault(kim.provider("neu"), "REST.createCert", kind="reply", code=500, text="Störung")
    elsewhere.write_text(json.dumps({**told, "data_dir": str(tmp_path / "data")}), encoding="utf-8")
    always = [*context(desk), "--address", NEW]
    always += ["--password-file", secret(tmp_path, "passwort", NEW_PASSWORD), "--batch"]
    assert main(["--settings", str(elsewhere), "certificate", *always]) == 2
    assert "der Schlüsselspeicher kann nicht geschrieben werden" in capsys.readouterr().err

    kim.ask(kim.provider("neu"), "DELETE", "/faults")
    desk.on_account("certificate")
    kim.fault(kim.provider("neu"), "REST.getAccount", kind="reply", code=500, text="Störung")
    assert "Das Konto ist deregistriert." in run(kim, "deregister", "--yes", *always)[1]


@pytest.mark.requirement("A_19457-02")
def test_provider_whose_certificate_is_not_trusted_is_told_nothing(
    kim: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_of(kim, "neu")
    told = json.loads(Path(settings(kim)).read_text(encoding="utf-8"))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Niemandes CA")])
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    authority = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    changed = {**told, "ca": str(tmp_path / "ca.pem"), "data_dir": str(tmp_path / "data")}
    (tmp_path / "settings.json").write_text(json.dumps(changed), encoding="utf-8")
    arguments = ["--settings", str(tmp_path / "settings.json"), "--batch", *context(desk)]
    assert main([*arguments, "--domain", desk.domain]) == 2
    error = capsys.readouterr().err
    assert "(einer von beiden erkennt das Zertifikat des anderen nicht an)" in error


def test_key_that_cannot_be_read_is_what_the_person_is_told(
    kim: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_of(kim, "praxis")
    told = json.loads(Path(settings(kim)).read_text(encoding="utf-8"))
    (tmp_path / "kaputt.p12").write_bytes(b"kein PKCS#12")
    accounts = {desk.address: {"pkcs12": str(tmp_path / "kaputt.p12"), "password": "geheim"}}
    changed = {**told, "accounts": accounts, "data_dir": str(tmp_path / "data")}
    (tmp_path / "settings.json").write_text(json.dumps(changed), encoding="utf-8")
    password = secret(tmp_path, "passwort", kim.endpoints.participants["praxis"].password)
    arguments = ["--settings", str(tmp_path / "settings.json"), "account", "--batch"]
    arguments += [*context(desk), "--address", desk.address, "--password-file", password]
    assert main(arguments) == 2
    assert "das PKCS#12 des Kontos lässt sich nicht lesen" in capsys.readouterr().err
