"""BER and DER as views into a message that are taken apart where somebody looks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from ..errors import FormatError
from . import tags
from .canonical import is_der
from .writing import Buffer, encode, retag, set_of

MAX_BYTES: Final = 64 << 20
"""Larger than any KIM mail: 25 MiB is a Konnektor's limit for documents."""
MAX_DEPTH: Final = 40
MAX_ELEMENTS: Final = 1 << 18
"""Elements looked at in one message: 15 MiB in pieces of 1,000 bytes are 16,000."""
_MAX_NUMBER_BYTES = 64
_MAX_OID_BYTES = 64
_TIME = re.compile(rb"(\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")


class _Source:
    """The bytes of one message and how many elements may still be read from it."""

    __slots__ = ("left", "view")

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.left = MAX_ELEMENTS


class Element:
    """One element of a message: a tag and a place, taken apart when asked.

    ``tag`` is the identifier octet. Elements of indefinite length know their children from the
    beginning, for only these tell where they end.
    """

    __slots__ = ("_begin", "_body", "_children", "_depth", "_end", "_source", "_stop", "tag")

    def __init__(  # noqa: PLR0917 (built for every element: keywords would cost)
        self,
        source: _Source,
        tag: int,
        begin: int,
        body: int,
        stop: int,
        end: int,
        depth: int,
        children: list[Element] | None,
    ) -> None:
        self._source = source
        self.tag = tag
        self._begin = begin
        self._body = body
        self._stop = stop
        self._end = end
        self._depth = depth
        self._children = children

    @property
    def content(self) -> memoryview:
        """The content octets as they stand."""
        return self._source.view[self._body : self._stop]

    @property
    def encoded(self) -> memoryview:
        """The whole element as it stands."""
        return self._source.view[self._begin : self._end]

    @property
    def children(self) -> list[Element]:
        """The elements inside a constructed one."""
        if self._children is None:
            if not self.tag & tags.CONSTRUCTED:
                raise FormatError("ASN.1: a constructed element was expected")
            found = []
            position = self._body
            while position < self._stop:
                element = _element(self._source, position, self._stop, self._depth + 1)
                position = element._end
                found.append(element)
            self._children = found
        return self._children

    def fields(self, tag: int = tags.SEQUENCE) -> Fields:
        """Return the elements inside as fields; FormatError if this is no *tag*."""
        return Fields(self.expect(tag).children)

    def expect(self, *tags: int) -> Element:
        """Return this element; FormatError if it has none of *tags*."""
        if self.tag not in tags:
            raise FormatError(f"ASN.1: tag {self.tag:#04x} where {tags[0]:#04x} was expected")
        return self

    def only(self) -> Element:
        """Return the single element inside."""
        children = self.children
        if len(children) != 1:
            raise FormatError(f"ASN.1: {len(children)} elements where one was expected")
        return children[0]

    def octets(self) -> Buffer:
        """Return the octets of a string type, put together if it came in pieces (BER)."""
        return b"".join(_pieces(self)) if self.tag & tags.CONSTRUCTED else self.content

    def integer(self) -> int:
        """Return the value of an INTEGER."""
        content = self.expect(tags.INTEGER).content
        if not 0 < len(content) <= _MAX_NUMBER_BYTES:
            raise FormatError("ASN.1: an INTEGER has a length that makes no sense")
        return int.from_bytes(content, "big", signed=True)

    def oid(self) -> str:
        """Return an OBJECT IDENTIFIER in dotted form."""
        content = self.expect(tags.OBJECT_IDENTIFIER).content
        if not 0 < len(content) <= _MAX_OID_BYTES or content[-1] & 0x80:
            raise FormatError("ASN.1: an OBJECT IDENTIFIER is not complete")
        arcs = []
        arc = 0
        for octet in content:
            arc = arc << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(arc)
                arc = 0
        first = min(arcs[0] // 40, 2)
        arcs[0] -= 40 * first
        return ".".join(map(str, (first, *arcs)))

    def bits(self) -> memoryview:
        """Return the octets of a BIT STRING without unused bits."""
        content = self.expect(tags.BIT_STRING).content
        if not content or content[0]:
            raise FormatError("ASN.1: a BIT STRING of whole octets was expected")
        return content[1:]

    def text(self) -> str:
        """Return the value of a character string."""
        character_set = tags.CHARACTER_SETS.get(self.tag)
        if character_set is None:
            raise FormatError(f"ASN.1: tag {self.tag:#04x} where a text was expected")
        try:
            return str(self.content, character_set)
        except UnicodeDecodeError:
            raise FormatError(f"ASN.1: a text is not {character_set}") from None

    def time(self) -> datetime:
        """Return the value of UTCTime or GeneralizedTime in UTC."""
        self.expect(tags.UTC_TIME, tags.GENERALIZED_TIME)
        match = _TIME.fullmatch(self.content)
        if match is None or (match[1] is None) != (self.tag == tags.UTC_TIME):
            raise FormatError("ASN.1: a time is not of the form YYMMDDhhmmssZ")
        century, year, month, day, hour, minute, second = (int(g or 0) for g in match.groups())
        if self.tag == tags.UTC_TIME:  # RFC 5280: two digits mean 1950 to 2049
            century = 19 if year >= 50 else 20
        try:
            return datetime(100 * century + year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            raise FormatError("ASN.1: a time that does not exist") from None

    def der(self, tag: int | None = None) -> bytes:
        """Return the element in DER: definite lengths, whole strings, SETs in order.

        *tag* takes the place of the element's own (to undo IMPLICIT tagging).
        """
        tag = self.tag if tag is None else tag
        encoded = retag(tag, self.encoded)
        if is_der(encoded, 0, len(encoded), MAX_DEPTH):
            return encoded
        return self._reencoded(tag)

    def _reencoded(self, tag: int) -> bytes:
        if not tag & tags.CONSTRUCTED:
            return encode(tag, self.content)
        if tag & ~tags.CONSTRUCTED in tags.STRINGS:
            return encode(tag & ~tags.CONSTRUCTED, self.octets())
        children = [child._reencoded(child.tag) for child in self.children]
        return set_of(children) if tag == tags.SET else encode(tag, *children)


class Fields:
    """The fields of a SEQUENCE, taken from the front."""

    __slots__ = ("_elements", "_next")

    def __init__(self, elements: list[Element]) -> None:
        self._elements = elements
        self._next = 0

    def optional(self, *tags: int) -> Element | None:
        """Return the next field if it has one of *tags*; None otherwise."""
        if self._next < len(self._elements):
            element = self._elements[self._next]
            if element.tag in tags:
                self._next += 1
                return element
        return None

    def take(self, *tags: int) -> Element:
        """Return the next field, which must have one of *tags* (any, if none are given)."""
        if self._next >= len(self._elements):
            raise FormatError("ASN.1: a field is missing")
        element = self._elements[self._next]
        self._next += 1
        return element.expect(*tags) if tags else element

    def rest(self) -> list[Element]:
        """Return the fields not taken yet."""
        return self._elements[self._next :]

    def end(self) -> None:
        """Raise FormatError if fields are left."""
        if self._next < len(self._elements):
            tag = self._elements[self._next].tag
            raise FormatError(f"ASN.1: tag {tag:#04x} where nothing was expected")


def parse(data: Buffer, limit: int = MAX_BYTES) -> Element:
    """Read the element that *data* is; line ends after it, which mail software adds, are ignored.

    Raises FormatError if *data* is larger than *limit*, cut off, or followed by other bytes.
    """
    if len(data) > limit:
        raise FormatError(f"ASN.1: larger than {limit} bytes")
    view = memoryview(data)
    element = _element(_Source(view), 0, len(view), 0)
    if bytes(view[element._end :][:3]).strip(b"\r\n"):
        raise FormatError("ASN.1: bytes follow the end")
    return element


def _element(source: _Source, begin: int, limit: int, depth: int) -> Element:
    """Read the element that starts at *begin*; it must end at *limit* at the latest."""
    if depth > MAX_DEPTH:
        raise FormatError("ASN.1: nested too deeply")
    source.left -= 1
    if source.left < 0:
        raise FormatError("ASN.1: too many elements")
    view = source.view
    if limit - begin < 2:
        raise FormatError("ASN.1: cut off")
    tag = view[begin]
    if tag & 0x1F == 0x1F:
        raise FormatError("ASN.1: tag numbers above 30 have no meaning here")
    length = view[begin + 1]
    body = begin + 2
    if length == 0x80:
        return _indefinite(source, tag, begin, limit, depth)
    if length > 0x80:
        size = length & 0x7F
        if size > 4 or limit - body < size:
            raise FormatError("ASN.1: a length makes no sense or is cut off")
        length = int.from_bytes(view[body : body + size], "big")
        body += size
    end = body + length
    if end > limit:
        raise FormatError("ASN.1: cut off")
    return Element(source, tag, begin, body, end, end, depth, None)


def _indefinite(source: _Source, tag: int, begin: int, limit: int, depth: int) -> Element:
    """Read an element of indefinite length: its children, up to the end-of-contents octets."""
    if not tag & tags.CONSTRUCTED:
        raise FormatError("ASN.1: a primitive element has no length")
    view = source.view
    children: list[Element] = []
    position = begin + 2
    while True:
        if limit - position < 2:
            raise FormatError("ASN.1: cut off")
        if not view[position] and not view[position + 1]:
            return Element(source, tag, begin, begin + 2, position, position + 2, depth, children)
        child = _element(source, position, limit, depth + 1)
        position = child._end
        children.append(child)


def _pieces(element: Element) -> Iterable[memoryview]:
    for child in element.children:
        if child.tag & tags.CONSTRUCTED:
            yield from _pieces(child)
        else:
            yield child.content
