"""What a value of a primitive FHIR type may look like (R4, data types)."""

from __future__ import annotations

import re
from datetime import date

_DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
_ZONE = r"(Z|[+-](0\d|1[0-4]):[0-5]\d)"
_HEX = "[0-9a-f]"
_PATTERNS = {
    "boolean": r"true|false",
    "integer": r"0|[-+]?[1-9]\d*",
    "unsignedInt": r"0|[1-9]\d*",
    "positiveInt": r"[1-9]\d*",
    "decimal": r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?",
    "date": rf"\d{{4}}(-(0[1-9]|1[0-2]))?|{_DAY}",
    "dateTime": rf"\d{{4}}(-(0[1-9]|1[0-2]))?|{_DAY}(T{_CLOCK}{_ZONE})?",
    "instant": rf"{_DAY}T{_CLOCK}{_ZONE}",
    "time": _CLOCK,
    "code": r"\S+( \S+)*",
    "id": r"[A-Za-z0-9.-]{1,64}",
    "uri": r"\S+",
    "url": r"\S+",
    "canonical": r"\S+",
    "oid": r"urn:oid:[0-2](\.(0|[1-9]\d*))+",
    "uuid": rf"urn:uuid:{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}",
    "base64Binary": r"[0-9A-Za-z+/=\s]+",
    "string": r"[\s\S]*\S[\s\S]*",
    "markdown": r"[\s\S]*\S[\s\S]*",
}
PRIMITIVES = {name: re.compile(pattern, re.ASCII) for name, pattern in _PATTERNS.items()}
DATED = ("date", "dateTime", "instant")


def fits(type_: str, value: str) -> bool:
    """Say whether *value* is one of the primitive type *type_*; a day has to be in the calendar."""
    if PRIMITIVES[type_].fullmatch(value) is None:
        return False
    if type_ in DATED and len(value) >= len("2026-01-01"):
        try:
            date.fromisoformat(value[:10])
        except ValueError:
            return False
    return True
