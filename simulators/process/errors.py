"""Errors that a person can mend: one line that says what, where and what to do."""

from __future__ import annotations

import errno

_REASONS = {
    errno.ENOENT: "das gibt es nicht",
    errno.EACCES: "der Zugriff ist nicht erlaubt",
    errno.EPERM: "der Zugriff ist nicht erlaubt",
    errno.EISDIR: "das ist ein Verzeichnis",
    errno.ENOTDIR: "ein Teil des Pfades ist kein Verzeichnis",
    errno.EEXIST: "das gibt es schon",
    errno.EROFS: "hier kann nicht geschrieben werden",
    errno.ENOSPC: "der Speicherplatz ist voll",
    errno.ENAMETOOLONG: "der Name ist zu lang",
    errno.EADDRINUSE: "die Adresse ist belegt",
    errno.EADDRNOTAVAIL: "diese Adresse hat der Rechner nicht",
}


class InputError(Exception):
    """A user's input or environment is wrong; the command ends with exit status 2.

    The message is one line for the person in front of the screen: what is wrong, where, and
    what to do about it. It is never raised for a bug of ours.
    """


def reason(error: OSError) -> str:
    """Return in German why the system refused something; in its own words where that is rare."""
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)


def one_line(text: str, limit: int = 400) -> str:
    """Fold *text* into one line of at most *limit* characters."""
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"
