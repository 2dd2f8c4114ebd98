"""The provider's database: one interface, SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from pathlib import Path

from .jobs import Conflict, Connection, Database, StoreError, Unreachable, Value
from .sqlite import SqliteDatabase

__all__ = [
    "Conflict",
    "Connection",
    "Database",
    "StoreError",
    "Unreachable",
    "Value",
    "open_database",
]


def open_database(place: Path | str, domain: str, schema: str) -> Database:
    """Open the SQLite file at a path, or the PostgreSQL database at a URL, with *schema*.

    A PostgreSQL database may hold several domains. *schema* is written in SQLite's words.
    Raises StoreError.
    """
    if isinstance(place, Path):
        return SqliteDatabase(place, schema)
    try:
        from .postgres import PostgresDatabase  # its driver is an optional dependency
    except ImportError:
        raise StoreError("PostgreSQL needs the extra 'postgres': kimulator[postgres]") from None
    return PostgresDatabase(place, domain, schema)
