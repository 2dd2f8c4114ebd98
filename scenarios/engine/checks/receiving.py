"""Rules on receiving: result headers, notes, error mails, unchanged content, DSN."""

from __future__ import annotations

from collections.abc import Mapping

from simulators.formats import dsn, kim_codes
from simulators.formats.headers import same_address, split_message

from ..documents.mail_parts import ReadMail, read_mail
from ..scenario.artifacts import Fetched, Sent
from .rule import Case, Rule, Verdict, demand, failed, passed, verdict

DECRYPTED_NOTE = "Die Nachricht wurde entschlüsselt."
INTACT_NOTE = "Die Signatur wurde erfolgreich geprüft."
RULER = "-" * 45
NOT_DECRYPTED_SUBJECT = "Die Nachricht konnte nicht entschlüsselt werden"

# KOM-LE-A_2047-02: code of X-KIM-DecryptionResult, X-KIM-Fehlermeldung, prescribed text
NOT_DECRYPTED = {
    "01": (
        "4009",
        "Der für die Entschlüsselung der Nachricht benötigte Schlüssel wurde nicht gefunden. "
        "Überprüfen Sie ob die entsprechende Karte gesteckt ist und leiten Sie diese Nachricht "
        "an Ihre eigene E-Mail-Adresse ({address}) weiter. Beim nächsten Abholen wird der "
        "Entschlüsselungsvorgang wiederholt.",
    ),
    "02": (
        "4010",
        "Die Nachricht wurde als eine verschlüsselte KIM-Nachricht gekennzeichnet, konnte aber "
        "auf Grund des falschen Formats nicht entschlüsselt werden. Die Verschlüsselte Nachricht "
        "befindet sich im Anhang. Bitte kontaktieren Sie den Absender der Nachricht.",
    ),
    "03": (
        "4011",
        "Die Entschlüsselung konnte nicht erfolgen, weil der Konnektor nicht antwortet. Stellen "
        "Sie sicher, dass der Konnektor wieder zur Verfügung steht und leiten Sie diese Nachricht "
        "an Ihre eigene E-Mail-Adresse ({address}) weiter. Beim nächsten Abholen wird der "
        "Entschlüsselungsvorgang wiederholt.",
    ),
}
VIOLATION = (
    "Beim Empfang dieser KIM-Nachricht wurde eine Sicherheitsverletzung erkannt. Dies kann eine "
    "technisches Ursache haben oder auf eine missbräuchliche Nutzung des KIM-Dienstes hinweisen. "
    "Zu Ihrem Schutz wurde der Inhalt dieser Nachricht durch diesen Text ausgetauscht. Bitte "
    "kontaktieren Sie den Absender und/oder Ihren Administrator."
)


def decrypted(case: Case) -> Verdict:
    """X-KIM-DecryptionResult ist 00, und der Text endet mit dem Vermerk der Entschlüsselung."""
    mail = _mail(case)
    result = mail.fields("X-KIM-DecryptionResult")
    if result != ["00"]:
        return failed(f"X-KIM-DecryptionResult: {_codes(result, kim_codes.DECRYPTION_RESULT)}")
    if f"{RULER}\n" not in mail.text or DECRYPTED_NOTE not in mail.text.partition(RULER)[2]:
        return failed("der Vermerk über die Entschlüsselung fehlt im Text")
    return passed("X-KIM-DecryptionResult: 00, Vermerk vorhanden")


def intact(case: Case) -> Verdict:
    """X-KIM-IntegrityCheckResult ist 01, und der Vermerk der Signaturprüfung steht im Text."""
    mail = _mail(case)
    result = mail.fields("X-KIM-IntegrityCheckResult")
    if result != ["01"]:
        return failed(f"X-KIM-IntegrityCheckResult: {_integrity_codes(result)}")
    demand(INTACT_NOTE in mail.text.partition(RULER)[2], "der Vermerk der Prüfung fehlt im Text")
    return passed("X-KIM-IntegrityCheckResult: 01, Vermerk vorhanden")


def not_decrypted(case: Case) -> Verdict:
    """Fehlermail: Ergebnis und Code, Betreff, vorgeschriebener Text, Original als Anhang."""
    mail, wanted = _mail(case), case.expected
    code, text = NOT_DECRYPTED[wanted]
    result = mail.fields("X-KIM-DecryptionResult")
    if result != [wanted]:
        return failed(f"X-KIM-DecryptionResult: {_codes(result, kim_codes.DECRYPTION_RESULT)}")
    if mail.fields("X-KIM-Fehlermeldung") != [code]:
        return failed(f"X-KIM-Fehlermeldung: {mail.fields('X-KIM-Fehlermeldung')}, nicht {code}")
    if mail.subject != NOT_DECRYPTED_SUBJECT:
        return failed(f"Betreff: {mail.subject}")
    address = case.play.parties[case.subject.actor].address
    if _flat(text.format(address=address)) not in _flat(mail.text):
        return failed("der vorgeschriebene Text fehlt")
    original = case.play.stored(_sent(case)).get(address)
    if original is None or _body_of(original) not in case.subject.content:
        return failed("die unveränderte Nachricht ist nicht eingebettet (message/rfc822)")
    return passed(f"Ergebnis {wanted}, Fehlermeldung {code}, Text und Original vorhanden")


def violated(case: Case) -> Verdict:
    """Fehlermail mit dem erwarteten Ergebnis, dem vorgeschriebenen Text und dem Original."""
    mail, wanted = _mail(case), case.expected
    result = mail.fields("X-KIM-IntegrityCheckResult")
    if wanted not in result or "01" in result:
        return failed(f"X-KIM-IntegrityCheckResult: {_integrity_codes(result)}")
    if _flat(VIOLATION) not in _flat(mail.text):
        return failed("der vorgeschriebene Text fehlt")
    inner = [split_message(one)[0].get("Message-ID") for one in mail.embedded]
    wanted_id = _sent(case).mail.message_id
    return verdict(wanted_id in inner, f"Ergebnis {wanted}, eingebettet: {inner or 'nichts'}")


def unchanged(case: Case) -> Verdict:
    """Was das PVS gesendet hat, kommt Byte für Byte an: Kopffelder, Text, Anhänge."""
    sent, got = read_mail(_sent(case).mail.content), _mail(case)
    for name in ("From", "To", "Date", "Message-ID", "Subject", "X-KIM-Dienstkennung"):
        if sent.field(name) != got.field(name):
            return failed(f"{name}: gesendet {sent.field(name)}, erhalten {got.field(name)}")
    if not got.text.rstrip().startswith(sent.text.rstrip()):
        return failed("der Text wurde verändert")
    attachments = [
        [(p.file_name, p.description, p.content) for p in mail.parts if p.file_name]
        for mail in (sent, got)
    ]
    if attachments[0] != attachments[1]:
        return failed("die Anhänge wurden verändert")
    return passed(f"Kopffelder, Text und {len(attachments[0])} Anhänge unverändert")


def trace(case: Case) -> Verdict:
    """Return-Path und Received der äußeren Nachricht stehen in der zugestellten."""
    mail = _mail(case)
    counts = {name: len(mail.fields(name)) for name in ("Return-Path", "Received")}
    return verdict(
        all(counts.values()), ", ".join(f"{name}: {count}" for name, count in counts.items())
    )


def delivered_report(case: Case) -> Verdict:
    """DSN: delivered für den Empfänger, In-Reply-To, Arrival-Date, nur Kopffelder."""
    sent = _sent(case)
    demand(sent.dsn, "das PVS hat keine DSN angefordert")
    report = dsn.read_report(case.subject.content)
    if report is None:
        return failed("keine DSN (multipart/report; report-type=delivery-status)")
    address = case.play.parties[case.use.to or ""].address
    actions = [r.action for r in report.reports if same_address(r.address, address)]
    demand(actions == ["delivered"], f"{address}: {', '.join(actions) or 'nicht genannt'}")
    same = report.in_reply_to == sent.mail.message_id
    demand(same, f"In-Reply-To: {report.in_reply_to}, nicht {sent.mail.message_id}")
    demand(report.original_headers is not None, "text/rfc822-headers fehlt")
    if report.arrival is None:
        return failed("Arrival-Date fehlt")
    return passed(f"{address}: delivered, Arrival-Date {report.arrival:%H:%M:%S}")


def failed_report(case: Case) -> Verdict:
    """DSN: failed für den Empfänger ohne Zertifikat, mit dem Code in X-KIM-Fehlermeldung."""
    report = dsn.read_report(case.subject.content)
    if report is None:
        return failed("keine DSN (multipart/report; report-type=delivery-status)")
    code, _, address = case.expected.partition(" ")
    codes = [value.strip() for value in report.headers.get_all("X-KIM-Fehlermeldung")]
    if codes != [code]:
        return failed(f"X-KIM-Fehlermeldung: {', '.join(codes) or 'fehlt'}, nicht {code}")
    actions = {r.address.lower(): r.action for r in report.reports}
    wanted = {(address or _refused(case)).lower(): "failed"}
    return verdict(actions == wanted, f"{code}; {actions}")


RULES = (
    Rule("decrypted", "KOM-LE-A_2179-01", "Entschlüsselt", Fetched, decrypted),
    Rule("intact", "KOM-LE-A_2050-05", "Integrität geprüft", Fetched, intact),
    Rule(
        "not-decrypted",
        "KOM-LE-A_2047-02",
        "Fehlermail: nicht entschlüsselbar",
        Fetched,
        not_decrypted,
        ("expect",),
    ),
    Rule(
        "violated",
        "A_23165",
        "Fehlermail: Integrität verletzt",
        Fetched,
        violated,
        ("expect",),
    ),
    Rule("unchanged", "KOM-LE-A_2097", "Inhalt unverändert", Fetched, unchanged),
    Rule("trace", "A_20628", "Return-Path und Received", Fetched, trace),
    Rule(
        "dsn-delivered", "KOM-LE-A_2147", "Zustellbestätigung", Fetched, delivered_report, ("to",)
    ),
    Rule(
        "dsn-failed",
        "KOM-LE-A_2024-01",
        "Fehlernachricht an den Absender",
        Fetched,
        failed_report,
        ("expect",),
    ),
)


def _mail(case: Case) -> ReadMail:
    return read_mail(case.subject.content)


def _sent(case: Case) -> Sent:
    return case.play.artifact(case.subject.sent, Sent)


def _refused(case: Case) -> str:
    """Return the only recipient of whom no provider holds a copy."""
    sent = _sent(case)
    holders = {address.lower() for address in case.play.stored(sent)}
    return next((a for a in sent.recipients if a.lower() not in holders), "")


def _body_of(message: bytes) -> bytes:
    """Return the encrypted body's middle: the embedding must not have touched it."""
    _, body = split_message(message)
    return body.strip()


def _flat(text: str) -> str:
    return " ".join(text.split())


def _codes(values: list[str], catalogue: Mapping[str, kim_codes.KimCode]) -> str:
    told = [f"{v} ({catalogue[v].text})" if v in catalogue else v for v in values]
    return ", ".join(told) or "fehlt"


def _integrity_codes(values: list[str]) -> str:
    return _codes(values, kim_codes.INTEGRITY_CHECK_RESULT)
