"""Rules of TA-eAU for the insurer: its polling, what it writes down, how and whom it answers."""

from __future__ import annotations

from datetime import timedelta

from simulators.formats.headers import addresses, same_address
from simulators.process.ldap import escape_filter

from ..actors.opinion import VIRUS_TEXT
from ..documents.answer_version import AnswerVersion
from ..documents.mail_parts import ReadMail, read_mail
from ..documents.outcome import Rejection, read_outcome
from ..documents.safe_xml import NotXml
from ..scenario.artifacts import Fetched, Judged, Sent
from ..scenario.failure import StepFailed
from .rule import Case, Rule, Verdict, demand, failed, passed, verdict

LONGEST_INTERVAL = timedelta(minutes=10)


def polled_in_time(case: Case) -> Verdict:
    """Die Kasse ruft mindestens alle zehn Minuten ab; gerechnet wird in der Zeit der Welt."""
    fetched: Fetched = case.subject
    if fetched.arrived is None or fetched.fetched is None:
        return failed("die Kasse ruft sofort ab; poll_minutes stellt einen Takt ein")
    waited = fetched.fetched - fetched.arrived
    text = f"abgeholt {waited.total_seconds() / 60:.1f} Minuten nach dem Eingang"
    return verdict(timedelta(0) <= waited <= LONGEST_INTERVAL, text)


def noted(case: Case) -> Verdict:
    """Die Kasse vermerkt den erwarteten Umstand und antwortet nicht."""
    judged: Judged = case.subject
    if judged.code is not None or judged.answer is not None:
        return failed(f"beantwortet mit {judged.code.code if judged.code else '-'}")
    return verdict(case.expected in judged.note, judged.note or "kein Vermerk")


def virus_warning(case: Case) -> Verdict:
    """Bei Virenbefall steht genau der vorgeschriebene Text im Nachrichtentext, und das OperationOutcome nennt die Message-ID."""  # noqa: E501 (shown as one sentence)
    mail = read_mail(case.subject.mail.content)
    demand(mail.text.strip() == VIRUS_TEXT, f"Nachrichtentext: {mail.text.strip()[:80]}")
    said = _rejection(mail)
    demand(said.code in ("101", "102"), f"Code {said.code}, erwartet 101 oder 102")
    return verdict(said.subject.message_id is not None, f"{said.code}: {VIRUS_TEXT}")


def answer_version(case: Case) -> Verdict:
    """Die Fehlernachricht hat die Versionen von FHIR-Profil und Dienstkennung, die P5-08 vorsieht."""  # noqa: E501 (shown as one sentence)
    mail = read_mail(case.subject.content)
    service = (mail.field("X-KIM-Dienstkennung") or "").rpartition(";")[2]
    found = AnswerVersion(_rejection(mail).version, service)
    return verdict(str(found) == case.expected, f"{found}, erwartet {case.expected}")


def answer_to(case: Case) -> Verdict:
    """Die Fehlernachricht geht an Reply-To, wenn das Verzeichnis die Adresse kennt, sonst an From."""  # noqa: E501 (shown as one sentence)
    answer: Sent = case.subject
    mail = read_mail(case.against(Sent).mail.content)
    to = addresses(read_mail(answer.mail.content).field("To") or "")
    wanted = expected_address(case, mail)
    demand(len(to) == 1, f"{len(to)} Empfänger, erwartet genau einer")
    demand(same_address(to[0], wanted), f"To: {to[0]}, erwartet {wanted}")
    return passed(f"an {to[0]}")


def expected_address(case: Case, mail: ReadMail) -> str:
    """Return to whom the answer to *mail* goes (KP5-05 (5)); the judge asks the directory, too."""
    party = next(iter(case.play.parties.values()))
    for address in addresses(mail.field("Reply-To") or ""):
        if list(party.search(f"(mail={escape_filter(address)})")):
            return address
    return next(iter(addresses(mail.field("From") or "")), "")


RULES = (
    Rule("polled-in-time", "KP5-09", "Kasse ruft rechtzeitig ab", Fetched, polled_in_time),
    Rule("noted", "KP5-06", "Kasse vermerkt und schweigt", Judged, noted, ("expect",)),
    Rule("virus-warning", "KP5-05", "Hinweis auf Virenbefall", Sent, virus_warning),
    Rule("answer-version", "P5-08", "Antwort in der Version", Fetched, answer_version, ("expect",)),
    Rule("answer-to", "KP5-05", "Antwort an Reply-To oder From", Sent, answer_to, ("against",)),
)


def _rejection(mail: ReadMail) -> Rejection:
    parts = mail.described("eAUFehler-Kasse")
    if len(parts) != 1:
        raise StepFailed(f"{len(parts)} Anhänge eAUFehler-Kasse")
    try:
        return read_outcome(parts[0].content)
    except NotXml as error:
        raise StepFailed(f"OperationOutcome: {error}") from None
