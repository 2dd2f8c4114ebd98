"""Canonical XML as XML signatures need it, within a budget."""

from __future__ import annotations

from copy import deepcopy
from typing import Final

from lxml import etree

from .errors import FormatError, UnknownAlgorithm
from .xml_algorithms import EXCLUSIVE, INCLUSIVE, INCLUSIVE_1_1, WITH_COMMENTS
from .xml_encoding import in_utf8

Element = etree._Element
Tree = etree._ElementTree

MIN_CANONICAL: Final = 64 << 20
MAX_TIMES: Final = 24
"""How often a large document may be canonicalised as a whole: 600 MB of one with 25 MB."""
_XML = "{http://www.w3.org/XML/1998/namespace}"
_KINDS: Final = frozenset((EXCLUSIVE, INCLUSIVE, INCLUSIVE_1_1))


class TooComplex(FormatError):
    """A signature asks for more references, transforms or octets than are computed."""


class Budget:
    """How many octets may still be canonicalised for one document, all its signatures together.

    Those of a document of *size* bytes: a small one is not to cost what a large one may.
    """

    def __init__(self, size: int) -> None:
        self._left = max(MIN_CANONICAL, MAX_TIMES * size)

    def take(self, octets: bytes) -> bytes:
        """Return *octets*, paid for. Raises TooComplex when nothing is left."""
        self._left -= len(octets)
        if self._left < 0:
            raise TooComplex("too much is signed too often")
        return octets


def parse(content: bytes) -> Element:
    """Parse a document without DTD, entities and network; bounds are the caller's.

    Raises FormatError when it is not well-formed.
    """
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True
    )
    try:
        return etree.fromstring(in_utf8(content), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise FormatError("not well-formed XML") from None


def octets(element: Element) -> bytes:
    """Return *element* as it is written, in UTF-8, with the namespaces that are in scope."""
    return etree.tostring(element, encoding="unicode", with_tail=False).encode()


def is_known(algorithm: str) -> bool:
    """Tell whether *algorithm* is a canonicalisation that is computed here."""
    return _split(algorithm)[0] in _KINDS


def canonical(
    node: Element | Tree, algorithm: str = EXCLUSIVE, prefixes: tuple[str, ...] = ()
) -> bytes:
    """Return *node* (a document, or one element with what is in it) in canonical form.

    *prefixes*: InclusiveNamespaces of the exclusive form. Raises UnknownAlgorithm.
    """
    kind, comments = _split(algorithm)
    if kind not in _KINDS:
        raise UnknownAlgorithm("the canonicalisation is not supported")
    exclusive = kind == EXCLUSIVE
    if isinstance(node, Element) and (prefixes or not exclusive):
        node = _apart(node, inherit=not exclusive, with_id=kind == INCLUSIVE)
    octets: bytes = etree.tostring(
        node,
        method="c14n",
        exclusive=exclusive,
        with_comments=comments,
        with_tail=False,
        inclusive_ns_prefixes=list(prefixes) if exclusive and prefixes else None,
    )
    return octets


def _split(algorithm: str) -> tuple[str, bool]:
    """Return the algorithm without comments, and whether comments stay."""
    if algorithm.endswith(WITH_COMMENTS):
        kind = algorithm.removesuffix(WITH_COMMENTS)
        return (kind if kind == EXCLUSIVE else kind.removesuffix("#")), True
    return algorithm, False


def _apart(element: Element, *, inherit: bool, with_id: bool) -> Element:
    """Return a copy of *element* as a root of its own, with the namespaces that are in scope.

    With *inherit* it has its ancestors' ``xml:`` attributes too, as the inclusive forms want
    (1.0 with xml:id, 1.1 without).
    """
    copy = parse(octets(element))
    if inherit:
        for ancestor in element.iterancestors():
            for name, value in ancestor.attrib.items():
                wanted = str(name).startswith(_XML) and (with_id or name != f"{_XML}id")
                if wanted and name not in copy.attrib:
                    copy.set(name, value)
    return copy


def without(element: Element, holder: Element) -> Element:
    """Return *holder*, in a copy of its document out of which *element* was taken.

    The text after *element* stays. A copy, for an element that is put back may change its
    prefixes. Raises FormatError unless *element* is inside *holder*.
    """
    if not any(above is holder for above in element.iterancestors()):
        raise FormatError("the signature is not enveloped in what it signs")
    root = deepcopy(element.getroottree()).getroot()
    taken, found = _same(root, element), _same(root, holder)
    parent, before = taken.getparent(), taken.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (taken.tail or "")
    elif parent is not None:
        parent.text = (parent.text or "") + (taken.tail or "")
    if parent is not None:
        taken.tail = None
        parent.remove(taken)
    return found


def _same(root: Element, element: Element) -> Element:
    """Return the element of the copied document *root* that *element* is in its own."""
    path = []
    parent = element.getparent()
    while parent is not None:
        path.append(parent.index(element))
        element, parent = parent, parent.getparent()
    for index in reversed(path):
        root = root[index]
    return root
