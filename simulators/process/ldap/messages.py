"""LDAP messages (RFC 4511, 4): requests and results, and between them and their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

from . import ber
from .entry import LdapEntry
from .filters import Filter, decode_filter, encode_filter
from .results import ResultCode

MAX_ID = 2**31 - 1
MAX_CONTROLS = 32
MAX_ATTRIBUTES = 1_000
_MAX_KEPT, _MAX_KEPT_BYTES = 256, 1_024
PAGED_RESULTS = "1.2.840.113556.1.4.319"
NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"
START_TLS = "1.3.6.1.4.1.1466.20037"
_CONTROLS = 0xA0
_T = TypeVar("_T")


class Operation(IntEnum):
    """The tags of the protocol operations."""

    BIND_REQUEST = 0x60
    BIND_RESPONSE = 0x61
    UNBIND = 0x42
    SEARCH_REQUEST = 0x63
    SEARCH_ENTRY = 0x64
    SEARCH_DONE = 0x65
    SEARCH_REFERENCE = 0x73
    MODIFY_REQUEST = 0x66
    MODIFY_RESPONSE = 0x67
    ADD_REQUEST = 0x68
    ADD_RESPONSE = 0x69
    DELETE_REQUEST = 0x4A
    DELETE_RESPONSE = 0x6B
    MODIFY_DN_REQUEST = 0x6C
    MODIFY_DN_RESPONSE = 0x6D
    COMPARE_REQUEST = 0x6E
    COMPARE_RESPONSE = 0x6F
    ABANDON = 0x50
    EXTENDED_REQUEST = 0x77
    EXTENDED_RESPONSE = 0x78
    INTERMEDIATE_RESPONSE = 0x79


RESPONSE_TO = {
    Operation.BIND_REQUEST: Operation.BIND_RESPONSE,
    Operation.SEARCH_REQUEST: Operation.SEARCH_DONE,
    Operation.MODIFY_REQUEST: Operation.MODIFY_RESPONSE,
    Operation.ADD_REQUEST: Operation.ADD_RESPONSE,
    Operation.DELETE_REQUEST: Operation.DELETE_RESPONSE,
    Operation.MODIFY_DN_REQUEST: Operation.MODIFY_DN_RESPONSE,
    Operation.COMPARE_REQUEST: Operation.COMPARE_RESPONSE,
    Operation.EXTENDED_REQUEST: Operation.EXTENDED_RESPONSE,
}


class Scope(IntEnum):
    """How far below the base a search looks (4.5.1.2)."""

    BASE = 0
    ONE_LEVEL = 1
    SUBTREE = 2


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a message (4.1.11)."""

    oid: str
    critical: bool = False
    value: bytes | None = None


@dataclass(slots=True)  # made for each message: frozen ones take four times as long
class Message:
    """An envelope: its id, the operation's tag, and where its parts lie in the bytes."""

    data: bytes
    id: int
    operation: int
    start: int
    stop: int
    tail: int

    @property
    def content(self) -> ber.Reader:
        """A reader of the operation's content."""
        return ber.Reader(self.data, self.start, self.stop)

    @property
    def after_id(self) -> bytes:
        """Operation and controls as they came; ``envelope`` gives them another id."""
        return self.data[self.tail :]


@dataclass(frozen=True, slots=True)
class BindRequest:
    """``mechanism`` is None for a simple bind; ``password`` is that of a simple bind."""

    version: int
    name: str
    mechanism: str | None
    has_credentials: bool
    password: bytes = field(default=b"", repr=False)

    @property
    def anonymous(self) -> bool:
        """Whether nobody is claimed to be (RFC 4513, 5.1.1)."""
        return self.mechanism is None and not self.name and not self.has_credentials


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search; ``size_limit`` (hits) and ``time_limit`` (seconds) are 0 for none."""

    base: str
    scope: Scope
    filter: Filter
    attributes: tuple[str, ...] = ()
    size_limit: int = 0
    time_limit: int = 0
    types_only: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How an operation ended."""

    code: int
    text: str = ""
    matched_dn: str = ""


SUCCESS = Result(ResultCode.SUCCESS)


def read_message(data: bytes) -> Message:
    """Return the envelope of *data*, which is one whole message. Raises BerError."""
    reader = ber.Reader(data)
    _, reader.at, reader.end = reader.take(ber.SEQUENCE)
    number = reader.integer()
    if not 0 <= number <= MAX_ID:
        raise ber.BerError("a message id out of range")
    tail = reader.at
    operation, start, stop = reader.take()
    return Message(data, number, operation, start, stop, tail)


def envelope(number: int, after_id: bytes) -> bytes:
    """Return the message of operation (and controls) *after_id* under the id *number*."""
    own = ber.integer(number)
    return b"".join((ber.head(ber.SEQUENCE, len(own) + len(after_id)), own, after_id))


def read_controls(message: Message) -> tuple[Control, ...]:
    """Return the controls of *message*. Raises BerError."""
    reader = ber.Reader(message.data, message.stop)
    if not reader.more:
        return ()
    listed = reader.enter(_CONTROLS)
    reader.finish()
    controls: list[Control] = []
    while listed.more:
        if len(controls) == MAX_CONTROLS:
            raise ber.BerError("too many controls")
        control = listed.enter(ber.SEQUENCE)
        oid = control.text()
        critical = control.boolean() if control.more and control.peek() == ber.BOOLEAN else False
        value = control.octets() if control.more else None
        control.finish()
        controls.append(Control(oid, critical, value))
    return tuple(controls)


def controls_bytes(controls: Iterable[Control]) -> bytes:
    """Return *controls* as they follow an operation."""
    parts = [
        ber.element(
            ber.SEQUENCE,
            ber.octets(control.oid),
            ber.boolean(True) if control.critical else b"",
            b"" if control.value is None else ber.octets(control.value),
        )
        for control in controls
    ]
    return ber.element(_CONTROLS, *parts) if parts else b""


def read_bind(message: Message) -> BindRequest:
    """Return the bind request in *message*. Raises BerError."""
    reader = message.content
    version, name = reader.integer(), reader.text()
    tag, start, stop = reader.take()
    reader.finish()
    if tag == 0x80:  # simple
        return BindRequest(version, name, None, stop > start, message.data[start:stop])
    if tag == 0xA3:  # SASL
        return BindRequest(version, name, ber.Reader(message.data, start, stop).text(), True)
    raise ber.BerError("an unknown way to authenticate")


_Head = tuple[str, Scope, int, int, bool]


class SearchReader:
    """Reads search requests; what stands around their filters, most clients say again and again."""

    def __init__(self) -> None:
        self._last = b""
        self._heads: dict[bytes, _Head] = {}
        self._attributes: dict[bytes, tuple[str, ...]] = {}

    def read(self, message: Message) -> SearchRequest:
        """Return the search request in *message*. Raises BerError."""
        reader = message.content
        at = message.start + len(self._last)
        if self._last and at <= message.stop and message.data.startswith(self._last, message.start):
            reader.at = at  # elements end where they say, so these are the same
        else:
            for _ in range(6):
                reader.take()
            self._last = message.data[message.start : reader.at]
        known = self._heads.get(self._last)
        if known is None:
            known = _kept(self._heads, self._last, _read_head(message.content))
        base, scope, size_limit, time_limit, types_only = known
        content = decode_filter(reader)
        tail = message.data[reader.at : message.stop]
        attributes = self._attributes.get(tail)
        if attributes is None:
            attributes = _kept(self._attributes, tail, _read_attributes(reader))
        return SearchRequest(base, scope, content, attributes, size_limit, time_limit, types_only)


def _kept(known: dict[bytes, _T], key: bytes, value: _T) -> _T:
    """Keep *value* in *known*, which stays small, and return it."""
    if len(key) <= _MAX_KEPT_BYTES:
        if len(known) >= _MAX_KEPT:
            known.clear()
        known[key] = value
    return value


def _read_head(reader: ber.Reader) -> _Head:
    base = reader.text()
    scope, dereference = reader.integer(ber.ENUMERATED), reader.integer(ber.ENUMERATED)
    size_limit, time_limit = reader.integer(), reader.integer()
    types_only = reader.boolean()
    if not (0 <= scope <= 2 and 0 <= dereference <= 3):
        raise ber.BerError("a scope or a way to follow aliases that does not exist")
    if not (0 <= size_limit <= MAX_ID and 0 <= time_limit <= MAX_ID):
        raise ber.BerError("a limit out of range")
    return base, Scope(scope), size_limit, time_limit, types_only


def _read_attributes(reader: ber.Reader) -> tuple[str, ...]:
    listed = reader.enter(ber.SEQUENCE)
    reader.finish()
    attributes: list[str] = []
    while listed.more:
        if len(attributes) == MAX_ATTRIBUTES:
            raise ber.BerError("too many attributes asked for")
        attributes.append(listed.text())
    return tuple(attributes)


def read_search(message: Message) -> SearchRequest:
    """Return the search request in *message*. Raises BerError."""
    return SearchReader().read(message)


def search_bytes(request: SearchRequest) -> bytes:
    """Return *request* as operation; aliases are never followed."""
    return ber.element(
        Operation.SEARCH_REQUEST,
        ber.octets(request.base),
        ber.integer(request.scope, ber.ENUMERATED),
        ber.integer(0, ber.ENUMERATED),
        ber.integer(request.size_limit),
        ber.integer(request.time_limit),
        ber.boolean(request.types_only),
        encode_filter(request.filter),
        ber.element(ber.SEQUENCE, *map(ber.octets, request.attributes)),
    )


def abandon_bytes(number: int) -> bytes:
    """Return the operation that abandons the one with the id *number*."""
    return ber.integer(number, Operation.ABANDON)


def unbind_bytes() -> bytes:
    """Return the operation that ends a connection."""
    return ber.element(Operation.UNBIND)


def read_abandon(message: Message) -> int:
    """Return the id that *message* abandons. Raises BerError."""
    return ber.Reader(message.data, message.tail).integer(Operation.ABANDON)


def read_extended_name(message: Message) -> str:
    """Return the OID of the extended operation in *message*. Raises BerError."""
    return message.content.text(0x80)


def result_bytes(operation: int, result: Result) -> bytes:
    """Return the response *operation* that says *result*."""
    return ber.element(
        operation,
        ber.integer(result.code, ber.ENUMERATED),
        ber.octets(result.matched_dn),
        ber.octets(result.text),
    )


def read_result(message: Message) -> Result:
    """Return the result in *message*; referrals and what else may follow are left out."""
    reader = message.content
    code, matched, text = reader.integer(ber.ENUMERATED), reader.octets(), reader.octets()
    return Result(code, text.decode("utf-8", "replace"), matched.decode("utf-8", "replace"))


def disconnection_bytes(result: Result) -> bytes:
    """Return the whole message that announces the end of a connection (4.4.1)."""
    operation = ber.element(
        Operation.EXTENDED_RESPONSE,
        ber.integer(result.code, ber.ENUMERATED),
        ber.octets(""),
        ber.octets(result.text),
        ber.octets(NOTICE_OF_DISCONNECTION, 0x8A),
    )
    return envelope(0, operation)


def attribute_bytes(name: str, values: Iterable[bytes | str]) -> bytes:
    """Return one attribute of an entry, for ``entry_bytes``."""
    described, listed = ber.octets(name), b"".join(map(ber.octets, values))
    described += ber.head(ber.SET, len(listed))
    return ber.head(ber.SEQUENCE, len(described) + len(listed)) + described + listed


def entry_bytes(dn: str, attributes: Iterable[bytes]) -> bytes:
    """Return the operation that gives the entry *dn* with encoded *attributes*."""
    listed = b"".join(attributes)
    named = ber.octets(dn) + ber.head(ber.SEQUENCE, len(listed))
    return ber.head(Operation.SEARCH_ENTRY, len(named) + len(listed)) + named + listed


def read_entry(message: Message) -> LdapEntry:
    """Return the entry in *message*. Raises BerError."""
    reader = message.content
    dn = reader.text()
    listed = reader.enter(ber.SEQUENCE)
    reader.finish()
    attributes: dict[str, list[bytes]] = {}
    while listed.more:
        attribute = listed.enter(ber.SEQUENCE)
        values = attributes.setdefault(attribute.text(), [])
        given = attribute.enter(ber.SET)
        while given.more:
            values.append(given.octets())
    return LdapEntry(dn, attributes)


def page_bytes(size: int, cookie: bytes) -> bytes:
    """Return the value of a paged-results control (RFC 2696)."""
    return ber.element(ber.SEQUENCE, ber.integer(size), ber.octets(cookie))


def read_page(value: bytes | None) -> tuple[int, bytes]:
    """Return size and cookie of a paged-results control. Raises BerError."""
    reader = ber.Reader(value or b"").enter(ber.SEQUENCE)
    size, cookie = reader.integer(), reader.octets()
    reader.finish()
    if not 0 <= size <= MAX_ID:
        raise ber.BerError("a page size out of range")
    return size, cookie
