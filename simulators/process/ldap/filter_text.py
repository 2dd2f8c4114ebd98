"""Search filters as text (RFC 4515)."""

from __future__ import annotations


class FilterError(ValueError):
    """A text is no search filter; the message says where it ends to be one."""


_ESCAPED = str.maketrans({c: f"\\{ord(c):02x}" for c in "\\*()\0"})


def escape_filter(value: str) -> str:
    """Return *value* so that it stands for itself inside a filter (RFC 4515, 3; A_20331)."""
    return value.translate(_ESCAPED)
