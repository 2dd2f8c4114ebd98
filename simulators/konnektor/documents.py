"""Documents in requests: their form, their bounds, what XML may not hold (4280, 4281, 4283)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lxml import etree

from simulators.process.role import Process

from .faults import Code, fault
from .soap import reading
from .soap.namespaces import CONN, DSS, name
from .soap.reading import Element

MAX_DOCUMENT = 26_214_400
MAX_STACK = 250 << 20
_LARGE = 64 << 10
MAX_XML_DEPTH, MAX_XML_ELEMENTS, MAX_XML_ATTRIBUTES = 30, 30_000, 20
MAX_XML_CHILDREN, MAX_XML_NAME = 50, 200

Kind = Literal["xml", "pdf", "text", "tiff", "mime", "binary"]

_BASE64_XML, _BASE64_DATA = name(CONN, "Base64XML"), name(DSS, "Base64Data")
_KINDS: dict[str, Kind] = {
    "application/pdf-a": "pdf",
    "application/pdf": "pdf",
    "text/plain": "text",
    "text/xml": "xml",
    "application/xml": "xml",
    "application/fhir+xml": "xml",
    "image/tiff": "tiff",
    "message/rfc822": "mime",
    "multipart/mixed": "mime",
}
_FORBIDDEN = re.compile(
    rb"<!ENTITY|<!DOCTYPE|http://www\.w3\.org/2001/XInclude|xpointer\("
    rb"|http://www\.w3\.org/TR/1999/REC-xpath-19991116|http://www\.w3\.org/TR/1999/REC-xslt-19991116",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Document:
    """A document as the request holds it; ``take`` decodes it, which may take long."""

    kind: Kind
    mime_type: str | None
    is_xml_element: bool
    short_text: str | None
    _element: Element

    @property
    def encoded_size(self) -> int:
        """How many characters its Base64 has."""
        return len(self._element.text or "")

    def take(self) -> bytes:
        """Return the bytes of the document, untouched, and let the request's copy go.

        Faults: 4000 no Base64, 4022 not well-formed, 4280 beyond the bounds for XML, 4281
        forbidden content, 4283 too large.
        """
        content = reading.binary(self._element)
        self._element.text = None
        if len(content) > MAX_DOCUMENT:
            raise fault(Code.DOCUMENT_TOO_LARGE)
        if self.is_xml_element:
            check_xml(content)
        return content


async def take_all(process: Process[Any], documents: Sequence[Document]) -> list[bytes]:
    """Return the bytes of *documents*; large ones are decoded in a thread.

    Faults: those of ``Document.take``, and 4283 for more than 250 MB in all.
    """

    def decode() -> list[bytes]:
        contents: list[bytes] = []
        remaining = MAX_STACK
        for document in documents:
            contents.append(document.take())
            remaining -= len(contents[-1])
            if remaining < 0:
                raise fault(Code.DOCUMENT_TOO_LARGE, f"zusammen mehr als {MAX_STACK} Bytes")
        return contents

    if sum(document.encoded_size for document in documents) > _LARGE:
        return await process.in_thread(decode)
    return decode()


def read_document(element: Element, *, signature: bool = False) -> Document:
    """Read CONN:Document or SIG:Document; only the latter may have a ShortText.

    Faults: 4000, and 4283 for a document that is too large to be decoded.
    """
    if len(element) != 1 or element[0].tag not in (_BASE64_XML, _BASE64_DATA):
        raise fault(
            Code.SYNTAX, f"{reading.local_name(element)}: erwartet wird Base64XML oder Base64Data"
        )
    data = element[0]
    if len(data.text or "") > MAX_DOCUMENT * 3 // 2:
        raise fault(Code.DOCUMENT_TOO_LARGE)
    is_xml = data.tag == _BASE64_XML
    mime_type = None if is_xml else data.get("MimeType")
    media = (mime_type or "").partition(";")[0].strip().lower()
    kind: Kind = "xml" if is_xml else _KINDS.get(media, "binary")
    short_text = element.get("ShortText") if signature else None
    return Document(kind, mime_type, is_xml, short_text, data)


def check_xml(content: bytes) -> None:
    """Hold an XML document against TAB_KON_890 and TAB_KON_891.

    Faults: 4281 for entities, XInclude, xpointer, XPath and XSLT, 4280 for its dimensions, 4022
    when it is not well-formed.
    """
    if _FORBIDDEN.search(content):
        raise fault(Code.FORBIDDEN_CONTENT)
    if content.count(b"<") > 2 * MAX_XML_ELEMENTS + 1000:
        raise fault(Code.DIMENSIONS, f"mehr als {MAX_XML_ELEMENTS} Elemente")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise fault(Code.XML_NOT_WELL_FORMED) from None
    if reading.depth_of(root) > MAX_XML_DEPTH:
        raise fault(Code.DIMENSIONS, f"tiefer als {MAX_XML_DEPTH} Ebenen")
    for count, element in enumerate(root.iter("*"), start=1):
        if count > MAX_XML_ELEMENTS:
            raise fault(Code.DIMENSIONS, f"mehr als {MAX_XML_ELEMENTS} Elemente")
        if len(element) > MAX_XML_CHILDREN or len(element.attrib) > MAX_XML_ATTRIBUTES:
            raise fault(
                Code.DIMENSIONS,
                f"{reading.local_name(element):.80}: zu viele Kinder oder Attribute",
            )
        if len(reading.local_name(element)) > MAX_XML_NAME:
            raise fault(Code.DIMENSIONS, "ein Name ist zu lang")


def read_cms_attributes(property_elements: list[Element]) -> list[bytes]:
    """Return the DER attributes of ``Value/CMSAttribute`` in dss:Property elements, in order.

    No official schema declares CMSAttribute: it is read with any namespace and with none.
    Fault 4000 for one that is no Base64 or no DER SEQUENCE.
    """
    attributes: list[bytes] = []
    for entry in property_elements:
        parts = reading.sequence(
            entry,
            reading.required(name(DSS, "Identifier")),
            reading.optional(name(DSS, "Value")),
        )
        value = parts.maybe(name(DSS, "Value"))
        for child in value if value is not None else ():
            if reading.local_name(child) != "CMSAttribute":
                continue
            encoded = reading.binary(child)
            if not is_der_sequence(encoded):
                raise fault(Code.SYNTAX, "CMSAttribute: kein DER-kodiertes Attribut")
            attributes.append(encoded)
    return attributes


def is_der_sequence(content: bytes) -> bool:
    """Whether *content* is exactly one SEQUENCE with a definite length."""
    if len(content) < 2 or content[0] != 0x30:
        return False
    first = content[1]
    if first < 0x80:
        return len(content) == 2 + first
    count = first & 0x7F
    if not 1 <= count <= 4 or len(content) < 2 + count:
        return False
    return len(content) == 2 + count + int.from_bytes(content[2 : 2 + count], "big")
