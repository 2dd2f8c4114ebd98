"""The manifest of a tree: what was written, so that a damaged tree is noticed before its use."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from .store import write_private

NAME = "manifest.json"
MAX_FILES = 100_000
FILE_MODE, DIRECTORY_MODE = 0o600, 0o700


def write(directory: Path) -> None:
    """Write the manifest of every file below *directory*: name and SHA-256."""
    files = {
        str(path.relative_to(directory)): _digest(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    write_private(directory / NAME, json.dumps(files, indent=0).encode())


def intact(directory: Path) -> bool:
    """Tell whether *directory* holds every file as it was written, readable by its owner only."""
    try:
        files = json.loads((directory / NAME).read_bytes())
        if not isinstance(files, dict) or len(files) > MAX_FILES:
            return False
        folders = {directory, *((directory / name).parent for name in files)}
        return all(_mode(folder) == DIRECTORY_MODE for folder in folders) and all(
            _mode(directory / name) == FILE_MODE and _digest(directory / name) == digest
            for name, digest in files.items()
        )
    except (OSError, ValueError, RecursionError):
        return False


def _mode(path: Path) -> int:
    return os.stat(path).st_mode & 0o777


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
