"""getOutOfOffice and updateOutOfOffice: the rules for a note (KOM-LE-A_2224, FAQ)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .. import faults
from ..faults import RestRefused
from ..out_of_office import Note
from .account_data import boolean, moment, text

MAX_MESSAGE = 2048
_KEPT_CONTROLS = "\r\n\t"


def read_note(content: Mapping[str, Any], before: Note | None) -> Note:
    """Return the note after an update of *before*; raises RestRefused (400).

    The first update of an account gives all values, so does every one that activates; with
    active=false what is missing stays as it was. A missing active counts as false.
    """
    start, end = moment(content, "startDate"), moment(content, "endDate")
    message = text(content, "message", MAX_MESSAGE)
    active = boolean(content, "active") or False
    if before is None or active:
        if start is None or end is None or message is None:
            raise _wrong("startDate, endDate and message are needed")
        note = Note(start, end, message, active)
    else:
        note = Note(
            before.start if start is None else start,
            before.end if end is None else end,
            before.message if message is None else message,
            active,
        )
    if note.end <= note.start:
        raise _wrong("endDate: expected a time after startDate")
    if not all(c.isprintable() or c in _KEPT_CONTROLS for c in note.message):
        raise _wrong("message: control characters cannot be sent")
    return note


def write_note(note: Note | None) -> dict[str, Any]:
    """Return the note as getOutOfOffice answers it; without one active=false alone (FAQ)."""
    if note is None:
        return {"active": False}
    return {
        "startDate": _as_text(note.start),
        "endDate": _as_text(note.end),
        "message": note.message,
        "active": note.active,
    }


def _as_text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _wrong(reason: str) -> RestRefused:
    return RestRefused(faults.REST_INPUT.saying(reason))
