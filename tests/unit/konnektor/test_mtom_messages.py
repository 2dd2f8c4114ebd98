"""MTOM messages taken apart and put together; abuse ends in the fault 4000."""

from __future__ import annotations

import base64
import email
import email.policy
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from simulators.konnektor.faults import KonnektorFault
from simulators.konnektor.soap import mtom, reading

DSS = "urn:oasis:names:tc:dss:1.0:core:schema"
TYPE = 'multipart/related; type="application/xop+xml"; start="<e@x>"; boundary="b"'
INCLUDE = '<i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="cid:%s"/>'


def part(content: bytes, content_id: str, more: str = "") -> bytes:
    kind = "application/xop+xml" if content_id == "e@x" else "application/octet-stream"
    head = f"\r\n--b\r\nContent-Type: {kind}\r\nContent-ID: <{content_id}>\r\n{more}\r\n"
    return head.encode() + content


def message(envelope: str, *parts: bytes) -> bytes:
    return (part(envelope.encode(), "e@x") + b"".join(parts) + b"\r\n--b--\r\n")[2:]


def read(body: bytes, content_type: str = TYPE, most: int = 1000) -> etree._Element:
    package = mtom.unpack(body, content_type)
    root = reading.parse(package.envelope)
    mtom.resolve(root, package.parts, most)
    return root


def code(body: bytes, content_type: str = TYPE, most: int = 1000) -> int:
    try:
        read(body, content_type, most)
    except KonnektorFault as fault:
        return fault.trace.code
    return 0


@given(st.binary(max_size=200))
def test_content_arrives_byte_for_byte(content: bytes) -> None:
    if b"\r\n--b" in content:
        return
    root = read(message(f"<a>{INCLUDE % 'p%201'}</a>", part(content, "p 1")))
    assert reading.binary(root) == content


def test_what_another_package_writes() -> None:
    outer = MIMEMultipart("related", type="application/xop+xml", start="<e@x>")
    envelope = MIMEApplication(
        f"<a>{INCLUDE % 'p@x'}</a>".encode(), "xop+xml", email.encoders.encode_7or8bit
    )
    attached = MIMEApplication(b"\x00\xffBefund")  # in Base64, as XOP allows too
    for piece, content_id in ((attached, "p@x"), (envelope, "e@x")):
        piece["Content-ID"] = f"<{content_id}>"
        outer.attach(piece)
    written = outer.as_bytes(policy=email.policy.HTTP)
    head, _, body = written.partition(b"\r\n\r\n")
    content_type = email.message_from_bytes(head + b"\r\n\r\n")["Content-Type"]
    assert mtom.is_package(content_type)
    assert reading.binary(read(body, content_type)) == b"\x00\xffBefund"


def test_what_another_package_reads() -> None:
    answer = etree.fromstring(
        f'<A xmlns:d="{DSS}"><d:Base64Data>AP9CZWZ1bmQ=</d:Base64Data><d:Base64Signature/>'
        "<Other>AAAA</Other></A>"
    )
    body, content_type = mtom.pack(answer, "0815")
    parsed = email.message_from_bytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=email.policy.HTTP
    )
    assert parsed.get_content_type() == "multipart/related"
    envelope, attached = parsed.iter_parts()
    assert envelope["Content-ID"] == parsed.get_param("start")
    assert attached.get_content() == b"\x00\xffBefund"
    root = etree.fromstring(envelope.get_content())
    (include,) = root.iter("{*}Include")
    assert f"<{include.get('href')[4:]}>" == attached["Content-ID"]
    assert root.findtext(".//Other") == "AAAA"
    assert base64.b64decode(read(body, content_type).findtext(".//{*}Base64Data")) == (
        b"\x00\xffBefund"
    )


GOOD = message(f"<a>{INCLUDE % 'p'}</a>", part(b"x", "p"))


def test_the_good_one_is_good() -> None:
    assert code(GOOD) == 0
    assert code(GOOD[:-2]) == 0  # the end of the last line may be missing


@pytest.mark.parametrize(
    "body",
    [
        b"",
        GOOD[:-6],
        GOOD.replace(b"--b--", b"--c--"),
        b"preamble without end",
        message(f"<a>{INCLUDE % 'q'}</a>", part(b"x", "p")),
        message(f"<a>{INCLUDE % 'e@x'}</a>", part(b"x", "p")),
        message(f"<a><b>{INCLUDE % 'p'}</b><b>{INCLUDE % 'p'}</b></a>", part(b"x", "p")),
        message(f"<a>{INCLUDE % 'p'}</a>", part(b"x", "p"), part(b"y", "p")),
        message(f"<a>{INCLUDE % 'p'}</a>", part(b"x", "e@x")),
        message(f"<a>text{INCLUDE % 'p'}</a>", part(b"x", "p")),
        message(f"<a><b/>{INCLUDE % 'p'}</a>", part(b"x", "p")),
        message(INCLUDE % "p", part(b"x", "p")),
        GOOD.replace(b"cid:p", b"file:///etc/passwd"),
        GOOD.replace(b"cid:p", b"http://127.0.0.1/p"),
        GOOD.replace(b"application/xop+xml", b"text/xml"),
        message("<a/>", part(b"x", "p", "X: " + "y" * mtom.MAX_PART_HEAD + "\r\n")),
        message("<a/>", part(b"x", "p", "Content-ID: <q>\r\n")),
        message("<a/>", part(b"x", "p", "Content-Transfer-Encoding: quoted-printable\r\n")),
        message("<a/>", part(b"!", "p", "Content-Transfer-Encoding: base64\r\n")),
        message("<a/>", *(part(b"", str(number)) for number in range(mtom.MAX_PARTS))),
        message("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
    ],
    ids=range(21),
)
def test_abuse(body: bytes) -> None:
    assert code(body) == 4000


@pytest.mark.parametrize(
    "content_type",
    [
        TYPE.replace('boundary="b"', ""),
        TYPE.replace('"b"', '""'),
        TYPE.replace('"b"', '"' + "b" * 71 + '"'),
        TYPE.replace("<e@x>", "<nobody@x>"),
    ],
)
def test_abuse_of_the_header(content_type: str) -> None:
    assert code(GOOD, content_type) == 4000


def test_parts_are_bounded_together() -> None:
    body = message(
        f"<a><b>{INCLUDE % 'p'}</b><b>{INCLUDE % 'q'}</b></a>", part(b"x" * 6, "p"), part(b"y", "q")
    )
    assert code(body, most=7) == 0
    assert code(body, most=6) == 4283


@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_fault_or_a_tree(body: bytes) -> None:
    assert code(body) in (0, 4000)
    assert code(message("<a/>", body)) in (0, 4000)


@given(st.text(max_size=80))
def test_any_header(content_type: str) -> None:
    mtom.is_package(content_type)
    assert code(GOOD, "multipart/related; " + content_type) in (0, 4000)
