"""An entry of the register in words, as ``kimulator list`` and ``explain`` show it."""

from __future__ import annotations

from collections.abc import Iterator

from .entry import Entry, Part

_STATUS = (
    ("confirmed", "bestätigt"),
    ("secondary", "nur aus zweiter Hand"),
    ("unconfirmed", "unbestätigt"),
)
_SIGNATURES = (
    ("cades-enveloping", "CAdES-enveloping"),
    ("pades", "PAdES"),
    ("none", "nicht signiert"),
)


def worth(entry: Entry) -> str:
    """Return what the source of *entry* is worth, in German."""
    return dict(_STATUS)[entry.status] + (", Entwurf" if entry.draft else "")


def direction(entry: Entry) -> str:
    """Return who writes to whom."""
    return f"{', '.join(entry.sender)} an {', '.join(entry.receiver)}"


def origin(entry: Entry) -> str:
    """Return entry and source, as findings name them."""
    return f"{entry.dienstkennung}; {entry.source}, {worth(entry)}"


def lines(entry: Entry) -> Iterator[str]:
    """Yield what is known of *entry*."""
    yield f"Dienstkennung {entry.dienstkennung}: {entry.title}"
    yield f"  Richtung: {direction(entry)}"
    yield f"  Quelle: {entry.source} ({worth(entry)})"
    if entry.types:
        yield f"  Typ: {', '.join(entry.types)}"
    yield f"  Betreff: {entry.subject or 'nicht festgelegt oder nicht bekannt'}"
    if entry.receipt:
        yield "  Form: Lesebestätigung (multipart/report; report-type=disposition-notification)"
    if entry.parts is None:
        yield "  Anhänge: nicht bekannt"
    elif not entry.parts:
        yield "  Anhänge: keine"
    for part in entry.parts or ():
        yield f"  Anhang {_part(part)}"
    if header := "; ".join(_header(entry)):
        yield f"  Kopf: {header}"
    if entry.answers:
        yield f"  Antwort: {', '.join(entry.answers)}"
    if entry.note:
        yield f"  Hinweis: {entry.note}"


def signature(part: Part) -> str | None:
    """Return how *part* is signed and by whom; None where nothing is known of it."""
    if part.signature is None:
        return None
    cards = " oder ".join(part.signature.cards)
    return dict(_SIGNATURES)[part.signature.form] + (f" mit {cards}" if cards else "")


def _part(part: Part) -> str:
    facts = (
        _count(part),
        part.media_type,
        part.file_name if part.description else None,
        signature(part),
    )
    return f"{part.label}: {', '.join(fact for fact in facts if fact)}"


def _count(part: Part) -> str:
    return f"{part.min}-mal" if part.min == part.max else f"{part.min}- bis {part.max}-mal"


def _header(entry: Entry) -> Iterator[str]:
    for holds, text in (
        (entry.only_to, "nur To"),
        (entry.without_cc, "kein Cc"),
        (entry.reply_to, "Reply-To"),
        (entry.in_reply_to, "In-Reply-To"),
        (entry.dsn == "required", "DSN angefordert"),
        (entry.dsn == "recommended", "DSN empfohlen"),
        (entry.mdn == "forbidden", "keine MDN anfordern"),
        (entry.mdn == "optional", "MDN kann angefordert werden"),
    ):
        if holds:
            yield text
