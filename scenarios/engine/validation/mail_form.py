"""The form of a KIM mail of an application: Dienstkennung, subject, parts and their names.

A line is that of the header field in the file; of parts it is unknown (0).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from ..documents import mails
from ..documents.mail_parts import Part, ReadMail
from ..profiles.finding import Finding, shown
from ..services.one_document import one_document
from ..services.registry import shipped
from ..services.template import TEST

DIENSTKENNUNG = "X-KIM-Dienstkennung"
FORM = re.compile(r"[^;\s]+;[^;\s]+;V?\d+(\.\d+)*", re.IGNORECASE)
LAST_DAY_OF_1_1 = date(2026, 3, 31)
LETTER = mails.ARZTBRIEF.rpartition(";")[0].casefold()
FURTHER = re.compile(r"eAB-Anhang-(?!00)[0-9]{2}")


@dataclass(frozen=True)
class Kind:
    """A mail with one document that is named after it (TA-eAU chapter 5)."""

    dienstkennung: str
    requirement: str
    subject: str
    description: str
    media_type: str
    ending: str


@cache
def eau_kinds() -> tuple[Kind, ...]:
    """Return the eAU's mails, their form as the register of Dienstkennungen has it."""
    return tuple(
        _kind(service, requirement)
        for service, requirement in (
            (mails.EAU, "P5-02"),
            (mails.STORNO, "P5-03"),
            (mails.FEHLER, "KP5-05"),
        )
    )


def _kind(service: str, requirement: str) -> Kind:
    form = one_document(service, "")
    prefix = form.subject.removeprefix(TEST)
    ending = form.file_name.removeprefix(form.subject)
    application = service.rpartition(";")[0]
    return Kind(application, requirement, prefix, form.description, form.media_type, ending)


@cache
def letter_parts() -> dict[str, str]:
    """Return the media type of each part that an eArztbrief has once, by its description."""
    parts = shipped().entry(mails.ARZTBRIEF).parts or ()
    return {one.description: one.media_type for one in parts if one.description and one.media_type}


@dataclass(frozen=True)
class Mail:
    """A mail that is judged: taken apart, its bytes, and the day of its Date."""

    read: ReadMail
    content: bytes
    day: date

    @property
    def dienstkennung(self) -> str:
        """The Dienstkennung without its version, folded for comparison (A_19488-02)."""
        return (self.read.field(DIENSTKENNUNG) or "").rpartition(";")[0].casefold()

    @property
    def kind(self) -> Kind | None:
        """Which of the eAU's mails it is: by the Dienstkennung, else by its part."""
        for kind in eau_kinds():
            if self.dienstkennung == kind.dienstkennung.casefold():
                return kind
        return next((kind for kind in eau_kinds() if self.read.described(kind.description)), None)

    @property
    def is_letter(self) -> bool:
        """Whether it is an eArztbrief, by Dienstkennung or parts."""
        parts = any(self.read.described(one) for one in letter_parts())
        return self.dienstkennung == LETTER or (parts and self.kind is None)

    def line(self, field: str) -> int:
        """Return the line of the header field *field*, 0 if there is none."""
        wanted = field.lower().encode() + b":"
        for number, line in enumerate(self.content.splitlines(), 1):
            if not line:
                return 0
            if line.lower().startswith(wanted):
                return number
        return 0


def form_findings(mail: Mail) -> Iterator[Finding]:
    """Yield what is wrong with the form of *mail*, by its kind."""
    yield from _header(mail)
    if (kind := mail.kind) is not None:
        yield from _named_document(mail, kind)
    elif mail.is_letter:
        yield from _letter(mail)


def named(mail: Mail, identifier: str) -> Iterator[Finding]:
    """Yield that the subject does not name the document *identifier*, if so.

    TA-eAU names by the value of identifier.value; with and without ``urn:uuid:`` are found.
    """
    kind, subject = mail.kind, mail.read.subject
    bare = identifier.removeprefix("urn:uuid:")
    if kind is None or not bare:
        return
    if subject.rpartition("_")[2].removeprefix("urn:uuid:").casefold() != bare.casefold():
        text = f"ein Betreff mit der Kennung des Dokuments {bare}"
        yield _at(mail, kind.requirement, "Subject", text, subject, remedy="Betreff angleichen")


def _header(mail: Mail) -> Iterator[Finding]:
    service = mail.read.field(DIENSTKENNUNG)
    if service is None or FORM.fullmatch(service) is None:
        text = "<Anwendung>;<Vorgang>;V<x.y>"
        yield _at(mail, "A_19488-02", DIENSTKENNUNG, text, service, remedy="Dienstkennung setzen")
    for field, text in (
        ("X-KIM-Sendersystem", "Name;Version des sendenden Systems"),
        ("X-KIM-Support", "E-Mail-Adresse des Supports"),
        ("Message-ID", "eine eindeutige Message-ID"),
        ("Date", "ein Datum"),
    ):
        if not mail.read.field(field):
            yield _at(mail, "Primärsystem", field, text, None, remedy=f"{field} ergänzen")


def _named_document(mail: Mail, kind: Kind) -> Iterator[Finding]:
    read, requirement = mail.read, kind.requirement
    yield from _service_version(mail, kind)
    if re.fullmatch(rf"[ET]{kind.subject}\S+", read.subject) is None:
        text = f"E{kind.subject}<Kennung> oder T{kind.subject}<Kennung>"
        yield _at(mail, requirement, "Subject", text, read.subject, remedy="Betreff berichtigen")
    for field in ("Cc", "Bcc"):
        if read.field(field) is not None:
            text = "Empfänger nur in To"
            yield _at(
                mail, requirement, field, text, read.field(field), remedy=f"{field} entfernen"
            )
    if kind.ending == ".p7s" and not read.field("Reply-To"):
        yield _at(mail, requirement, "Reply-To", "Reply-To", None, remedy="Reply-To setzen")
    attached = [part for part in read.parts if part.file_name is not None]
    if len(attached) != 1:
        text = f"genau ein Anhang ({kind.description})"
        yield _part(requirement, "Anhänge", text, f"{len(attached)}", "Anhänge berichtigen")
    for part in attached[:1]:
        yield from _attachment(part, kind.requirement, kind.media_type)
        if part.description != kind.description:
            place, text = f"{part.file_name}: Content-Description", shown(kind.description)
            yield _part(requirement, place, text, shown(part.description), "Beschreibung setzen")
        if part.file_name != f"{read.subject}{kind.ending}":
            text = shown(f"{read.subject}{kind.ending}")
            yield _part(requirement, "Dateiname", text, shown(part.file_name), "Datei umbenennen")


def _service_version(mail: Mail, kind: Kind) -> Iterator[Finding]:
    """P5-08: V1.2, until the end of March 2026 also V1.1."""
    allowed = ["V1.2", *(["V1.1"] if mail.day <= LAST_DAY_OF_1_1 else [])]
    wanted = [f"{kind.dienstkennung};{version}" for version in allowed]
    service = mail.read.field(DIENSTKENNUNG)
    if service not in wanted:
        text = " oder ".join(wanted)
        yield _at(mail, "P5-08", DIENSTKENNUNG, text, service, remedy="Dienstkennung berichtigen")


def _letter(mail: Mail) -> Iterator[Finding]:
    service = mails.ARZTBRIEF
    if mail.read.field(DIENSTKENNUNG) != service:
        given = mail.read.field(DIENSTKENNUNG)
        yield _at(mail, "AF-eAB", DIENSTKENNUNG, service, given, remedy="Dienstkennung berichtigen")
    for description, media_type in letter_parts().items():
        parts = mail.read.described(description)
        if len(parts) != 1:
            text = f"genau ein Anhang {description}"
            yield _part("AF-eAB", "Anhänge", text, f"{len(parts)}", f"{description} anhängen")
        for part in parts[:1]:
            yield from _attachment(part, "AF-eAB", media_type)
    for part in mail.read.parts:
        known = part.description in letter_parts() or FURTHER.fullmatch(part.description or "")
        if part.disposition == "attachment" and not known:
            text, place = "eAB-Anhang-01 bis -99", f"{part.file_name}: Content-Description"
            yield _part("AF-eAB", place, text, shown(part.description), "Beschreibung setzen")


def _attachment(part: Part, requirement: str, media_type: str) -> Iterator[Finding]:
    for header, given, wanted in (
        ("Content-Type", part.media_type, media_type),
        ("Content-Transfer-Encoding", part.encoding, "base64"),
        ("Content-Disposition", part.disposition, "attachment"),
    ):
        if given != wanted:
            place = f"{part.file_name}: {header}"
            yield _part(requirement, place, wanted, shown(given), f"{header} berichtigen")


def _at(
    mail: Mail, requirement: str, field: str, expected: str, given: str | None, *, remedy: str
) -> Finding:
    where = (f"Mail:{field}", requirement, field, mail.line(field))
    return Finding(*where, expected, shown(given), remedy)


def _part(requirement: str, place: str, expected: str, found: str, remedy: str) -> Finding:
    return Finding("Mail:Anhang", requirement, place, 0, expected, found, remedy)
