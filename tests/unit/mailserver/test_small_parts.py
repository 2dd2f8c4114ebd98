"""Passwords, replies, settings and the place of the ciphertext."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simulators.formats import enveloped_data
from simulators.mailserver import faults, passwords
from simulators.mailserver.settings import MailserverSettings, route
from simulators.mailserver.tampering import alter, ciphertext_place
from simulators.process.faults import Effect


def test_hash_is_salted_and_shows_no_password() -> None:
    first, second = passwords.hash_password("Geheim"), passwords.hash_password("Geheim")
    assert first != second
    assert b"Geheim" not in first
    assert passwords.matches("Geheim", first)
    assert not passwords.matches("geheim", first)


def test_verifier_tells_only_what_it_was_shown() -> None:
    verifier = passwords.Verifier()
    assert verifier.check("a@b", "x") is None
    verifier.remember("a@b", "x")
    assert verifier.check("a@b", "x") is True
    assert verifier.check("a@b", "y") is False
    verifier.forget("a@b")
    assert verifier.check("a@b", "x") is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("250 OK", "250 2.0.0 OK"),
        ("250 2.1.0 Ok", "250 2.1.0 Ok"),
        ("501 Syntax: DATA", "501 5.5.4 Syntax: DATA"),
        ("421 4.7.0 NOOP", "421 4.7.0 NOOP"),
        ("354 go", "354 go"),
    ],
)
def test_replies_get_a_status(line: str, expected: str) -> None:
    assert faults.with_status(line) == expected


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (452, "4.2.2 voll", "452 4.2.2 voll"),
        (550, "weg\r\n250 ok", "550 5.0.0 weg 250 ok"),
        (None, None, "451 4.0.0 Fault on purpose"),
        (999, "x", "451 4.0.0 x"),
    ],
)
def test_reply_of_a_fault_is_one_line(code: int | None, text: str | None, expected: str) -> None:
    assert str(faults.reply_of(Effect(kind="reply", code=code, text=text))) == expected


@given(st.binary(max_size=300))
def test_any_bytes_may_stand_where_a_cms_should(data: bytes) -> None:
    place = ciphertext_place(data)
    assert place is None or 0 <= place < len(data)
    effect = Effect(kind=faults.CORRUPT_CIPHERTEXT)
    assert alter(b"A: b\r\n\r\n" + data, effect) is not None


def test_official_sample_stays_readable_when_its_ciphertext_is_altered(
    spec: Callable[[str], Path],
) -> None:
    cms = spec("api-kim/SMIME-Profil/inputEmail.txt.04.encryptedcms").read_bytes()
    place = ciphertext_place(cms)
    assert place is not None
    altered = cms[:place] + bytes([cms[place] ^ 0xFF]) + cms[place + 1 :]
    before, after = enveloped_data.read(cms), enveloped_data.read(altered)
    assert after.recipients == before.recipients
    assert after.unauthenticated == before.unauthenticated


COMPLETE: dict[str, Any] = {
    "name": "kv",
    "data_dir": Path("data"),
    "domain": "KV.dox.kim.telematik-test",
    "host_name": "mail",
    "tls": {"certificate": "c", "key": "k"},
    "ca": "ca",
    "client_ca": "ca",
}


def test_routes_are_found_without_case() -> None:
    settings = MailserverSettings(**COMPLETE, routes={"Arv.kim.telematik-test": "[::1]:465"})
    assert route(settings, "ARV.kim.telematik-test") == ("::1", 465)
    assert route(settings, "kv.kim.telematik-test") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": "kv.dox.kim.telematik"},
        {"routes": {"arv.kim.telematik": "127.0.0.1:465"}},
        {"routes": {"arv.kim.telematik-test": "127.0.0.1"}},
        {"routes": {"arv.kim.telematik-test": "127.0.0.1:99999"}},
        {"accounts": [{"address": "a@b.kim.telematik-test", "password": "x", "telematik_id": "1"}]},
        {"max_message_size": 1000},
        {"pop3_timeout_seconds": 60},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MailserverSettings(**{**COMPLETE, **wrong})
