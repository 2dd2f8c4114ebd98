"""Writes docs/requirements.md; says what is still open."""

from __future__ import annotations

import sys

from .table import TABLE, rows, text

TABLE.write_text(text(), encoding="utf-8")
for row in rows():
    if row.open:
        sys.stderr.write(f"{row.id} {row.open}\n")
