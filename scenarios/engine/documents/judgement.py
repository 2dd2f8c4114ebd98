"""What the simulated insurer objects to in an eAU or a Storno: character set and structure.

Cardinalities of the Bundle in profile version 1.2 and readability; no invariants, no value
sets: an insurer's full validation is more than this.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from simulators.process.errors import one_line

from . import error_codes
from .error_codes import ErrorCode
from .fhir_xml import CODE_SYSTEMS, FHIR, VERSION
from .reading import EauDocument, read_document
from .safe_xml import NotXml, parse, texts

# Profile: minimal and maximal number of entries (TA-eAU, KBV_PR_EAU_Bundle|1.2)
EAU_ENTRIES = {
    "KBV_PR_EAU_Composition": (1, 1),
    "KBV_PR_FOR_Patient": (1, 1),
    "KBV_PR_FOR_Practitioner": (1, 2),
    "KBV_PR_FOR_PractitionerRole": (0, 1),
    "KBV_PR_FOR_Organization": (1, 1),
    "KBV_PR_FOR_Coverage": (1, 1),
    "KBV_PR_EAU_Condition_AU": (1, 1),
    "KBV_PR_EAU_Condition_ICD": (1, 6),
    "KBV_PR_EAU_Condition_Text": (0, 1),
    "KBV_PR_EAU_ServiceRequest_steps": (0, 5),
}
STORNO_ENTRIES = {
    "KBV_PR_EAU_Storno_Composition": (1, 1),
    "KBV_PR_FOR_Practitioner": (1, 1),
    "KBV_PR_FOR_Organization": (1, 1),
    "KBV_PR_EAU_Storno": (1, 1),
}
EAU_SECTIONS = {
    "AU_Condition": (1, 1),
    "Coverage": (1, 1),
    "ICD": (1, 6),
    "ICD_Text": (0, 1),
    "AU_weiter": (0, 5),
    "FOR_PractitionerRole": (0, 1),
}

_NAMES = {"f": FHIR}
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
    reasons = (*_structure(document, accepted), *_base_specification(content))
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


def _structure(document: EauDocument, accepted: tuple[str, ...]) -> Iterator[str]:
    root = parse(document.content)
    expected = "KBV_PR_EAU_Storno_Bundle" if document.is_storno else "KBV_PR_EAU_Bundle"
    profile, _, version = document.profile.partition("|")
    if profile != expected or ".".join(version.split(".")[:2]) not in accepted:
        wanted = " oder ".join(f"{expected}|{one}" for one in accepted) or "keines mehr"
        yield f"Bundle.meta.profile ist {document.profile or 'leer'}, nicht {wanted}"
    if not document.identifier.startswith("urn:uuid:"):
        yield f"Bundle.identifier ist keine urn:uuid ({one_line(document.identifier, 60)})"
    profiles = Counter(
        value.rpartition("/")[2].partition("|")[0]
        for value in texts(root, "f:entry/f:resource/*/f:meta/f:profile/@value", _NAMES)
    )
    allowed = STORNO_ENTRIES if document.is_storno else EAU_ENTRIES
    yield from _cardinalities("Ressource", profiles, allowed)
    entries = len(root.findall(f"{{{FHIR}}}entry"))
    if entries != sum(profiles.values()):
        yield f"{entries} Einträge, aber {sum(profiles.values())} Ressourcen mit Profil"
    if root.find(f"{{{FHIR}}}signature") is not None:
        yield "Bundle.signature ist nicht erlaubt"
    if not document.is_storno:
        yield from _sections(root)


def _sections(root: etree._Element) -> Iterator[str]:
    system = f"{CODE_SYSTEMS}KBV_CS_FOR_Section_Type"
    codes = texts(
        root,
        "f:entry/f:resource/f:Composition/f:section/f:code/f:coding"
        f"[f:system/@value='{system}']/f:code/@value",
        _NAMES,
    )
    yield from _cardinalities("Abschnitt", Counter(codes), EAU_SECTIONS)


def _cardinalities(
    what: str, found: Counter[str], allowed: dict[str, tuple[int, int]]
) -> Iterator[str]:
    for name, (minimum, maximum) in allowed.items():
        if found[name] < minimum:
            yield f"{what} {name} fehlt"
        elif found[name] > maximum:
            yield f"{what} {name} {found[name]}-mal vorhanden, erlaubt {maximum}"
    for name in sorted(found.keys() - allowed.keys()):
        yield f"{what} {one_line(name, 60)} ist hier nicht vorgesehen"


def _base_specification(content: bytes) -> Iterator[str]:
    """Yield what the FHIR R4 base specification objects to, read by fhir.resources."""
    from fhir.resources.R4B.bundle import Bundle  # 0.3 s and 50 MB: only where it is needed

    try:
        Bundle.model_validate_xml(content)
    except KeyError as error:  # an element that FHIR does not know
        yield f"unbekanntes FHIR-Element {one_line(str(error), 80)}"
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        yield f"kein FHIR R4: {one_line(str(error), 200)}"
