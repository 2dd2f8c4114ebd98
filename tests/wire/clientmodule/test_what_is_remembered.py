"""What the client module remembers and for how long, on the virtual clock; and what never."""

from __future__ import annotations

import email
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.disclosures import disclosed

if TYPE_CHECKING:
    from tests.clientmodule_world import World


class Counted:
    """How often the client module of praxis did a step since the last time it was asked."""

    def __init__(self, kim: World, step: str) -> None:
        self._kim = kim
        self._step = step
        self._known = 0

    def __call__(self) -> int:
        events = self._kim.journal(self._kim.module("praxis"))
        total = sum(event["step"] == self._step for event in events)
        new, self._known = total - self._known, total
        return new


def later(kim: World, **time: float) -> None:
    seconds = time.get("hours", 0) * 3600 + time.get("days", 0) * 86400
    kim.ask(kim.module("praxis"), "PUT", "/clock", {"advance_seconds": seconds})


@pytest.mark.requirement("KOM-LE-A_2026", "A_22340", "A_22416")
def test_certificates_for_12_hours_and_limits_for_24(kim: World) -> None:
    searches, limits = Counted(kim, "LdapSearch"), Counted(kim, "getLimits")
    kim.send("praxis", "kasse")
    assert (searches(), limits()) == (2, 1)
    later(kim, hours=11)
    kim.send("praxis", "kasse")
    assert (searches(), limits()) == (0, 0)
    later(kim, hours=2)
    kim.send("praxis", "kasse")
    assert (searches(), limits()) == (2, 0)
    later(kim, hours=12)
    kim.send("praxis", "kasse")
    assert (searches(), limits()) == (2, 1)


@pytest.mark.requirement("KOM-LE-A_2060", "KOM-LE-A_2061")
def test_the_card_of_a_certificate_for_30_days(kim: World) -> None:
    asked = Counted(kim, "ReadCardCertificate")

    def fetched() -> int:
        kim.send("kasse", "praxis")
        assert email.message_from_bytes(kim.fetch("praxis"))["X-KIM-DecryptionResult"] == "00"
        return asked()

    assert fetched() > 0
    assert fetched() == 0
    later(kim, days=29)
    assert fetched() == 0
    later(kim, days=2)
    assert fetched() > 0


@pytest.mark.requirement("KOM-LE-A_2005")
def test_no_content_stays_on_the_disk(kim: World) -> None:
    """Neither of what is sent nor of what is fetched, in clear or encrypted."""
    data = [kim.directory / "data" / f"clientmodule-{site}" for site in ("praxis", "kasse")]

    def files() -> set[Path]:
        return {path for directory in data for path in directory.rglob("*") if path.is_file()}

    before = files()
    kim.send("praxis", "kasse", mail=kim.mail("praxis", "kasse", text="Rosenholz J06.9"))
    (stored,) = kim.stored("kasse")
    assert b"Rosenholz" in kim.fetch("kasse")
    assert {path.suffix for path in files() - before} <= {".log"}
    ciphertext = stored.partition(b"\r\n\r\n")[2].splitlines()[2].decode()
    written = {str(path): path.read_bytes() for path in files()}
    assert written
    assert disclosed(written, ["Rosenholz", ciphertext]) == {}
