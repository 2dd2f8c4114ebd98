"""Passwords out of files: on a command line everybody could see them."""

from __future__ import annotations

from pathlib import Path

from simulators.process.bounded_file import read_bounded
from simulators.process.errors import InputError, reason

MAX_PASSWORD_FILE = 1024


def read_secret(file: Path | None) -> str | None:
    """Return the first line of *file*, None without one. Raises InputError."""
    if file is None:
        return None
    try:
        lines = read_bounded(file, MAX_PASSWORD_FILE).decode("utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{file}: {reason(error)}") from None
    except UnicodeDecodeError:
        raise InputError(f"{file}: erwartet wird Text in UTF-8") from None
    if not lines or not lines[0]:
        raise InputError(f"{file}: in der ersten Zeile steht kein Passwort")
    return lines[0]
