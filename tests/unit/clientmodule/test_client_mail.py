"""What becomes of a client mail before it is protected."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientmodule import faults
from clientmodule.faults import MailRefused
from clientmodule.sending.client_mail import (
    ClientMail,
    Submitted,
    contained_message,
    keep_recipients,
    prepare,
    sender_of,
)
from simulators.formats.enveloped_data import encrypt
from simulators.formats.headers import Headers
from simulators.formats.komle import outer_message

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENDER = "praxis@a.kim.telematik-test"
OTHER = "kasse@b.kim.telematik-test"


def prepared(mail: bytes, recipients: tuple[str, ...] = (OTHER,), **changed: object) -> ClientMail:
    settings: dict[str, object] = {
        "mail_from": SENDER,
        "recipients": recipients,
        "now": NOW,
        "replace_from": True,
        **changed,
    }
    return prepare(Submitted.read(mail), **settings)  # type: ignore[arg-type]


def mail(*fields: str, body: str = "Text\r\n") -> bytes:
    return ("".join(f"{field}\r\n" for field in fields) + "\r\n" + body).encode()


@pytest.mark.requirement("A_19488-02")
def test_dienstkennung_is_kept() -> None:
    result = prepared(mail(f"From: {SENDER}", "X-KIM-Dienstkennung: eAU;Lieferung;V1.0"))
    assert result.headers.get_all("X-KIM-Dienstkennung") == ["eAU;Lieferung;V1.0"]


@pytest.mark.requirement("A_19488-02")
def test_default_dienstkennung_is_added() -> None:
    """A_19488-02."""
    result = prepared(mail(f"From: {SENDER}"))
    assert result.headers.get("X-KIM-Dienstkennung") == "KIM-Mail;Default;V1.0"


def test_message_id_and_date_are_added_only_where_missing() -> None:
    result = prepared(mail(f"From: {SENDER}"))
    assert result.message_id.endswith("@a.kim.telematik-test>")
    assert result.headers.get("Date") is not None
    result = prepared(mail(f"From: {SENDER}", "Message-ID: <1@x>", "Date: gestern"))
    assert (result.message_id, result.headers.get("Date")) == ("<1@x>", "gestern")


def test_differing_from_gives_way() -> None:
    result = prepared(mail('From: "Fremd" <x@y>', "Sender: z@y"))
    assert (result.headers.get("From"), result.headers.get("Sender")) == (SENDER, None)
    assert result.sender == SENDER


def test_equal_from_keeps_its_bytes_whatever_its_case() -> None:
    written = mail(
        "From: Praxis\r\n <PRAXIS@A.kim.telematik-test>",
        "Date: x",
        "Message-ID: <1>",
        "X-KIM-Dienstkennung: a;b;c",
    )
    assert prepared(written).to_bytes() == written


def test_differing_from_stays_towards_oneself_and_by_setting() -> None:
    assert prepared(mail("From: x@y"), recipients=(SENDER,)).sender == "x@y"
    assert prepared(mail("From: x@y"), replace_from=False).sender == "x@y"


def test_a_mail_without_from_is_refused() -> None:
    with pytest.raises(MailRefused) as refusal:
        prepared(mail("Subject: x"))
    assert refusal.value.reply is faults.NO_SENDER


def test_results_of_a_client_module_are_not_taken_from_a_client_system() -> None:
    result = prepared(mail(f"From: {SENDER}", "X-KIM-IntegrityCheckResult: 01"))
    assert result.headers.get("X-KIM-IntegrityCheckResult") is None


@pytest.mark.requirement("A_22341")
def test_kas_part_is_refused() -> None:
    """A_22341."""
    body = "--b\r\nContent-Disposition: x-kas\r\n\r\n{}\r\n--b--\r\n"
    with pytest.raises(MailRefused) as refusal:
        prepared(mail(f"From: {SENDER}", "Content-Type: multipart/mixed; boundary=b", body=body))
    assert refusal.value.reply.code == 451


@pytest.mark.requirement("KOM-LE-A_2004-01")
def test_size_counts_decoded() -> None:
    """KOM-LE-A_2004-01: base64 of 300 bytes is more than 300 bytes."""
    encoded = "A" * 400 + "\r\n"
    fields = (f"From: {SENDER}", "Content-Transfer-Encoding: base64")
    read = Submitted.read(mail(*fields, body=encoded))
    assert read.decoded_size() == read.size - len(encoded) + 300


@pytest.mark.requirement("KOM-LE-A_2022")
def test_sender_is_sender_else_from() -> None:
    """KOM-LE-A_2022."""
    assert sender_of(Headers.parse(b"From: a@b\r\nSender: c@d")) == "c@d"
    assert sender_of(Headers.parse(b"From: a@b")) == "a@b"
    assert sender_of(Headers.parse(b"Subject: x")) is None


@pytest.mark.requirement("KOM-LE-A_2028", "A_23174")
def test_only_checked_recipients_stay() -> None:
    """A_23174, KOM-LE-A_2028."""
    headers = Headers.parse(
        b'To: "Gut, Der" <gut@x>,\r\n schlecht@x\r\nCc: schlecht@x\r\nBcc: GUT@x\r\nSubject: s'
    )
    keep_recipients(headers, ["gut@X"])
    assert headers.get("To") == '"Gut, Der" <gut@x>'
    assert headers.get("Cc") is None
    assert headers.raw("Bcc") == [b"Bcc: GUT@x"]


CMS = encrypt(b"x", [], unauthenticated=[])
PROTECTED = outer_message(b"From: a@x\r\n\r\n", CMS, version="1.0", extra={})


def found(forwarded: bytes) -> bytes | None:
    return contained_message(Submitted.read(forwarded))


def wrapped(content: bytes, boundary: str = "b") -> bytes:
    """Return a mail that *content* is attached to."""
    return b"".join(
        (
            f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode(),
            f"--{boundary}\r\n\r\nHinweis\r\n".encode(),
            f"--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n".encode(),
            content,
            f"--{boundary}--\r\n".encode(),
        )
    )


@pytest.mark.requirement("KOM-LE-A_2029")
@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\r\n"])
def test_forwarded_message_leaves_with_whole_line_ends(line_end: bytes) -> None:
    """Another server might end the mail at its ``LF . LF``, and read commands after it."""
    hidden = b"X-Eigen: x" + line_end + b" ." + line_end + b" MAIL FROM:<a@x>\r\n"
    assert found(wrapped(hidden + PROTECTED)) == (
        b"X-Eigen: x\r\n .\r\n MAIL FROM:<a@x>\r\n" + PROTECTED
    )


@pytest.mark.requirement("KOM-LE-A_2029")
def test_forwarded_message_is_found() -> None:
    """KOM-LE-A_2029."""
    assert found(wrapped(PROTECTED)) == PROTECTED
    assert found(b"Content-Type: message/rfc822\r\n\r\n" + PROTECTED) == PROTECTED


@pytest.mark.requirement("KOM-LE-A_2029")
def test_error_mail_forwarded_as_attachment() -> None:
    """KOM-LE-A_2029: mail programs forward the error mail itself as message/rfc822."""
    assert found(wrapped(wrapped(PROTECTED), boundary="a")) == PROTECTED
    deep = PROTECTED
    for level in range(9):
        deep = wrapped(deep, boundary=f"b{level}")
    assert found(deep) is None


@pytest.mark.requirement("KOM-LE-A_2029")
@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\r\n\r\ny\r\n",
        b"X-KOM-LE-Version: 1.0\r\nSubject: x\r\n\r\nBefund\r\n",
        PROTECTED.partition(b"\r\n\r\n")[0] + b"\r\n\r\nQmVmdW5k\r\n",
    ],
)
def test_what_is_not_protected_is_never_relayed(content: bytes) -> None:
    """A_21390: a forwarded mail leaves unprotected only if it is encrypted already."""
    assert found(wrapped(content)) is None


def test_a_header_that_never_ends_inside_is_no_message() -> None:
    assert found(wrapped(b"X: " + b"x" * (1 << 20) + b"\r\n\r\n")) is None


@pytest.mark.parametrize(
    "fields",
    [
        (f"From: {SENDER}", "From: fremd@x"),
        (f"From: {SENDER}, fremd@x",),
        (f"From: {SENDER}", f"Sender: {SENDER}", "Sender: fremd@x"),
    ],
)
def test_a_second_sender_goes(fields: tuple[str, ...]) -> None:
    result = prepared(mail(*fields))
    assert result.headers.get_all("From") == [SENDER]
    assert result.headers.get_all("Sender") == []


@given(st.binary(max_size=300))
def test_any_bytes_are_prepared_or_refused(content: bytes) -> None:
    with contextlib.suppress(MailRefused):
        assert prepared(content).sender
    found(content)


@pytest.mark.requirement("A_23174")
@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (f"{'(' * 5_000}, a@b", None),
        (f"{'x:' * 5_000} a@b, c@d", "a@b"),
        ("=?utf-8?q?=C3=84?= (privat) <a@b>, c@d", "=?utf-8?q?=C3=84?= <a@b>"),
        ('"c@d, x" <a@b>, c@d', '"c@d, x" <a@b>'),
        ("c@d <a@b>, c@d", "a@b"),
        ("a@b, c@d und noch mehr", "a@b"),
        ("a@strasse, a@straße", "a@strasse"),
        ("A@B, <a@b>", "A@B, <a@b>"),
        ("undisclosed-recipients:;", "undisclosed-recipients:;"),
    ],
)
def test_recipients_that_are_written_oddly(written: str, kept: str | None) -> None:
    """A_23174: whatever may be read as an address and was not checked is taken out."""
    headers = Headers.parse(f"To: {written}\r\nCc: c@d\r\n".encode())
    keep_recipients(headers, ["a@b", "a@strasse"])
    assert headers.get("To") == (written if written.startswith("((") else kept)
    assert headers.get("Cc") is None
