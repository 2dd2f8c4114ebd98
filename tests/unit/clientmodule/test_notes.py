"""Notes in the text of a decrypted mail (KOM-LE-A_2179-01, 2050-05)."""

from __future__ import annotations

import base64
import email
import email.policy
import encodings
import quopri
import tracemalloc
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientmodule.receiving.notes import MAX_FORMS, append_notes
from clientmodule.texts import NOTE_DECRYPTED, NOTE_LINE, NOTE_VERIFIED

NOTES = (NOTE_DECRYPTED, NOTE_VERIFIED)


def read(mail: bytes) -> EmailMessage:
    message = email.message_from_bytes(mail, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def noted(mail: bytes) -> EmailMessage:
    return read(append_notes(mail, NOTES))


ENCODINGS = [
    (charset, cte)
    for charset in ("utf-8", "iso-8859-1", "us-ascii", "iso-8859-15", "utf-16")
    for cte in ("8bit", "base64", "quoted-printable")
    if charset != "utf-16" or cte == "base64"  # UTF-16 is possible in base64 only
]


@pytest.mark.requirement("KOM-LE-A_2050-05", "KOM-LE-A_2179-01")
@pytest.mark.parametrize(("charset", "cte"), ENCODINGS)
def test_plain_text_in_its_charset_and_encoding(charset: str, cte: str) -> None:
    message = EmailMessage()
    text = "Guten Tag,\r\nalles gut.\r\n"
    if charset in ("us-ascii", "iso-8859-15", "utf-16"):
        payload = text.encode(charset)
        if cte == "base64":
            import base64

            payload = base64.encodebytes(payload).replace(b"\n", b"\r\n")
        mail = (
            b"Content-Type: text/plain; charset="
            + charset.encode()
            + b"\r\nContent-Transfer-Encoding: "
            + cte.encode()
            + b"\r\n\r\n"
            + payload
        )
    else:
        message.set_content(text, charset=charset, cte=cte)
        mail = message.as_bytes(policy=email.policy.SMTP)
    content = noted(mail).get_content().replace("\r\n", "\n")
    assert content.startswith("Guten Tag,\nalles gut.\n")
    assert content.rstrip("\n").endswith(f"\n\n{NOTE_LINE}\n{NOTE_DECRYPTED}\n{NOTE_VERIFIED}")


def test_7bit_text_without_headers_becomes_utf8() -> None:
    result = noted(b"Subject: x\r\n\r\nHallo")
    assert result.get_content_charset() == "utf-8"
    assert result["Content-Transfer-Encoding"] == "8bit"
    assert NOTE_DECRYPTED in result.get_content()
    assert NOTE_LINE == "-" * 45


@pytest.mark.requirement("KOM-LE-A_2050-05", "KOM-LE-A_2179-01")
def test_html_keeps_its_format() -> None:
    message = EmailMessage()
    message.set_content("<html><body><b>Hallo</b></body></html>", subtype="html")
    content = noted(message.as_bytes(policy=email.policy.SMTP)).get_content()
    assert content.index(NOTE_DECRYPTED) < content.index("</body>")
    assert "<p>" in content


@pytest.mark.requirement("KOM-LE-A_2050-05", "KOM-LE-A_2179-01")
def test_both_forms_of_an_alternative_and_no_attachment() -> None:
    message = EmailMessage()
    message.set_content("Klartext")
    message.add_alternative("<p>HTML</p>", subtype="html")
    message.add_attachment("Anhang", filename="a.txt")
    result = noted(message.as_bytes(policy=email.policy.SMTP))
    for kind in ("plain", "html"):
        body = result.get_body((kind,))
        assert body is not None
        assert NOTE_VERIFIED in body.get_content()
    (attachment,) = result.iter_attachments()
    assert NOTE_VERIFIED not in attachment.get_content()


def test_the_bytes_of_other_parts_stay() -> None:
    message = EmailMessage()
    message.set_content("Text")
    message.add_attachment(bytes(range(256)), maintype="application", subtype="pdf", filename="b")
    mail = message.as_bytes(policy=email.policy.SMTP)
    result = append_notes(mail, NOTES)
    boundary = read(mail).get_boundary()
    assert boundary is not None
    delimiter = f"--{boundary}".encode()
    assert result.split(delimiter)[2:] == mail.split(delimiter)[2:]


@pytest.mark.parametrize(
    "mail",
    [
        b"Content-Type: application/pdf\r\n\r\n%PDF",
        b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n--b--\r\n",
        b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nText",
    ],
)
def test_a_mail_without_text_of_its_own_stays(mail: bytes) -> None:
    assert append_notes(mail, NOTES) == mail


@given(st.binary(max_size=400))
def test_any_bytes_are_survived(content: bytes) -> None:
    append_notes(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + content, NOTES)
    append_notes(content, NOTES)


@pytest.mark.requirement("KOM-LE-A_2050-05", "KOM-LE-A_2179-01")
@pytest.mark.parametrize(
    ("charset", "text", "shown"),
    [
        ("", b"Gr\xfc\xdfe", "Grüße"),
        ("", "Grüße".encode(), "Grüße"),
        ("; charset=iso-8859-5", "Привет".encode("iso-8859-5"), "Привет"),
        ("; charset=gibtesnicht", b"Gr\xfc\xdfe", "Grüße"),
    ],
)
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_text_in_a_charset_without_umlauts(
    charset: str, text: bytes, shown: str, encoding: str
) -> None:
    """KOM-LE-A_2179-01: the note changes nothing of what is read."""
    coded = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}
    written = coded[encoding](text) if encoding in coded else text
    result = noted(
        f"Content-Type: text/plain{charset}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        + written
    )
    lines = result.get_content().splitlines()
    assert lines[0] == shown
    assert lines[-1] == NOTE_VERIFIED


def test_base64_text_in_utf16() -> None:
    written = base64.encodebytes("Grüße".encode("utf-16"))
    mail = b"Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert noted(mail + written).get_content().splitlines()[0] == "Grüße"


def test_thousands_of_alternatives_do_not_cost_thousands_of_copies() -> None:
    form = b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHallo\r\n"
    head = b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    got = append_notes(head + form * 1_500 + b"--b--\r\n", NOTES)
    assert got.count(NOTE_VERIFIED.encode()) == MAX_FORMS


def test_many_ends_of_a_body_are_not_held() -> None:
    mail = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + b"</body>" * 100_000
    tracemalloc.start()
    try:
        got = append_notes(mail, NOTES)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert got.endswith(b"</p>\r\n</body>")
    assert most < 10 * len(mail)


def test_long_names_of_charsets_are_not_remembered() -> None:
    name = "x" * 60_000
    append_notes(f"Content-Type: text/plain; charset={name}\r\n\r\nx".encode(), NOTES)
    assert name not in encodings._cache


@pytest.mark.requirement("KOM-LE-A_2179-01")
def test_an_encoded_charset_gives_way_to_the_new_one() -> None:
    """RFC 2231: two parameters that mean the same would leave it to the mail program."""
    mail = b"Content-Type: text/plain; charset*=us-ascii''us-ascii; format=flowed\r\n\r\nx\r\n"
    got = append_notes(mail, NOTES)
    assert b"Content-Type: text/plain; format=flowed; charset=utf-8\r\n" in got
