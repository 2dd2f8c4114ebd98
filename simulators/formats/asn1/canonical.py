"""Whether bytes are DER already, the usual case, found out without building anything."""

from __future__ import annotations

from . import tags


def is_der(data: bytes, begin: int, end: int, depth: int, *, ascending: bool = False) -> bool:
    """Tell whether the elements from *begin* to *end* are DER; *depth* levels may nest.

    That is: definite lengths in their shortest form, whole strings, the elements of a SET (and
    these, if *ascending*) in order. Bytes that are cut off are not.
    """
    previous = b""
    while begin < end:
        if end - begin < 2:
            return False
        tag = data[begin]
        length = data[begin + 1]
        body = begin + 2
        stop = body + length
        if length >= 0x80:
            body, stop = _long_form(data, begin)
        if stop > end or not stop:
            return False
        if ascending:
            element = data[begin:stop]
            if element < previous:
                return False
            previous = element
        if tag & tags.CONSTRUCTED and (
            tag & ~tags.CONSTRUCTED in tags.STRINGS
            or not depth
            or not is_der(data, body, stop, depth - 1, ascending=tag == tags.SET)
        ):
            return False
        begin = stop
    return True


def _long_form(data: bytes, begin: int) -> tuple[int, int]:
    """Return where content begins and ends; (0, 0) if the length is not in its shortest form."""
    size = data[begin + 1] & 0x7F
    body = begin + 2 + size
    length = int.from_bytes(data[begin + 2 : body], "big")
    if not 1 <= size <= 4 or length < 0x80 or not length >> 8 * (size - 1):
        return 0, 0
    return body, body + length
