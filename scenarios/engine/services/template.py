"""Templates of Dienstkennungen, subjects and names: text with placeholders in angle brackets.

``<T/E>`` is T in the test environment and E in production. ``<UUID>`` and ``<ID>`` name the
document and are the same everywhere in a mail. ``<nn>`` are two digits but 00, ``<Name>`` is free,
``<Version>`` any version, ``<Typ>`` one of the entry's types, ``<Dienstkennung>`` the mail's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PATTERNS = (
    ("<T/E>", "[TE]"),
    ("<UUID>", f"(?:urn:uuid:)?(?P<identity>{_UUID})"),
    ("<ID>", r"(?P<identity>[A-Za-z0-9.\-]{1,64})"),
    ("<nn>", "(?!00)[0-9]{2}"),
    ("<Name>", r"[^/\\;]{1,200}"),
    ("<Version>", r"[vV]?[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}"),
)
KNOWN = (*(name for name, _ in _PATTERNS), "<Typ>", "<Dienstkennung>")
TEST = "T"
NAMES_THE_DOCUMENT = frozenset(("<UUID>", "<ID>"))
_PLACEHOLDER = re.compile(r"<[^<>]*>")


def placeholders(template: str) -> list[str]:
    """Return the placeholders in *template*, also those that there are not."""
    return _PLACEHOLDER.findall(template)


def pattern(template: str, types: Sequence[str] = (), service: str = "") -> re.Pattern[str]:
    """Return what *template* matches; the group ``identity``, if any, names the document.

    *types* are what ``<Typ>`` stands for, *service* what ``<Dienstkennung>`` does.
    """
    known: Mapping[str, str] = {
        **dict(_PATTERNS),
        "<Typ>": f"(?:{'|'.join(map(re.escape, types))})",
        "<Dienstkennung>": re.escape(service),
    }
    parts: list[str] = []
    end = 0
    for found in _PLACEHOLDER.finditer(template):
        parts += (re.escape(template[end : found.start()]), known[found.group()])
        end = found.end()
    return re.compile("".join((*parts, re.escape(template[end:]))))


def written(template: str, identity: str, service: str = "") -> str | None:
    """Return *template* filled in for the test environment; None where somebody has to choose."""
    values = {"<T/E>": TEST, "<UUID>": identity, "<ID>": identity, "<Dienstkennung>": service}
    if any(name not in values for name in placeholders(template)):
        return None
    return _PLACEHOLDER.sub(lambda found: values[found.group()], template)
