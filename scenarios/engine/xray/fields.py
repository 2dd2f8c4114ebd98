"""Header fields of a mail, and what KIM means by each."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

from simulators.formats import dienstkennung, kim_codes
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers
from simulators.formats.kim_codes import KimCode

from .mime import word
from .node import Mark, Node, node

MAX_FIELDS: Final = 150
MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "x-kim-dienstkennung": "wofür die Mail ist: Anwendung;Vorgang;Version (A_19488-02)",
        "x-kim-sendersystem": "das Primärsystem, das die Mail schrieb: Name;Version",
        "x-kim-support": "die Support-Adresse des Herstellers des Primärsystems",
        "x-kim-cmversion": "das sendende Clientmodul: Hersteller und Version (A_21388-01)",
        "x-kim-ptversion": "Produkttypversion des sendenden Clientmoduls (A_21388-01)",
        "x-kim-konversion": "der Konnektor, der signiert und verschlüsselt hat (A_21388-01)",
        "x-kim-kas-size": "Bytes der E-Mail-Daten, die auf dem KAS liegen (A_23467)",
        "x-kim-fehlermeldung": "Fehlercode des Clientmoduls (A_20650-05)",
        "x-kim-decryptionresult": "was beim Entschlüsseln herauskam (KOM-LE-A_2047-02)",
        "x-kim-integritycheckresult": "was die Signaturprüfung ergab (KOM-LE-A_2048-01, 2050-05)",
        "x-kim-encounter-id": "nur von Herstellern verwendet, unbestätigt",
        "x-kim-testid": "nur von Herstellern verwendet, unbestätigt",
        "x-kim-testnachricht": "nur von Herstellern verwendet, unbestätigt",
        "x-kom-le-version": "1.0: alles in der Mail; 1.5: E-Mail-Daten auf dem KAS (KOM-LE-A_2099)",
        "expires": "danach darf der Anbieter die Nachricht löschen (A_22417)",
        "reply-to": "wohin Antworten gehen sollen",
        "in-reply-to": "die Nachricht, auf die sich diese bezieht",
        "disposition-notification-to": "der Absender bittet um eine Lesebestätigung (MDN)",
        "return-path": "Absender des Umschlags; vom Anbieter gesetzt (A_21236)",
    }
)
_CODES: Final[Mapping[str, Mapping[str, KimCode]]] = MappingProxyType(
    {
        "x-kim-fehlermeldung": kim_codes.FEHLERMELDUNG,
        "x-kim-decryptionresult": kim_codes.DECRYPTION_RESULT,
        "x-kim-integritycheckresult": kim_codes.INTEGRITY_CHECK_RESULT,
    }
)
_GOOD: Final = frozenset(
    {
        ("x-kim-decryptionresult", "00"),
        ("x-kim-integritycheckresult", "01"),
    }
)


def fields(headers: Headers) -> list[Node]:
    """Return the fields in their order; encoded words are decoded, X-KIM fields explained."""
    shown = [_field(name, value) for name, value in islice(headers, MAX_FIELDS)]
    if len(headers) > MAX_FIELDS:
        shown.append(node("more", f"… und {len(headers) - MAX_FIELDS} weitere"))
    return shown


def _field(name: str, value: str) -> Node:
    lower = name.lower()
    if not name:
        return node("header", "keine Kopfzeile", value, mark="warn")
    note, mark = MEANINGS.get(lower, ""), _no_mark()
    if lower in _CODES:
        note, mark = _code(lower, value.strip())
    elif lower == "x-kim-dienstkennung":
        note, mark = _service(value, note)
    elif lower.startswith("x-kim-") and not note:
        note = "unbekanntes X-KIM-Feld"
    return node("header", name, word(value), note=note, mark=mark)


def _no_mark() -> Mark:
    return ""


def _code(field: str, value: str) -> tuple[str, Mark]:
    known = _CODES[field].get(value)
    mark: Mark = "ok" if (field, value) in _GOOD else "warn"
    if known is not None:
        return f"{known.text} ({known.requirement})", mark
    if value[:1] in {"X", "x"}:
        return "Code des Herstellers", "warn"
    return "kein Code der Spezifikation", "bad"


def _service(value: str, note: str) -> tuple[str, Mark]:
    try:
        dienstkennung.parse(value)
    except FormatError:
        return "keine Dienstkennung: erwartet wird Anwendung;Vorgang;Version (A_19488-02)", "bad"
    return note, ""
