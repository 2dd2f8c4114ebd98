"""What a fetched mail ends in: opened with notes, or an error mail with the prescribed text."""

from __future__ import annotations

import email
import email.policy
import poplib
import smtplib
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from clientmodule import texts

if TYPE_CHECKING:
    from tests.clientmodule_world import World


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def explanation(message: EmailMessage) -> str:
    assert message.get_content_type() == "multipart/mixed"
    first = message.get_payload(0)
    assert isinstance(first, EmailMessage)
    return str(first.get_content()).strip()


def embedded(content: bytes) -> bytes:
    boundary = read(content).get_boundary() or ""
    part = content.split(f"--{boundary}\r\n".encode())[2].partition(b"\r\n\r\n")[2]
    return part.partition(f"--{boundary}--".encode())[0]


@pytest.mark.requirement(
    "KOM-LE-A_2042", "KOM-LE-A_2179-01", "KOM-LE-A_2050-05", "A_21236", "A_20628"
)
def test_opened_with_notes(kim: World) -> None:
    """KOM-LE-A_2179-01, 2050-05, A_21236, A_20628."""
    sent = kim.send("praxis", "kasse")
    message = read(kim.fetch("kasse"))
    assert message["X-KIM-DecryptionResult"] == "00"
    assert message["X-KIM-IntegrityCheckResult"] == "01"
    assert message["Subject"] == "Befund"
    assert message["Message-ID"] == sent["Message-ID"]
    assert message["Return-Path"] == f"<{kim.address('praxis')}>"
    assert len(message.get_all("Received", [])) == 2
    lines = message.get_content().splitlines()
    assert lines[0] == "Guten Tag"
    assert lines[-3:] == [texts.NOTE_LINE, texts.NOTE_DECRYPTED, texts.NOTE_VERIFIED]


@pytest.mark.requirement("KOM-LE-A_2032", "KOM-LE-A_2063")
def test_hba_needs_a_user(kim: World) -> None:
    """KOM-LE-A_2032, 2063: the key of a person's HBA is used only for a UserId that is named."""
    kim.send("praxis", "person")
    user, password = kim.pop3_user("person")
    (stored,) = kim.stored("person")

    def fetch(user_name: str) -> EmailMessage:
        pop3 = kim.pop3("person")
        pop3.user(user_name)
        pop3.pass_(password)
        lines = pop3.retr(1)[1]
        pop3.quit()
        return read(b"\r\n".join(lines))

    without = "#".join(user.split("#")[:5])
    failed = fetch(without)
    assert (failed["X-KIM-DecryptionResult"], failed["X-KIM-Fehlermeldung"]) == ("01", "4009")
    assert fetch(f"{without}#Nutzer-person")["X-KIM-DecryptionResult"] == "00"
    assert stored


@pytest.mark.requirement("KOM-LE-A_2029", "KOM-LE-A_2046", "KOM-LE-A_2047-02", "KOM-LE-A_2062")
def test_card_pulled(kim: World) -> None:
    """KOM-LE-A_2046, 2047-02 result 01, 2062; then the second decryption (KOM-LE-A_2029)."""
    kim.send("praxis", "kasse")
    (stored,) = kim.stored("kasse")
    control, card = kim.konnektor("kasse"), kim.card("kasse")
    kim.ask(control, "POST", f"/cards/{card}/remove")
    content = kim.fetch("kasse")
    message = read(content)
    assert message["X-KIM-DecryptionResult"] == "01"
    assert message["X-KIM-Fehlermeldung"] == "4009"
    assert message["Subject"] == texts.SUBJECT_NOT_DECRYPTED
    assert explanation(message) == texts.KEY_MISSING.format(address=kim.address("kasse"))
    assert embedded(content) == stored

    kim.ask(control, "POST", f"/cards/{card}/insert")
    with kim.smtp("kasse") as smtp:
        smtp.login(*kim.user("kasse"))
        forwarded = (
            b"From: "
            + kim.address("kasse").encode()
            + b"\r\n"
            + content.partition(b"\r\nMIME-Version")[2].join([b"MIME-Version", b""])
        )
        smtp.sendmail(kim.address("kasse"), [kim.address("kasse")], forwarded)
    again = read(kim.fetch("kasse"))
    assert again["X-KIM-DecryptionResult"] == "00"
    assert again["X-KIM-IntegrityCheckResult"] == "01"
    assert again["From"] == kim.address("praxis")


@pytest.mark.requirement("KOM-LE-A_2063")
def test_pin_not_verified(kim: World) -> None:
    """KOM-LE-A_2063."""
    kim.send("praxis", "kasse")
    kim.pin("kasse", state="VERIFIABLE", entry="wrong")
    message = read(kim.fetch("kasse"))
    assert (message["X-KIM-DecryptionResult"], message["X-KIM-Fehlermeldung"]) == ("01", "4009")


@pytest.mark.requirement("KOM-LE-A_2047-02", "A_20650-05")
def test_ciphertext_altered(kim: World) -> None:
    """GCM fails: result 02."""
    kim.fault(kim.provider("kasse"), "store", kind="corrupt_ciphertext")
    kim.send("praxis", "kasse")
    message = read(kim.fetch("kasse"))
    assert (message["X-KIM-DecryptionResult"], message["X-KIM-Fehlermeldung"]) == ("02", "4010")
    assert explanation(message) == texts.WRONG_FORMAT


@pytest.mark.requirement("KOM-LE-A_2047-02")
def test_konnektor_does_not_answer(kim: World) -> None:
    """KOM-LE-A_2047-02 result 03."""
    kim.send("praxis", "kasse")
    kim.fault(kim.konnektor("kasse"), "DecryptDocument", kind="drop")
    message = read(kim.fetch("kasse"))
    assert (message["X-KIM-DecryptionResult"], message["X-KIM-Fehlermeldung"]) == ("03", "4011")
    assert explanation(message) == texts.KONNEKTOR_UNAVAILABLE.format(address=kim.address("kasse"))


@pytest.mark.requirement("KOM-LE-A_2047-02")
def test_other_fault_has_a_vendor_code(kim: World) -> None:
    kim.send("praxis", "kasse")
    kim.fault(kim.konnektor("kasse"), "DecryptDocument", kind="soap_fault", code=4001)
    assert read(kim.fetch("kasse"))["X-KIM-DecryptionResult"] == "X4001"


@pytest.mark.requirement("A_23165")
@pytest.mark.parametrize(
    ("code", "result"), [(4115, "02"), (4253, "03"), (4112, "04"), (4206, "05"), (4400, "06")]
)
def test_signature_not_valid(kim: World, code: int, result: str) -> None:
    """A_23165: the text, and the decrypted original embedded (FAQ)."""
    kim.send("praxis", "kasse")
    kim.fault(kim.konnektor("kasse"), "VerifyDocument", kind="soap_fault", code=code)
    content = kim.fetch("kasse")
    message = read(content)
    assert message["X-KIM-IntegrityCheckResult"] == result
    assert explanation(message) == f"{texts.INTEGRITY_FAILED} {texts.INTEGRITY_EMBEDDED}"
    assert b"Guten Tag" in embedded(content)


@pytest.mark.requirement("A_23165")
def test_body_is_replaced_by_setting(kim: World) -> None:
    """A_23165 as in V1.16 (integrity_failure: replace)."""
    kim.send("praxis", "eilig")
    kim.fault(kim.konnektor("eilig"), "VerifyDocument", kind="soap_fault", code=4115)
    message = read(kim.fetch("eilig"))
    assert message.get_content().strip() == texts.INTEGRITY_FAILED
    assert message["Subject"] == "Befund"


@pytest.mark.requirement("KOM-LE-A_2048-01")
def test_outer_from_altered(kim: World) -> None:
    """KOM-LE-A_2048-01, result 08."""
    kim.fault(
        *(kim.provider("kasse"), "store"),
        kind="replace_header", header="From", value="falsch@erst.kim.telematik-test",
    )  # fmt: skip
    kim.send("praxis", "kasse")
    message = read(kim.fetch("kasse"))
    assert message["X-KIM-IntegrityCheckResult"] == "08"
    assert message["X-KIM-DecryptionResult"] == "00"


@pytest.mark.requirement("A_21391-02", "A_20650-05")
def test_unsupported_version(kim: World) -> None:
    """A_21391-02."""
    kim.fault(
        *(kim.provider("kasse"), "store"),
        kind="replace_header", header="X-KOM-LE-Version", value="9.9",
    )  # fmt: skip
    kim.send("praxis", "kasse")
    message = read(kim.fetch("kasse"))
    assert message["X-KIM-Fehlermeldung"] == "4008"
    assert message["Subject"] == texts.SUBJECT_VERSION
    assert explanation(message) == texts.VERSION_UNSUPPORTED.format(version="9.9")


def test_forwarding_to_others_breaks_the_originator_rules(kim: World) -> None:
    """KOM-LE-A_2029 is for oneself: the provider refuses a foreign From towards others."""
    kim.send("praxis", "kasse")
    (stored,) = kim.stored("kasse")
    with kim.smtp("kasse") as smtp:
        smtp.login(*kim.user("kasse"))
        # Forwarded by the insurer to a practice that the mail was not encrypted for.
        wrapped = (
            f"From: {kim.address('kasse')}\r\nTo: {kim.address('eilig')}\r\n"
            "Content-Type: message/rfc822\r\n\r\n"
        ).encode() + stored
        with pytest.raises(smtplib.SMTPDataError, match=r"5\d\d"):
            smtp.sendmail(kim.address("kasse"), [kim.address("eilig")], wrapped)


def test_the_mail_is_never_lost(kim: World) -> None:
    """A provider that breaks off in the middle: the next fetch works."""
    kim.send("praxis", "kasse")
    kim.stored("kasse")
    pop3 = kim.pop3("kasse")
    user, password = kim.pop3_user("kasse")
    pop3.user(user)
    pop3.pass_(password)
    kim.fault(kim.provider("kasse"), "POP3.RETR", kind="drop")
    with pytest.raises((poplib.error_proto, OSError)):
        pop3.retr(1)
    pop3.close()
    kim.ask(kim.provider("kasse"), "DELETE", "/faults")
    assert read(kim.fetch("kasse"))["X-KIM-DecryptionResult"] == "00"
