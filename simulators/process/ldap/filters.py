"""Search filters (RFC 4511, 4.5.1.7): their model and their bytes."""

from __future__ import annotations

from dataclasses import dataclass

from . import ber

MAX_DEPTH = 32
MAX_ITEMS = 2_000


@dataclass(frozen=True, slots=True)
class And:
    """All of *parts*; none at all is true (RFC 4526)."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of *parts*; none at all is false (RFC 4526)."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of *part*."""

    part: Filter


@dataclass(frozen=True, slots=True)
class Equal:
    """A value of *attribute* is *value*."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A value of *attribute* is *value* or comes after it."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class AtMost:
    """A value of *attribute* is *value* or comes before it."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Approximate:
    """A value of *attribute* is about *value*."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Present:
    """There is a value of *attribute*."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Substrings:
    """A value of *attribute* has these parts in this order, none overlapping another."""

    attribute: str
    initial: bytes | None
    middle: tuple[bytes, ...]
    final: bytes | None


@dataclass(frozen=True, slots=True)
class Extensible:
    """A matching rule by name; ``dn`` extends it to the attributes of the name."""

    rule: str | None
    attribute: str | None
    value: bytes
    dn: bool = False


Filter = And | Or | Not | Equal | AtLeast | AtMost | Approximate | Present | Substrings | Extensible
Comparison = Equal | AtLeast | AtMost | Approximate

_AND, _OR, _NOT, _SUBSTRINGS, _PRESENT, _EXTENSIBLE = 0xA0, 0xA1, 0xA2, 0xA4, 0x87, 0xA9
_COMPARISONS: dict[int, type[Comparison]] = {
    0xA3: Equal,
    0xA5: AtLeast,
    0xA6: AtMost,
    0xA8: Approximate,
}
_COMPARISON_TAGS = {kind: tag for tag, kind in _COMPARISONS.items()}
_INITIAL, _ANY, _FINAL = 0x80, 0x81, 0x82
_RULE, _TYPE, _VALUE, _DN = 0x81, 0x82, 0x83, 0x84


def encode_filter(content: Filter) -> bytes:  # noqa: PLR0911 (one for each kind)
    """Return *content* as BER."""
    match content:
        case And(parts):
            return ber.element(_AND, *map(encode_filter, parts))
        case Or(parts):
            return ber.element(_OR, *map(encode_filter, parts))
        case Not(part):
            return ber.element(_NOT, encode_filter(part))
        case Present(attribute):
            return ber.octets(attribute, _PRESENT)
        case Substrings():
            return _encode_substrings(content)
        case Extensible():
            return _encode_extensible(content)
        case Equal() | AtLeast() | AtMost() | Approximate():
            tag = _COMPARISON_TAGS[type(content)]
            return ber.element(tag, ber.octets(content.attribute), ber.octets(content.value))


def _encode_substrings(content: Substrings) -> bytes:
    parts = [ber.octets(part, _ANY) for part in content.middle]
    if content.initial is not None:
        parts.insert(0, ber.octets(content.initial, _INITIAL))
    if content.final is not None:
        parts.append(ber.octets(content.final, _FINAL))
    return ber.element(
        _SUBSTRINGS, ber.octets(content.attribute), ber.element(ber.SEQUENCE, *parts)
    )


def _encode_extensible(content: Extensible) -> bytes:
    parts = []
    if content.rule is not None:
        parts.append(ber.octets(content.rule, _RULE))
    if content.attribute is not None:
        parts.append(ber.octets(content.attribute, _TYPE))
    parts.append(ber.octets(content.value, _VALUE))
    if content.dn:
        parts.append(ber.boolean(True, _DN))
    return ber.element(_EXTENSIBLE, *parts)


def decode_filter(reader: ber.Reader) -> Filter:
    """Return the filter that *reader* comes to next.

    Raises BerError for one that is broken, nested more than ``MAX_DEPTH`` deep or of more than
    ``MAX_ITEMS`` items.
    """
    return _Decoder().decode(reader, MAX_DEPTH)


class _Decoder:
    """One decoding; counts items, so that a small message cannot cost a large search."""

    def __init__(self) -> None:
        self._items = MAX_ITEMS

    def decode(self, reader: ber.Reader, depth: int) -> Filter:  # noqa: PLR0911 (one for each kind)
        self._items -= 1
        if depth == 0 or self._items < 0:
            raise ber.BerError("a filter too deep or of too many items")
        tag, start, stop = reader.take()
        content = ber.Reader(reader.data, start, stop)
        if (comparison := _COMPARISONS.get(tag)) is not None:
            attribute, value = content.text(), content.octets()
            content.finish()
            return comparison(attribute, value)
        match tag:
            case 0xA0:  # and
                return And(self._parts(content, depth))
            case 0xA1:  # or
                return Or(self._parts(content, depth))
            case 0xA2:  # not
                part = self.decode(content, depth - 1)
                content.finish()
                return Not(part)
            case 0xA4:
                return self._substrings(content)
            case 0x87:  # present
                return Present(_text(reader.data[start:stop]))
            case 0xA9:
                return _decode_extensible(content)
        raise ber.BerError(f"a filter with the unknown tag 0x{tag:02x}")

    def _parts(self, content: ber.Reader, depth: int) -> tuple[Filter, ...]:
        parts = []
        while content.more:
            parts.append(self.decode(content, depth - 1))
        return tuple(parts)

    def _substrings(self, content: ber.Reader) -> Substrings:
        attribute = content.text()
        parts = content.enter(ber.SEQUENCE)
        content.finish()
        initial = final = None
        middle: list[bytes] = []
        while parts.more:
            self._items -= 1
            tag, start, stop = parts.take()
            part = parts.data[start:stop]
            if not part or self._items < 0:
                raise ber.BerError("an empty part of a substring filter, or too many")
            if tag == _INITIAL and initial is None and not middle:
                initial = part
            elif tag == _ANY:
                middle.append(part)
            elif tag == _FINAL and not parts.more:
                final = part
            else:
                raise ber.BerError("parts of a substring filter in disorder")
        if initial is None and final is None and not middle:
            raise ber.BerError("a substring filter without parts")
        return Substrings(attribute, initial, tuple(middle), final)


def _decode_extensible(content: ber.Reader) -> Extensible:
    rule = content.text(_RULE) if content.peek() == _RULE else None
    attribute = content.text(_TYPE) if content.peek() == _TYPE else None
    value = content.octets(_VALUE)
    dn = content.boolean(_DN) if content.more else False
    content.finish()
    return Extensible(rule, attribute, value, dn)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ber.BerError("text that is no UTF-8") from None
