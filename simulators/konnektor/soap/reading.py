"""Reading requests: XML without entities and within bounds, elements as the schemas have them."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from ..faults import Code, KonnektorFault, fault
from . import deviations
from .deviations import Deviations

MAX_ENVELOPE = 40 << 20
MAX_DEPTH = 40
MAX_MARKS = 120_000
_HUGE_TEXT = 9 << 20  # libxml2 refuses text nodes of 10 MB unless told otherwise
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_WHITE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"

Element = etree._Element


def parse(body: bytes) -> Element:
    """Parse *body* as an XML document without DTD, entities and network (A_15606: UTF-8 only).

    Raises the fault 4000 when it is not well-formed, not UTF-8, has a DTD, or has more markup
    or deeper nesting than any message of the Konnektor.
    """
    if body.count(b"<") + body.count(b'"') + body.count(b"'") > MAX_MARKS:
        raise fault(Code.SYNTAX, "zu viele Elemente oder Attribute")
    if b"<!DOCTYPE" in body:
        raise fault(Code.SYNTAX, "eine DTD ist nicht erlaubt")
    content = body.removeprefix(_BOM)
    declared = _DECLARED.match(content)
    if declared and declared.group(1).lower() not in (b"utf-8", b"us-ascii"):
        raise fault(Code.SYNTAX, "nur UTF-8 ist erlaubt")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=len(body) > _HUGE_TEXT,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise fault(Code.SYNTAX, f"kein wohlgeformtes XML: {error}"[:300]) from None
    if depth_of(root) > MAX_DEPTH:
        raise fault(Code.SYNTAX, f"tiefer geschachtelt als {MAX_DEPTH} Ebenen")
    return root


def depth_of(root: Element) -> int:
    """Return how many levels of elements *root* has, itself included; counts no further than
    one beyond ``MAX_DEPTH``.
    """
    level: list[Element] = [root]
    depth = 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [child for element in level for child in element]
    return depth


@dataclass(frozen=True, slots=True)
class Part:
    """A child that a schema allows: its expanded name and how often it may stand."""

    name: str
    least: int = 1
    most: int | None = 1

    def allows(self, count: int) -> bool:
        """Whether the schema lets it stand *count* times."""
        return self.least <= count and (self.most is None or count <= self.most)


def required(name: str) -> Part:
    """Return a part that stands exactly once."""
    return Part(name)


def optional(name: str) -> Part:
    """Return a part that stands at most once."""
    return Part(name, 0)


def several(name: str, least: int = 1) -> Part:
    """Return a part that stands *least* times or more."""
    return Part(name, least, None)


class Parts:
    """The children of an element that fits its schema, by name."""

    __slots__ = ("_children", "element")

    def __init__(self, element: Element, children: dict[str, list[Element]]) -> None:
        self.element = element
        self._children = children

    def one(self, name: str) -> Element:
        """Return the child *name*, which the schema requires."""
        return self._children[name][0]

    def maybe(self, name: str) -> Element | None:
        """Return the child *name*, or None."""
        found = self._children.get(name)
        return found[0] if found else None

    def all(self, name: str) -> list[Element]:
        """Return the children *name*."""
        return self._children.get(name, [])

    def text(self, name: str) -> str | None:
        """Return the text of the child *name* without white space around it, or None."""
        found = self.maybe(name)
        return None if found is None else text_of(found)


def sequence(element: Element, *parts: Part) -> Parts:
    """Read children that must stand in the order of *parts*; fault 4000 when they do not.

    A make that swallows callers' mistakes reads them in another order too, and passes over those
    that the schema does not have.
    """
    try:
        return _in_order(element, parts)
    except KonnektorFault:
        tolerant = deviations.current()
        if tolerant is None or not _is_tolerable(element, parts, tolerant):
            raise
    return _by_name(element, parts)


def _in_order(element: Element, parts: Sequence[Part]) -> Parts:
    children: dict[str, list[Element]] = {}
    remaining = list(element)
    position = 0
    for part in parts:
        found: list[Element] = []
        while position < len(remaining) and remaining[position].tag == part.name:
            found.append(remaining[position])
            position += 1
        _count(element, part, len(found))
        children[part.name] = found
    if position < len(remaining):
        raise _unexpected(element, remaining[position])
    return Parts(element, children)


def any_order(element: Element, *parts: Part) -> Parts:
    """Read children that may stand in any order (xs:all); fault 4000 when one does not fit.

    A make that swallows callers' mistakes passes over children that the schema does not have.
    """
    stranger = _stranger(element, parts)
    if stranger is not None:
        tolerant = deviations.current()
        if tolerant is None or not _swallows_strangers(element, stranger, tolerant):
            raise _unexpected(element, stranger)
    return _by_name(element, parts)


def _by_name(element: Element, parts: Sequence[Part]) -> Parts:
    """Return the children that *parts* name, wherever they stand; fault 4000 for their number."""
    children: dict[str, list[Element]] = {part.name: [] for part in parts}
    for child in element:
        if child.tag in children:
            children[child.tag].append(child)
    for part in parts:
        _count(element, part, len(children[part.name]))
    return Parts(element, children)


def _is_tolerable(element: Element, parts: Sequence[Part], tolerant: Deviations) -> bool:
    """Whether *tolerant* swallows all that is wrong with the children of *element*.

    How often an element stands is never swallowed: what is missing cannot be made up.
    """
    position = {part.name: index for index, part in enumerate(parts)}
    known = [position[child.tag] for child in element if child.tag in position]
    if any(not part.allows(known.count(index)) for index, part in enumerate(parts)):
        return False
    stranger = _stranger(element, parts)
    if stranger is not None and not _swallows_strangers(element, stranger, tolerant):
        return False
    return known == sorted(known) or tolerant.swallow("element_order", local_name(element))


def _stranger(element: Element, parts: Sequence[Part]) -> Element | None:
    """Return the first child that none of *parts* names."""
    names = {part.name for part in parts}
    return next((child for child in element if child.tag not in names), None)


def _swallows_strangers(element: Element, stranger: Element, tolerant: Deviations) -> bool:
    told = f"{local_name(stranger)} in {local_name(element)}"
    return tolerant.swallow("unknown_elements", told)


def _count(parent: Element, part: Part, count: int) -> None:
    if count < part.least:
        raise fault(
            Code.SYNTAX, f"{local_name(parent)}: {part.name.rpartition('}')[2]} fehlt an der Stelle"
        )
    if part.most is not None and count > part.most:
        raise fault(
            Code.SYNTAX, f"{local_name(parent)}: {part.name.rpartition('}')[2]} steht mehrfach"
        )


def _unexpected(parent: Element, child: Element) -> KonnektorFault:
    return fault(Code.SYNTAX, f"{local_name(parent)}: {child.tag!s:.120} ist hier nicht erlaubt")


def local_name(element: Element) -> str:
    """Return the name of *element* without its namespace."""
    return str(element.tag).rpartition("}")[2]


def text_of(element: Element) -> str:
    """Return the text of *element* without white space around it; fault 4000 if it has children."""
    if len(element):
        raise fault(Code.SYNTAX, f"{local_name(element)}: nur Text ist erlaubt")
    return (element.text or "").strip()


def bounded(element: Element, most: int) -> str:
    """Return the text of *element*; fault 4000 when it is longer than *most* characters."""
    text = text_of(element)
    if len(text) > most:
        raise fault(Code.SYNTAX, f"{local_name(element)}: länger als {most} Zeichen")
    return text


def choice(element: Element, allowed: Iterable[str]) -> str:
    """Return the text of *element*, which must be one of *allowed*; fault 4000 otherwise."""
    text = text_of(element)
    values = tuple(allowed)
    if text not in values:
        raise fault(
            Code.SYNTAX, f"{local_name(element)}: {text!r:.60} ist keiner von {', '.join(values)}"
        )
    return text


def whole_number(element: Element, *, least: int) -> int:
    """Return the number in *element*, at least *least*, of ten digits at most; fault 4000 for
    anything else.
    """
    text = bounded(element, 10)
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        where = local_name(element)
        raise fault(Code.SYNTAX, f"{where}: {text!r} ist keine Zahl ab {least}")
    return int(text)


def boolean(text: str, where: str) -> bool:
    """Return *text* as xs:boolean; fault 4000 when it is none."""
    match text.strip():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
    raise fault(Code.SYNTAX, f"{where}: {text!r:.40} ist kein xs:boolean")


def instant(element: Element) -> datetime:
    """Return xs:dateTime as a time with zone (UTC when it names none); fault 4000 if it is none."""
    text = text_of(element)
    try:
        moment = datetime.fromisoformat(text)
        if "T" not in text:
            raise ValueError
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise fault(
            Code.SYNTAX, f"{local_name(element)}: {text!r:.40} ist kein xs:dateTime"
        ) from None


def binary(element: Element) -> bytes:
    """Return the bytes of xs:base64Binary; fault 4000 when it is none."""
    if len(element):
        raise fault(Code.SYNTAX, f"{local_name(element)}: nur Base64 ist erlaubt")
    return decoded(element.text or "", local_name(element))


def decoded(text: str, where: str) -> bytes:
    """Return the bytes of *text* in Base64, white space anywhere; fault 4000 when it is none."""
    try:
        if len(text) % 4 == 0:  # binascii lets a superfluous "=" pass
            return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        pass  # with white space, as a rule; what comes in one line is not copied for it
    try:
        packed = text.encode("ascii").translate(None, _WHITE)
        if len(packed) % 4:
            raise binascii.Error
        return binascii.a2b_base64(packed, strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        raise fault(Code.SYNTAX, f"{where}: kein Base64") from None


def empty(tag: str) -> Element:
    """Return an element without content, to read where an optional one is missing."""
    return etree.Element(tag)
