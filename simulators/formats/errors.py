"""The one error of this package: bytes that are not what they claim to be."""

from __future__ import annotations


class FormatError(ValueError):
    """Bytes are not what they claim to be; the message is one line without any of their content."""
