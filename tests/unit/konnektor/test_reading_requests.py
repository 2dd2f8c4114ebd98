"""Reading XML and documents: bounds, forms, and no other exception than a fault."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from simulators.konnektor import documents
from simulators.konnektor.documents import check_xml, is_der_sequence, read_cms_attributes
from simulators.konnektor.faults import KonnektorFault, catalogue, trace
from simulators.konnektor.soap import reading
from simulators.konnektor.soap.reading import optional, required, several
from simulators.konnektor.soap.routing import split_envelope


def code(function: Any, *arguments: Any) -> int:
    """Return the code of the fault that *function* raises, 0 without one."""
    try:
        function(*arguments)
    except KonnektorFault as fault:
        return fault.trace.code
    return 0


@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_fault_or_a_tree(body: bytes) -> None:
    assert code(lambda: split_envelope(reading.parse(body))) in (0, 4000)


@given(st.text(alphabet="<>/&;a\"'![]DOCTYPE- \n", max_size=80))
def test_anything_like_xml(text: str) -> None:
    assert code(reading.parse, text.encode()) in (0, 4000)
    assert code(check_xml, text.encode()) in (0, 4022, 4280, 4281)


@given(st.binary(max_size=300))
def test_base64_round(content: bytes) -> None:
    element = etree.Element("a")
    encoded = base64.encodebytes(content).decode()
    element.text = encoded.replace("\n", "\r\n\t ")
    assert reading.binary(element) == content


@pytest.mark.parametrize("text", ["A", "AAA", "!!!!", "AAAA=", "ÄAAA", "AA==AA=="])
def test_no_base64(text: str) -> None:
    element = etree.Element("a")
    element.text = text
    assert code(reading.binary, element) == 4000


def test_depth_is_bounded_on_both_sides() -> None:
    fits = b"<a>" * reading.MAX_DEPTH + b"</a>" * reading.MAX_DEPTH
    assert code(reading.parse, fits) == 0
    assert code(reading.parse, b"<a>" + fits + b"</a>") == 4000


def test_byte_order_mark_and_comments() -> None:
    root = reading.parse(b"\xef\xbb\xbf<a><!-- x --><?pi?><b/></a>")
    assert [child.tag for child in root] == ["b"]


PARTS = (required("a"), optional("b"), several("c", 0))


@pytest.mark.parametrize("inner", ["<a/>", "<a/><b/>", "<a/><b/><c/><c/>", "<a/><c/>"])
def test_sequence_fits(inner: str) -> None:
    assert code(reading.sequence, etree.fromstring(f"<x>{inner}</x>"), *PARTS) == 0


@pytest.mark.parametrize("inner", ["", "<b/>", "<b/><a/>", "<a/><a/>", "<a/><c/><b/>", "<a/><d/>"])
def test_sequence_does_not_fit(inner: str) -> None:
    assert code(reading.sequence, etree.fromstring(f"<x>{inner}</x>"), *PARTS) == 4000


def test_any_order() -> None:
    parts = reading.any_order(etree.fromstring("<x><b>1</b><a/></x>"), *PARTS)
    assert parts.text("b") == "1"
    assert code(reading.any_order, etree.fromstring("<x><b/><b/><a/></x>"), *PARTS) == 4000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-01T12:00:00Z", "2026-07-01T12:00:00+00:00"),
        ("2026-07-01T12:00:00+02:00", "2026-07-01T10:00:00+00:00"),
        ("2026-07-01T12:00:00", "2026-07-01T12:00:00+00:00"),
    ],
)
def test_instants(text: str, expected: str) -> None:
    element = etree.Element("t")
    element.text = text
    assert reading.instant(element).isoformat() == expected


@pytest.mark.parametrize("text", ["", "2026-07-01", "gestern", "0001-01-01T00:00:00+14:00"])
def test_no_instants(text: str) -> None:
    element = etree.Element("t")
    element.text = text
    assert code(reading.instant, element) == 4000


@given(st.binary(max_size=40))
def test_der_sequence(content: bytes) -> None:
    length = len(content)
    assert is_der_sequence(b"\x30" + bytes([length]) + content)
    assert not is_der_sequence(b"\x30" + bytes([length]) + content + b"x")
    assert not is_der_sequence(b"\x31" + bytes([length]) + content)


def test_documents_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    def stack() -> list[documents.Document]:
        xml = (
            '<d xmlns:dss="urn:oasis:names:tc:dss:1.0:core:schema">'
            "<dss:Base64Data>eHh4eA==</dss:Base64Data></d>"
        )
        return [documents.read_document(etree.fromstring(xml)) for _ in range(3)]

    call: Any = None  # for documents as small as these no thread is asked for
    monkeypatch.setattr(documents.document, "MAX_STACK", 12)
    assert asyncio.run(documents.take_all(call, stack())) == [b"xxxx"] * 3
    monkeypatch.setattr(documents.document, "MAX_STACK", 11)
    with pytest.raises(KonnektorFault, match=r"^4283"):
        asyncio.run(documents.take_all(call, stack()))


def test_cms_attribute_that_is_none() -> None:
    dss = "urn:oasis:names:tc:dss:1.0:core:schema"
    entry = etree.fromstring(
        f"<Property xmlns='{dss}'><Identifier>x</Identifier>"
        "<Value><CMSAttribute xmlns=''>AAAA</CMSAttribute></Value></Property>"
    )
    assert code(read_cms_attributes, [entry]) == 4000


def test_catalogue_holds_every_code_with_a_source() -> None:
    entries = catalogue()
    assert len(entries) > 200
    assert all(entry.source and entry.text for entry in entries.values())
    assert {entry.severity for entry in entries.values()} == {"Error", "Warning", "Fatal"}
    assert {entry.error_type for entry in entries.values()} == {"Technical", "Security"}


def test_every_code_raised_is_in_the_catalogue() -> None:
    from simulators.konnektor.faults import Code

    assert {int(known) for known in Code} <= set(catalogue())


def test_placeholders_are_filled() -> None:
    assert trace(4209, value="EGK").text.startswith("Kartentyp EGK wird")
    assert trace(4258, value="h").text.endswith(": h")
    assert trace(12345, text="Eigen").code == 12345


def test_catalogue_agrees_with_the_specification(spec: Any) -> None:
    import csv

    with spec("konnektor-faults.csv").open(encoding="utf-8") as file:
        given_rows = list(csv.DictReader(file))
    texts: dict[int, set[str]] = {}
    for row in given_rows:
        texts.setdefault(int(row["code"]), set()).add(row["text"])
    entries = catalogue()
    assert set(texts) <= set(entries)
    # a few texts are broken or carry remarks in the table; the others agree to the letter
    differing = {number for number in texts if entries[number].text not in texts[number]}
    assert differing <= {4018, 4024, 4041, 4104, 4110, 4147, 4179, 4180, 4233, 4259, 4279}
