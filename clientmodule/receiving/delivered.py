"""A decrypted mail as the client system gets it: notes, result headers, trace of its transport."""

from __future__ import annotations

from typing import Final

from simulators.formats.headers import Headers, split_message

from .. import texts
from .error_mails import ERROR_HEADER, TRACE
from .notes import append_notes
from .results import DECRYPTED, DECRYPTION_HEADER, INTEGRITY_HEADER

NOTES: Final = (texts.NOTE_DECRYPTED, texts.NOTE_VERIFIED)
"""KOM-LE-A_2179-01, 2050-05."""


def delivered(mail: bytes, outer: Headers, integrity: str) -> bytes:
    """Return the client mail *mail* with notes, results and the trace of the *outer* message."""
    headers, body = split_message(append_notes(mail, NOTES))
    mark(headers, outer, integrity)
    return headers.to_bytes() + b"\r\n" + body


def mark(headers: Headers, outer: Headers, integrity: str) -> None:
    """Write into *headers* what this client module found out, and only that (A_21236, A_20628)."""
    for name in (DECRYPTION_HEADER, INTEGRITY_HEADER, ERROR_HEADER, *TRACE):
        headers.remove(name)
    headers.append(DECRYPTION_HEADER, DECRYPTED)
    headers.append(INTEGRITY_HEADER, integrity)
    headers.extend(outer.named(*TRACE))
