"""Errors that a person can mend: one line that says what, where and what to do."""

from __future__ import annotations


class InputError(Exception):
    """A user's input or environment is wrong; the command ends with exit status 2.

    The message is one line for the person in front of the screen: what is wrong, where, and
    what to do about it. It is never raised for a bug of ours.
    """


def one_line(text: str, limit: int = 400) -> str:
    """Fold *text* into one line of at most *limit* characters."""
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"
