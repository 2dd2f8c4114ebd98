"""What the simulated insurer objects to in an eAU or a Storno: character set and profile.

The profiles of version 1.2 are judged in full, by the shipped rules.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from simulators.process.errors import one_line

from ..profiles.validator import shipped
from . import error_codes
from .error_codes import ErrorCode
from .fhir_xml import VERSION
from .reading import EauDocument, read_document
from .safe_xml import NotXml, parse

MAX_REASONS = 20

_DECLARED = re.compile(
    rb"""\s{0,100}<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,40})["']"""
)


@dataclass(frozen=True)
class Objection:
    """Why a document is rejected: the code for the practice and the reasons for its body."""

    code: ErrorCode
    reasons: tuple[str, ...]


def judge(
    content: bytes, *, storno: bool, accepted: tuple[str, ...] = (VERSION,)
) -> Objection | None:
    """Return what is to be objected to in *content*, or None if it is accepted.

    *storno* says as what the mail announced it; it decides between the two codes of a cause as
    long as the document itself cannot tell. *accepted* are the versions of the profiles that
    are taken, without patch.
    """
    if (reason := _character_set(content)) is not None:
        return Objection(error_codes.CHARACTER_SET.of(storno), (reason,))
    try:
        document = read_document(content)
    except NotXml as error:
        return Objection(error_codes.UNREADABLE.of(storno), (str(error),))
    reasons = tuple(islice(_profile(document, accepted), MAX_REASONS))
    if reasons:
        return Objection(error_codes.UNREADABLE.of(document.is_storno), reasons)
    return None


def _character_set(content: bytes) -> str | None:
    """TA-eAU: UTF-8 without byte order mark, whatever the XML declaration says."""
    if content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "beginnt mit einer Bytereihenfolge-Marke (BOM); gefordert ist UTF-8 ohne BOM"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"kein UTF-8 (Byte {error.start})"
    declared = _DECLARED.match(content)
    if declared is not None and declared[1].upper() not in (b"UTF-8", b"US-ASCII"):
        return f"als {declared[1].decode('ascii')} ausgezeichnet; gefordert ist UTF-8"
    return None


def _profile(document: EauDocument, accepted: tuple[str, ...]) -> Iterator[str]:
    """Yield what breaks the profile; what is only implausible an insurer does not reject (KP5-05).

    Of a version before ours only the entries are judged: its other rules are not at hand.
    """
    root = parse(document.content)
    expected = "KBV_PR_EAU_Storno_Bundle" if document.is_storno else "KBV_PR_EAU_Bundle"
    profile, _, version = document.profile.partition("|")
    if profile != expected or ".".join(version.split(".")[:2]) not in accepted:
        wanted = " oder ".join(f"{expected}|{one}" for one in accepted) or "keines mehr"
        yield f"Bundle.meta.profile ist {document.profile or 'leer'}, nicht {wanted}"
        return
    if not document.identifier.startswith("urn:uuid:"):
        yield f"Bundle.identifier ist keine urn:uuid ({one_line(document.identifier, 60)})"
    for finding in shipped().profile_findings(root):
        yield f"Zeile {finding.line}: {finding.text()}"
