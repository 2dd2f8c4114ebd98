"""What names a FHIR document in subjects and file names."""

from __future__ import annotations

from lxml import etree

from simulators.formats import signed_data
from simulators.formats.errors import FormatError

from .fhir_xml import FHIR
from .safe_xml import NotXml, first_text, parse

_NAMES = {"f": FHIR}


def identity_of(content: bytes) -> str | None:
    """Return Bundle.identifier without ``urn:uuid:``, or the id of another resource.

    *content* is the document, or a SignedData that holds it. None for what is no FHIR resource
    in XML, or names itself nowhere.
    """
    try:
        root = parse(_unwrapped(content))
    except NotXml:
        return None
    kind = etree.QName(root)
    if kind.namespace != FHIR:
        return None
    path = "f:identifier/f:value/@value" if kind.localname == "Bundle" else "f:id/@value"
    found = first_text(root, path, _NAMES)
    return None if not found else found.removeprefix("urn:uuid:")


def _unwrapped(content: bytes) -> bytes:
    try:
        return signed_data.read(content).content or b""
    except FormatError:
        return content
