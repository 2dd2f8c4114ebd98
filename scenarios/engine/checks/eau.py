"""Rules of TA-eAU: the practice's mail, the insurer's judgement, the error message."""

from __future__ import annotations

from simulators.formats import signed_data
from simulators.formats.certificates import common_name, policies
from simulators.formats.errors import FormatError
from simulators.formats.headers import addresses
from simulators.formats.signer_info import SignerInfo

from ..actors.opinion import sent_on
from ..documents import error_codes, mails
from ..documents.mail_parts import Part, read_mail
from ..documents.outcome import Rejection, read_outcome
from ..documents.reading import EauDocument, read_document
from ..documents.safe_xml import NotXml, parse
from ..profiles.validator import shipped
from ..scenario.artifacts import Fetched, Judged, Sent
from ..scenario.failure import StepFailed
from ..services.one_document import one_document
from .insurer import expected_address
from .rule import Case, Rule, Verdict, demand, failed, passed, verdict

_FEHLER = mails.FEHLER.rpartition(";")[0]
"""The version is judged by answer-version: it depends on what the practice sent."""
SHOWN_FINDINGS = 5
QES_POLICY = "1.2.276.0.76.4.72"
"""C.HP.QES: the certificate of the HBA for qualified signatures."""


def delivery_form(case: Case) -> Verdict:
    """Lieferung: Dienstkennung, Betreff, genau ein signierter Anhang mit Namen und Beschreibung, nur To, Reply-To, DSN angefordert."""  # noqa: E501 (shown as one sentence)
    return _form(case.subject, mails.EAU)


def storno_form(case: Case) -> Verdict:
    """Storno: Dienstkennung, Betreff, genau ein signierter Anhang mit Namen und Beschreibung, nur To, Reply-To, DSN angefordert."""  # noqa: E501 (shown as one sentence)
    return _form(case.subject, mails.STORNO)


def _form(sent: Sent, service: str) -> Verdict:
    mail = read_mail(sent.mail.content)
    wanted = one_document(service, _document(sent).bare_identifier)
    name, description = wanted.subject, wanted.description
    found = mail.field("X-KIM-Dienstkennung")
    attached = [part for part in mail.parts if part.file_name is not None]
    faults = [
        reason
        for holds, reason in (
            (found == service, f"Dienstkennung {found}, erwartet {service}"),
            (mail.subject == name, f"Betreff {mail.subject}, erwartet {name}"),
            (len(attached) == 1, f"{len(attached)} Anhänge, erwartet genau einer"),
            (mail.field("Cc") is None and mail.field("Bcc") is None, "nur To ist erlaubt"),
            (mail.field("Reply-To") is not None, "Reply-To fehlt"),
            (sent.dsn, "DSN nicht angefordert (P5-07)"),
        )
        if not holds
    ]
    parts = mail.described(description)
    if len(parts) != 1:
        faults.append(f"{len(parts)} Anhänge {description}, erwartet genau einer")
    elif (reason := _part_fault(parts[0], wanted.file_name, wanted.media_type)) is not None:
        faults.append(reason)
    if faults:
        return failed("; ".join(faults))
    return passed(f"{service}, {wanted.file_name}")


def profile(case: Case) -> Verdict:
    """Das gesendete Dokument entspricht am Tag der Mail den Profilen der KBV und den Plausibilitätsregeln der TA-eAU."""  # noqa: E501 (shown as one sentence)
    document = _document(case.subject)
    day = sent_on(read_mail(case.subject.mail.content), case.play.now().date())
    findings = shipped().judge(parse(document.content), day)
    if findings:
        shown = "; ".join(f"Zeile {one.line}: {one.text()}" for one in findings[:SHOWN_FINDINGS])
        return failed(f"{len(findings)} Regeln verletzt: {shown}")
    return passed(f"{document.profile}: keine Regel verletzt")


def insurer_decrypted(case: Case) -> Verdict:
    """Die Kasse hat entschlüsselt (00), und die Integrität der KIM-Nachricht ist 01."""
    judged: Judged = case.subject
    text = f"Entschlüsselung {judged.decryption}, Integrität {', '.join(judged.integrity) or '-'}"
    return verdict(judged.decryption == "00" and judged.integrity == ("01",), text)


def qes_valid(case: Case) -> Verdict:
    """Die QES des HBA ist gültig, über genau die Bytes, die bei der Kasse ankamen."""
    judged: Judged = case.subject
    sent = case.play.artifact(judged.fetched.sent, Sent)
    if judged.verification is None or judged.signature is None:
        return failed("die Kasse hat keine Signatur geprüft")
    result = judged.verification.result
    demand(result == "VALID", f"VerifyDocument der Kasse: {result}")
    if sent.signed is None or judged.signature != sent.signed.signature:
        return failed("die angekommene Signatur ist nicht die gesendete")
    try:
        signed = signed_data.read(judged.signature)
    except FormatError as error:
        return failed(f"nicht als CMS lesbar: {error}")
    same = signed.content == sent.signed.document
    demand(same, "die Signatur umfasst andere Bytes als das Dokument der Praxis")
    demand(len(signed.signers) == 1, f"{len(signed.signers)} Signaturen, erwartet genau eine")
    demand(_holds(signed.signers[0]), "die Signatur stimmt rechnerisch nicht")
    certificate = signed.signers[0].certificate
    if certificate is None or QES_POLICY not in policies(certificate):
        return failed("das Signaturzertifikat ist kein C.HP.QES")
    return passed(f"VALID, {common_name(certificate)}, {len(signed.content or b'')} Bytes")


def accepted(case: Case) -> Verdict:
    """Das Bundle ist lesbar und entspricht den Vorgaben; die Kasse antwortet nicht."""
    judged: Judged = case.subject
    if judged.code is not None:
        return failed(f"{judged.code.code} {judged.code.display} {'; '.join(judged.reasons)}")
    if judged.document is None or judged.answer is not None:
        return failed("das Dokument wurde nicht geprüft oder doch beantwortet")
    return passed(f"{read_document(judged.document).profile}: angenommen, keine Antwort")


def rejected(case: Case) -> Verdict:
    """Die Kasse weist mit dem erwarteten Code ab, und ihre Antwort wurde angenommen."""
    judged: Judged = case.subject
    if judged.code is None:
        return failed("die Kasse hat angenommen")
    if judged.code.code != case.expected:
        return failed(f"Code {judged.code.code}, erwartet {case.expected}")
    if judged.answer is None or not judged.answer.reply.accepted:
        return failed("die Antwort der Kasse wurde nicht gesendet")
    return passed(f"{judged.code.code}: {'; '.join(judged.reasons)}")


def cancels(case: Case) -> Verdict:
    """Das Storno nennt den Identifier der gesendeten eAU und hat einen eigenen."""
    judged: Judged = case.subject
    original = _document(case.against(Sent))
    if judged.document is None:
        return failed("die Kasse hat kein Dokument gelesen")
    storno = read_document(judged.document)
    if not storno.is_storno:
        return failed(f"{storno.profile} ist keine Stornomeldung")
    text = f"{storno.identifier} storniert {storno.cancels}"
    good = storno.cancels == original.identifier and storno.identifier != original.identifier
    return verdict(good, text)


def error_mail(case: Case) -> Verdict:
    """Fehler-Kasse an Reply-To oder From: Dienstkennung, Betreff, ein unsigniertes XML, Fehlertext, In-Reply-To."""  # noqa: E501 (shown as one sentence)
    mail = read_mail(case.subject.content)
    sent = case.play.artifact(case.subject.sent, Sent)
    parts = mail.described("eAUFehler-Kasse")
    if (mail.field("X-KIM-Dienstkennung") or "").rpartition(";")[0] != _FEHLER:
        return failed(f"Dienstkennung {mail.field('X-KIM-Dienstkennung')}")
    if len(parts) != 1 or any((p.file_name or "").endswith(".p7s") for p in mail.parts):
        return failed(f"{len(parts)} Anhänge eAUFehler-Kasse, erwartet genau einer, unsigniert")
    form = one_document(mails.FEHLER, _rejection(parts[0]).id)
    demand(mail.subject == form.subject, f"Betreff {mail.subject}, erwartet {form.subject}")
    if (reason := _part_fault(parts[0], form.file_name, form.media_type)) is not None:
        return failed(reason)
    to, wanted = mail.field("To") or "", expected_address(case, read_mail(sent.mail.content))
    demand(addresses(to) == [wanted], f"To: {to}, erwartet {wanted}")
    if not mail.text.strip():
        return failed("kein Fehlertext im Nachrichtentext")
    return verdict(
        mail.field("In-Reply-To") == sent.mail.message_id,
        f"{form.file_name} als Antwort auf die eAU",
    )


def error_outcome(case: Case) -> Verdict:
    """Das OperationOutcome nennt den erwarteten Code mit amtlichem Text und die eAU; 301, 307, 313 und 314 nennen die Message-ID."""  # noqa: E501 (shown as one sentence)
    parts = read_mail(case.subject.content).described("eAUFehler-Kasse")
    if len(parts) != 1:
        return failed(f"{len(parts)} Anhänge eAUFehler-Kasse")
    said = _rejection(parts[0])
    sent = case.play.artifact(case.subject.sent, Sent)
    official = next((code for code in error_codes.ALL if code.code == said.code), None)
    if said.code != case.expected:
        return failed(f"Code {said.code}, erwartet {case.expected}")
    if official is None or said.display != official.display:
        return failed(f"Text weicht ab: {said.display}")
    by_bundle = said.subject.bundle_identifier == _document(sent).identifier
    by_message = said.subject.message_id == sent.mail.message_id.strip("<>")
    named = by_message or (by_bundle and not official.by_message_id)
    return verdict(named, f"{said.code} {said.display}")


RULES = (
    Rule("eau-mail", "P5-02", "eAU-Mail in vorgeschriebener Form", Sent, delivery_form),
    Rule("storno-mail", "P5-03", "Storno-Mail in vorgeschriebener Form", Sent, storno_form),
    Rule("eau-profile", "P310-01", "Dokument nach den Profilen", Sent, profile),
    Rule("insurer-decrypted", "KOM-LE-A_2048-01", "Kasse entschlüsselt", Judged, insurer_decrypted),
    Rule("qes-valid", "P4-01", "QES gültig über diese Bytes", Judged, qes_valid),
    Rule("eau-accepted", "P310-14", "Bundle angenommen", Judged, accepted),
    Rule("eau-rejected", "KP5-05", "Kasse weist ab", Judged, rejected, ("expect",)),
    Rule("storno-cancels", "P5-03", "Storno der gesendeten eAU", Judged, cancels, ("against",)),
    Rule("error-mail", "KP5-05", "Fehlernachricht in vorgeschriebener Form", Fetched, error_mail),
    Rule("error-outcome", "P5-04", "Fehlercode und Bezug", Fetched, error_outcome, ("expect",)),
)


def _document(sent: Sent) -> EauDocument:
    if sent.signed is None or sent.signed.eau is None:
        raise StepFailed("die Nachricht enthält keine eAU")
    return sent.signed.eau


def _part_fault(part: Part, name: str, media_type: str) -> str | None:
    if part.file_name != name:
        return f"Dateiname {part.file_name}, erwartet {name}"
    if part.media_type != media_type:
        return f"Content-Type {part.media_type}"
    if part.encoding != "base64" or part.disposition != "attachment":
        return f"{part.encoding}, {part.disposition}; erwartet base64, attachment"
    return None


def _holds(signer: SignerInfo) -> bool:
    return signer.digest_ok and signer.signature_ok


def _rejection(part: Part) -> Rejection:
    try:
        return read_outcome(part.content)
    except NotXml as error:
        raise StepFailed(f"OperationOutcome: {error}") from None
