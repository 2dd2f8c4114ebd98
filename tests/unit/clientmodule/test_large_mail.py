"""What stands for a large mail: header, structure, and the mails in place of its data."""

from __future__ import annotations

import email
import email.policy
import tracemalloc

import pytest

from clientmodule import texts
from clientmodule.pop3_relay import without_mime_version
from clientmodule.receiving import error_mails, results
from clientmodule.receiving.large_mail import announced_size, structure
from clientmodule.receiving.results import LargeMailFailure, NotRestored
from simulators.formats.headers import Headers, split_message
from simulators.formats.kas_part import KasPart, small_mail

PART = KasPart("https://kas.example/1", bytes(32), bytes(32), 20_000_000)
MAIL = small_mail(Headers.parse(b"From: a@b\r\nTo: c@d\r\nSubject: gro\xc3\x9f\r\n"), PART)


@pytest.mark.requirement("A_19369-02")
def test_the_structure_is_the_only_body() -> None:
    assert structure(MAIL) == PART
    folded = MAIL.replace(b"Disposition: x-kas", b"Disposition:\r\n X-KAS; size=1")
    assert structure(folded) == PART
    assert structure(b"From: a@b\r\n\r\nx-kas\r\n") is None


@pytest.mark.requirement("A_19369-02")
@pytest.mark.parametrize(
    "mail",
    [
        MAIL.replace(b'"size"', b'"laenge"'),
        b"Content-Disposition: x-kas\r\n\r\n" + b"[" * 100_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n--b\r\n"
        + split_message(MAIL)[0].named("Content-Disposition").to_bytes()
        + b"\r\n"
        + PART.to_json()
        + b"\r\n--b--\r\n",
    ],
)
def test_ambiguous(mail: bytes) -> None:
    with pytest.raises(NotRestored) as raised:
        structure(mail)
    assert raised.value.failure is results.AMBIGUOUS


def test_header_blocks_are_not_held_while_the_structure_is_looked_for() -> None:
    part = b"--b\r\n" + b"a:\r\n" * 2_000 + b"\r\n\r\n"
    mail = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 12
    tracemalloc.start()
    try:
        assert structure(mail) is None
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 15 * len(mail)


@pytest.mark.requirement("A_23512")
@pytest.mark.parametrize(
    ("value", "size"),
    [("123", 123), (" 15728641 ", 15728641), ("", 0), ("-5", 0), ("9" * 5000, 0), ("²", 0)],
)
def test_announced_size(value: str, size: int) -> None:
    headers = Headers.parse(f"x-kim-kas-size: {value}\r\n".encode())
    assert announced_size(headers) == size
    assert announced_size(Headers()) == 0


@pytest.mark.requirement("A_19369-02", "A_19371-04", "A_19372-03")
@pytest.mark.parametrize(
    ("failure", "code", "text"),
    [
        (results.DATA_NOT_DECRYPTED, "4007", texts.DATA_NOT_DECRYPTED),
        (results.DATA_DIFFER, "4012", texts.DATA_DIFFER),
        (results.AMBIGUOUS, "X19369", texts.AMBIGUOUS),
    ],
)
def test_the_text_takes_the_place_of_the_body(
    failure: LargeMailFailure, code: str, text: str
) -> None:
    outer = Headers.parse(b"Return-Path: <a@b>\r\n")
    got = email.message_from_bytes(
        error_mails.without_mail_data(MAIL, outer, "07", failure), policy=email.policy.default
    )
    assert got["X-KIM-Fehlermeldung"] == code
    assert (got["X-KIM-DecryptionResult"], got["X-KIM-IntegrityCheckResult"]) == ("00", "07")
    assert (got["From"], got["To"], got["Return-Path"]) == ("a@b", "c@d", "<a@b>")
    assert got.get_content_type() == "text/plain"
    assert got["Content-Disposition"] is None
    assert got.get_content().strip() == text


@pytest.mark.requirement("KOM-LE-A_2041")
def test_top_without_mime_version() -> None:
    komle = b"X-KOM-LE-Version: 1.0\r\nMIME-Version: 1.0\r\nTo: a@b\r\n\r\n.\r\n"
    assert without_mime_version(komle) == b"X-KOM-LE-Version: 1.0\r\nTo: a@b\r\n\r\n.\r\n"
    other = b"MIME-Version: 1.0\r\nTo: a@b\r\n\r\n.\r\n"
    assert without_mime_version(other) == other
