"""Reports as files: JUnit XML for pipelines, JSON for programs, one HTML page for people."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from simulators.process.errors import InputError, reason

from .document import as_json
from .junit import junit
from .page import page
from .transcript import transcript

__all__ = ["as_json", "check_writable", "junit", "page", "transcript", "write"]


def check_writable(paths: Sequence[Path | None]) -> None:
    """Raise InputError now if a report could not be written later."""
    for path in paths:
        if path is None:
            continue
        target = path if path.exists() else path.absolute().parent
        if path.is_dir() or not target.exists() or not os.access(target, os.W_OK):
            raise InputError(f"{path}: dorthin kann kein Bericht geschrieben werden")


def write(path: Path, content: bytes) -> None:
    """Write a report. Raises InputError when the file cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path}: nicht schreibbar: {reason(error)}") from None
