"""Documents as requests hold them: Base64XML or Base64Data, decoded when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..faults import Code, fault
from ..soap import reading
from ..soap.namespaces import CONN, DSS, name
from ..soap.reading import Element
from .xml_bounds import Checked, check_xml

if TYPE_CHECKING:
    from ..operation import Call

MAX_DOCUMENT = 26_214_400
"""Bytes of a document (4283)."""
MAX_STACK = 250 << 20
"""Bytes of all documents of a SignDocument."""
_MOST_ENCODED = MAX_DOCUMENT * 3 // 2  # Base64 with line ends
_LARGE = 64 << 10

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


@dataclass(eq=False)
class Document:
    """A document of a request, still in Base64; ``take`` decodes it, which may take long.

    ``is_xml_element``: it came as Base64XML, and only then it is held against the bounds for XML;
    ``checked`` is what that found.
    """

    kind: Kind
    mime_type: str | None
    is_xml_element: bool
    short_text: str | None
    _encoded: str
    checked: Checked | None = None

    @property
    def encoded_size(self) -> int:
        """How many characters its Base64 has; none after ``take``."""
        return len(self._encoded)

    def take(self, *, xml_rules: bool = True) -> bytes:
        """Return the bytes of the document, untouched, and let the request's copy go.

        Faults: 4000 no Base64, 4283 too large; with *xml_rules*, of XML, 4022 not well-formed,
        4280 beyond its bounds, 4281 forbidden content.
        """
        encoded, self._encoded = self._encoded, ""
        content = reading.decoded(encoded, "Base64XML" if self.is_xml_element else "Base64Data")
        if len(content) > MAX_DOCUMENT:
            raise fault(Code.DOCUMENT_TOO_LARGE)
        if xml_rules and self.is_xml_element:
            self.checked = check_xml(content)
        return content


async def take_all(
    call: Call, documents: Sequence[Document], *, xml_rules: bool = True
) -> list[bytes]:
    """Return the bytes of *documents*; large ones are decoded in a thread.

    Faults: those of ``Document.take``, and 4283 for more than 250 MB in all.
    """

    def decode() -> list[bytes]:
        contents: list[bytes] = []
        remaining = MAX_STACK
        for document in documents:
            contents.append(document.take(xml_rules=xml_rules))
            remaining -= len(contents[-1])
            if remaining < 0:
                raise fault(Code.DOCUMENT_TOO_LARGE, f"zusammen mehr als {MAX_STACK} Bytes")
        return contents

    if sum(document.encoded_size for document in documents) > _LARGE:
        return await call.in_thread(decode)
    return decode()


def read_document(element: Element, *, signature: bool = False) -> Document:
    """Read CONN:Document or SIG:Document; only the latter may have a ShortText.

    The Base64 leaves the tree: it is the bulk of the request and needed only once. Faults: 4000,
    and 4283 for a document that is too large to be decoded.
    """
    if len(element) != 1 or element[0].tag not in (_BASE64_XML, _BASE64_DATA):
        raise fault(
            Code.SYNTAX, f"{reading.local_name(element)}: erwartet wird Base64XML oder Base64Data"
        )
    data = element[0]
    if len(data):
        raise fault(Code.SYNTAX, f"{reading.local_name(data)}: nur Base64 ist erlaubt")
    encoded = data.text or ""
    data.text = None
    if len(encoded) > _MOST_ENCODED:
        raise fault(Code.DOCUMENT_TOO_LARGE)
    is_xml = data.tag == _BASE64_XML
    mime_type = None if is_xml else data.get("MimeType")
    media = (mime_type or "").partition(";")[0].strip().lower()
    kind: Kind = "xml" if is_xml else _KINDS.get(media, "binary")
    short_text = element.get("ShortText") if signature else None
    return Document(kind, mime_type, is_xml, short_text, encoded)
