"""Reading the eAU of somebody else: any KBV Bundle, without judging its profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from simulators.process.bounded_file import FileTooLarge, read_bounded
from simulators.process.errors import InputError, one_line, reason

from .fhir_xml import CODE_SYSTEMS, FHIR
from .safe_xml import MAX_BYTES, NotXml, first_text, parse

STORNO_FORM = "e013"
_NAMES = {"f": FHIR}


@dataclass(frozen=True)
class EauDocument:
    """A Bundle of type document: its bytes and what a PVS needs to know to send it."""

    content: bytes
    identifier: str
    profile: str
    form: str
    insurer_ik: str | None
    cancels: str | None
    kvnr: str | None = None

    @property
    def is_storno(self) -> bool:
        """Whether it cancels an eAU."""
        return self.form == STORNO_FORM or "Storno" in self.profile

    @property
    def bare_identifier(self) -> str:
        """The identifier without ``urn:uuid:``, for subjects and file names."""
        return self.identifier.removeprefix("urn:uuid:")


def read_document(content: bytes) -> EauDocument:
    """Read a Bundle of type document.

    Raises NotXml (one German line) for anything that is no XML, no Bundle, no document, or has
    no identifier by which it could be named.
    """
    root = parse(content)
    kind = etree.QName(root)
    if kind.namespace != FHIR or kind.localname != "Bundle":
        raise NotXml(
            f"die Wurzel ist {one_line(kind.localname, 60)}, erwartet wird ein FHIR-Bundle"
        )
    type_ = first_text(root, "f:type/@value", _NAMES)
    if type_ != "document":
        given = f"type={one_line(type_, 40)}" if type_ else "kein type"
        raise NotXml(f"das Bundle ist kein Dokument ({given}, erwartet document)")
    identifier = first_text(root, "f:identifier/f:value/@value", _NAMES)
    if not identifier:
        raise NotXml("Bundle.identifier.value fehlt; ohne ihn kann die eAU nicht benannt werden")
    resources = "f:entry/f:resource"
    form = f"{CODE_SYSTEMS}KBV_CS_SFHIR_KBV_FORMULAR_ART"
    return EauDocument(
        content,
        identifier,
        (first_text(root, "f:meta/f:profile/@value", _NAMES) or "").rpartition("/")[2],
        first_text(
            root,
            f"{resources}/f:Composition/f:type/f:coding[f:system/@value='{form}']/f:code/@value",
            _NAMES,
        )
        or "",
        first_text(
            root,
            f"{resources}/f:Coverage/f:payor/f:identifier"
            "[f:system/@value='http://fhir.de/sid/arge-ik/iknr']/f:value/@value",
            _NAMES,
        ),
        first_text(root, f"{resources}/f:List/f:entry/f:item/f:identifier/f:value/@value", _NAMES),
        first_text(
            root,
            f"{resources}/f:Patient/f:identifier"
            "[f:system/@value='http://fhir.de/sid/gkv/kvid-10']/f:value/@value",
            _NAMES,
        ),
    )


def read_file(path: Path) -> EauDocument:
    """Read the eAU in the file *path*, given as input to a scenario.

    Raises InputError with one line for anything that ``read_document`` refuses, and for a
    Storno, which needs a scenario of its own.
    """
    try:
        document = read_document(read_bounded(path, MAX_BYTES))
    except FileTooLarge as error:
        raise InputError(f"{path}: größer als {error.limit} Bytes") from None
    except OSError as error:
        raise InputError(f"{path}: nicht lesbar: {reason(error)}") from None
    except NotXml as error:
        raise InputError(f"{path}: {error}") from None
    if document.is_storno:
        raise InputError(f"{path}: ist eine Stornomeldung; erwartet wird eine eAU")
    return document
