"""Large mails on their way to the client system: notes in texts that are not held in memory."""

from __future__ import annotations

import email
import email.policy
import os
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clientmodule.kas.spool import BLOCK, Spool
from clientmodule.mime_stream import PartScanner
from clientmodule.receiving.delivered import NOTES, delivered
from clientmodule.receiving.restored import WHOLE, restored
from clientmodule.texts import NOTE_DECRYPTED, NOTE_LINE
from simulators.formats.headers import Headers, split_message

OUTER = Headers.parse(b"Return-Path: <a@b>\r\nReceived: from x\r\n by y\r\n")
LONG = "Zeile äöü\r\n" * (WHOLE // 10)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path) as spool:
        yield spool
    assert list(tmp_path.iterdir()) == [], "nothing is left"


def restore(spool: Spool, mail: bytes) -> bytes:
    scanner = PartScanner()
    for begin in range(0, len(mail), 100_003):
        spool.write(mail[begin : begin + 100_003])
        scanner.feed(mail[begin : begin + 100_003])
    scanner.finish()
    assert scanner.head is not None
    whole = restored(spool, scanner.head, scanner.parts, OUTER, "01")
    text = b"".join(whole.text())
    mail = b"".join(whole.pieces())
    if mail.endswith(b"\r\n") and mail.count(b"\n") == mail.count(b"\r\n"):
        assert text == mail.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    return mail


def read(mail: bytes) -> EmailMessage:
    message = email.message_from_bytes(mail, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def written(
    text: str, *, cte: str = "8bit", charset: str = "utf-8", subtype: str = "plain"
) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "a@b"
    message.set_content(text, cte=cte, charset=charset, subtype=subtype)
    return message


@pytest.mark.requirement("A_19374-03")
def test_as_a_small_mail() -> None:
    """What is restored in pieces is what is delivered of the same mail at once."""
    message = written("Guten Tag")
    message.add_alternative("<html><body>Guten Tag</body></html>", subtype="html")
    message.add_attachment(os.urandom(200_000), maintype="application", subtype="pdf")
    mail = message.as_bytes(policy=email.policy.SMTP)
    with Spool(Path("/tmp")) as spool:
        assert restore(spool, mail) == delivered(mail, OUTER, "01")


TYPES = [
    *(b"Content-Type: multipart/alternative; boundary=a\r\n", b"Content-Type: text/html\r\n"),
    *(b"Content-Type: multipart/mixed; boundary=a\r\n", b"From: a@b\r\n"),
]
LINES = [
    *(b"\r\n", b"\n", b"\r", b"--a\r\n", b"--a--\r\n", b"--b\r\n", b"--b--\r\n", b" y\r\n", b"."),
    *(b"Hallo", b"\xfc", b"SGFsbG8=\r\n", b"</body>", b"Content-Type: text/html\r\n"),
    *(b"Content-Type: multipart/alternative; boundary=b\r\n", b"Subject: x\r\n"),
    b"Content-Type: text/plain; charset=iso-8859-1\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
]


@pytest.mark.requirement("A_19374-03", "KOM-LE-A_2179-01")
@example(TYPES[0], b"\r\n--a\r\n--a--\r\n")
@given(st.sampled_from(TYPES), st.lists(st.sampled_from(LINES), max_size=14).map(b"".join))
def test_any_mail_as_a_small_one(first: bytes, rest: bytes) -> None:
    """Parts without a body, too: their note stands behind their header, and not in it."""
    with Spool(Path("/tmp")) as spool:
        got = restore(spool, first + rest)
    assert got == delivered(first + rest, OUTER, "01")
    ends = split_message(got)[0].names()[-4:]
    assert ends == [
        "X-KIM-DecryptionResult",
        "X-KIM-IntegrityCheckResult",
        "Return-Path",
        "Received",
    ]


@pytest.mark.parametrize("kind", ["html", "plain"])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_mail_of_headers_alone(kind: str, end: bytes) -> None:
    """Its note is its body."""
    mail = f"From: a@b\r\nContent-Type: text/{kind}; charset=iso-8859-1\r\n"
    mail += "Content-Transfer-Encoding: 8bit"
    headers, body = split_message(delivered(mail.encode() + end, OUTER, "01"))
    assert headers.get("Content-Transfer-Encoding") == "8bit"
    assert NOTE_DECRYPTED.encode("latin-1") in body


@pytest.mark.requirement("KOM-LE-A_2179-01", "KOM-LE-A_2050-05")
@pytest.mark.parametrize("cte", ["8bit", "base64", "quoted-printable"])
@pytest.mark.parametrize("alone", [True, False])
def test_notes_behind_a_text_of_megabytes(spool: Spool, cte: str, alone: bool) -> None:
    message = written(LONG, cte=cte)
    if not alone:
        message.add_attachment("Anhang", filename="a.txt")
    mail = message.as_bytes(policy=email.policy.SMTP)
    assert len(mail) > WHOLE >= BLOCK
    got = read(restore(spool, mail))
    assert got["X-KIM-DecryptionResult"] == "00"
    assert got["Received"] == "from x by y"
    text = got if alone else next(got.iter_parts())
    content = text.get_content().replace("\r\n", "\n")
    assert content.startswith(LONG[:990].replace("\r\n", "\n"))
    assert content.endswith("\n".join(["", NOTE_LINE, *NOTES, ""]))
    assert content.count("Zeile äöü") == WHOLE // 10


@pytest.mark.requirement("KOM-LE-A_2179-01")
def test_notes_inside_of_a_html_body_of_megabytes(spool: Spool) -> None:
    page = "<html><body>" + "<p>x</p>\r\n" * (WHOLE // 8) + "</body></html>\r\n"
    mail = written(page, subtype="html").as_bytes(policy=email.policy.SMTP)
    content = read(restore(spool, mail)).get_content()
    assert content.count(NOTE_DECRYPTED) == 1
    assert content.index(NOTE_DECRYPTED) < content.index("</body>")


@pytest.mark.requirement("KOM-LE-A_2179-01")
def test_ascii_of_megabytes_becomes_utf8(spool: Spool) -> None:
    mail = b"From: a@b\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 998 + b"\r\n") * (WHOLE // 900)
    got = read(restore(spool, mail))
    assert got.get_content_charset() == "utf-8"
    assert NOTE_DECRYPTED in got.get_content()


@pytest.mark.parametrize("end", [b"\xfc\r\n", b""])
def test_a_text_that_had_to_be_written_anew_stays(spool: Spool, end: bytes) -> None:
    """Unnamed 8-bit characters; base64 whose lines cannot be told apart."""
    encoding = b"" if end else b"Content-Transfer-Encoding: base64\r\nContent-Type: text/html\r\n"
    body = end + b"QUJ\r\n" * (WHOLE // 4)
    got = restore(spool, b"From: a@b\r\n" + encoding + b"\r\n" + body)
    assert got.endswith(body)
    assert b"X-KIM-DecryptionResult: 00" in got
