"""BER as LDAP uses it (RFC 4511, 5.1): definite lengths, one-byte tags, read in place, bounded.

Reading never copies what it skips, so the work is linear in the size of a message, and nothing
here recurses; who descends into nested elements (filters) counts the depth.
"""

from __future__ import annotations

BOOLEAN, INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31

_ONE_BYTE = tuple(bytes((value,)) for value in range(256))
_MAX_INTEGER_BYTES = 5
_MAX_LENGTH_BYTES = 4


class BerError(ValueError):
    """Bytes are not what the protocol asks for at this place."""


def message_end(buffer: bytes | bytearray, start: int, size_limit: int) -> int | None:
    """Return where the message that begins at *start* ends, or None if its head is not there yet.

    The end may lie beyond what has arrived. Raises BerError for what can be no LDAP message and
    for one of more than *size_limit* bytes, as soon as that can be seen.
    """
    available = len(buffer) - start
    if available >= 1 and buffer[start] != SEQUENCE:
        raise BerError("not an LDAP message")
    if available < 2:
        return None
    first = buffer[start + 1]
    if first < 0x80:
        return start + 2 + first
    count = first & 0x7F
    if not 1 <= count <= _MAX_LENGTH_BYTES:
        raise BerError("length of an LDAP message not in definite form or absurd")
    if available < 2 + count:
        return None
    length = int.from_bytes(buffer[start + 2 : start + 2 + count], "big")
    if length > size_limit:
        raise BerError(f"LDAP message of {length} bytes, at most {size_limit} are read")
    return start + 2 + count + length


class Reader:
    """Reads the elements between two places of *data*, one after the other."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = start
        self.end = len(data) if end is None else end

    @property
    def more(self) -> bool:
        """Whether another element follows."""
        return self.at < self.end

    def peek(self) -> int:
        """Return the tag of the next element; BerError if there is none."""
        if self.at >= self.end:
            raise BerError("an element is missing")
        return self.data[self.at]

    def take(self, tag: int | None = None) -> tuple[int, int, int]:
        """Step over the next element; return its tag and where its content starts and ends.

        Raises BerError if it has not the tag *tag* or does not fit.
        """
        data, at = self.data, self.at
        if self.end - at < 2:
            raise BerError("an element is missing or cut off")
        found = data[at]
        if tag is not None and found != tag:
            raise BerError(f"tag 0x{found:02x} where 0x{tag:02x} belongs")
        if found & 0x1F == 0x1F:
            raise BerError("tag of more than one byte")
        length = data[at + 1]
        start = at + 2
        if length >= 0x80:
            count = length & 0x7F
            start += count
            if not 1 <= count <= _MAX_LENGTH_BYTES or start > self.end:
                raise BerError("length not in definite form or absurd")
            length = int.from_bytes(data[at + 2 : start], "big")
        stop = start + length
        if stop > self.end:
            raise BerError("an element is longer than what holds it")
        self.at = stop
        return found, start, stop

    def enter(self, tag: int) -> Reader:
        """Step over the next element, which has *tag*, and return a reader of its content."""
        _, start, stop = self.take(tag)
        return Reader(self.data, start, stop)

    def octets(self, tag: int = OCTETS) -> bytes:
        """Return the content of the next element, which has *tag*."""
        _, start, stop = self.take(tag)
        return self.data[start:stop]

    def text(self, tag: int = OCTETS) -> str:
        """Return the content of the next element as UTF-8 text."""
        try:
            return self.octets(tag).decode()
        except UnicodeDecodeError:
            raise BerError("text that is no UTF-8") from None

    def integer(self, tag: int = INTEGER) -> int:
        """Return the next element, which has *tag*, as a whole number of at most five bytes."""
        _, start, stop = self.take(tag)
        if not 1 <= stop - start <= _MAX_INTEGER_BYTES:
            raise BerError("a number of a length that LDAP does not know")
        return int.from_bytes(self.data[start:stop], "big", signed=True)

    def boolean(self, tag: int = BOOLEAN) -> bool:
        """Return the next element, which has *tag*, as a truth value."""
        content = self.octets(tag)
        if len(content) != 1:
            raise BerError("a truth value of more or less than one byte")
        return content != b"\0"

    def finish(self) -> None:
        """Raise BerError if anything is left."""
        if self.at != self.end:
            raise BerError("something follows the last element")


def element(tag: int, *parts: bytes) -> bytes:
    """Return the element with *tag* and the content of *parts*."""
    content = b"".join(parts)
    return head(tag, len(content)) + content


def head(tag: int, length: int) -> bytes:
    """Return what stands before *length* bytes of content of the element with *tag*."""
    if length < 0x80:
        return _ONE_BYTE[tag] + _ONE_BYTE[length]
    count = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | count)) + length.to_bytes(count, "big")


def octets(value: bytes | str, tag: int = OCTETS) -> bytes:
    """Return *value* (text as UTF-8) as OCTET STRING, or with *tag*."""
    content = value.encode() if isinstance(value, str) else value
    return head(tag, len(content)) + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return *value*, of less than 128 bytes, as INTEGER in the shortest form, or with *tag*."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return bytes((tag, size)) + value.to_bytes(size, "big", signed=True)


def boolean(value: bool, tag: int = BOOLEAN) -> bytes:
    """Return *value* as BOOLEAN, or with *tag*."""
    return element(tag, b"\xff" if value else b"\0")
