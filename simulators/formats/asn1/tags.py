"""Identifier octets of ASN.1 in BER and DER (X.690, 8.1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_IDENTIFIER: Final = 0x06
UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13
TELETEX_STRING: Final = 0x14
IA5_STRING: Final = 0x16
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
BMP_STRING: Final = 0x1E
SEQUENCE: Final = 0x30
SET: Final = 0x31

CONSTRUCTED: Final = 0x20
OCTET_STRINGS: Final = (OCTET_STRING, OCTET_STRING | CONSTRUCTED)
"""An OCTET STRING whole or in pieces."""
_CONTEXT = 0x80

CHARACTER_SETS: Final[Mapping[int, str]] = MappingProxyType(
    {
        UTF8_STRING: "utf-8",
        PRINTABLE_STRING: "ascii",
        TELETEX_STRING: "latin-1",
        IA5_STRING: "ascii",
        BMP_STRING: "utf-16-be",
    }
)
"""The string types that hold text."""
STRINGS: Final = frozenset({OCTET_STRING, *CHARACTER_SETS})
"""The universal types that BER may send in pieces and DER may not."""


def primitive(number: int) -> int:
    """Return the identifier octet of ``[number] IMPLICIT`` over a primitive type."""
    return _CONTEXT | number


def context(number: int) -> int:
    """Return the identifier octet of ``[number]`` over a constructed type, or EXPLICIT."""
    return _CONTEXT | CONSTRUCTED | number
