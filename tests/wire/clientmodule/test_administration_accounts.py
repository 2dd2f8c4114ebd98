"""Registered, ported, deregistered: the steps over the API, at the real provider."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from clientmodule.administration import texts
from tests.administration_api import NEW, NEW_PASSWORD, Desk, advance, desk_of
from tests.clientmodule_changes import revoke
from tests.clientmodule_world import World


@pytest.fixture
def desk(kim: World) -> Desk:
    return desk_of(kim, "neu")


@pytest.fixture
def registered(desk: Desk) -> Desk:
    desk.register()
    desk.on_account("certificate")
    return desk


def entry(kim: World, telematik_id: str) -> dict[str, list[str]]:
    """Return what the directory knows of a card's holder."""
    assert kim.endpoints.vzd is not None
    for found in kim.ask(kim.endpoints.vzd.control, "GET", "/entries")["entries"]:
        if found["attributes"].get("telematikID") == [telematik_id]:
            return dict(found["attributes"])
    raise AssertionError(telematik_id)


@pytest.mark.requirement(
    *("A_19457-02", "A_19458-01", "A_19459", "A_19468-02", "A_19453", "A_19513", "A_19523"),
    *("A_20773", "A_21382", "A_21396", "KOM-LE-A_2301-02"),
)
def test_registration_makes_an_account_a_certificate_and_a_directory_entry(
    kim: World, desk: Desk
) -> None:
    assert desk.step("konnektor-test")["cards"] == 1
    (card,) = desk.step("cards")["cards"]
    assert (card["iccsn"], card["type"]) == (desk.iccsn, "SMC-B")
    assert desk.step("unlock", iccsn=desk.iccsn) == {}
    information = desk.step("service-information", domain=desk.domain)
    assert information["reference_id_required"] is True
    proposal = desk.step("proposal", domain=desk.domain, iccsn=desk.iccsn)
    assert proposal["address"] == f"praxis-ahorn@{desk.domain}"
    nobody = f"niemand@{desk.domain}"
    assert desk.step("overview", address=nobody)["certificate_expires"] is None

    desk.register(password="Gänsefüßchen-1„“")  # everything is UTF-8
    desk.password = "Gänsefüßchen-1„“"
    expires = datetime.fromisoformat(desk.on_account("certificate")["certificate_expires"])
    assert expires > datetime.now(UTC) + timedelta(days=365)

    account = desk.on_account("account")
    assert (account["address"], account["state"]) == (NEW, "registered")
    assert NEW in entry(kim, card["telematik_id"])["mail"]
    found = desk.step("overview", address=NEW)
    names = (kim.endpoints.participants["neu"].smtp_user or "").split("#")[2:]
    assert found["names"]["smtp"].split("#")[2:] == names
    assert found["certificate_expires"] == expires.isoformat()


@pytest.mark.requirement("A_21380", "A_21396")
def test_out_of_office_note_is_read_changed_and_switched_off(registered: Desk) -> None:
    assert registered.on_account("out-of-office")["active"] is False
    begin, end = "2026-07-01T08:00:00+02:00", "2036-07-14T18:00:00Z"
    incomplete = registered.refused("set-out-of-office", active=True, start=begin)
    assert (incomplete.status, "Beginn, Ende und Text" in incomplete.line) == (400, True)
    message = "Bin im Urlaub.\r\nGrüße"
    given = {"start": begin, "end": end, "message": message}
    note = registered.on_account("set-out-of-office", active=True, **given)
    assert (note["active"], note["message"]) == (True, message)
    assert datetime.fromisoformat(note["start"]) == datetime.fromisoformat(begin)
    assert registered.on_account("set-out-of-office", active=False)["message"] == message
    # switched on again, what is not said stays as it is
    again = registered.on_account("set-out-of-office", active=True, message="Anderer Text")
    assert (again["end"], again["message"]) == (note["end"], "Anderer Text")


@pytest.mark.requirement("A_23505")
def test_large_mails_are_enabled_after_the_warning_alone(kim: World, registered: Desk) -> None:
    def searches() -> int:
        events = kim.journal(kim.module("neu"))
        return sum(event["step"] == "LdapSearch" for event in events)

    kim.send("praxis", NEW)  # what the directory says of the address is remembered from now on
    before = searches()
    refused = registered.refused("large-mails", enabled=True)
    assert refused.status == 400
    assert "Hinweis" in refused.line
    assert registered.on_account("large-mails", enabled=True, confirmed=True) == {
        "kim_version": "1.5+"
    }
    assert registered.on_account("account")["takes_large_mails"] is True
    (card,) = registered.step("cards")["cards"]
    assert f"1.5+,{NEW}" in entry(kim, card["telematik_id"])["komLeData"]
    assert registered.on_account("large-mails", enabled=False) == {"kim_version": "1.5"}
    assert f"1.5,{NEW}" in entry(kim, card["telematik_id"])["komLeData"]
    assert searches() == before
    kim.send("praxis", NEW)
    assert searches() > before


@pytest.mark.requirement("A_19463", "A_19464-03")
def test_deregistration_lasts_30_days_and_can_be_taken_back(registered: Desk) -> None:
    refused = registered.refused("deregister")
    assert (refused.status, "30 Tagen" in refused.line) == (400, True)
    assert "30 Tage" in texts.DEREGISTRATION
    until = registered.on_account("deregister", confirmed=True)["deregistered_until"]
    last = datetime.fromisoformat(until) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < last < timedelta(days=30, hours=1)
    assert registered.on_account("account")["state"] == "deregistered"
    registered.on_account("revoke-deregistration")
    assert registered.on_account("account")["state"] == "registered"
    refused = registered.refused("revoke-deregistration")
    assert "es gibt nichts zurückzunehmen" in refused.line


def test_address_is_ported_to_another_card_with_a_one_time_password(
    kim: World, registered: Desk
) -> None:
    old = registered.step("cards")["cards"][0]["telematik_id"]
    otp = registered.on_account("one-time-password")["otp"]
    other = desk_of(kim, "zweite")
    new = Desk(kim, "zweite", other.iccsn, other.context, NEW)
    assert "das Einmalpasswort gilt nicht" in new.refused("port", otp="geraten").line
    advance(kim, timedelta(days=8))
    assert "das Einmalpasswort ist abgelaufen" in new.refused("port", otp=otp).line
    new.on_account("port", otp=registered.on_account("one-time-password")["otp"])
    holder = next(c for c in new.step("cards")["cards"] if c["iccsn"] == new.iccsn)
    assert NEW in entry(kim, holder["telematik_id"])["mail"]
    assert NEW not in entry(kim, old).get("mail", [])
    assert "Passwort, Karte und Konto passen nicht zusammen" in registered.refused("account").line


@pytest.mark.requirement("A_19457-02")
def test_doctor_registers_with_the_hba_of_the_user_named_in_the_context(kim: World) -> None:
    desk = desk_of(kim, "neue-person", user=True)
    pins = f"/cards/{desk.iccsn}/pins/PIN.CH"
    kim.ask(kim.konnektor("neue-person"), "PUT", pins, {"state": "VERIFIED"})
    proposal = desk.step("proposal", domain=desk.domain, iccsn=desk.iccsn)
    assert proposal["address"] == desk.address
    desk.register()
    desk.on_account("certificate")
    pop3 = desk.step("overview", address=desk.address)["names"]["pop3"]
    assert pop3.endswith(f"#{desk.context['user']}")
    without = {key: value for key, value in desk.context.items() if key != "user"}
    nobody = Desk(kim, "neue-person", desk.iccsn, without, desk.address)
    assert nobody.refused("account").content["kind"] == "card-missing"


def test_address_of_any_length_gets_a_certificate(kim: World, desk: Desk) -> None:
    desk.address = f"{'n' * 64}@{desk.domain}"  # longer than a common name with its #CM
    desk.register()
    assert "certificate_expires" in desk.on_account("certificate")


@pytest.mark.requirement("A_19462", "A_21396")
def test_each_refusal_of_the_provider_is_a_line_that_says_what_to_do(
    kim: World, desk: Desk
) -> None:
    def line(name: str, **given: Any) -> str:
        return desk.refused(name, **given).line

    taken = {"address": kim.address("praxis")}
    assert "die KIM-Adresse ist schon vergeben" in desk.refused_registration(**taken)
    assert "entsprechen nicht den Regeln" in desk.refused_registration(password="kurz")
    assert "mindestens 12" in desk.refused_registration(password="kurz")
    assert "Registrierungscode" in desk.refused_registration(reference_id="geraten")
    assert "unterstützt die KIM-Version nicht" in desk.refused_registration(kim_version="9.9")
    assert "das Konto gibt es beim Anbieter nicht" in line("account")
    elsewhere = f"neu@{'niemand'}.kim.telematik-test"
    assert "kein Account Manager zu finden" in desk.refused_registration(address=elsewhere)
    real = "neu@anbieter.kim.telematik"
    assert "erwartet wird eine KIM-Adresse" in desk.refused_registration(address=real)
    desk.register()
    assert "Passwort, Karte und Konto" in line("account", password="Falsches-Passwort-1")
    assert desk.refused("certificate", password="").status == 400


@pytest.mark.requirement("A_21396", "A_19462")
def test_every_error_of_the_interface_is_one_german_line(
    kim: World, spec: Callable[[str], Any]
) -> None:
    from simulators.process.yaml_text import load_yaml

    official = load_yaml(spec("api-kim/openapi/AccountManager.yaml").read_text(encoding="utf-8"))
    desk = desk_of(kim, "praxis")
    desk.password = kim.endpoints.participants["praxis"].password
    steps: dict[str, tuple[str, dict[str, Any]]] = {
        "registerAccount": ("register", {"reference_id": "x", "initial_password": "x"}),
        "setAccount": ("password", {"new_password": NEW_PASSWORD}),
        "getAccount": ("account", {}),
        "deregisterAccount": ("deregister", {"confirmed": True}),
        "revokeDeregistration": ("revoke-deregistration", {}),
        "createCert": ("certificate", {}),
        "getOTP": ("one-time-password", {}),
        "setTID": ("port", {"otp": "x"}),
        "getOutOfOffice": ("out-of-office", {}),
        "updateOutOfOffice": ("set-out-of-office", {"active": False}),
    }
    operations = {
        operation["operationId"]: [int(s) for s in operation["responses"] if int(s) >= 400]
        for path in official["paths"].values()
        for operation in path.values()
    }
    assert set(operations) == set(steps)
    lines: dict[tuple[str, int], str] = {}
    for name, statuses in operations.items():
        step, given = steps[name]
        for status in statuses:
            kim.fault(
                kim.provider("praxis"), f"REST.{name}", kind="reply", code=status, text="Grund"
            )
            refused = desk.refused(step, **given)
            assert refused.content["kind"] == f"account-manager-{status}"
            assert refused.content["message"] == "Grund"
            lines[name, status] = refused.line
    for (name, status), line in lines.items():
        assert line.endswith(f"(HTTP {status}: Grund)"), (name, line)
        assert "\n" not in line
        assert f" bei {desk.domain}: " in line
        assert "unerwartet" not in line, (name, status)
    assert lines["setTID", 403] != lines["revokeDeregistration", 403]
    assert lines["createCert", 502] != lines["setAccount", 502].replace(
        "Änderung des Kontos", "Zertifikat"
    )


def test_no_step_is_taken_on_an_address_of_the_real_ti(kim: World, desk: Desk) -> None:
    desk.address = "neu@anbieter.kim.telematik"
    given: dict[str, dict[str, Any]] = {
        "register": {"reference_id": "x", "initial_password": "x"},
        "password": {"new_password": NEW_PASSWORD},
        "large-mails": {"enabled": False},
        "deregister": {"confirmed": True},
        "set-out-of-office": {"active": False},
        "port": {"otp": "x"},
    }
    plain_steps = ("certificate", "account", "revoke-deregistration", "out-of-office")
    for plain in (*plain_steps, "one-time-password"):
        given[plain] = {}
    for step, more in given.items():
        assert desk.refused(step, **more).content["kind"] == "input", step


@pytest.mark.requirement("A_19462", "A_19457-02")
def test_konnektor_and_card_are_named_when_they_are_the_reason(kim: World, desk: Desk) -> None:
    stranger = {**desk.context, "mandant": "unbekannt"}
    for name in ("konnektor-test", "cards"):
        assert desk.refused(name, context=stranger).content["kind"] == "context-refused"
    assert desk.refused("cards", context={**desk.context, "konnektor": "dritter"}).status == 400
    kim.ask(kim.module("neu"), "DELETE", "/caches")
    kim.pin("neu", state="VERIFIABLE", entry="wrong")
    assert desk.refused("unlock", iccsn=desk.iccsn).content["kind"] == "pin-not-verified"
    kim.fault(kim.konnektor("neu"), "ExternalAuthenticate", kind="soap_fault", code=4123)
    kim.pin("neu", state="VERIFIED")
    refused = desk.refused("account")
    assert "ExternalAuthenticate scheitert (Fehler 4123" in refused.line


@pytest.mark.requirement("A_21396")
def test_change_whose_answer_is_lost_is_not_made_twice(kim: World) -> None:
    desk = desk_of(kim, "praxis")
    desk.password = kim.endpoints.participants["praxis"].password
    kim.fault(kim.provider("praxis"), "REST.setAccount", kind="drop", times=1)
    refused = desk.refused("password", new_password=NEW_PASSWORD)
    assert refused.content["kind"] == "account-manager-unreachable"
    assert f"Änderung des Kontos bei {desk.domain}: der Account Manager" in refused.line
    assert "(die Verbindung kommt nicht zustande oder bricht ab)" in refused.line
    kim.fault(kim.provider("praxis"), "REST.getAccount", kind="drop", times=1)
    assert desk.on_account("account")["address"] == desk.address  # a question may be repeated


@pytest.mark.requirement("KOM-LE-A_2075-01")
def test_account_manager_with_a_revoked_certificate_is_told_nothing(kim: World) -> None:
    desk = desk_of(kim, "praxis")
    desk.password = kim.endpoints.participants["praxis"].password
    host, _, port = kim.endpoints.providers[desk.domain].smtp.rpartition(":")
    served = ssl.get_server_certificate((host, int(port)))  # one certificate for all services
    revoke(kim, x509.load_pem_x509_certificate(served.encode()).serial_number)
    refused = desk.refused("account")
    assert refused.content["kind"] == "account-manager-unreachable"
    assert "(der Konnektor hält sein Zertifikat für ungültig)" in refused.line
    told = [e for e in kim.journal(kim.provider("praxis")) if e["step"].startswith("rest.")]
    assert told == []


@pytest.mark.requirement("KOM-LE-A_2080")
def test_no_password_and_no_one_time_password_is_ever_written_down(
    kim: World, registered: Desk
) -> None:
    otp = registered.on_account("one-time-password")["otp"]
    registered.on_account("password", new_password="Drittes-Geheimnis-3")
    code = kim.endpoints.providers[registered.domain].registration["praxis"]
    secrets = (NEW_PASSWORD, otp, "Drittes-Geheimnis-3", code.initial_password, NEW)
    written = "".join(kim.logs("praxis").values())
    assert "createCert" in written
    journal = json.dumps(kim.journal(kim.module("neu")), ensure_ascii=False)
    assert "setAccount" in journal
    data = kim.directory / "data" / "clientmodule-praxis"
    files = b"".join(file.read_bytes() for file in data.rglob("*") if file.is_file())
    output = "".join(
        file.read_text(encoding="utf-8")
        for file in (kim.directory / "logs").glob("clientmodule-praxis*")
    )
    for secret in secrets:
        assert secret not in written
        assert secret not in journal
        assert secret not in output
    for secret in secrets[:-1]:
        assert secret.encode() not in files
