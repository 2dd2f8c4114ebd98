"""What an insurer finds in a mail: transport, virus, signature, document, person insured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from email.utils import parsedate_to_datetime

from simulators.formats import signed_data
from simulators.formats.errors import FormatError

from ..documents import error_codes
from ..documents.error_codes import ErrorCode, Pair
from ..documents.judgement import judge
from ..documents.mail_parts import Part, ReadMail, read_mail
from ..documents.people import known_patient
from ..documents.reading import EauDocument, read_document
from ..documents.safe_xml import NotXml
from ..documents.virus import eicar, infected_part
from ..pvs.konnektor import Konnektor, Verification
from ..scenario.certificate import Kvnr, PatientName
from ..scenario.failure import StepFailed
from ..scenario.insurer import InsurerHabits
from .insurer_memory import InsurerMemory, Known
from .party import konnektor_failures

DECRYPTED = "00"
INTACT = ("01", "07")
VIRUS_TEXT = "Achtung möglicher Virenbefall"
"""The whole body of the answer to an infected mail, to the letter (KP5-05 (10))."""
_DECRYPTION = {"01": error_codes.NO_KEY, "02": error_codes.WRONG_ENCRYPTION}
_INTEGRITY = {"03": error_codes.MAIL_UNSIGNED, "04": error_codes.MAIL_SIGNATURE_FORMAT}


@dataclass(frozen=True)
class Opinion:
    """What came of looking into the mail, step by step; without a code it is accepted.

    ``by_message``: the answer names the mail, not the Bundle. ``note`` is what the insurer
    writes down for itself.
    """

    code: ErrorCode | None = None
    reasons: tuple[str, ...] = ()
    verification: Verification | None = None
    signature: bytes | None = None
    document: bytes | None = None
    by_message: bool = False
    note: str = ""

    @property
    def objection(self) -> ErrorCode:
        """The code of a mail that is rejected."""
        if self.code is None:
            raise ValueError("nothing was objected to")
        return self.code

    @property
    def body(self) -> str:
        """Text of the answer: the reasons, or for a virus the prescribed one alone (KP5-05)."""
        if self.by_message:
            return VIRUS_TEXT
        lines = (self.objection.display, *self.reasons)
        return "\r\n".join(("Die Nachricht wurde abgewiesen:", *(f"- {line}" for line in lines)))


@dataclass(frozen=True)
class Desk:
    """Where an insurer works: its Konnektor, its habits, its memory; the seed of the run."""

    konnektor: Konnektor
    habits: InsurerHabits
    memory: InsurerMemory
    seed: int


def opinion_of(desk: Desk, mail: ReadMail, *, storno: bool) -> Opinion:
    """Judge *mail* and remember its document. Raises StepFailed when the Konnektor fails."""
    transport = _transport(mail)
    if transport is not None:
        pair, reason = transport
        return Opinion(pair.of(storno), (reason,))
    if (place := infected_part(mail, desk.habits.virus_pattern or eicar())) is not None:
        code = error_codes.UNREADABLE.of(storno)
        return Opinion(code, (f"Virus in {place}",), by_message=True)
    return _remembered(desk, _content(desk, mail, storno=storno), storno=storno)


def carried(mail: ReadMail) -> ReadMail:
    """Return the mail that an error mail of the own client module stands for, else *mail*.

    KOM-LE-A_2046: the message that could not be decrypted is inside, with its outer header.
    """
    embedded = mail.embedded
    if embedded and mail.field("X-KIM-Dienstkennung") is None:
        return read_mail(embedded[0])
    return mail


def sent_on(mail: ReadMail, now: date) -> date:
    """Return the day of the mail's Date, which decides about versions (P5-08 (1a))."""
    try:
        return parsedate_to_datetime(mail.field("Date") or "").date()
    except (ValueError, TypeError, OverflowError):
        return now


def document_identifier(document: bytes | None) -> str | None:
    """Return Bundle.identifier.value, None where it cannot be read."""
    try:
        return None if document is None else read_document(document).identifier
    except NotXml:
        return None


def _transport(mail: ReadMail) -> tuple[Pair, str] | None:
    """Judge what the own client module says about decryption and integrity."""
    decryption = mail.field("X-KIM-DecryptionResult") or "-"
    if decryption != DECRYPTED:
        if decryption not in _DECRYPTION:
            raise StepFailed(f"die Kasse konnte nicht entschlüsseln (Ergebnis {decryption})")
        return _DECRYPTION[decryption], f"DecryptionResult {decryption}"
    integrity = mail.fields("X-KIM-IntegrityCheckResult")
    broken = [code for code in integrity if code not in INTACT] or ([] if integrity else ["fehlt"])
    if broken:
        pair = _INTEGRITY.get(broken[0], error_codes.MAIL_SIGNATURE_BROKEN)
        return pair, f"IntegrityCheckResult {', '.join(broken)}"
    return None


def _content(desk: Desk, mail: ReadMail, *, storno: bool) -> Opinion:
    """Judge the signed document: exactly one, signature valid, Bundle readable."""
    unreadable = Opinion(error_codes.UNREADABLE.of(storno))
    parts = _signed_parts(mail)
    if len(parts) != 1:
        reason = f"{len(parts)} signierte Anhänge, erwartet wird genau einer"
        return replace(unreadable, reasons=(reason,))
    signature = parts[0].content
    try:
        signed = signed_data.read(signature)
    except FormatError as error:
        reason = f"der Anhang ist keine CMS-Signatur: {error}"
        return replace(unreadable, reasons=(reason,), signature=signature)
    if signed.content is None:
        reason = "die Signatur enthält das Dokument nicht (nicht enveloping)"
        return replace(unreadable, reasons=(reason,), signature=signature)
    with konnektor_failures():
        verification = desk.konnektor.verify_cms(signature)
    found = Opinion(verification=verification, signature=signature, document=signed.content)
    if verification.result != "VALID":
        intact = all(one.digest_ok and one.signature_ok for one in signed.signers)
        pair = error_codes.BAD_CERTIFICATE if intact else error_codes.BAD_SIGNATURE
        reason = f"VerifyDocument: {verification.result} {verification.detail}".rstrip()
        return replace(found, code=pair.of(storno), reasons=(reason,))
    accepted = _accepted_versions(desk.habits, sent_on(mail, date.max))
    objection = judge(signed.content, storno=storno, accepted=accepted)
    if objection is None:
        return found
    return replace(found, code=objection.code, reasons=objection.reasons)


def _remembered(desk: Desk, found: Opinion, *, storno: bool) -> Opinion:
    """Compare with what came before, ask whether the person is insured, and remember.

    KP5-06: a duplicate is noted in silence, or rejected again if it is still faulty; the same
    UUID for another file is an error in the use of the UUID.
    """
    if found.document is None:
        return found
    document = found.document
    identifier = document_identifier(document)
    known = desk.memory.known(identifier, document)
    if found.code is None:
        found = _not_ours(desk, found, known, storno=storno)
    if found.code is None and desk.habits.reject_with is not None:
        code = error_codes.named(desk.habits.reject_with)
        found = replace(found, code=code, reasons=("so eingestellt",))
    if known is not Known.NEW and found.code is None:
        found = replace(found, note=f"{known.value}, vermerkt")
    if known is not Known.OTHER_FILE:  # the first file of an identifier is the one that counts
        desk.memory.note(identifier, document, rejected=found.code is not None)
    return found


def _not_ours(desk: Desk, found: Opinion, known: Known, *, storno: bool) -> Opinion:
    """Object to a reused UUID, a stranger, and the Storno of what was rejected."""
    document = read_document(found.document or b"")
    if known is Known.OTHER_FILE and desk.habits.uuid_reuse == "reject":
        code = error_codes.UNREADABLE.of(storno)
        return replace(found, code=code, reasons=(f"{document.identifier}: {known.value}",))
    if document.is_storno and desk.memory.was_rejected(document.cancels):
        reason = f"{document.cancels} wurde abgewiesen"
        return replace(found, code=error_codes.ALREADY_REJECTED, reasons=(reason,))
    if not document.is_storno and not _insured(desk, document):
        reason = f"{document.kvnr or 'ohne KVNR'} ist hier nicht versichert"
        return replace(found, code=error_codes.NOT_INSURED, reasons=(reason,))
    return found


def _insured(desk: Desk, document: EauDocument) -> bool:
    if desk.habits.insured is None:
        return True
    return document.kvnr in {_kvnr(name, desk.seed) for name in desk.habits.insured}


def _kvnr(name: Kvnr | PatientName, seed: int) -> str:
    return name if name[0].isupper() else known_patient(seed, name).kvnr


def _accepted_versions(habits: InsurerHabits, sent: date) -> tuple[str, ...]:
    return tuple(
        version
        for version, valid in habits.versions.items()
        if (valid.since or date.min) <= sent <= (valid.until or date.max)
    )


def _signed_parts(mail: ReadMail) -> list[Part]:
    return [
        part
        for part in mail.parts
        if (part.file_name or "").lower().endswith(".p7s")
        or part.description in ("eAU", "eAUStorno")
    ]
