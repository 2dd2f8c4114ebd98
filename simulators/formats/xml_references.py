"""What the references of an XML signature mean: same-document ids, transforms, digests.

Nothing is fetched. Two elements of one id, the means of signature wrapping, resolve to none.
"""

from __future__ import annotations

import binascii
import hmac
from dataclasses import dataclass
from typing import Final

from lxml import etree

from . import xml_algorithms
from .errors import FormatError
from .xades import DS
from .xml_algorithms import BASE64, ENVELOPED, INCLUSIVE, WITH_COMMENTS
from .xml_canonical import Budget, Element, TooComplex, Tree, canonical, is_known, parse, without

MAX_REFERENCES: Final = 64
MAX_TRANSFORMS: Final = 10
MANIFEST_TYPE: Final = DS + "Manifest"
_ID_NAMES: Final = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")
_WHITE: Final = b" \t\r\n"


@dataclass(frozen=True)
class Detached:
    """The document that a detached signature stands beside, and how it is called."""

    content: bytes
    uri: str | None = None


@dataclass(frozen=True)
class Reference:
    """A ds:Reference; ``target``: the element of the same document that it means, if any.

    ``problem``: why it could not be computed at all.
    """

    uri: str | None
    kind: str | None
    digest_method: str
    digest: bytes
    holds: bool
    target: Element | None
    problem: str | None


class References:
    """Resolves the references of one document's signatures; all of them share a budget.

    *size*: how many bytes were read, of the document and of the detached one.
    """

    def __init__(self, root: Element, detached: Detached | None, size: int) -> None:
        self._root = root
        self._detached = detached
        self._budget = Budget(size)
        self._ids: dict[str, list[Element]] = {}
        for element in root.iter("*"):
            for name in _ID_NAMES:
                value = element.get(name)
                if value is not None:
                    self._ids.setdefault(value, []).append(element)

    def read_all(self, parent: Element, signature: Element) -> tuple[Reference, ...]:
        """Read and compute the ds:Reference children of SignedInfo or of a Manifest.

        Raises TooComplex, and FormatError for a reference that is none.
        """
        found = parent.findall(f"{{{DS}}}Reference")
        if not found:
            raise FormatError("nothing is signed")
        if len(found) > MAX_REFERENCES:
            raise TooComplex(f"more than {MAX_REFERENCES} references")
        return tuple(self._read(element, signature) for element in found)

    def _read(self, element: Element, signature: Element) -> Reference:
        method = required(element, f"{{{DS}}}DigestMethod").get("Algorithm", "")
        expected = binary(required(element, f"{{{DS}}}DigestValue"))
        uri = element.get("URI")
        target = self._target(uri)
        holds, problem = False, None
        try:
            octets = self._octets(element, uri, target, signature)
            holds = hmac.compare_digest(xml_algorithms.digest(method, octets), expected)
        except TooComplex:
            raise
        except FormatError as error:
            problem = str(error)
        return Reference(uri, element.get("Type"), method, expected, holds, target, problem)

    def _target(self, uri: str | None) -> Element | None:
        """Return the one element that the URI means; None for another document, or for none."""
        if uri == "":
            return self._root
        if uri is None or not uri.startswith("#"):
            return None
        named = self._ids.get(uri[1:], [])
        return named[0] if len(named) == 1 else None

    def _octets(
        self, element: Element, uri: str | None, target: Element | None, signature: Element
    ) -> bytes:
        steps = element.findall(f"{{{DS}}}Transforms/{{{DS}}}Transform")
        if len(steps) > MAX_TRANSFORMS:
            raise TooComplex(f"more than {MAX_TRANSFORMS} transforms")
        if target is None:
            return _transformed(self._beside(uri), steps, self._budget)
        if any(step.get("Algorithm") == ENVELOPED for step in steps):
            target = without(signature, target)
        whole = target.getparent() is None
        node = target.getroottree() if whole else target
        return _transformed(node, steps, self._budget)

    def _beside(self, uri: str | None) -> bytes:
        """Return the detached document. Raises FormatError when the URI means something else."""
        if uri is not None and uri.startswith("#"):
            raise FormatError("no element, or several, have the id")
        if self._detached is None or uri not in (None, self._detached.uri):
            raise FormatError("the document that is referred to is not there")
        return self._detached.content


def required(parent: Element, name: str) -> Element:
    """Return the one child *name* of *parent*. Raises FormatError."""
    found = parent.findall(name)
    if len(found) != 1:
        raise FormatError(f"not exactly one {name.rpartition('}')[2]}")
    return found[0]


def binary(element: Element) -> bytes:
    """Return the bytes of a Base64 element. Raises FormatError."""
    return _decoded((element.text or "").encode())


def _decoded(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text.translate(None, _WHITE), strict_mode=True)
    except binascii.Error:
        raise FormatError("no Base64") from None


def _transformed(state: bytes | Element | Tree, steps: list[Element], budget: Budget) -> bytes:
    """Run the transforms, each paid for; a same-document reference never includes comments."""
    same_document = not isinstance(state, bytes)
    for step in steps:
        algorithm = step.get("Algorithm", "")
        if algorithm == ENVELOPED:
            if not same_document:
                raise FormatError("a detached document envelops no signature")
        elif algorithm == BASE64:
            state = budget.take(_decoded(_text(state)))
        elif is_known(algorithm):
            if same_document and algorithm.endswith(WITH_COMMENTS):
                algorithm = algorithm.removesuffix(WITH_COMMENTS)
                algorithm = INCLUSIVE if algorithm == f"{INCLUSIVE}#" else algorithm
            node = parse(state).getroottree() if isinstance(state, bytes) else state
            state = budget.take(canonical(node, algorithm, _prefixes(step)))
        else:
            raise FormatError("the transform is not supported")
    if not isinstance(state, bytes):
        return budget.take(canonical(state, INCLUSIVE))
    return state if steps else budget.take(state)


def _text(state: bytes | Element | Tree) -> bytes:
    if isinstance(state, bytes):
        return state
    element = state if isinstance(state, Element) else state.getroot()
    return "".join(str(piece) for piece in element.itertext(etree.Element)).encode()


def _prefixes(step: Element) -> tuple[str, ...]:
    for child in step:
        if str(child.tag).endswith("}InclusiveNamespaces"):
            return tuple(child.get("PrefixList", "").split())
    return ()
