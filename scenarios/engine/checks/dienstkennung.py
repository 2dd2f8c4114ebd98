"""The rule on the form of any mail, by the register of Dienstkennungen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulators.formats import signed_data
from simulators.formats.certificates import policies
from simulators.formats.errors import FormatError
from simulators.formats.signed_data import SignedData
from simulators.formats.signer_info import SignerInfo

from ..documents.fhir_identity import identity_of
from ..documents.letter_pdf import is_signed
from ..documents.mail_parts import Part as MailPart
from ..documents.mail_parts import ReadMail, read_mail
from ..scenario.artifacts import Sent
from ..services.description import origin, signature
from ..services.entry import Entry, Part
from ..services.registry import Registry
from .rule import Case, Rule, Verdict, failed, not_applicable, passed

CARDS = (("HBA", "1.2.276.0.76.4.72"), ("SMC-B", "1.2.276.0.76.4.78"))
"""By which policy a card's signature certificate is known: C.HP.QES, C.HCI.OSIG."""


@dataclass(frozen=True)
class _Mail:
    """A mail and what it is judged by; ``service`` is its Dienstkennung as it stands there."""

    entry: Entry
    service: str
    read: ReadMail

    def identity(self, template: str | None, text: str | None) -> str | None:
        """Return the document's identifier that *text* names, None if it does not fit."""
        if template is None or text is None:
            return None
        found = self.entry.pattern(template, self.service).fullmatch(text)
        return None if found is None else found.groupdict().get("identity")

    def fits(self, template: str | None, text: str | None) -> bool:
        """Return whether *text* is as *template* says; whatever it is without a template."""
        if template is None:
            return True
        pattern = self.entry.pattern(template, self.service)
        return text is not None and pattern.fullmatch(text) is not None


def form(case: Case) -> Verdict:
    """Betreff, Anhänge, Namen, Signaturen, Kopffelder und Bestätigungen sind, wie es das Register zur Dienstkennung der Nachricht sagt."""  # noqa: E501 (shown as one sentence)
    sent: Sent = case.subject
    return judged(case.play.services, sent.mail.content, dsn=sent.dsn)


def judged(services: Registry, content: bytes, *, dsn: bool) -> Verdict:
    """Judge the mail *content* by its entry in *services*; *dsn*: a receipt was asked for."""
    read = read_mail(content)
    service = (read.field("X-KIM-Dienstkennung") or "").strip()
    entry = services.find(service)
    if entry is None:
        return failed(f"Dienstkennung {service or 'fehlt'}: nicht im Register (kimulator list)")
    mail = _Mail(entry, service, read)
    findings = [*_header(mail, dsn), *_identities(mail), *_parts(mail)]
    if findings:
        return failed(f"{'; '.join(findings)} ({origin(entry)})")
    if entry.says_nothing:
        return not_applicable(f"nur die Dienstkennung ist bekannt ({origin(entry)})")
    hint = "; DSN nicht angefordert, empfohlen" if _misses_dsn(entry, dsn) else ""
    return passed(f"{service}: {read.subject} ({entry.source}){hint}")


def _header(mail: _Mail, dsn: bool) -> Iterator[str]:
    entry, read = mail.entry, mail.read
    given = {name: read.field(name) is not None for name in ("Cc", "Bcc", "Reply-To")}
    report = read.message.get_content_type() == "multipart/report"
    disposition = read.message.get_param("report-type") == "disposition-notification"
    for wrong, finding in (
        (
            entry.exact.fullmatch(mail.service) is None,
            f"Dienstkennung {mail.service}: Groß- und Kleinschreibung weicht ab",
        ),
        (
            not mail.fits(entry.subject, read.subject),
            f"Betreff {read.subject}, erwartet {entry.subject}",
        ),
        (
            entry.receipt and not (report and disposition),
            "keine Lesebestätigung (disposition-notification)",
        ),
        (entry.only_to and (given["Cc"] or given["Bcc"]), "nur To ist erlaubt"),
        (entry.without_cc and given["Cc"], "Cc ist nicht erlaubt"),
        (entry.reply_to and not given["Reply-To"], "Reply-To fehlt"),
        (entry.in_reply_to and read.field("In-Reply-To") is None, "In-Reply-To fehlt"),
        (entry.dsn == "required" and not dsn, "DSN nicht angefordert"),
        (
            entry.mdn == "forbidden" and read.field("Disposition-Notification-To") is not None,
            "eine MDN darf nicht angefordert werden",
        ),
        (entry.plain_body and not report and _has_html(read), "der Text ist HTML"),
    ):
        if wrong:
            yield finding


def _misses_dsn(entry: Entry, dsn: bool) -> bool:
    return entry.dsn == "recommended" and not dsn


def _has_html(read: ReadMail) -> bool:
    return any(
        part.media_type == "text/html" and part.disposition != "attachment" for part in read.parts
    )


def _identities(mail: _Mail) -> Iterator[str]:
    """Yield when subject, names and content do not name the same document."""
    named = [("Betreff", mail.identity(mail.entry.subject, mail.read.subject))]
    for part, wanted in _assigned(mail):
        if wanted is None:
            continue
        in_name = mail.identity(wanted.file_name, part.file_name)
        named.append((f"Dateiname {part.file_name}", in_name))
        if in_name is not None:
            named.append((f"Inhalt von {part.file_name}", identity_of(part.content)))
    known = [(where, identity.lower()) for where, identity in named if identity is not None]
    for where, identity in known[1:]:
        if identity != known[0][1]:
            yield f"{where} nennt {identity}, {known[0][0]} {known[0][1]}"


def _parts(mail: _Mail) -> Iterator[str]:
    if mail.entry.parts is None:
        return
    assigned = list(_assigned(mail))
    for part, wanted in assigned:
        if wanted is None:
            name = part.file_name or part.media_type
            yield f"Anhang {name} ({part.description or 'ohne Beschreibung'}) gehört nicht dazu"
        else:
            yield from _part(mail, part, wanted)
    for wanted in mail.entry.parts:
        count = sum(one is wanted for _, one in assigned)
        if not wanted.min <= count <= wanted.max:
            bounds = f"{wanted.min}" if wanted.min == wanted.max else f"{wanted.min}-{wanted.max}"
            yield f"{count} Anhänge {wanted.label}, erwartet {bounds}"


def _assigned(mail: _Mail) -> list[tuple[MailPart, Part | None]]:
    """Return every attachment with the first part of the entry that it is, None for no part."""
    attached = (
        part
        for part in mail.read.parts
        if part.disposition == "attachment" or part.file_name is not None
    )
    wanted: Sequence[Part] = mail.entry.parts or ()
    return [(one, next((w for w in wanted if _is(mail, one, w)), None)) for one in attached]


def _is(mail: _Mail, part: MailPart, wanted: Part) -> bool:
    """A part is known by its description; without one by file name and media type."""
    if wanted.description is not None:
        return mail.fits(wanted.description, part.description)
    return mail.fits(wanted.file_name, part.file_name) and part.media_type == (
        wanted.media_type or part.media_type
    )


def _part(mail: _Mail, part: MailPart, wanted: Part) -> Iterator[str]:
    name = part.file_name or wanted.label
    if not mail.fits(wanted.file_name, part.file_name):
        yield f"Dateiname {part.file_name}, erwartet {wanted.file_name}"
    if wanted.media_type not in (None, part.media_type):
        yield f"{name}: Content-Type {part.media_type}, erwartet {wanted.media_type}"
    if part.disposition != "attachment":
        yield f"{name}: Content-Disposition {part.disposition}, erwartet attachment"
    if part.encoding != "base64":
        yield f"{name}: {part.encoding}, erwartet base64"
    if wanted.signature is not None:
        fault = _signature_fault(part, wanted.signature.form, wanted.signature.cards)
        if fault is not None:
            yield f"{name}: {fault}, erwartet {signature(wanted)}"


def _signature_fault(part: MailPart, form: str, cards: Sequence[str]) -> str | None:
    if form == "pades":
        return None if is_signed(part.content) else "ohne eingebettete Signatur"
    try:
        signed = signed_data.read(part.content)
    except FormatError as error:
        return None if form == "none" else f"kein SignedData ({error})"
    return "signiert" if form == "none" else _cades_fault(signed, cards)


def _cades_fault(signed: SignedData, cards: Sequence[str]) -> str | None:
    if signed.content is None:
        return "der Inhalt fehlt in der Signatur"
    if not signed.signers or not all(one.digest_ok and one.signature_ok for one in signed.signers):
        return "die Signatur stimmt rechnerisch nicht"
    allowed = {policy for card, policy in CARDS if card in cards}
    by_those = all(allowed & _policies(one) for one in signed.signers)
    return None if by_those else "von einer anderen Karte signiert"


def _policies(signer: SignerInfo) -> set[str]:
    try:
        return set() if signer.certificate is None else set(policies(signer.certificate))
    except FormatError:
        return set()


RULES = (Rule("dienstkennung-form", "Dienstkennung", "Form nach der Dienstkennung", Sent, form),)
