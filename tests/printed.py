"""What a command printed."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return the only line of *text*; more, or none, is no answer to a user's mistake."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]
