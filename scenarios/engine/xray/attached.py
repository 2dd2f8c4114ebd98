"""What is attached to a mail: signed documents, FHIR, CDA, PDF, the reference to a KAS."""

from __future__ import annotations

import re

from lxml import etree

from simulators.formats.errors import FormatError
from simulators.formats.kas_part import KasPart

from ..documents.cda import HL7
from ..documents.fhir_xml import FHIR
from ..documents.safe_xml import NotXml, first_text, parse
from .fhir import fhir_node
from .node import Node, node, problem
from .signature import signature_node

_XML = re.compile(rb"\A(?:\xef\xbb\xbf)?\s{0,200}<")
_PDF_VERSION = re.compile(rb"\A%PDF-(\d\.\d)")
_PDF_PART = re.compile(rb"pdfaid:part(?:>|=[\"'])\s{0,8}([1-4])")
_CDA_NAMES = {"h": HL7}
_SHOWN_OF_KEY = 4
_PKCS7 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07"


def document(content: bytes) -> list[Node]:
    """Return what can be said of *content* by looking at it; empty if it is of no known kind."""
    if content[:1] == b"\x30" and _PKCS7 in content[:32]:
        return _signed(content)
    if _PDF_VERSION.match(content):
        return [_pdf(content)]
    if _XML.match(content):
        return [_xml(content)]
    return []


def _signed(content: bytes) -> list[Node]:
    found, signed = signature_node(content, "signiertes Dokument (CMS)")
    inside = [] if signed is None or signed.content is None else _plain(signed.content)
    return [found, *inside]


def _plain(content: bytes) -> list[Node]:
    """Return what a signed document holds; a signature within a signature is not followed."""
    if _PDF_VERSION.match(content):
        return [_pdf(content)]
    return [_xml(content)] if _XML.match(content) else []


def _xml(content: bytes) -> Node:
    try:
        root = parse(content)
    except NotXml as error:
        return node("xml", "XML", children=[problem(error)])
    name = etree.QName(root)
    if name.namespace == FHIR:
        return fhir_node(root, content)
    if name.namespace == HL7 and name.localname == "ClinicalDocument":
        return _cda(root)
    return node("xml", "XML", name.localname, note=name.namespace or "")


def _cda(root: etree._Element) -> Node:
    def value(path: str) -> str:
        return first_text(root, path, _CDA_NAMES) or ""

    def person(path: str) -> str:
        parts = root.xpath(f"({path})[1]//text()", namespaces=_CDA_NAMES)
        return " ".join(" ".join(map(str, parts)).split()) if isinstance(parts, list) else ""

    patient = "h:recordTarget/h:patientRole"
    below = [
        node("code", "Art", value("h:code/@code"), note=value("h:code/@displayName")),
        node("date", "erstellt", value("h:effectiveTime/@value")),
        node("identifier", "Id", value("h:id/@extension") or value("h:id/@root")),
        node("patient", "Patient", person(f"{patient}/h:patient/h:name")),
        node("birth-date", "geboren", value(f"{patient}/h:patient/h:birthTime/@value")),
        node("author", "Autor", person("h:author/h:assignedAuthor//h:name")),
        node("recipient", "Empfänger", person("h:informationRecipient//h:name")),
    ]
    title = person("h:title") or "ohne Titel"
    return node("cda", "eArztbrief (CDA)", title, children=[one for one in below if one.value])


def _pdf(content: bytes) -> Node:
    version = _PDF_VERSION.match(content)
    part = _PDF_PART.search(content)
    signed = b"/ByteRange" in content
    below = [
        node("pdf-version", "PDF-Version", version[1].decode() if version else ""),
        node("pdf-a", "PDF/A", f"nennt Teil {part[1].decode()}" if part else "nicht erkennbar"),
        node(
            "pdf-signature",
            "eingebettete Signatur",
            "vorhanden" if signed else "keine",
            note="ob sie gilt, prüft der Konnektor" if signed else "",
        ),
    ]
    return node("pdf", "PDF", f"{len(content)} Bytes", children=below)


def kas(content: bytes) -> Node:
    """Return the reference to mail data on a KAS; of the key only its beginning is shown."""
    title = "Verweis auf E-Mail-Daten auf dem KAS (x-kas)"
    try:
        found = KasPart.read(content)
    except FormatError as error:
        return node("kas", title, children=[problem(error)])
    below = [
        node("link", "link", found.link, note="wo die verschlüsselten Daten liegen (A_19364-02)"),
        node("size", "size", f"{found.size} Bytes", note="unverschlüsselt"),
        node("hash", "hash", f"{found.hash[:8].hex()}…", note="SHA-256 der Daten (A_19644)"),
        node(
            "k",
            "k",
            f"{found.k[:_SHOWN_OF_KEY].hex()}… ({len(found.k) * 8} Bit)",
            note="AES-Schlüssel, hier nur der Anfang (A_19358-01)",
        ),
    ]
    return node("kas", title, children=below)
