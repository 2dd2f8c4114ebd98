"""Issuing: a world's request becomes a tree of certificates, found again at the next start."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from simulators.process.errors import InputError, one_line

from . import manifest
from .plan import plan, usual_start
from .request import (
    CardRequest,
    ClientRequest,
    KimRequest,
    PkiRequest,
    TlsRequest,
    Validity,
)
from .store import Store, locked, make_private_directory
from .tree import Pkcs12File, PkiTree
from .tree_writer import TreeWriter, fingerprint

__all__ = [
    "CardRequest",
    "ClientRequest",
    "KimRequest",
    "Pkcs12File",
    "PkiRequest",
    "PkiTree",
    "TlsRequest",
    "Validity",
    "cache_directory",
    "issue",
]

FORMAT = "1"
UNUSED_DAYS = 60


def cache_directory() -> Path:
    """Return where this user's certificates are kept: KIMULATOR_CACHE, else the XDG cache."""
    given = os.environ.get("KIMULATOR_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "kimulator"


def issue(request: PkiRequest, cache: Path, now: datetime | None = None) -> PkiTree:
    """Return the tree of certificates for *request*, made at the first time, found afterwards.

    Keys belong to what they are for (a card's object, a server), certificates to their content:
    both are shared by all requests. Several callers may ask at once, from several processes.
    *now* is real time unless given. Raises InputError when *cache* cannot be used.
    """
    start = usual_start(now or datetime.now(UTC))
    base = cache / "pki"
    make_private_directory(base)
    tree = base / "trees" / _tree_name(request, start)
    try:
        if not _usable(tree):
            with locked(base):
                if not _usable(tree):
                    _prune(tree.parent)
                    _make_tree(request, start, Store(base), tree)
    except OSError as error:
        raise InputError(f"{base}: cannot keep certificates: {one_line(str(error))}") from None
    return PkiTree(tree)


def _usable(tree: Path) -> bool:
    if not manifest.intact(tree):
        return False
    with suppress(OSError):  # a cache that may only be read is a cache all the same
        os.utime(tree / manifest.NAME)
    return True


def _make_tree(request: PkiRequest, start: datetime, store: Store, tree: Path) -> None:
    """Write the tree beside its place, then put it there; a damaged one is moved out first."""
    make_private_directory(tree.parent)
    unfinished = tree.parent / f".new-{secrets.token_hex(8)}"
    try:
        TreeWriter(store, unfinished).write(request.cards, plan(request, start))
        manifest.write(unfinished)
        if tree.exists():
            damaged = tree.parent / f".old-{secrets.token_hex(8)}"
            tree.rename(damaged)
            shutil.rmtree(damaged)
        unfinished.rename(tree)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _prune(trees: Path) -> None:
    """Remove what a killed start left, and trees that nobody asked for in ``UNUSED_DAYS``."""
    if not trees.is_dir():
        return
    oldest = time.time() - UNUSED_DAYS * 86_400
    for tree in trees.iterdir():
        with suppress(OSError):
            used = tree / manifest.NAME
            if tree.name.startswith(".") or used.stat().st_mtime < oldest:
                shutil.rmtree(tree, ignore_errors=True)


def _tree_name(request: PkiRequest, start: datetime) -> str:
    """Return the name of the tree for *request*: another one when this code has changed."""
    content = json.dumps(request.model_dump(mode="json"), sort_keys=True)
    return fingerprint(FORMAT, content, start.isoformat(), *_own_code())


def _own_code() -> list[bytes]:
    return [file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py"))]
