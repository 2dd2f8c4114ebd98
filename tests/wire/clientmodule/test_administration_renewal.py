"""Certificates are renewed one month before they end; a failure is told with 4016 (A_21381)."""

from __future__ import annotations

import base64
import stat
import time
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    pkcs12,
)

from tests.administration_api import NEW, Desk, advance, desk_of
from tests.clientmodule_world import SECONDS, World


@pytest.fixture
def desk(kim: World) -> Desk:
    desk = desk_of(kim, "neu")
    desk.register()
    desk.on_account("certificate")
    return desk


def ends(desk: Desk) -> datetime:
    return datetime.fromisoformat(desk.step("overview", address=NEW)["certificate_expires"])


def log_in(kim: World, desk: Desk, *, pop3: bool = False) -> None:
    """Log in at the client module with the generated user names."""
    names = desk.step("overview", address=NEW)["names"]
    if not pop3:
        with kim.smtp("praxis") as smtp:
            smtp.login(names["smtp"], desk.password)
        return
    session = kim.pop3("praxis")
    session.user(names["pop3"])
    session.pass_(desk.password)
    session.quit()


def events(kim: World, name: str) -> list[dict[str, object]]:
    return [event for event in kim.journal(kim.module("neu")) if event["step"] == name]


def logged(kim: World) -> int:
    """Return how often the error log names the code."""
    return kim.logs("praxis").get("error", "").count("RenewCertificate: 4016")


def wait_for(kim: World, name: str, count: int = 1) -> list[dict[str, object]]:
    """Wait until the client module's journal holds *count* events *name*."""
    deadline = time.monotonic() + SECONDS
    while len(found := events(kim, name)) < count:
        assert time.monotonic() < deadline, f"no {name}"
        time.sleep(0.02)
    return found


@pytest.mark.requirement("A_21381", "A_19453")
@pytest.mark.parametrize("pop3", [False, True])
def test_certificate_is_renewed_at_the_first_login_of_its_last_month(
    kim: World, desk: Desk, pop3: bool
) -> None:
    first = ends(desk)
    advance(kim, first - datetime.now(UTC) - timedelta(days=32))
    log_in(kim, desk, pop3=pop3)
    advance(kim, timedelta(days=3))
    log_in(kim, desk, pop3=pop3)
    wait_for(kim, "RenewCertificate")
    assert len(events(kim, "createCert")) == 2  # that of the registration, and the new one
    assert ends(desk) > first + timedelta(days=365)
    log_in(kim, desk, pop3=pop3)  # with the new one, and without a restart
    assert len(events(kim, "RenewCertificate")) == 1


@pytest.mark.requirement("A_21381", "A_20650-05")
@pytest.mark.parametrize("pop3", [False, True])
def test_failed_renewal_is_told_to_the_account_once_a_day(
    kim: World, desk: Desk, pop3: bool
) -> None:
    advance(kim, ends(desk) - datetime.now(UTC) - timedelta(days=20))
    reason = "CMP antwortet nicht"
    before = logged(kim)
    kim.fault(kim.provider("neu"), "REST.createCert", kind="reply", code=502, text=reason, times=1)
    log_in(kim, desk, pop3=pop3)
    (raw,) = kim.stored(NEW)
    report = message_from_bytes(raw, policy=policy.default)
    assert report["X-KIM-Fehlermeldung"] == "4016"
    assert report.get_content_type() == "multipart/report"
    assert report["Subject"] == "Fehler bei der Aktualisierung der PKCS#12-Datei"
    text, status, _ = report.iter_parts()
    assert "Aktualisierung der PKCS#12-Datei" in text.get_content()
    assert f"Fehlertext: {reason}" in text.get_content()
    assert "Action: failed" in str(status)
    assert logged(kim) == before + 1

    log_in(kim, desk, pop3=pop3)  # the same day: nothing more
    assert len(kim.stored(NEW)) == 1
    control = f"/mailboxes/{quote(NEW)}"
    kim.ask(kim.provider("neu"), "DELETE", control)
    advance(kim, timedelta(days=1, minutes=1))
    log_in(kim, desk, pop3=pop3)
    wait_for(kim, "RenewCertificate", 2)
    assert ends(desk) > datetime.now(UTC) + timedelta(days=4 * 365)


@pytest.mark.requirement("A_21381")
def test_card_that_is_missing_is_what_the_report_says(kim: World, desk: Desk) -> None:
    advance(kim, ends(desk) - datetime.now(UTC) - timedelta(days=20))
    kim.ask(kim.konnektor("neu"), "POST", f"/cards/{desk.iccsn}/remove")
    log_in(kim, desk)
    (raw,) = kim.stored(NEW)
    text = next(message_from_bytes(raw, policy=policy.default).iter_parts())
    assert "Fehlertext: Karte: die gewählte Karte steckt nicht" in " ".join(
        text.get_content().split()
    )


@pytest.mark.requirement("A_18783", "KOM-LE-A_2065", "KOM-LE-A_2300", "A_19513")
def test_key_store_is_protected_and_imports_what_its_password_opens(kim: World, desk: Desk) -> None:
    store = kim.directory / "data" / "clientmodule-praxis" / "keys"
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    files = [file for file in store.iterdir() if file.suffix == ".p12"]
    assert files
    for file in store.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for password in (None, b"", desk.password.encode()):
        with pytest.raises((ValueError, TypeError)):
            pkcs12.load_pkcs12(files[0].read_bytes(), password)

    told = kim.endpoints.participants["praxis"]
    assert told.kim_certificate is not None
    given = (kim.directory / told.kim_certificate).read_bytes()
    content = base64.b64encode(given).decode()

    def put(address: str, container: str, password: str) -> dict[str, str]:
        return desk.step("import-certificate", address=address, pkcs12=container, password=password)

    wrong = desk.refused_import(address=NEW, pkcs12=content, password="falsch")
    assert "lässt sich mit diesem Passwort nicht als PKCS#12" in wrong
    assert "PKCS#12" in desk.refused_import(address=NEW, pkcs12="kein Base64", password="x")
    _, certificate, _ = pkcs12.load_key_and_certificates(
        given, (told.kim_certificate_password or "").encode()
    )
    alone = pkcs12.serialize_key_and_certificates(
        b"x", None, certificate, None, BestAvailableEncryption(b"geheim")
    )
    without_key = base64.b64encode(alone).decode()
    assert "PKCS#12" in desk.refused_import(address=NEW, pkcs12=without_key, password="geheim")
    imported = put(NEW, content, told.kim_certificate_password or "")
    assert ends(desk) == datetime.fromisoformat(imported["certificate_expires"])
    log_in(kim, desk)  # the provider trusts it as well

    advance(kim, timedelta(days=36_500))
    old = desk.refused_import(
        address=NEW, pkcs12=content, password=told.kim_certificate_password or ""
    )
    assert "ist abgelaufen" in old


@pytest.mark.requirement("A_21381")
def test_account_of_a_person_is_renewed_when_it_fetches(kim: World) -> None:
    desk = desk_of(kim, "neue-person", user=True)
    pins = f"/cards/{desk.iccsn}/pins/PIN.CH"
    kim.ask(kim.konnektor("neue-person"), "PUT", pins, {"state": "VERIFIED"})
    desk.register()
    desk.on_account("certificate")
    advance(kim, timedelta(days=1095 - 20))
    names = desk.step("overview", address=desk.address)["names"]
    with kim.smtp("praxis") as smtp:  # names no user, so that no HBA is in reach
        smtp.login(names["smtp"], desk.password)
    wait_for(kim, "RenewalLater")
    session = kim.pop3("praxis")
    session.user(names["pop3"])
    session.pass_(desk.password)
    wait_for(kim, "RenewCertificate")
    session.quit()
    assert len(events(kim, "createCert")) == 2
    assert events(kim, "DeliveryReport") == []


@pytest.mark.requirement("A_19457-02", "A_17239")
def test_card_without_rsa_proves_itself_with_ecdsa(kim: World, desk: Desk) -> None:
    kim.fault(kim.konnektor("neu"), "ReadCardCertificate", kind="soap_fault", code=4258, times=1)
    assert desk.on_account("account")["state"] == "registered"
    signed = kim.journal(kim.konnektor("neu"))
    assert any("ECDSA" in str(event) for event in signed)
