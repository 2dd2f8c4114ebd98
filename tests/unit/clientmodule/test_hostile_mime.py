"""Hostile MIME: read in time that grows with its size, refused or delivered, never an accident."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientmodule import mime
from clientmodule.faults import MailRefused
from clientmodule.konnektor import soap
from clientmodule.konnektor.faults import KonnektorUnreachable
from clientmodule.konnektor.xml import parse
from clientmodule.receiving import error_mails, results
from clientmodule.receiving.notes import append_notes
from clientmodule.sending import client_mail
from clientmodule.sending.client_mail import Submitted
from simulators.formats import komle
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, split_message

FROM, TO = "a@b.kim.telematik-test", "c@b.kim.telematik-test"
HEAD = f"From: {FROM}\r\nTo: {TO}\r\n".encode()
NOW = datetime(2026, 11, 24, tzinfo=UTC)

PIECES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            *(f"From: {FROM}\r\n".encode(), f"To: x@y, {TO}\r\n".encode(), b"Cc: (a) <c@d>\r\n"),
            *(b"\r\n", b"\n", b"\r", b"\0", b" folded\r\n", b": nix\r\n", b"--\r\n"),
            *(b"--b\r\n", b"--bb\r\n", b"--b--\r\n", b"=E4=\r\n", b"SGFsbG8=\r\n", b"</body>\r\n"),
            b"Content-Type: multipart/mixed; boundary=b\r\n",
            b'Content-Type: multipart/mixed; boundary=""\r\n',
            b'Content-Type: multipart/alternative; boundary*0=""; boundary*1*=%62\r\n',
            b"Content-Type: message/rfc822\r\n",
            b"Content-Type: text/plain; charset=iso-8859-1\r\n",
            b"Content-Type: text/html; charset=utf-16\r\n",
            b"Content-Type: text/plain; charset*=''%ff\r\n",
            b"Content-Type: text/plain; charset=idna\r\n",
            b"Content-Transfer-Encoding: base64\r\n",
            b"Content-Transfer-Encoding: quoted-printable\r\n",
            b"Content-Disposition: x-kas; =\r\n",
            b"X-KOM-LE-Version: 1.0\r\n",
            b"Message-ID: \xff\r\n",
            b'Reply-To: "\\\r\n',
        ]
    ),
)
MAILS = st.lists(PIECES, max_size=25).map(b"".join)
HUNT = settings(max_examples=300, deadline=None)


@HUNT
@given(MAILS)
def test_sending(content: bytes) -> None:
    """Whatever a mail is, it is refused, or becomes one KOM-LE message with one version."""
    try:
        submitted = Submitted.read(content)
        client_mail.contained_message(submitted)
        mail = client_mail.prepare(
            submitted, mail_from=FROM, recipients=[TO], now=NOW, replace_from=True
        )
    except (FormatError, MailRefused):
        return
    client_mail.keep_recipients(mail.headers, [TO])
    outer = komle.outer_message(mail.to_bytes(), b"cms", version="1.0", extra={"Expires": "x"})
    headers, _ = split_message(outer)
    assert headers.get_all("X-KOM-LE-Version") == ["1.0"]
    assert komle.encrypted_cms(outer) == b"cms"


@HUNT
@given(MAILS, st.booleans())
def test_delivering(content: bytes, embed: bool) -> None:
    """What others sent can be delivered, with its notes or inside an error mail."""
    append_notes(content, ("geprüft",))
    outer, _ = split_message(content)
    error_mails.not_decrypted(content, results.WRONG_FORMAT, FROM)
    failed = error_mails.integrity_failed(content, outer, ("02", "08"), embed=embed)
    assert split_message(failed)[0].get_all("X-KIM-DecryptionResult") == ["00"]


LONG = {
    "parameters": b"Content-Type: text/plain" + b";" * 900_000 + b"\r\n\r\nx\r\n",
    "quotes": b"Content-Type: multipart/mixed" + b';a="b;c"' * 100_000 + b"\r\n\r\nx\r\n",
    "spaces": b"Content-Type: text/plain;" + b" " * 900_000 + b"x\r\n\r\n\xfcx\r\n",
    "punycode": b"Content-Type: text/plain; charset=punycode\r\n\r\n-" + b"b9" * 2_000_000,
    "idna": b"Content-Type: text/plain; charset=idna\r\n\r\n" + b"xn--a" * 1_000_000,
    "escapes": b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n" + b"\\N" * 1_000_000,
    "delimiters": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b \t" * 1_000_000,
    "no delimiters": b"Content-Type: multipart/mixed; boundary=-\r\n\r\n" + b"-" * 8_000_000,
    "tags": b"Content-Type: text/html\r\n\r\n" + b"</body " * 1_000_000,
}


@pytest.mark.parametrize("kind", LONG)
def test_what_takes_quadratic_time_elsewhere(kind: str) -> None:
    """Python's own parsers need minutes to hours for some of these."""
    content = HEAD + LONG[kind]
    mail = Submitted.read(content)
    assert client_mail.prepare(
        mail, mail_from=FROM, recipients=[TO], now=NOW, replace_from=True
    ).sender
    assert append_notes(content, ("geprüft",)).startswith(HEAD)


@pytest.mark.parametrize(
    "charset",
    ["punycode", "idna", "unicode_escape", "raw-unicode-escape", "undefined", "zlib", "x"],
)
def test_codecs_that_are_no_charsets(charset: str) -> None:
    """The text becomes UTF-8, as it is."""
    content = HEAD + f"Content-Type: text/plain; charset={charset}\r\n\r\n\\x41-b9\r\n".encode()
    noted = append_notes(content, ("geprüft",))
    assert b"Content-Type: text/plain; charset=utf-8\r\n" in noted
    assert b"\\x41-b9\r\n" in noted
    assert "geprüft".encode() in noted


def nested(depth: int) -> bytes:
    """Return a text inside of *depth* multiparts."""
    each = "Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n"
    return (
        "".join(map(each.format, range(depth))).encode() + b"Content-Type: text/html\r\n\r\nx\r\n"
    )


def test_depth_is_bounded() -> None:
    """What lies deeper is one part; its type is that of the multipart that is not opened."""
    (part,) = mime.parts(HEAD + nested(mime.MAX_DEPTH))
    assert (part.content_type, len(part.inside)) == ("text/html", mime.MAX_DEPTH)
    (part,) = mime.parts(HEAD + nested(10_000))
    assert (part.content_type, len(part.inside)) == ("multipart/mixed", mime.MAX_DEPTH)


@pytest.mark.parametrize("part", [b"--b\r\n\r\n", b"--b\r\n" + nested(1)[:-28] + b"\r\n"])
def test_number_of_parts_is_bounded(part: bytes) -> None:
    """Multiparts count, too, also those without a part; of a received mail the first are noted."""
    content = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * mime.MAX_PARTS
    with pytest.raises(FormatError, match="more than 2000 parts"):
        Submitted.read(content)
    assert append_notes(content, ("geprüft",))


@pytest.mark.parametrize(
    ("written", "boundary"),
    [
        ("boundary=b", b"b"),
        ('BOUNDARY="b b"', b"b b"),
        ("boundary*=utf-8''b%20b", b"b b"),
        ('boundary*0="b"; boundary*1*=%20b', b"b b"),
        ("boundary", None),
    ],
)
def test_boundaries(written: str, boundary: bytes | None) -> None:
    """RFC 2231: encoded and continued parameters."""
    headers = Headers()
    headers.append("Content-Type", f"multipart/mixed; {written}")
    assert mime.Part(headers, 0, 0, 0, ()).boundary == boundary


ERROR = (
    '<a xmlns:t="http://ws.gematik.de/tel/error/v2.0"><t:Trace><t:Code>{}</t:Code></t:Trace></a>'
)


@pytest.mark.parametrize(
    ("code", "read", "all_codes"),
    [
        *(("4004", 4004, (4004,)), (" 4004 ", 4004, (4004,)), ("²", 4001, ()), ("", 4001, ())),
        *(("9" * 5_000, 4001, ()), ("-4004", 4001, ()), ("4_004", 4001, ())),
    ],
    ids=["code", "spaces", "other digits", "empty", "long", "negative", "underscore"],
)
def test_codes_of_a_konnektor(code: str, read: int, all_codes: tuple[int, ...]) -> None:
    answer = parse(ERROR.format(code).encode())
    trace = soap.last_trace(answer)
    assert trace is not None
    assert (trace[0], soap.trace_codes(answer)) == (read, all_codes)


@pytest.mark.parametrize(
    "content",
    [
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b'<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "%s">]><a>&c;</a>' % (b"&b;" * 100_000),
        b"<a>",
        b"",
        b"\xff\xfe",
    ],
    ids=["deep", "entities", "cut", "empty", "no text"],
)
def test_xml_of_a_konnektor(content: bytes) -> None:
    try:
        root = parse(content)
    except KonnektorUnreachable:
        return
    assert len("".join(root.itertext())) < 100, "entities are not expanded"
