"""The simulated insurer: judges a delivered eAU or Storno and answers when a rule is broken.

TA-eAU KP5: success is silence; a broken rule is answered with ``eAU;Fehler-Kasse``. No MDN is
ever sent (KP5-09), and reports about the own answers are read, never answered.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from simulators.formats.headers import addresses
from simulators.process.ldap import escape_filter

from ..documents import mails
from ..documents.answer_version import AnswerVersion, answer_version, fhir_version, service_version
from ..documents.mail_parts import ReadMail, read_mail
from ..documents.mails import Envelope
from ..documents.outcome import Subject, outcome
from ..scenario.artifacts import Fetched, Judged, Sent
from ..scenario.failure import StepFailed
from ..scenario.insurer import InsurerHabits
from .insurer_memory import InsurerMemory
from .opinion import Desk, Opinion, carried, document_identifier, opinion_of, sent_on
from .party import Party

REPORT = "Zustellbericht, keine Antwort"


@dataclass
class Insurer:
    """An insurer's software in one run: its place in the world, its habits, its memory."""

    party: Party
    habits: InsurerHabits
    seed: int
    memory: InsurerMemory = field(default_factory=InsurerMemory)

    def judge(self, fetched: Fetched, identity: uuid.UUID, now: datetime) -> Judged:
        """Judge *fetched* and answer it if a rule is broken; *identity* names the answer.

        Raises StepFailed when Konnektor or client module fail.
        """
        given = read_mail(fetched.content)
        if given.message.get_content_type() == "multipart/report":
            return _judged(fetched, given, Opinion(note=REPORT), None)
        mail = carried(given)
        desk = Desk(self.party.konnektor, self.habits, self.memory, self.seed)
        opinion = opinion_of(desk, given, storno=_is_storno(mail))
        answer = None if opinion.code is None else self._answer(mail, opinion, identity, now)
        return _judged(fetched, given, opinion, answer)

    def _answer(self, mail: ReadMail, opinion: Opinion, identity: uuid.UUID, now: datetime) -> Sent:
        """Send ``eAU;Fehler-Kasse`` in the versions of P5-08."""
        bundle = None if opinion.by_message else document_identifier(opinion.document)
        subject = Subject(mail.field("Message-ID"), bundle)
        version = _version(mail, opinion, now)
        content = outcome(identity, opinion.objection, subject, version=version.fhir)
        service = f"{mails.FEHLER.rpartition(';')[0]};{version.service}"
        to = self._answer_to(mail)
        envelope = Envelope(self.party.address, (to,), now, in_reply_to=subject.message_id)
        answer = mails.eau_error(envelope, str(identity), content, opinion.body, service=service)
        reply = self.party.send(answer, [to], dsn=True)
        return Sent(self.party.name, answer, (to,), True, reply)

    def _answer_to(self, mail: ReadMail) -> str:
        """Return Reply-To if the directory knows it, else From (KP5-05 (5))."""
        for address in addresses(mail.field("Reply-To") or ""):
            if list(self.party.search(f"(mail={escape_filter(address)})")):
                return address
        sender = addresses(mail.field("From") or "")
        if not sender:
            raise StepFailed("die abgewiesene Nachricht nennt keinen Absender")
        return sender[0]


def _version(mail: ReadMail, opinion: Opinion, now: datetime) -> AnswerVersion:
    return answer_version(
        fhir_version(opinion.document),
        service_version(mail.field("X-KIM-Dienstkennung")),
        sent_on(mail, now.date()),
    )


def _judged(fetched: Fetched, mail: ReadMail, opinion: Opinion, answer: Sent | None) -> Judged:
    return Judged(
        fetched.actor,
        fetched,
        mail.field("X-KIM-DecryptionResult") or "-",
        tuple(mail.fields("X-KIM-IntegrityCheckResult")),
        opinion.verification,
        opinion.signature,
        opinion.document,
        opinion.code,
        opinion.reasons,
        answer,
        opinion.note,
    )


def _is_storno(mail: ReadMail) -> bool:
    """A wrong Dienstkennung alone never causes a rejection: the part's description counts too."""
    service = (mail.field("X-KIM-Dienstkennung") or "").casefold()
    return "storno" in service or bool(mail.described("eAUStorno"))
