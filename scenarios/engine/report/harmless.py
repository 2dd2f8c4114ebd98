"""Foreign text on a page: as text, whatever it holds."""

from __future__ import annotations

from html import escape
from typing import Final

from ..xray.node import visible

MAX_TEXT: Final = 10_000


def shown(text: str) -> str:
    """Return *text* for HTML: markup as text, unprintable characters as ``\\x1b``."""
    return escape(visible(text, MAX_TEXT))
