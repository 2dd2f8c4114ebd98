"""Envelopes of any form end in a fault or in one element; faults are read back as written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from simulators.konnektor.faults import Code, KonnektorFault, fault
from simulators.konnektor.services import all_services
from simulators.konnektor.soap import reading, soap_action
from simulators.konnektor.soap.routing import encode, encode_fault, split_envelope

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
NAMES = st.sampled_from(["Envelope", "Header", "Body", "Fault", "GetCards", "x"])
SPACES = st.sampled_from([SOAP, "http://www.w3.org/2003/05/soap-envelope", "urn:x", ""])
TEXTS = st.text(alphabet="aé😀 <>&'\"\n\t", max_size=12)


def element(children: Any) -> Any:
    return st.tuples(SPACES, NAMES, TEXTS, children, st.booleans())


TREES = st.recursive(
    element(st.just([])), lambda inner: element(st.lists(inner, max_size=3)), max_leaves=8
)


def build(tree: Any) -> etree._Element:
    namespace, local, text, children, understand = tree
    made = etree.Element(etree.QName(namespace or None, local))
    made.text = text
    if understand:
        made.set(f"{{{SOAP}}}mustUnderstand", "1")
    for child in children:
        made.append(build(child))
    return made


def shape(found: etree._Element) -> Any:
    """Return names, texts and attributes of an element and all below it, whatever its prefixes."""
    return found.tag, found.text or "", dict(found.attrib), [shape(child) for child in found]


def read(body: bytes) -> etree._Element | None:
    """Return the body's element, None for the fault 4000; nothing else may happen."""
    try:
        return split_envelope(reading.parse(body))
    except KonnektorFault as raised:
        if raised.trace.code != Code.SYNTAX:
            raise
        return None


@given(TREES, st.sampled_from(["utf-8", "us-ascii", "utf-16", "iso-8859-1"]))
def test_any_tree_in_any_encoding(tree: Any, encoding: str) -> None:
    root = build(tree)
    body = read(etree.tostring(root, encoding=encoding))
    if body is not None:
        assert root.tag == f"{{{SOAP}}}Envelope"
        assert encoding in ("utf-8", "us-ascii")
        assert len(root[-1]) == 1
        assert shape(body) == shape(root[-1][0])


GOOD = encode(etree.fromstring('<e:GetCards xmlns:e="urn:e" a="1">text</e:GetCards>'))


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=3), st.integers(0, 4))
def test_a_good_one_broken_anywhere(position: int, replacement: bytes, removed: int) -> None:
    read(GOOD[:position] + replacement + GOOD[position + removed :])


@given(TREES)
def test_what_is_written_is_read(tree: Any) -> None:
    answer = build(tree)
    written = shape(answer)
    body = read(encode(answer))
    assert body is not None
    assert shape(body) == written


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0xD7FF), max_size=40))
def test_faults_carry_any_text(text: str) -> None:
    raised = fault(Code.SYNTAX, text)
    body = read(encode_fault(raised, etree.Element("Error")))
    assert body is not None
    assert body.tag == f"{{{SOAP}}}Fault"
    assert [child.tag for child in body] == ["faultcode", "faultstring", "detail"]
    assert body.findtext("faultstring") == raised.trace.text


def service(name: str) -> Any:
    return next(entry for entry in all_services() if entry.name == name)


@pytest.mark.parametrize(
    ("header", "wrong"),
    [
        ('"http://ws.gematik.de/conn/EventService/v7.2#GetCards"', False),
        ("http://ws.gematik.de/conn/EventService/v7.2#GetCards", False),
        (' "http://ws.gematik.de/conn/EventService/v7.2#GetCards" ', False),
        ('"http://ws.gematik.de/conn/EventService/v7.2#GetCardTerminals"', True),
        ('"http://ws.gematik.de/conn/EventService/v7.1#GetCards"', True),
        ('"', True),
        ('""', True),
        ("", True),
        (None, True),
    ],
)
def test_soap_action(header: str | None, wrong: bool) -> None:
    assert (soap_action.mistake(header, service("EventService"), "GetCards") is not None) == wrong


def test_soap_action_of_decrypt_document() -> None:
    for path in ("conn/crypt/EncryptionService", "conn/EncryptionService"):
        header = f'"http://ws.gematik.de/{path}/v6.1#DecryptDocument"'
        encryption = service("EncryptionService")
        assert soap_action.mistake(header, encryption, "DecryptDocument") is None
        assert soap_action.mistake(header, encryption, "EncryptDocument") is not None
