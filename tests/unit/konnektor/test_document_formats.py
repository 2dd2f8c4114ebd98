"""Documents are what their MimeType says; text without a charset is ISO-8859-15."""

from __future__ import annotations

import base64

import pytest
from lxml import etree

from simulators.konnektor.documents import Document, check_format, read_document, text_of
from simulators.konnektor.faults import KonnektorFault

DSS = "urn:oasis:names:tc:dss:1.0:core:schema"


def document(mime_type: str) -> Document:
    return read_document(
        etree.fromstring(
            f'<Document xmlns:dss="{DSS}"><dss:Base64Data MimeType="{mime_type}"/></Document>'
        )
    )


@pytest.mark.parametrize(
    ("mime_type", "content", "fits"),
    [
        ("application/pdf-a", b"%PDF-1.7\n", True),
        ("application/pdf-a", b"<eAU/>", False),
        ("image/tiff", b"II*\x00rest", True),
        ("image/tiff", b"MM\x00*rest", True),
        ("IMAGE/TIFF", b"\x89PNG", False),
        ("message/rfc822", b"From: a@b\r\n\r\nx", True),
        ("multipart/mixed", b"--x\r\n", False),
        ("text/plain", bytes(range(256)), True),
        ("text/plain; charset=utf-8", "Grüße".encode(), True),
        ("text/plain; charset=utf-8", "Grüße".encode("latin-1"), False),
        ("text/plain; charset=x-klingon", b"x", False),
        ("application/octet-stream", b"\x00", True),
        ("", b"\x00", True),
    ],
)
def test_formats(mime_type: str, content: bytes, fits: bool) -> None:
    if fits:
        check_format(document(mime_type), content, shown=True)
    else:
        with pytest.raises(KonnektorFault, match=r"^4110"):
            check_format(document(mime_type), content, shown=True)


def test_a_text_that_nobody_is_shown_may_have_other_bytes() -> None:
    text = "Grüße".encode("latin-1")
    check_format(document("text/plain; charset=utf-8"), text, shown=False)


def test_text_without_charset() -> None:
    assert text_of("10 €".encode("iso-8859-15"), None) == "10 €"
    assert text_of("10 €".encode(), "text/plain; charset=UTF-8") == "10 €"


def test_the_request_lets_the_document_go() -> None:
    """Megabytes are held once."""
    encoded = base64.b64encode(b"Befund").decode()
    element = etree.fromstring(
        f'<Document xmlns:dss="{DSS}"><dss:Base64Data>{encoded}</dss:Base64Data></Document>'
    )
    found = read_document(element)
    assert element[0].text is None
    assert found.encoded_size == len(encoded)
    assert found.take() == b"Befund"
    assert found.encoded_size == 0
