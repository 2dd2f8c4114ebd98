"""The provider's database: one interface to its tables, SQLite behind it."""

from __future__ import annotations

from pathlib import Path

from .jobs import Conflict, Connection, Database, StoreError, Value
from .sqlite import SqliteDatabase

__all__ = ["Conflict", "Connection", "Database", "StoreError", "Value", "open_database"]


def open_database(place: Path, schema: str) -> Database:
    """Open the SQLite file at *place* with the tables of *schema*. Raises StoreError."""
    return SqliteDatabase(place, schema)
