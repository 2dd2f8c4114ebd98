"""What an XML document may hold and how large it may be (TAB_KON_890, TAB_KON_891).

One pass of a streaming parser: no tree is built, no entity expanded, and reading ends at the
first rule that is broken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat

from simulators.formats.errors import FormatError
from simulators.formats.xml_encoding import in_utf8

from ..faults import Code, KonnektorFault, fault

MAX_DEPTH, MAX_ELEMENTS, MAX_ATTRIBUTES, MAX_CHILDREN, MAX_NAME = 30, 30_000, 20, 50, 200
MAX_TRANSFORMS, MAX_TRANSFORMS_OF_REFERENCE = 64, 10
MAX_NODE = 30 << 20
"""Bytes of a text node in UTF-8."""
MAX_NAMESPACES = 30_000
"""Declarations of namespaces in all, for which the specification has no bound."""

_XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
_TRANSFORM, _REFERENCE = f"{_XMLDSIG} Transform", f"{_XMLDSIG} Reference"
_XINCLUDE = "http://www.w3.org/2001/XInclude "
_FORBIDDEN_TRANSFORMS = frozenset(
    (
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
    )
)
# A parser builds all attributes of an element before it can be asked how many there are.
_CROWDED = re.compile(
    rb"<[^\s<>/!?\"'=]++(?:\s++[^\s<>=\"']++\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+')){1000}"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that keeps the rules, in UTF-8, and where its outermost element stands in it."""

    utf8: bytes
    begin: int
    end: int

    @property
    def root(self) -> memoryview:
        """The outermost element as it is written, in UTF-8."""
        return memoryview(self.utf8)[self.begin : self.end]

    def with_root(self, replacement: bytes) -> bytes:
        """Return the document with another root element; around it nothing changes."""
        view = memoryview(self.utf8)
        return b"".join((view[: self.begin], replacement, view[self.end :]))


def check_xml(content: bytes) -> Checked:
    """Hold an XML document against TAB_KON_890 and TAB_KON_891.

    Where a document refers to a schema (``schemaLocation``) plays no part (A_22923). Faults: 4281
    for a DTD (there entities are declared, and an external one nobody sees), XInclude, xpointer,
    XPath and XSLT transforms; 4280 for its dimensions; 4022 when it is not well-formed.
    """
    try:
        utf8 = in_utf8(content)
    except FormatError as error:
        raise fault(Code.XML_NOT_WELL_FORMED, str(error)) from None
    if _CROWDED.search(utf8):
        raise fault(Code.DIMENSIONS, f"ein Element hat mehr als {MAX_ATTRIBUTES} Attribute")
    return _Pass(measures_nodes=len(utf8) > MAX_NODE).read(utf8)


class _Pass:
    """The state of one pass over a document.

    ``children`` counts for each open element how many it has. Names are those of expat with
    namespaces: name of the namespace, a space, local name.
    """

    def __init__(self, *, measures_nodes: bool) -> None:
        self._children = [0]
        self._elements = self._namespaces = self._transforms = self._of_reference = self._node = 0
        self._begin = self._end = 0
        self._parser = parser = expat.ParserCreate("utf-8", " ")
        parser.StartDoctypeDeclHandler = _refuse_dtd
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._close
        parser.StartNamespaceDeclHandler = self._namespace
        if measures_nodes:
            parser.CharacterDataHandler = self._text

    def read(self, utf8: bytes) -> Checked:
        """Read the whole document at once: a tag that comes in pieces is read again and again."""
        try:
            self._parser.Parse(utf8, True)
        except KonnektorFault:
            raise
        except (expat.ExpatError, ValueError):
            raise fault(Code.XML_NOT_WELL_FORMED) from None
        end = self._end
        if utf8.startswith(b"</", end):  # else the root is empty, and ends where its tag does
            end = utf8.index(b">", end) + 1
        return Checked(utf8, self._begin, end)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        open_elements = self._children
        if len(open_elements) == 1:
            self._begin = self._parser.CurrentByteIndex
        self._elements += 1
        self._node = 0
        open_elements[-1] += 1
        if self._elements > MAX_ELEMENTS:
            raise _too(f"mehr als {MAX_ELEMENTS} Elemente")
        if open_elements[-1] > MAX_CHILDREN:
            raise _too(f"ein Element hat mehr als {MAX_CHILDREN} Kinder")
        if len(open_elements) > MAX_DEPTH:
            raise _too(f"tiefer als {MAX_DEPTH} Ebenen")
        if len(name) - name.find(" ") - 1 > MAX_NAME:
            raise _too(f"ein Name ist länger als {MAX_NAME} Zeichen")
        open_elements.append(0)
        if name.startswith(_XINCLUDE):
            raise fault(Code.FORBIDDEN_CONTENT, "XInclude")
        if attributes:
            _check_attributes(attributes)
        if name == _TRANSFORM:
            self._transform(attributes)
        elif name == _REFERENCE:
            self._of_reference = 0

    def _transform(self, attributes: Mapping[str, str]) -> None:
        self._transforms += 1
        self._of_reference += 1
        if attributes.get("Algorithm", "").strip() in _FORBIDDEN_TRANSFORMS:
            raise fault(Code.FORBIDDEN_CONTENT, "Transformation mit XPath oder XSLT")
        if self._transforms > MAX_TRANSFORMS:
            raise _too(f"mehr als {MAX_TRANSFORMS} Transformationen")
        if self._of_reference > MAX_TRANSFORMS_OF_REFERENCE:
            raise _too(f"eine Referenz hat mehr als {MAX_TRANSFORMS_OF_REFERENCE} Transformationen")

    def _close(self, name: str) -> None:
        self._children.pop()
        self._node = 0
        if name == _REFERENCE:
            self._of_reference = 0
        if len(self._children) == 1:
            self._end = self._parser.CurrentByteIndex

    def _namespace(self, _prefix: str | None, _uri: str | None) -> None:
        self._namespaces += 1
        if self._namespaces > MAX_NAMESPACES:
            raise _too(f"mehr als {MAX_NAMESPACES} Namensräume")

    def _text(self, text: str) -> None:
        self._node += len(text.encode("utf-8"))
        if self._node > MAX_NODE:
            raise _too(f"ein Textknoten hat mehr als {MAX_NODE} Bytes")


def _check_attributes(attributes: Mapping[str, str]) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        raise _too(f"ein Element hat mehr als {MAX_ATTRIBUTES} Attribute")
    for name, value in attributes.items():
        if len(name) - name.find(" ") - 1 > MAX_NAME:
            raise _too(f"ein Name ist länger als {MAX_NAME} Zeichen")
        if "xpointer(" in value:
            raise fault(Code.FORBIDDEN_CONTENT, "xpointer")


def _refuse_dtd(*_: object) -> None:
    raise fault(Code.FORBIDDEN_CONTENT, "DTD")


def _too(reason: str) -> KonnektorFault:
    return fault(Code.DIMENSIONS, reason)
