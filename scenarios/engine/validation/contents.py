"""Judging a file by what it is: eAU, Storno, error message, CDA, signature, or a whole mail."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from lxml import etree

from simulators.formats import signed_data
from simulators.formats.errors import FormatError
from simulators.process.errors import InputError, one_line

from ..actors.opinion import sent_on
from ..documents import error_codes
from ..documents.letter_pdf import claims_pdf_a, is_signed
from ..documents.mail_parts import Part, ReadMail, read_mail
from ..documents.safe_xml import NotXml, parse
from ..profiles import letter_header
from ..profiles.document import FHIR, at, line_of, path_of, values
from ..profiles.finding import Finding, shown
from ..profiles.validator import Validator
from .mail_form import Mail, form_findings, named

MAX_DOCUMENT = 4 << 20
"""An eAU has 20 to 35 KB, a CDA seldom more than 100."""
ENCRYPTED = "application/pkcs7-mime"
DOCUMENT = f"{{{FHIR}}}"
CDA = f"{{{letter_header.HL7}}}ClinicalDocument"


@dataclass(frozen=True)
class Judge:
    """Who judges: the rules, and the day on which documents without a mail are judged."""

    validator: Validator
    day: date

    def file(self, content: bytes, name: str) -> list[Finding]:
        """Return every broken rule in the file *content*; *name* decides nothing but its ending.

        Raises InputError (one German line) for what is none of the kinds, or cannot be read.
        """
        start = content[:200].lstrip(codecs.BOM_UTF8 + b" \r\n\t")
        if start.startswith(b"<"):
            return list(self._xml(content, self.day))
        if content.startswith(b"\x30") or name.lower().endswith(".p7s"):
            return list(self._signed(content, self.day))
        mail = read_mail(content)
        if not mail.message.keys():
            raise InputError("weder XML noch Signatur (.p7s) noch Mail (.eml)")
        return list(self._mail(mail, content))

    def _xml(self, content: bytes, day: date) -> Iterator[Finding]:
        """Judge an XML document: character set (P310-01), then by what it is."""
        if len(content) > MAX_DOCUMENT:
            raise InputError(f"das Dokument ist größer als {MAX_DOCUMENT} Bytes")
        if content.startswith(codecs.BOM_UTF8):
            yield _whole("P310-01", "UTF-8 ohne BOM", "eine Bytereihenfolge-Marke", "BOM entfernen")
        root = _parsed(content)
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            yield _whole(
                "P310-01", "UTF-8", f"kein UTF-8 (Byte {error.start})", "als UTF-8 schreiben"
            )
        declared = (root.getroottree().docinfo.encoding or "UTF-8").upper()
        if declared not in ("UTF-8", "US-ASCII", "ASCII"):
            yield _whole("P310-01", "encoding UTF-8", declared, "XML-Deklaration berichtigen")
        if root.tag == CDA:
            yield from letter_header.findings(root)
        else:
            yield from self.validator.judge(root, day)
            yield from _display(root)

    def _signed(self, content: bytes, day: date) -> Iterator[Finding]:
        """Judge a signature (P4-01): enveloping, holding mathematically, and what it holds."""
        try:
            signed = signed_data.read(content)
        except FormatError as error:
            raise InputError(f"keine CMS-Signatur: {one_line(str(error), 120)}") from None
        if len(signed.signers) != 1:
            text = f"{len(signed.signers)} Signaturen"
            yield _whole("P4-01", "genau eine Signatur", text, "einmal signieren")
        if signed.content is None:
            text = "das Dokument fehlt darin"
            yield _whole("P4-01", "enveloping signiert", text, "mit IncludeEContent signieren")
            return
        if not all(one.digest_ok and one.signature_ok for one in signed.signers):
            text = "Signatur oder Hashwert stimmt nicht"
            yield _whole("P4-01", "eine Signatur über dieses Dokument", text, "neu signieren")
        yield from self._xml(signed.content, day)

    def _mail(self, read: ReadMail, content: bytes) -> Iterator[Finding]:
        if read.message.get_content_type() == ENCRYPTED:
            raise InputError("eine verschlüsselte KIM-Nachricht; geprüft wird der Klartext")
        mail = Mail(read, content, sent_on(read, self.day))
        yield from form_findings(mail)
        for part in read.parts:
            if part.description in ("eAU", "eAUStorno", "eAUFehler-Kasse", "eAB-XML"):
                yield from self._part(mail, part)
            elif part.description == "eAB-PDF-signed":
                yield from _pdf(part)

    def _part(self, mail: Mail, part: Part) -> Iterator[Finding]:
        signed = part.description in ("eAU", "eAUStorno")
        found = self._signed if signed else self._xml
        name = part.file_name or part.description or "Anhang"
        try:
            findings = list(found(part.content, mail.day))
        except InputError as error:
            yield replace(
                _whole("P4-01", "ein lesbares Dokument", str(error), "neu erzeugen"), path=name
            )
            return
        yield from (replace(one, path=f"{name}: {one.path}") for one in findings)
        yield from named(mail, _identifier(part, signed=signed))


def _display(root: etree._Element) -> Iterator[Finding]:
    """KP310-13: an error message has the text that belongs to its code."""
    official = {code.code: code.display for code in error_codes.ALL}
    for coding in at(root, "issue.details.coding"):
        for code, display in zip(values(coding, "code"), at(coding, "display"), strict=False):
            if code in official and display.get("value") != official[code]:
                yield Finding(
                    *("KP310-13 display", "KP310-13", path_of(display), line_of(display)),
                    *(shown(official[code]), shown(display.get("value")), "amtlichen Text setzen"),
                )


def _parsed(content: bytes) -> etree._Element:
    try:
        return parse(content)
    except NotXml as error:
        raise InputError(str(error)) from None


def _identifier(part: Part, *, signed: bool) -> str:
    """Return by what a mail names the document in *part*, empty if by nothing."""
    content = (signed_data.read(part.content).content if signed else part.content) or b""
    root = _parsed(content)
    path = "id" if root.tag == f"{DOCUMENT}OperationOutcome" else "identifier.value"
    return next(iter(values(root, path)), "") if root.tag != CDA else ""


def _pdf(part: Part) -> Iterator[Finding]:
    name = part.file_name or "eAB-PDF-signed"
    if not claims_pdf_a(part.content):
        found = _whole(
            "AF-eAB", "PDF/A (pdfaid, OutputIntent)", "kein PDF/A", "als PDF/A schreiben"
        )
        yield replace(found, path=name)
    if not is_signed(part.content):
        found = _whole("AF-eAB", "eine Signatur im PDF (PAdES)", "keine", "mit dem HBA signieren")
        yield replace(found, path=name)


def _whole(requirement: str, expected: str, found: str, remedy: str) -> Finding:
    """Return a finding about a document as a whole."""
    return Finding(f"{requirement} Datei", requirement, "Datei", 0, expected, found, remedy)
