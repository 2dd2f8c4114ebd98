"""The three logs: correlated, timed, and free of personal data (KOM-LE-A_2079 to 2090)."""

from __future__ import annotations

import smtplib
import stat
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.clientmodule_world import World

UNKNOWN = "ohne-zertifikat@zweit.kim.telematik-test"


def test_logs(kim: World) -> None:
    mail = kim.mail("praxis", "kasse", text="Diagnose J06.9 für Frau Rosenholz")
    kim.send("praxis", "kasse", mail=mail)
    kim.fetch("kasse")
    with pytest.raises(smtplib.SMTPDataError):
        kim.send("praxis", UNKNOWN)
    logs = kim.logs("praxis")
    assert set(logs) == {"flow", "performance", "error"}

    lines = [line.split("\t") for line in logs["performance"].splitlines()]
    actions = {fields[1] for fields in lines}
    assert {"Send", "SignDocument", "EncryptDocument", "LdapSearch", "GetCards"} <= actions
    for number, _, start, end, milliseconds in lines:
        assert len(number) == 16
        taken = datetime.fromisoformat(end) - datetime.fromisoformat(start)
        assert abs(taken.total_seconds() * 1000 - float(milliseconds)) < 5
    sends = [fields[0] for fields in lines if fields[1] == "Send"]
    signed = [fields[0] for fields in lines if fields[1] == "SignDocument"]
    assert set(signed) <= set(sends), "one number correlates the steps of a mail"
    failed = {line.split("\t")[0] for line in logs["error"].splitlines()}
    assert failed <= {line.split("\t")[0] for line in logs["flow"].splitlines()}

    written = "".join("".join(kim.logs(site).values()) for site in ("praxis", "kasse"))
    for found in kim.endpoints.participants.values():
        assert found.address not in written
        assert found.password not in written
        assert found.address.partition("@")[0] + "@" not in written
    for secret in ("Rosenholz", "J06.9", "Befund", mail["Message-ID"], UNKNOWN, "Mandant-"):
        assert secret not in written


def test_only_the_owner_may_read_them(kim: World) -> None:
    """KOM-LE-A_2082."""
    kim.send("praxis", "kasse")
    directory = kim.directory / "data" / "clientmodule-praxis" / "logs"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_old_logs_are_deleted(kim: World) -> None:
    """KOM-LE-A_2085, on the virtual clock."""
    kim.send("praxis", "kasse")
    directory = kim.directory / "data" / "clientmodule-praxis" / "logs"
    today = {path.name for path in directory.iterdir()}
    kim.ask(kim.module("praxis"), "PUT", "/clock", {"advance_seconds": 32 * 86400})
    with kim.smtp("praxis") as smtp:
        smtp.login(*kim.user("praxis"))
    later = {path.name for path in directory.iterdir()}
    assert later
    assert not later & today
