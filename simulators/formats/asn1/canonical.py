"""Whether bytes are DER already, the usual case, found out without building anything."""

from __future__ import annotations

from . import tags


def is_der(data: bytes, begin: int, end: int, depth: int) -> bool:
    """Tell whether the elements from *begin* to *end* are DER; *depth* levels may nest.

    Definite, shortest lengths, whole strings, SETs in order. Bytes that are cut off are not.
    """
    if depth < 0:
        return False
    while begin < end:
        tag = data[begin]
        body, stop = _extent(data, begin, end)
        if not stop:
            return False
        if tag & tags.CONSTRUCTED and not (
            tag & ~tags.CONSTRUCTED not in tags.STRINGS
            and is_der(data, body, stop, depth - 1)
            and (tag != tags.SET or _is_ordered(data, body, stop))
        ):
            return False
        begin = stop
    return True


def _extent(data: bytes, begin: int, end: int) -> tuple[int, int]:
    """Return where content begins and ends; (0, 0) if the length is not DER or exceeds *end*."""
    if end - begin < 2:
        return 0, 0
    length = data[begin + 1]
    body = begin + 2
    if length >= 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[body : body + size], "big")
        if not 1 <= size <= 4 or length < 0x80 or not length >> 8 * (size - 1):
            return 0, 0
        body += size
    stop = body + length
    return (body, stop) if stop <= end else (0, 0)


def _is_ordered(data: bytes, begin: int, end: int) -> bool:
    """Tell whether the elements of a SET, which are known to be DER, ascend."""
    previous = b""
    while begin < end:
        _, stop = _extent(data, begin, end)
        element = data[begin:stop]
        if element < previous:
            return False
        previous = element
        begin = stop
    return True
