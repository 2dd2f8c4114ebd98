"""Large mails: data on the KAS, a small mail at the MTA, and nothing left where that fails (3.2.1).

The client module of ``radiologie`` calls large what has more than 64 KiB, so that these are quick.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import os
import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clientmodule.kas.cipher import OVERHEAD
from simulators.formats import enveloped_data, komle, signed_data
from simulators.formats.certificates import certificate_id
from simulators.formats.dsn import read_report
from simulators.formats.headers import split_message
from simulators.formats.kas_part import KasPart
from tests.clientmodule_changes import enable_large_mails, revoke_encryption

if TYPE_CHECKING:
    from tests.clientmodule_world import World

SENDER, RECIPIENT, SMALL_ONLY = "radiologie", "zweite", "person"
IN_MEMORY, SPOOLED = 80_000, 1_500_000
"""Bytes of an attachment: above 64 KiB, and more than a client module of 64 KiB holds."""
SCAN = os.urandom(SPOOLED)
LogIn = Callable[[str], smtplib.SMTP]


def large(kim: World, *recipients: str, size: int = SPOOLED) -> EmailMessage:
    mail = kim.mail(SENDER, *recipients)
    content = SCAN[:size]
    mail.add_attachment(content, maintype="image", subtype="jpeg", filename="bild.jpg")
    return mail


def uploads(kim: World) -> list[dict[str, Any]]:
    """Return what lies on the KAS of the sender's provider."""
    found: list[dict[str, Any]] = kim.ask(kim.provider(SENDER), "GET", "/attachments")
    return found


def steps(kim: World) -> list[str]:
    return [event["step"] for event in kim.journal(kim.module(SENDER))]


def refused(kim: World, smtp: smtplib.SMTP, mail: EmailMessage) -> tuple[int, bytes]:
    """Return the reply that refuses *mail*; nothing of it is left, and the next mail goes."""
    with pytest.raises(smtplib.SMTPDataError) as raised:
        smtp.send_message(mail)
    assert uploads(kim) == []
    kim.stored(RECIPIENT, 0)
    kim.raw(kim.provider(SENDER), "/faults", "DELETE")
    kim.raw(kim.konnektor(SENDER), "/faults", "DELETE")
    smtp.send_message(kim.mail(SENDER, RECIPIENT))  # the MTA has no transaction open (RSET)
    kim.stored(RECIPIENT, 1)
    error = raised.value.smtp_error
    return raised.value.smtp_code, error if isinstance(error, bytes) else error.encode()


def small_mail(kim: World, stored: bytes) -> bytes:
    """Return the client mail inside a stored message, as its recipient's card opens it."""
    key = kim.certificates(RECIPIENT, "C.ENC")["ECC"]
    entity = enveloped_data.read(komle.encrypted_cms(stored)).decrypt(
        certificate_id(key.certificate), key.private_key
    )
    content = signed_data.read(komle.signed_cms(entity)).content
    assert content is not None
    return komle.client_mail(bytes(content))


@pytest.mark.requirement(
    *("A_19357-02", "A_19358-01", "A_19359-07", "A_19360-02", "A_19361-01", "A_19362"),
    *("A_19363-03", "A_19364-02", "A_19365-02", "A_22427-01", "A_23467", "KOM-LE-A_2100-02"),
)
@pytest.mark.parametrize("size", [IN_MEMORY, SPOOLED])
def test_by_way_of_the_kas(kim: World, size: int) -> None:
    mail = kim.send(SENDER, RECIPIENT, mail=large(kim, RECIPIENT, size=size))
    (stored,) = kim.stored(RECIPIENT)
    headers, _ = split_message(stored)
    assert headers.get("X-KOM-LE-Version") == "1.5"
    small, body = split_message(small_mail(kim, stored))
    assert small.get("Subject") == "Befund"
    assert small.get("X-KIM-Dienstkennung") == "KIM-Mail;Default;V1.0"
    assert small.get_all("Content-Type") == ["text/plain; charset=utf-8"]
    assert small.get_all("Content-Disposition") == ["x-kas"]
    part = KasPart.read(body.strip())
    assert headers.get("X-KIM-KAS-Size") == str(part.size)
    (upload,) = uploads(kim)
    assert part.link.endswith(upload["id"])
    assert upload["size"] == part.size + OVERHEAD
    assert upload["recipients"] == [kim.address(RECIPIENT)]
    assert upload["message_id"] == mail["Message-ID"]
    expires = parsedate_to_datetime(headers.get("Expires") or "")
    assert abs(datetime.fromisoformat(upload["expires"]) - expires) < timedelta(seconds=2)
    fetched = email.message_from_bytes(kim.fetch(RECIPIENT), policy=email.policy.default)
    assert isinstance(fetched, EmailMessage)
    assert fetched["X-KIM-IntegrityCheckResult"] == "01"
    assert fetched["Message-ID"] == mail["Message-ID"]
    (scan,) = fetched.iter_attachments()
    assert scan.get_content() == SCAN[:size]


@pytest.mark.requirement("A_19360-02", "A_19358-01", "A_19359-07", "KOM-LE-A_2005")
def test_what_lies_where(kim: World) -> None:
    """Sealed under the key of the structure; nothing of the mail stays with the client module."""
    kim.send(SENDER, RECIPIENT, mail=large(kim, RECIPIENT))
    (stored,) = kim.stored(RECIPIENT)
    part = KasPart.read(split_message(small_mail(kim, stored))[1].strip())
    (sealed,) = (kim.directory / "data").glob("*/kas/" + uploads(kim)[0]["id"])
    content = sealed.read_bytes()
    plain = AESGCM(part.k).decrypt(content[:12], content[12:], None)
    assert (hashlib.sha256(plain).digest(), len(plain)) == (part.hash, part.size)
    assert b"Subject: Befund\r\n" in plain
    left = [path for path in data(kim).rglob("*") if path.is_file()]
    assert {path.parent.name for path in left} <= {"logs", "key-store"}


def data(kim: World) -> Path:
    return kim.directory / "data" / "clientmodule-radiologie"


@pytest.mark.requirement("A_19357-02", "A_23467", "KOM-LE-A_2099")
def test_a_mail_that_is_not_large_goes_as_it_is(kim: World) -> None:
    """Base64 counts as what it stands for; what the client system says of a KAS is not copied."""
    mail = large(kim, RECIPIENT, size=64_500)
    mail["X-KIM-KAS-Size"] = "99999999"
    kim.send(SENDER, RECIPIENT, mail=mail)
    (stored,) = kim.stored(RECIPIENT)
    headers, _ = split_message(stored)
    assert (headers.get("X-KOM-LE-Version"), headers.get("X-KIM-KAS-Size")) == ("1.0", None)
    assert uploads(kim) == []


@pytest.mark.requirement("A_19356-06")
def test_recipient_without_plus_is_removed(kim: World) -> None:
    mail = kim.send(SENDER, RECIPIENT, SMALL_ONLY, mail=large(kim, RECIPIENT, SMALL_ONLY))
    (stored,) = kim.stored(RECIPIENT)
    assert split_message(stored)[0].get("To") == kim.address(RECIPIENT)
    (upload,) = uploads(kim)
    assert upload["recipients"] == [kim.address(RECIPIENT)]
    kim.stored(SMALL_ONLY, 0)
    (dsn,) = kim.stored(SENDER)
    report = read_report(dsn)
    assert report is not None
    assert [(r.address, r.status) for r in report.reports] == [(kim.address(SMALL_ONLY), "5.2.3")]
    assert report.headers.get_all("X-KIM-Fehlermeldung") == ["4001"]
    assert report.in_reply_to == mail["Message-ID"]


@pytest.mark.requirement("A_19356-06", "A_22340")
def test_nobody_takes_large_mails(kim: World, logged_in: LogIn) -> None:
    """451 before anything is uploaded; the directory is asked again each time (FAQ)."""
    smtp = logged_in(SENDER)
    kim.send(SENDER, SMALL_ONLY)  # what the directory says is known from now on
    code, _ = refused(kim, smtp, large(kim, SMALL_ONLY))
    assert code == 451
    assert "addMailData" not in steps(kim)
    enable_large_mails(kim, SMALL_ONLY)
    smtp.send_message(large(kim, SMALL_ONLY))
    kim.stored(SMALL_ONLY, 2)


@pytest.mark.requirement("A_22341")
@pytest.mark.parametrize("size", [IN_MEMORY, SPOOLED])
def test_kas_part_in_a_large_mail(kim: World, logged_in: LogIn, size: int) -> None:
    mail = large(kim, RECIPIENT, size=size)
    mail.add_attachment("{}", disposition="x-kas")
    assert refused(kim, logged_in(SENDER), mail)[0] == 451
    assert "addMailData" not in steps(kim)


@pytest.mark.requirement("A_19355-01")
def test_larger_than_the_account_allows(kim: World, logged_in: LogIn) -> None:
    """EHLO announces 2 GB here, getLimits 734,003,200 bytes: refused before they are sent."""
    smtp = logged_in(SENDER)
    smtp.ehlo()
    assert smtp.esmtp_features["size"] == "2000000000"
    mail = f"MAIL FROM:<{kim.address(SENDER)}> SIZE="
    code, text = smtp.docmd(f"{mail}734003201")
    assert (code, text[:5]) == (552, b"5.3.4")
    assert smtp.docmd(f"{mail}734003200")[0] == 250


@pytest.mark.requirement("A_19355-01", "KOM-LE-A_2004-01")
def test_larger_than_announced(kim: World, logged_in: LogIn) -> None:
    """Read to its end, refused; the session goes on."""
    smtp = logged_in("eilig")
    smtp.ehlo()
    announced = int(smtp.esmtp_features["size"])
    smtp.docmd("MAIL", f"FROM:<{kim.address('eilig')}>")
    smtp.docmd("RCPT", f"TO:<{kim.address(RECIPIENT)}>")
    assert smtp.docmd("DATA")[0] == 354
    line = b"x" * 998 + b"\r\n"
    for _ in range(announced // len(line) + 1):
        smtp.send(line)
    smtp.send(b".\r\n")
    code, text = smtp.getreply()
    assert (code, text[:5]) == (552, b"5.3.4")
    assert smtp.docmd("NOOP")[0] == 250


@pytest.mark.requirement("A_22419-01", "A_19363-03", "A_20650-05")
@pytest.mark.parametrize(
    ("effect", "reply"),
    [
        ({"kind": "reply", "code": 507}, (521, b"5.2.2")),
        ({"kind": "reply", "code": 500}, (451, b"4.4.0")),
        ({"kind": "reply", "code": 413}, (451, b"4.3.4")),
        ({"kind": "reply", "code": 401}, (451, b"4.4.0")),
        ({"kind": "drop"}, (451, b"4.4.0")),
        ({"kind": "delay", "seconds": 60}, (451, b"4.4.0")),
    ],
)
def test_upload_fails(
    kim: World, logged_in: LogIn, effect: dict[str, Any], reply: tuple[int, bytes]
) -> None:
    """The reply, RSET, and a report (4002); a KAS that is silent is given up (CM_KAS_TIMEOUT)."""
    kim.fault(kim.provider(SENDER), "REST.addMailData", **effect)
    code, text = refused(kim, logged_in(SENDER), large(kim, RECIPIENT))
    assert (code, text[:5]) == reply
    (dsn,) = kim.stored(SENDER)
    report = read_report(dsn)
    assert report is not None
    assert [r.address for r in report.reports] == [kim.address(RECIPIENT)]
    assert report.headers.get_all("X-KIM-Fehlermeldung") == ["4002"]


@pytest.mark.requirement("KOM-LE-A_2005")
def test_no_room_for_the_spool(kim: World, logged_in: LogIn) -> None:
    """452 at the end of the mail, and the session goes on."""
    smtp, away = logged_in(SENDER), data(kim).with_name("away")
    data(kim).rename(away)
    try:
        with pytest.raises(smtplib.SMTPDataError) as raised:
            smtp.send_message(large(kim, RECIPIENT))
    finally:
        away.rename(data(kim))
    assert raised.value.smtp_code == 452
    smtp.send_message(large(kim, RECIPIENT))
    kim.stored(RECIPIENT, 1)


@pytest.mark.requirement("A_19361-01", "A_19363-03")
def test_kas_is_not_found(kim: World, logged_in: LogIn) -> None:
    """DNS service discovery fails: 451."""
    assert kim.endpoints.names is not None
    names = kim.endpoints.names.control
    smtp = logged_in(SENDER)
    rule = {"id": "dns", "operation": "query", "effect": {"kind": "rcode", "text": "SERVFAIL"}}
    kim.ask(names, "PUT", "/faults", [{**rule, "match": {"name": "_kas.*"}}])
    try:
        assert refused(kim, smtp, large(kim, RECIPIENT))[0] == 451
    finally:
        kim.raw(names, "/faults", "DELETE")


@pytest.mark.requirement("A_19363-03", "KOM-LE-A_2021", "KOM-LE-A_2025")
@pytest.mark.parametrize("operation", ["SignDocument", "EncryptDocument"])
def test_data_of_a_mail_that_cannot_be_protected_are_deleted(
    kim: World, logged_in: LogIn, operation: str
) -> None:
    kim.fault(kim.konnektor(SENDER), operation, kind="soap_fault", code=4001)
    assert refused(kim, logged_in(SENDER), large(kim, RECIPIENT))[0] == 451
    assert steps(kim).index("addMailData") < steps(kim).index("deleteMailData")


@pytest.mark.requirement("KOM-LE-A_2018")
def test_data_of_a_mail_that_the_mta_refuses_are_deleted(kim: World, logged_in: LogIn) -> None:
    kim.fault(kim.provider(SENDER), "SMTP.END_OF_DATA", kind="reply", code=554, text="5.6.0 No")
    assert refused(kim, logged_in(SENDER), large(kim, RECIPIENT))[0] == 554


@pytest.mark.requirement("KOM-LE-A_2016", "KOM-LE-A_2017")
@pytest.mark.parametrize(
    ("operation", "kind", "left"),
    [("SMTP.MAIL", "drop", 0), ("SMTP.END_OF_DATA", "lost", 1)],
)
def test_mta_lost(kim: World, logged_in: LogIn, operation: str, kind: str, left: int) -> None:
    """The data stay where the MTA may have taken the mail: its recipients would miss them."""
    smtp = logged_in(SENDER)
    kim.fault(kim.provider(SENDER), operation, kind=kind, times=1)
    with pytest.raises(smtplib.SMTPResponseException) as lost:
        smtp.send_message(large(kim, RECIPIENT))
    assert lost.value.smtp_code == 421
    assert len(kim.stored(RECIPIENT, left)) == len(uploads(kim)) == left


@pytest.mark.requirement("A_19363-03", "KOM-LE-A_2024-01")
def test_recipient_who_is_found_invalid_may_not_fetch_the_data(kim: World) -> None:
    """EncryptDocument refuses after the upload: it is made anew for those who are left."""
    enable_large_mails(kim, "kasse")
    revoke_encryption(kim, "kasse")
    kim.ask(kim.konnektor(SENDER), "POST", "/reset")  # its OCSP cache
    kim.send(SENDER, RECIPIENT, "kasse", mail=large(kim, RECIPIENT, "kasse"))
    kim.stored(RECIPIENT, 1)
    (upload,) = uploads(kim)
    assert upload["recipients"] == [kim.address(RECIPIENT)]
    assert steps(kim).count("addMailData") == 2
    fetched = email.message_from_bytes(kim.fetch(RECIPIENT), policy=email.policy.default)
    assert fetched["To"] == kim.address(RECIPIENT)


@pytest.mark.requirement("KOM-LE-A_2004-01")
def test_dots_stay_what_they_are(kim: World) -> None:
    """The dots at the beginning of lines, on their way through the spool."""
    mail = kim.mail(SENDER, RECIPIENT)
    lines = "".join(f"{'.' * (n % 4)}Zeile {n}\n" for n in range(30_000))
    mail.set_content(lines, cte="7bit")
    kim.send(SENDER, RECIPIENT, mail=mail)
    fetched = email.message_from_bytes(kim.fetch(RECIPIENT), policy=email.policy.default)
    assert isinstance(fetched, EmailMessage)
    assert fetched.get_content().replace("\r\n", "\n").startswith(lines)


@pytest.mark.requirement("A_22341")
def test_large_mail_whose_parts_cannot_be_counted(kim: World, logged_in: LogIn) -> None:
    """A part x-kas might hide behind thousands of others."""
    mail = kim.mail(SENDER, RECIPIENT).as_bytes(policy=email.policy.SMTP)
    head = mail.partition(b"\r\n\r\n")[0].replace(b"text/plain", b"multipart/mixed; boundary=x")
    body = b"--x\r\n\r\n" + b"a" * 70 + b"\r\n"
    smtp = logged_in(SENDER)
    with pytest.raises(smtplib.SMTPDataError) as raised:
        smtp.sendmail(
            kim.address(SENDER), [kim.address(RECIPIENT)], head + b"\r\n\r\n" + body * 3_000
        )
    assert raised.value.smtp_code == 554
    assert "addMailData" not in steps(kim)
