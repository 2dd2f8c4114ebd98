"""The simulated insurer: checks a delivered eAU or Storno and answers when a rule is broken.

TA-eAU KP5: success is silence; a broken rule is answered with ``eAU;Fehler-Kasse``.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from simulators.formats import signed_data
from simulators.formats.errors import FormatError
from simulators.formats.headers import addresses

from ..documents import error_codes, mails
from ..documents.error_codes import ErrorCode, Pair
from ..documents.judgement import judge
from ..documents.mail_parts import Part, ReadMail, read_mail
from ..documents.mails import Envelope
from ..documents.outcome import Subject, outcome
from ..documents.reading import read_document
from ..documents.safe_xml import NotXml
from ..pvs.konnektor import Konnektor, Verification
from ..scenario.artifacts import Fetched, Judged, Sent
from ..scenario.failure import StepFailed
from .party import Party, konnektor_failures

DECRYPTED = "00"
INTACT = ("01", "07")
_DECRYPTION = {"01": error_codes.NO_KEY, "02": error_codes.WRONG_ENCRYPTION}
_INTEGRITY = {"03": error_codes.MAIL_UNSIGNED, "04": error_codes.MAIL_SIGNATURE_FORMAT}


@dataclass(frozen=True)
class _Opinion:
    """What came of looking into the mail, step by step."""

    pair: Pair | None = None
    code: ErrorCode | None = None
    reasons: tuple[str, ...] = ()
    verification: Verification | None = None
    signature: bytes | None = None
    document: bytes | None = None


def judge_mail(party: Party, fetched: Fetched, identity: uuid.UUID, now: datetime) -> Judged:
    """Judge *fetched* and answer it if a rule is broken; *identity* names the answer.

    Raises StepFailed when Konnektor or client module fail.
    """
    mail = read_mail(fetched.content)
    storno = _is_storno(mail)
    decryption = mail.field("X-KIM-DecryptionResult") or "-"
    integrity = tuple(mail.fields("X-KIM-IntegrityCheckResult"))
    opinion = _transport(decryption, integrity) or _content(party.konnektor, mail, storno=storno)
    code = opinion.code or (opinion.pair.of(storno) if opinion.pair else None)
    answer = None
    if code is not None:
        answer = _answer(party, mail, opinion, code, identity=identity, now=now)
    return Judged(
        fetched.actor,
        fetched,
        decryption,
        integrity,
        opinion.verification,
        opinion.signature,
        opinion.document,
        code,
        opinion.reasons,
        answer,
    )


def _transport(decryption: str, integrity: tuple[str, ...]) -> _Opinion | None:
    """Judge what the own client module says about decryption and integrity."""
    if decryption != DECRYPTED:
        if decryption not in _DECRYPTION:
            raise StepFailed(f"die Kasse konnte nicht entschlüsseln (Ergebnis {decryption})")
        return _Opinion(_DECRYPTION[decryption], reasons=(f"DecryptionResult {decryption}",))
    broken = [code for code in integrity if code not in INTACT] or ([] if integrity else ["fehlt"])
    if broken:
        pair = _INTEGRITY.get(broken[0], error_codes.MAIL_SIGNATURE_BROKEN)
        return _Opinion(pair, reasons=(f"IntegrityCheckResult {', '.join(broken)}",))
    return None


def _content(konnektor: Konnektor, mail: ReadMail, *, storno: bool) -> _Opinion:
    """Judge the signed document: exactly one, signature valid, Bundle readable."""
    parts = _signed_parts(mail)
    if len(parts) != 1:
        reason = f"{len(parts)} signierte Anhänge, erwartet wird genau einer"
        return _Opinion(error_codes.UNREADABLE, reasons=(reason,))
    signature = parts[0].content
    try:
        signed = signed_data.read(signature)
    except FormatError as error:
        reason = f"der Anhang ist keine CMS-Signatur: {error}"
        return _Opinion(error_codes.UNREADABLE, reasons=(reason,), signature=signature)
    if signed.content is None:
        reason = "die Signatur enthält das Dokument nicht (nicht enveloping)"
        return _Opinion(error_codes.UNREADABLE, reasons=(reason,), signature=signature)
    with konnektor_failures():
        verification = konnektor.verify_cms(signature)
    if verification.result != "VALID":
        intact = all(one.digest_ok and one.signature_ok for one in signed.signers)
        pair = error_codes.BAD_CERTIFICATE if intact else error_codes.BAD_SIGNATURE
        reason = f"VerifyDocument: {verification.result} {verification.detail}".rstrip()
        return _Opinion(pair, None, (reason,), verification, signature, signed.content)
    objection = judge(signed.content, storno=storno)
    if objection is None:
        return _Opinion(verification=verification, signature=signature, document=signed.content)
    return _Opinion(
        None, objection.code, objection.reasons, verification, signature, signed.content
    )


def _answer(
    party: Party,
    mail: ReadMail,
    opinion: _Opinion,
    code: ErrorCode,
    *,
    identity: uuid.UUID,
    now: datetime,
) -> Sent:
    """Send ``eAU;Fehler-Kasse`` to Reply-To, else to From (KP5-05)."""
    message_id = mail.field("Message-ID")
    subject = Subject(message_id, _identifier(opinion.document))
    to = addresses(mail.field("Reply-To") or "") or addresses(mail.field("From") or "")
    if not to:
        raise StepFailed("die abgewiesene Nachricht nennt keinen Absender")
    content = outcome(identity, code, subject)
    envelope = Envelope(party.address, (to[0],), now, in_reply_to=message_id)
    answer = mails.eau_error(envelope, str(identity), content, (code.display, *opinion.reasons))
    reply = party.send(answer, [to[0]], dsn=True)
    return Sent(party.name, answer, (to[0],), True, reply)


def _identifier(document: bytes | None) -> str | None:
    try:
        return None if document is None else read_document(document).identifier
    except NotXml:
        return None


def _is_storno(mail: ReadMail) -> bool:
    """A wrong Dienstkennung alone never causes a rejection: the part's description counts too."""
    service = (mail.field("X-KIM-Dienstkennung") or "").casefold()
    return "storno" in service or bool(mail.described("eAUStorno"))


def _signed_parts(mail: ReadMail) -> list[Part]:
    return [
        part
        for part in mail.parts
        if (part.file_name or "").lower().endswith(".p7s")
        or part.description in ("eAU", "eAUStorno")
    ]
