"""Rules of the eArztbrief (KBV Anforderungskatalog eArztbrief V2.14)."""

from __future__ import annotations

from ..actors.party import konnektor_failures
from ..documents import cda, mails
from ..documents.letter_pdf import claims_pdf_a, is_signed
from ..documents.mail_parts import Part, ReadMail, read_mail
from ..documents.safe_xml import NotXml
from ..scenario.artifacts import Fetched, Sent
from ..scenario.failure import StepFailed
from ..services.registry import shipped
from .rule import Case, Rule, Verdict, demand, failed, passed, verdict

PDF, CDA = "eAB-PDF-signed", "eAB-XML"
"""By which descriptions the two documents are found; what else may be attached is registered."""


def mail_form(case: Case) -> Verdict:
    """Dienstkennung, genau ein eAB-PDF-signed und ein eAB-XML, sonst nur eAB-Anhang-01 bis -99, Text ohne Medizinisches."""  # noqa: E501 (shown as one sentence)
    mail = read_mail(case.subject.content)
    if mail.field("X-KIM-Dienstkennung") != mails.ARZTBRIEF:
        return failed(f"Dienstkennung {mail.field('X-KIM-Dienstkennung')}")
    pdf, document = _part(mail, PDF), _part(mail, CDA)
    kinds = (pdf.media_type, document.media_type)
    if kinds != ("application/pdf", "application/xml"):
        return failed(f"Content-Type {kinds[0]} und {kinds[1]}")
    for part in (one for one in mail.parts if one.disposition == "attachment"):
        demand(
            _registered(part), f"Anhang {part.file_name} mit der Beschreibung {part.description}"
        )
        demand(part.encoding == "base64", f"{part.file_name}: {part.encoding}, nicht base64")
    demand(pdf.disposition == document.disposition == "attachment", "PDF und CDA sind Anhänge")
    patient = _facts(document)
    if patient.family in mail.text or (patient.kvnr or "\0") in mail.text:
        return failed("der Nachrichtentext nennt den Patienten")
    return passed(f"{pdf.file_name}, {document.file_name}")


def pdf_a(case: Case) -> Verdict:
    """Das PDF nennt sich PDF/A und trägt eine eingebettete Signatur (PAdES)."""
    content = _part(read_mail(case.subject.content), PDF).content
    if not claims_pdf_a(content):
        return failed("kein PDF/A (pdfaid, OutputIntent)")
    return verdict(is_signed(content), f"PDF/A mit Signatur, {len(content)} Bytes")


def signature(case: Case) -> Verdict:
    """Der Konnektor des Empfängers erklärt die Signatur des angekommenen PDF für gültig."""
    content = _part(read_mail(case.subject.content), PDF).content
    sent = case.play.artifact(case.subject.sent, Sent)
    if sent.signed is None or sent.signed.signature != content:
        return failed("das angekommene PDF ist nicht das signierte")
    party = case.play.parties[case.subject.actor]
    with konnektor_failures():
        result = party.konnektor.verify_pdf(content)
    return verdict(result.result == "VALID", f"VerifyDocument: {result.result} {result.detail}")


def header(case: Case) -> Verdict:
    """Der CDA-Header enthält die Pflichtangaben zu Patient und Kostenträger."""
    facts = _facts(_part(read_mail(case.subject.content), CDA))
    return passed(f"{facts.given} {facts.family}, KVNR {facts.kvnr or '-'}, IK {facts.insurer_ik}")


RULES = (
    Rule("letter-mail", "AF-eAB", "eArztbrief in vorgeschriebener Form", Fetched, mail_form),
    Rule("letter-pdf-a", "AF-eAB", "signiertes PDF/A", Fetched, pdf_a),
    Rule("letter-signature", "A_13532", "Signatur des Arztbriefs gültig", Fetched, signature),
    Rule("letter-cda", "AF-eAB", "CDA-Header", Fetched, header),
)


def _registered(part: Part) -> bool:
    entry = shipped().entry(mails.ARZTBRIEF)
    templates = (known.description or "" for known in entry.parts or ())
    patterns = (entry.pattern(template, mails.ARZTBRIEF) for template in templates)
    return any(pattern.fullmatch(part.description or "") for pattern in patterns)


def _part(mail: ReadMail, description: str) -> Part:
    parts = mail.described(description)
    if len(parts) != 1:
        raise StepFailed(f"{len(parts)} Anhänge {description}, erwartet genau einer")
    return parts[0]


def _facts(part: Part) -> cda.CdaFacts:
    try:
        return cda.read_document(part.content)
    except NotXml as error:
        raise StepFailed(f"CDA: {error}") from None
