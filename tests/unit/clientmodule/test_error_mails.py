"""The mails that take the place of a message, with their prescribed texts."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from clientmodule import texts
from clientmodule.konnektor.operations import SignatureVerdict
from clientmodule.receiving import results
from clientmodule.receiving.delivered import delivered
from clientmodule.receiving.error_mails import (
    integrity_failed,
    not_decrypted,
    unsupported_version,
)
from clientmodule.receiving.integrity import result_of
from simulators.formats.headers import split_message

ADDRESS = "praxis@a.kim.telematik-test"
MESSAGE = (
    b"Return-Path: <x@y>\r\nReceived: from a\r\n by b\r\nX-KOM-LE-Version: 1.0\r\n"
    b"Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nFrom: Absender <x@y>\r\nSender: s@y\r\n"
    b"Reply-To: r@y\r\nTo: " + ADDRESS.encode() + b"\r\nCc: c@y\r\nSubject: KOM-LE-Nachricht\r\n"
    b"Message-ID: <1@y>\r\nContent-Type: application/pkcs7-mime\r\n\r\nMIAG\r\n"
)


def read(mail: bytes) -> EmailMessage:
    message = email.message_from_bytes(mail, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def embedded(mail: bytes) -> bytes:
    boundary = read(mail).get_boundary()
    assert boundary is not None
    part = mail.split(f"--{boundary}\r\n".encode())[2].partition(b"\r\n\r\n")[2]
    return part.partition(f"--{boundary}--".encode())[0]


@pytest.mark.requirement("KOM-LE-A_2046", "KOM-LE-A_2047-02")
@pytest.mark.parametrize(
    ("failure", "result", "error", "beginning"),
    [
        (results.KEY_MISSING, "01", "4009", "Der für die Entschlüsselung der Nachricht benötigte"),
        (results.WRONG_FORMAT, "02", "4010", "Die Nachricht wurde als eine verschlüsselte KIM-"),
        (results.KONNEKTOR_UNAVAILABLE, "03", "4011", "Die Entschlüsselung konnte nicht erfolgen"),
        (results.other_fault(4098), "X4098", "X4098", "Die Nachricht konnte nicht entschlüsselt"),
    ],
)
def test_not_decrypted(
    failure: results.DecryptionFailure, result: str, error: str, beginning: str
) -> None:
    """KOM-LE-A_2046, 2047-02."""
    mail = not_decrypted(MESSAGE, failure, ADDRESS)
    message = read(mail)
    assert message.get_content_type() == "multipart/mixed"
    assert message["Subject"] == "Die Nachricht konnte nicht entschlüsselt werden"
    assert message["X-KIM-DecryptionResult"] == result
    assert message["X-KIM-Fehlermeldung"] == error
    original = read(MESSAGE)
    for name in ("Date", "From", "Sender", "Reply-To", "To", "Cc", "Return-Path", "Received"):
        assert message[name] == original[name]
    text = message.get_payload()[0].get_content().strip()  # type: ignore[union-attr, index]
    assert text.startswith(beginning)
    assert text == failure.text.replace("{address}", ADDRESS)
    assert ("{" in text) is False
    assert embedded(mail) == MESSAGE


@pytest.mark.requirement("KOM-LE-A_2047-02")
def test_prescribed_texts_name_the_fetching_user() -> None:
    assert f"E-Mail-Adresse ({ADDRESS}) weiter." in texts.KEY_MISSING.format(address=ADDRESS)
    assert f"E-Mail-Adresse ({ADDRESS}) weiter." in texts.KONNEKTOR_UNAVAILABLE.format(
        address=ADDRESS
    )


@pytest.mark.requirement("A_21391-02")
def test_unsupported_version() -> None:
    """A_21391-02."""
    mail = unsupported_version(MESSAGE, "9.9")
    message = read(mail)
    assert message["Subject"] == "Die KIM-Version der empfangenen Nachricht wird nicht unterstützt"
    assert message["X-KIM-Fehlermeldung"] == "4008"
    assert message.get_payload()[0].get_content().strip() == (  # type: ignore[union-attr, index]
        "Das verwendete Clientmodul unterstützt die in der empfangenen Nachricht angegebene "
        "KIM-Version 9.9 nicht."
    )
    assert embedded(mail) == MESSAGE


INNER = (
    b"From: Absender <x@y>\r\nTo: z@y\r\nSubject: Befund\r\nMessage-ID: <1@y>\r\n"
    b"X-KIM-IntegrityCheckResult: 01\r\nContent-Type: text/plain\r\n\r\nGeheim\r\n"
)


@pytest.mark.requirement("A_23165")
def test_integrity_failed_embeds_the_decrypted_mail() -> None:
    """A_23165 and FAQ."""
    outer, _ = split_message(MESSAGE)
    mail = integrity_failed(INNER, outer, ("02", "09"), embed=True)
    message = read(mail)
    assert message.get_all("X-KIM-IntegrityCheckResult") == ["02", "09"]
    assert message.get_all("X-KIM-Fehlermeldung") == ["4014", "4015"]
    assert message["X-KIM-DecryptionResult"] == "00"
    assert message["Subject"] == "Befund"
    assert embedded(mail) == INNER
    text = message.get_payload()[0].get_content()  # type: ignore[union-attr, index]
    assert text.strip() == f"{texts.INTEGRITY_FAILED} {texts.INTEGRITY_EMBEDDED}"


@pytest.mark.requirement("A_23165")
def test_integrity_failed_replaces_the_body_by_setting() -> None:
    """A_23165 as in V1.16."""
    outer, _ = split_message(MESSAGE)
    message = read(integrity_failed(INNER, outer, ("08",), embed=False))
    assert message.get_content().strip() == texts.INTEGRITY_FAILED
    assert message["Return-Path"] == "<x@y>"


@pytest.mark.requirement("KOM-LE-A_2050-05", "A_23165")
@pytest.mark.parametrize(
    ("result", "codes", "expected"),
    [
        ("VALID", (), "01"),
        ("VALID", (4264,), "07"),
        ("INVALID", (4115,), "02"),
        ("INVALID", (), "02"),
        ("INVALID", (4253,), "03"),
        ("INVALID", (4112,), "04"),
        ("INVALID", (4206,), "05"),
        ("INVALID", (4264, 4206), "05"),
        ("INVALID", (4999,), "06"),
        ("INCONCLUSIVE", (4264,), "07"),
        ("INCONCLUSIVE", (), "07"),
        ("INCONCLUSIVE", (4206,), "05"),
    ],
)
def test_verdicts(result: str, codes: tuple[int, ...], expected: str) -> None:
    """Tab_Verm_Sig_Prüf."""
    assert result_of(SignatureVerdict(result, codes)) == expected  # type: ignore[arg-type]


def test_every_header_of_the_mail_stays_in_the_report() -> None:
    """A_23165: one field is not taken for a part of another."""
    mail = b"From: a@x\r\nReply-To: b@x\r\nTo: b@x\r\nX-A: 1\r\nX-A: 1\r\n\r\nText\r\n"
    report = integrity_failed(mail, split_message(MESSAGE)[0], ["02"], embed=True)
    headers, _ = split_message(report)
    assert headers.get_all("To") == ["b@x"]
    assert headers.get_all("X-A") == ["1", "1"]


def test_report_on_a_mail_whose_header_never_ends() -> None:
    mail = b"From: " + b"x" * (1 << 20)
    report = integrity_failed(mail, split_message(MESSAGE)[0], ["04"], embed=True)
    headers, _ = split_message(report)
    assert headers.get("From") == "Absender <x@y>"
    assert mail in report


@pytest.mark.requirement("KOM-LE-A_2179-01", "KOM-LE-A_2050-05", "A_20650-05")
def test_no_sender_writes_results_into_a_mail() -> None:
    """Whatever a program takes for a line end: they are those of this client module alone."""
    claimed = (
        b"From: x@y\r\nX-KIM-Fehlermeldung: 4014\r\nX-KIM-IntegrityCheckResult : 02\r\n"
        b"Subject: x\rX-KIM-IntegrityCheckResult: 01\rX-KIM-DecryptionResult: 03\r\n\r\nHallo\r\n"
    )
    outer, _ = split_message(b"Received: a\rX-KIM-IntegrityCheckResult: 01\r\n\r\n")
    got = read(delivered(claimed, outer, results.INTACT_UNCHECKED))
    assert got.get_all("X-KIM-DecryptionResult") == ["00"]
    assert got.get_all("X-KIM-IntegrityCheckResult") == ["07"]
    assert got["X-KIM-Fehlermeldung"] is None
    report = read(integrity_failed(claimed, outer, ("02",), embed=False))
    assert report.get_all("X-KIM-IntegrityCheckResult") == ["02"]
