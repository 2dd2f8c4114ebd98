"""Entries in files and at the control port."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from simulators.process.bounded_file import read_bounded
from simulators.process.errors import InputError, one_line
from simulators.process.settings import Settings

from .attributes import Sharing
from .certificates import Certificate, read_certificate
from .entries import PLAIN, Entry, Unseen, make_entry

MAX_FILE_BYTES = 512 << 20
UID = r"^[A-Za-z0-9._-]{1,64}$"


class EntryRecord(Settings):
    """An entry in a file: ``certificates`` are PEM files, relative to it.

    ``active`` false is an entry that clients of LDAP do not see.
    """

    uid: str = Field(pattern=UID)
    attributes: dict[str, list[str]] = {}
    certificates: list[Path] = []
    active: bool = True


class EntryContent(Settings):
    """An entry given over the control port: ``certificates`` are PEM or DER in base64."""

    uid: str = Field(pattern=UID)
    attributes: dict[str, list[str]]
    certificates: list[str] = []
    active: bool = True


def read_entries(file: Path, *, base: str, now: datetime) -> Iterator[Entry]:
    """Yield the entries of *file*.

    Raises InputError that names the file, the entry and what was expected.
    """
    certificates: dict[Path, Certificate] = {}
    seen: set[str] = set()
    sharing = Sharing()
    for record in _records(file):
        if record.uid.lower() in seen:
            raise InputError(f"{file}: the uid {record.uid} is given twice")
        seen.add(record.uid.lower())
        for path in record.certificates:
            if path not in certificates:
                certificates[path] = read_certificate(file.parent / path)
        try:
            yield make_entry(
                record.uid,
                record.attributes,
                [certificates[path] for path in record.certificates],
                base=base,
                now=now,
                unseen=PLAIN if record.active else Unseen(active=False),
                sharing=sharing,
            )
        except InputError as error:
            raise InputError(f"{file}: {error}") from None


def _records(file: Path) -> Iterable[EntryRecord]:
    try:
        content = json.loads(read_bounded(file, MAX_FILE_BYTES))
        return TypeAdapter(list[EntryRecord]).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "top level"
        raise InputError(f"{file}: {where}: {one_line(first['msg'])}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read as JSON: {one_line(str(error))}") from None
